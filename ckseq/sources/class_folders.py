"""One folder per class, with videos or folders of frames in it."""

from __future__ import annotations

import re
from pathlib import Path

from ckseq.errors import DataError
from ckseq.recording import Frames, ImageFiles, Problem, Recording, VideoFile
from ckseq.sources._frames import entries, images_in, is_image, is_video, safe_id, too_short

LOOKS_FOR = "one folder per class, with video files or folders of frames in it (anger/S005_001.mp4)"
# S005, p3, sub-12, actor07 in front of _ or -
_PERSON = re.compile(r"(?:s|p|id|sub|subj|subject|person|participant|actor)-?[0-9]{1,5}(?=[_-])", re.IGNORECASE)
_SUBJECT = re.compile(r"S[0-9]{3,4}")


def recognises(root: Path) -> bool:
    """Return whether a folder holds folders that hold videos or folders of frames."""
    if not root.is_dir():
        return False
    classes = _classes(root)
    # folders named by subjects are those of CK+'s images
    if all(_SUBJECT.fullmatch(folder.name) for folder in classes):
        return False
    return any(_frames(path) is not None for folder in classes for path in entries(folder))


def scan(root: Path) -> list[Recording]:
    """Return the recordings under a folder of classes, sorted by id (``class_name``).

    The subject is the code in front of the name, as in ``S005_001.mp4`` or ``p3-smile``. A name without one says
    nothing of who it shows: then the recording is its own subject, and `problems` tells so.

    Raises
    ------
    DataError
        There are no such folders, or two recordings of a class have one name.
    """
    if not root.is_dir():
        raise DataError("is not a folder", root, f"needed: {LOOKS_FOR}")
    recordings: dict[str, Recording] = {}
    for folder in _classes(root):
        for path in entries(folder):
            frames = _frames(path)
            if frames is None:
                continue
            name = path.name if path.is_dir() else path.stem
            ident = safe_id(folder.name, name)
            if ident in recordings:
                raise DataError(f"the name gives the id {ident!r} for the second time", path, "rename one of the two")
            recordings[ident] = Recording(ident, _person(name) or ident, name, folder.name, frames)
    if not recordings:
        found = ", ".join(path.name for path in entries(root)[:5]) or "nothing"
        raise DataError(f"holds no classes of recordings but {found}", root, f"needed: {LOOKS_FOR}")
    return [recordings[ident] for ident in sorted(recordings)]


def problems(root: Path) -> list[Problem]:
    """Return what is odd: subjects that the names do not tell, files that are not read, recordings of one frame."""
    try:
        recordings = scan(root)
    except DataError as error:
        return [Problem(error.what, error.where or str(root), error.fix or "mend it")]
    found = []
    unknown = [r.id for r in recordings if r.subject == r.id]
    if unknown:
        found.append(
            Problem(
                f"the subject of {len(unknown)} of {len(recordings)} recordings is not known; each counts as its own",
                str(root),
                "a split by subject means nothing then: name the subjects in a manifest (path,subject,session,label)",
            )
        )
    for folder in _classes(root):
        ignored = [path for path in entries(folder) if _frames(path) is None]
        loose = sum(is_image(path.name) for path in ignored)
        if loose:
            found.append(Problem(f"{loose} loose images are not read", str(folder), "put each sequence in a folder"))
        found += [
            Problem("is neither a video nor a folder of frames, and not read", str(path), "nothing to do, or remove it")
            for path in ignored
            if not is_image(path.name)
        ]
    return found + too_short(recordings)


def _classes(root: Path) -> list[Path]:
    return [path for path in entries(root) if path.is_dir()]


def _frames(path: Path) -> Frames | None:
    if path.is_dir():
        images = images_in(path)
        return ImageFiles(images) if images else None
    return VideoFile(path) if is_video(path.name) else None


def _person(name: str) -> str | None:
    match = _PERSON.match(name)
    return match.group().upper() if match else None
