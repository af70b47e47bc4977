"""A recorded data set in CK+'s layout: clips are added with their consent, subjects are deleted completely."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError, DataError
from ckseq.labels import EMOTIONS, OWN_LABELS, read_own_labels
from ckseq.recording import ABOUT, ImageFiles
from ckseq.storage.files import csv_text, write_bytes, write_text

FORGOTTEN = "forgotten.json"
RECORDED = "Recorded with ckseq; Consent holds the words in which each person agreed."
_IMAGES, _LABELS, _CONSENT, _REVIEW = "cohn-kanade-images", "Emotion", "Consent", "Review"
_LABEL = re.compile(r"\w[\w .'-]{0,59}")
_SUBJECT = re.compile(r"S[0-9]{3}")


@dataclass(frozen=True)
class Clip:
    """One recorded expression, from neutral to apex; its label is an emotion of CK+, or any other word.

    ``frames`` are uint8 (h, w), or (h, w, 3) RGB; ``consent`` is the line in which the person agreed; ``source`` is
    where the frames come from; ``sheet`` is the image by which it was reviewed.
    """

    subject: str
    label: str
    frames: Sequence[NDArray[np.uint8]]
    consent: str
    source: str
    sheet: NDArray[np.uint8]


class ForgottenSubject(TypedDict):
    """When a subject was deleted, and the digests of its clips."""

    when: str
    digests: list[str]


def check_target(root: Path) -> None:
    """Refuse a folder that holds something else than recorded clips.

    Raises
    ------
    CallError
        It is a file, or a folder that was not created by `create_data_set`.
    """
    if root.exists() and not root.is_dir():
        raise CallError("is a file", root, "name a folder")
    if root.is_dir() and any(root.iterdir()) and not is_recorded(root):
        raise CallError("holds something that was not recorded with ckseq", root, "name a new folder")


def check_subject(subject: str) -> str:
    """Return the subject if it is valid.

    Raises
    ------
    CallError
        It is not of CK+'s form.
    """
    if not _SUBJECT.fullmatch(subject):
        raise CallError(f"{subject!r} is not a subject", fix="write S and three digits, as in S012; it is not a name")
    return subject


def check_label(label: str) -> str:
    """Return a label without surrounding whitespace if it is valid.

    Raises
    ------
    CallError
        It is empty, has more than 60 characters, or others than letters, digits, blanks and ``_ . ' -``.
    """
    label = label.strip()
    if not _LABEL.fullmatch(label):
        raise CallError(f"{label[:60]!r} is not a label", fix="write a word or two, of letters and digits")
    return label


def is_recorded(root: Path) -> bool:
    """Return whether a folder was created by `create_data_set`."""
    try:
        return (root / ABOUT).read_text(encoding="utf-8").startswith(RECORDED)
    except (OSError, UnicodeDecodeError):
        return False


def create_data_set(root: Path) -> None:
    """Create a data set where there is none yet.

    Raises
    ------
    DataError
        It cannot be written.
    """
    if not is_recorded(root):
        write_text(root / ABOUT, f"{RECORDED}\n\n{_NOTE}")


def next_subject(root: Path) -> str:
    """Return the first free subject; the number of a deleted subject is not used again."""
    used = [path.name for path in root.glob("*/S*") if _SUBJECT.fullmatch(path.name)]
    return f"S{max((int(name[1:]) for name in (*used, *read_forgotten(root))), default=0) + 1:03d}"


def add_clip(root: Path, clip: Clip, *, when: str, version: str) -> str:
    """Add a clip and return its id; it becomes visible once all of it is written, and not if anything fails.

    Parameters
    ----------
    root : Path
        As created by `create_data_set`.
    clip : Clip
        Its consent is not empty.
    when : str
        ISO 8601.
    version : str
        Of ckseq.

    Raises
    ------
    DataError
        It cannot be written; nothing of it is left.
    """
    if not clip.consent.strip():
        raise CallError("nothing is saved without consent", fix="give the person's words with --consent")
    sessions = [path.name for path in root.glob(f"*/{clip.subject}/*") if path.name.isdecimal()]
    session = f"{max(map(int, sessions), default=0) + 1:03d}"
    id = f"{clip.subject}_{session}"
    folder = Path(clip.subject) / session
    last = f"{id}_{len(clip.frames):08d}"
    code = _code_of(root, clip.label)
    consent = {
        "consent": clip.consent,
        "when": when,
        "label": clip.label,
        "source": clip.source,
        "n_frames": len(clip.frames),
        "ckseq_version": version,
    }
    partial = root / f".{id}.{os.getpid()}"
    try:
        write_text(root / _CONSENT / folder / f"{id}_consent.json", json.dumps(consent, indent=1) + "\n")
        write_text(root / _LABELS / folder / f"{last}_emotion.txt", f"   {code:.7e}\n")
        write_bytes(root / _REVIEW / folder / f"{id}_review.png", _png(clip.sheet))
        partial.mkdir()
        for number, frame in enumerate(clip.frames, start=1):
            (partial / f"{id}_{number:08d}.png").write_bytes(_png(frame))
        images = root / _IMAGES / folder
        images.parent.mkdir(parents=True, exist_ok=True)
        partial.rename(images)
    except (OSError, DataError) as error:
        for path in (partial, *(root / kind / folder for kind in (_CONSENT, _LABELS, _REVIEW))):
            shutil.rmtree(path, ignore_errors=True)
        if isinstance(error, DataError):
            raise
        raise DataError(f"cannot be written: {error.strerror}", error.filename or root, "free some space") from None
    return id


def _code_of(root: Path, label: str) -> int:
    """Return the code of a label; one that is no emotion of CK+ and has none yet is given the next."""
    own = read_own_labels(root)
    codes = {name: code for code, name in own.items()} | {emotion.name: emotion.code for emotion in EMOTIONS}
    if label not in codes:
        codes[label] = max(codes.values()) + 1
        write_text(root / OWN_LABELS, csv_text(["code", "label"], [*own.items(), (codes[label], label)]))
    return codes[label]


_NOTE = """The layout is CK+'s: cohn-kanade-images and Emotion. 'ckseq record forget S012' deletes a subject completely.
The labels say what a person was asked to show, not what they felt.
"""


def _png(image: NDArray[np.uint8]) -> bytes:
    _, encoded = cv2.imencode(".png", image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def clips_of(root: Path, subject: str) -> dict[str, ImageFiles]:
    """Return the frames of each clip of a subject by id, without reading them."""
    folders = sorted(path for path in (root / _IMAGES / subject).glob("*") if path.is_dir())
    return {f"{subject}_{path.name}": ImageFiles(tuple(sorted(path.glob("*.png")))) for path in folders}


def has_subject(root: Path, subject: str) -> bool:
    """Return whether there are files of a subject."""
    return any(root.glob(f"*/{subject}"))


def delete_subject(root: Path, subject: str, *, digests: Sequence[str], when: str) -> None:
    """Delete all files of a subject, and note its number with the digests of its clips.

    Parameters
    ----------
    root : Path
    subject : str
    digests : sequence of str
        Of the frames, as of `ckseq.storage.frames.fingerprint`, by which stores that still hold them are recognized.
    when : str
        ISO 8601.

    Raises
    ------
    DataError
        A file cannot be deleted; the message names it. The note is written first.
    """
    notes = read_forgotten(root)
    earlier = notes[subject]["digests"] if subject in notes else []
    notes[subject] = {"when": when, "digests": sorted({*earlier, *digests})}
    write_text(root / FORGOTTEN, json.dumps(notes, indent=1) + "\n")
    try:
        for path in [*root.glob(f"*/{subject}"), *root.glob(f".{subject}_*")]:
            if path.is_symlink():
                path.unlink()
            else:
                shutil.rmtree(path)
    except OSError as error:
        fix = "correct that and repeat the command"
        raise DataError(f"cannot be deleted: {error.strerror}", error.filename or root, fix) from None


def read_forgotten(root: Path) -> dict[str, ForgottenSubject]:
    """Return the notes of `delete_subject` by subject; empty where no subject was deleted.

    Raises
    ------
    DataError
        The notes cannot be read.
    """
    path = root / FORGOTTEN
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", path, "correct or remove it") from None
    if not isinstance(notes, dict) or not all(isinstance(note, dict) and "digests" in note for note in notes.values()):
        raise DataError("is not a table of subjects", path, "correct or remove it")
    return notes
