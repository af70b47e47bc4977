"""A data set of one's own, in CK+'s layout: takes are added whole, with their consent; a subject is removed whole."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError, DataError
from ckseq.labels import EMOTIONS
from ckseq.recording import ImageFiles
from ckseq.storage.files import write_bytes, write_text

ABOUT = "ABOUT.txt"
FORGOTTEN = "forgotten.json"
_FIRST_LINE = "Recorded with ckseq; Consent holds the words in which each person agreed."
_IMAGES, _LABELS, _CONSENT, _REVIEW = "cohn-kanade-images", "Emotion", "Consent", "Review"
_SUBJECT = re.compile(r"S[0-9]{3}")


@dataclass(frozen=True)
class Take:
    """One recorded expression, from neutral to apex.

    ``frames`` are uint8 (h, w); ``consent`` is the line in which the person agreed; ``source`` is where the frames come
    from; ``sheet`` is the picture it was reviewed by.
    """

    subject: str
    label: str
    frames: Sequence[NDArray[np.uint8]]
    consent: str
    source: str
    sheet: NDArray[np.uint8]


def check_target(root: Path) -> None:
    """Refuse a place that holds something else than takes.

    Raises
    ------
    CallError
        It is a file, or a folder that this module did not begin.
    """
    if root.exists() and not root.is_dir():
        raise CallError("is a file", root, "name a folder")
    if root.is_dir() and any(root.iterdir()) and not is_recorded(root):
        raise CallError("holds something that was not recorded with ckseq", root, "name a new folder")


def check_subject(subject: str) -> str:
    """Return the subject, if it can be one.

    Raises
    ------
    CallError
        It is not of CK+'s form.
    """
    if not _SUBJECT.fullmatch(subject):
        raise CallError(f"{subject!r} is no subject", fix="write S and three digits, as in S012; it is not a name")
    return subject


def is_recorded(root: Path) -> bool:
    """Return whether a folder is a data set that `begin` began."""
    try:
        return (root / ABOUT).read_text(encoding="utf-8").startswith(_FIRST_LINE)
    except (OSError, UnicodeDecodeError):
        return False


def begin(root: Path) -> None:
    """Begin a data set where there is none yet.

    Raises
    ------
    DataError
        It cannot be written.
    """
    if not is_recorded(root):
        write_text(root / ABOUT, f"{_FIRST_LINE}\n\n{_NOTE}")


def next_subject(root: Path) -> str:
    """Return the first free subject; the number of one that was forgotten is not given again."""
    used = [path.name for path in root.glob("*/S*") if _SUBJECT.fullmatch(path.name)]
    return f"S{max((int(name[1:]) for name in (*used, *forgotten(root))), default=0) + 1:03d}"


def write_take(root: Path, take: Take, *, when: str, version: str) -> str:
    """Add a take and return its id; it can be seen once all of it is written, and not if anything fails.

    Parameters
    ----------
    root : Path
        A data set that `begin` began.
    take : Take
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
    if not take.consent.strip():
        raise CallError("nothing is kept without consent", fix="give the person's words with --consent")
    sessions = [path.name for path in root.glob(f"*/{take.subject}/*") if path.name.isdecimal()]
    session = f"{max(map(int, sessions), default=0) + 1:03d}"
    id = f"{take.subject}_{session}"
    folder = Path(take.subject) / session
    last = f"{id}_{len(take.frames):08d}"
    code = next(emotion.code for emotion in EMOTIONS if emotion.name == take.label)
    said = {
        "consent": take.consent,
        "when": when,
        "label": take.label,
        "source": take.source,
        "n_frames": len(take.frames),
        "ckseq_version": version,
    }
    partial = root / f".{id}.{os.getpid()}"
    try:
        write_text(root / _CONSENT / folder / f"{id}_consent.json", json.dumps(said, indent=1) + "\n")
        write_text(root / _LABELS / folder / f"{last}_emotion.txt", f"   {code:.7e}\n")
        write_bytes(root / _REVIEW / folder / f"{id}_review.png", _png(take.sheet))
        partial.mkdir()
        for number, frame in enumerate(take.frames, start=1):
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


_NOTE = """The layout is CK+'s: cohn-kanade-images and Emotion. 'ckseq record forget S012' deletes a subject whole.
The labels are acted expressions: they tell how a face moved when it was asked to, not what a person felt.
"""


def _png(image: NDArray[np.uint8]) -> bytes:
    _, encoded = cv2.imencode(".png", image)
    return encoded.tobytes()


def takes_of(root: Path, subject: str) -> dict[str, ImageFiles]:
    """Return the frames of each take of a subject, by id; no label and no pixel is read."""
    folders = sorted(path for path in (root / _IMAGES / subject).glob("*") if path.is_dir())
    return {f"{subject}_{path.name}": ImageFiles(tuple(sorted(path.glob("*.png")))) for path in folders}


def holds(root: Path, subject: str) -> bool:
    """Return whether anything of a subject is there."""
    return any(root.glob(f"*/{subject}"))


def remove_subject(root: Path, subject: str, *, digests: Sequence[str], when: str) -> None:
    """Delete all that is kept of a subject, and note under its number that it was, with the digests of its takes.

    Parameters
    ----------
    root : Path
    subject : str
    digests : sequence of str
        Of the frames, as `ckseq.storage.frames.fingerprint` gives them: they tell stores that still hold them.
    when : str
        ISO 8601.

    Raises
    ------
    DataError
        Something cannot be deleted; the message names it. What is deleted is gone; the note is written first.
    """
    known = forgotten(root)
    earlier = known.get(subject, {}).get("digests", [])
    known[subject] = {"when": when, "digests": sorted({*earlier, *digests})}
    write_text(root / FORGOTTEN, json.dumps(known, indent=1) + "\n")
    try:
        for path in [*root.glob(f"*/{subject}"), *root.glob(f".{subject}_*")]:
            if path.is_symlink():
                path.unlink()
            else:
                shutil.rmtree(path)
    except OSError as error:
        fix = "mend that and give the same command again"
        raise DataError(f"cannot be deleted: {error.strerror}", error.filename or root, fix) from None


def forgotten(root: Path) -> dict[str, Any]:
    """Return what `remove_subject` noted, by subject; empty where nobody was forgotten.

    Raises
    ------
    DataError
        The note cannot be read.
    """
    path = root / FORGOTTEN
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", path, "mend or remove it") from None
    if not isinstance(known, dict):
        raise DataError("is no table of subjects", path, "mend or remove it")
    return known
