"""One folder per class, with videos, folders of frames or single images."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ckseq.errors import DataError, readable
from ckseq.recording import Frames, ImageFiles, Part, Problem, Recording, VideoFile, subject_known
from ckseq.regular_file import is_folder, is_something
from ckseq.sources._frames import entries, foreign_names, images_in, is_image, is_video, safe_id, too_short
from ckseq.sources._labels import misspelled
from ckseq.sources._spec import SourceSpec
from ckseq.sources.fer2013 import LABELS as FER2013_LABELS

LOOKS_FOR = "one folder per class: anger/S1_a.mp4, anger/S1_a/1.png or anger/1.png, perhaps below train and test"
# S005, p3, sub-12, actor07 in front of _ or -
_PERSON = re.compile(r"(?:s|p|id|sub|subj|subject|person|participant|actor)-?[0-9]{1,5}(?=[_-])", re.IGNORECASE)
_SUBJECT = re.compile(r"S[0-9]{3,4}")
# folders of FER2013's images are often named by its codes
_CODES = {str(code): label for code, label in enumerate(FER2013_LABELS)}
_PARTS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


def recognizes(root: Path) -> bool:
    """Return whether a folder holds class folders: with videos, folders of frames or (two of them at least) images."""
    # a manifest describes the folders next to it
    if not is_folder(root) or is_something(root / "manifest.csv"):
        return False
    folders = [folder for _, folder in _classes(root)]
    # folders named by subjects are those of CK+'s images
    if all(_SUBJECT.fullmatch(folder.name) for folder in folders):
        return False
    held = [[_frames(path) for path in entries(folder)] for folder in folders]
    with_images = sum(any(is_image(path.name) for path in entries(folder)) for folder in folders)
    # one folder of images is a sequence of frames rather than a class
    return with_images > 1 or any(frames is not None for found in held for frames in found)


def scan(root: Path) -> list[Recording]:
    """Return the recordings under a folder of classes, sorted by id (``class_name``, ``train_class_name``).

    An image directly in a class folder is a recording of one frame. Where the top folders are named train, test and the
    like, they are the data set's own split, and the class folders are below. Seven class folders 0 to 6 are read as the
    emotions that these codes mean in FER2013.

    The subject is the code in front of the name, as in ``S005_001.mp4`` or ``p3-smile``. Without one the
    subject is unknown: then the recording is its own subject, and `problems` reports that.

    Raises
    ------
    DataError
        There are no such folders, or two recordings of a class have one name.
    """
    if not is_folder(root):
        raise DataError("is not a folder", root, f"needed: {LOOKS_FOR}")
    recordings: dict[str, Recording] = {}
    names = _names(root)
    for part, folder in _classes(root):
        for path in entries(folder):
            frames = ImageFiles((path,)) if is_image(path.name) and not is_folder(path) else _frames(path)
            if frames is None:
                continue
            name = readable(path.name if is_folder(path) else path.stem)
            label = names.get(folder.name, readable(folder.name))
            ident = safe_id(*([part] if part else []), label, name)
            if ident in recordings:
                raise DataError(f"the name gives the id {ident!r} a second time", path, "rename one of the two")
            recordings[ident] = Recording(ident, _person(name) or ident, name, label, frames, part)
    if not recordings:
        found = ", ".join(path.name for path in entries(root)[:5]) or "nothing"
        raise DataError(f"has no class folders with recordings but {found}", root, f"needed: {LOOKS_FOR}")
    return [recordings[ident] for ident in sorted(recordings)]


def problems(root: Path) -> list[Problem]:
    """Return unknown subjects, folders named by codes, files that are not read, and sequences of one frame."""
    try:
        recordings = scan(root)
    except DataError as error:
        return [Problem(error.what, error.where or str(root), error.fix or "correct it")]
    found = []
    unknown = [r.id for r in recordings if not subject_known(r.subject, r.id)]
    if unknown:
        found.append(
            Problem(
                f"the subject of {len(unknown)} of {len(recordings)} recordings is unknown; each counts as its own",
                str(root),
                "a split by subject has no effect then: name the subjects in a manifest (path,subject,session,label)",
                matters=True,
            )
        )
    if _names(root):
        meant = ", ".join(f"{code} {label}" for code, label in _CODES.items())
        found.append(
            Problem(
                f"the class folders 0 to 6 are read as FER2013's codes: {meant}",
                str(root),
                "nothing to do; rename the folders if they mean other classes",
            )
        )
    slips = misspelled(Counter(one.label for one in recordings if one.label is not None))
    found += [Problem(slip.what, f"{root}/{slip.label}", slip.remedy, matters=True) for slip in slips]
    for _, folder in _classes(root):
        found += [
            Problem(
                "is not read: it is neither a video, an image nor a folder of frames",
                str(path),
                "nothing to do, or remove it",
            )
            for path in entries(folder)
            if _frames(path) is None and not is_image(path.name)
        ]
    return found + foreign_names(recordings) + too_short(r for r in recordings if _is_sequence(r))


def _is_sequence(recording: Recording) -> bool:
    """Return whether a recording is a folder of frames, which should hold more than one."""
    return (
        isinstance(recording.frames, ImageFiles)
        and readable(recording.frames.paths[0].parent.name) == recording.session
    )


def _classes(root: Path) -> Iterator[tuple[Part | None, Path]]:
    """Yield every class folder, with its part where the data set has a split of its own."""
    folders = [path for path in entries(root) if is_folder(path)]
    parts = [_PARTS.get(folder.name.lower()) for folder in folders]
    if len(set(parts)) > 1 and None not in parts:
        for part, above in zip(parts, folders, strict=True):
            yield from ((part, path) for path in entries(above) if is_folder(path))
    else:
        yield from ((None, folder) for folder in folders)


def _names(root: Path) -> dict[str, str]:
    """Return the emotion of each class folder where these are named by FER2013's codes, all seven of them."""
    return _CODES if {folder.name for _, folder in _classes(root)} == set(_CODES) else {}


def _frames(path: Path) -> Frames | None:
    if is_folder(path):
        images = images_in(path)
        return ImageFiles(images) if images else None
    return VideoFile(path) if is_video(path.name) else None


def _person(name: str) -> str | None:
    match = _PERSON.match(name)
    return match.group().upper() if match else None


SPEC = SourceSpec("class_folders", LOOKS_FOR, recognizes, scan, problems)
