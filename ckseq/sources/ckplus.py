"""The Extended Cohn-Kanade data set (CK+), in folders or in the original archives.

Lucey, Cohn, Kanade, Saragih, Ambadar and Matthews, "The Extended Cohn-Kanade Dataset (CK+)", CVPR Workshops 2010. Its
ReadMe: one label per sequence, named after the last (peak) frame, and none without a prototypic emotion.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ckseq.errors import DataError
from ckseq.grammar import agreeing, counted
from ckseq.labels import EMOTIONS, read_own_labels
from ckseq.recording import ABOUT, LandmarkFiles, Problem, Recording
from ckseq.sources._ckplus_places import companions_at, kind_of, no_images
from ckseq.sources._facs_files import codes_of
from ckseq.sources._frames import entries, is_image, is_system_file, natural, too_short
from ckseq.sources._spec import SourceSpec
from ckseq.sources._trees import ArchiveTree, FolderTree, Tree

LOOKS_FOR = "CK+: the folders cohn-kanade-images and Emotion, or extended-cohn-kanade-images.zip and Emotion_labels.zip"
NEED_LABELS = "put Emotion_labels.zip, or the folder Emotion unpacked from it, beside the images"
EXPECTED_COUNTS: Mapping[str, int] = {
    "sequences": 593, "subjects": 123, "frames": 10_708, "labeled": 327,
    "anger": 45, "contempt": 18, "disgust": 59, "fear": 25, "happiness": 69, "sadness": 28, "surprise": 83,
}  # fmt: skip

_SESSION = re.compile(r"(?:.*/)?S(?P<subject>[0-9]{3,4})/(?P<session>[0-9]{3})")
_NAME = re.compile(
    r"S(?P<subject>[0-9]{3,4})_(?P<session>[0-9]{3})_(?P<number>[0-9]+)(?:_[a-z]+)?\.[a-z]+", re.IGNORECASE
)
_NAMES = {emotion.code: emotion.name for emotion in EMOTIONS}
_FIX_LABEL = "write one code in it, 0 to 7 or one of labels.csv, or remove it"

Key = tuple[str, str]


class _File(NamedTuple):
    tree: Tree
    folder: str
    name: str

    @property
    def where(self) -> str:
        return self.tree.where(f"{self.folder}/{self.name}")

    @property
    def content(self) -> bytes:
        return self.tree.text(f"{self.folder}/{self.name}")

    @property
    def number(self) -> int | None:
        match = _NAME.fullmatch(self.name)
        return int(match["number"]) if match else None


@dataclass
class _Found:
    """The files of each kind by subject and session, and their problems; those in ``faults`` prevent a scan.

    ``names`` are the labels by code.
    """

    names: Mapping[int, str] = field(default_factory=lambda: _NAMES)
    files: dict[str, dict[Key, list[_File]]] = field(default_factory=dict)
    oddities: list[Problem] = field(default_factory=list)
    faults: list[Problem] = field(default_factory=list)


def recognizes(root: Path) -> bool:
    """Return whether a path holds the images of CK+, as a folder or an archive of their name."""
    try:
        return "images" in _places(root)
    except DataError:
        return False


def scan(root: Path) -> list[Recording]:
    """Return the recordings of CK+, sorted by id (``S005_001``), their frames by number.

    Parameters
    ----------
    root : Path
        The folder that holds the images and labels, in folders or archives; or the images' own folder or archive, the
        labels next to it.

    Raises
    ------
    DataError
        This is not CK+, an archive is not safe to read, or a label cannot be used; `problems` lists every such label.
    """
    found, recordings = _survey(root)
    if found.faults:
        first, more = found.faults[0], len(found.faults) - 1
        rest = f" ({more} more such labels: 'ckseq inspect' lists them)" if more else ""
        raise DataError(f"{first.what}{rest}", first.where, first.remedy)
    return recordings


def problems(root: Path) -> list[Problem]:
    """Return the problems of the data, unusable labels first, each with its remedy.

    Raises
    ------
    DataError
        This is not CK+, or an archive is not safe to read.
    """
    found, recordings = _survey(root)
    return found.faults + found.oddities + _companions(found, recordings) + too_short(recordings)


def _survey(root: Path) -> tuple[_Found, list[Recording]]:
    places = _places(root)
    if "images" not in places:
        if companions := companions_at(root):
            raise DataError(*no_images(root, companions))
        there = ", ".join(path.name for path in entries(root)[:6]) if root.is_dir() else "no images"
        raise DataError(f"is not CK+: it holds {there or 'nothing'}", root, f"looked for {LOOKS_FOR}")
    holder = places.get("emotion", places["images"])[0].absolute().parent
    found = _Found(_NAMES | read_own_labels(holder))
    for kind, paths in places.items():
        found.files[kind] = _collect(kind, paths, found)
    images, labels, codes = (found.files.get(kind, {}) for kind in ("images", "emotion", "facs"))
    if not images:
        raise DataError(
            "is not CK+: it holds no images in folders such as S005/001", places["images"][0], f"looked for {LOOKS_FOR}"
        )
    return found, [
        _recording(key, images[key], labels.get(key, []), codes.get(key, []), found) for key in sorted(images)
    ]


def _places(root: Path) -> dict[str, list[Path]]:
    """Return the folders and archives of each kind; where ``root`` is that of the images, the others next to it."""
    if not root.exists():
        raise DataError("does not exist", root, "check the path")
    places: dict[str, list[Path]] = {}
    if kind_of(root.absolute()) == "images":
        places["images"] = [root]
        base = root.absolute().parent
    elif root.is_dir():
        base = _holder(root)
    else:
        return places
    named = set(places)
    for path in entries(base):
        kind = kind_of(path)
        if kind and kind not in named:
            places.setdefault(kind, []).append(path)
    return places


def _holder(root: Path) -> Path:
    """Return the folder that holds the images: this one, or the only one in it that holds them (``CK+/...``)."""

    def holds(folder: Path) -> bool:
        return any(kind_of(path) == "images" for path in entries(folder))

    if holds(root):
        return root
    inner = [path for path in entries(root) if path.is_dir() and holds(path)]
    return inner[0] if len(inner) == 1 else root


def _collect(kind: str, paths: list[Path], found: _Found) -> dict[Key, list[_File]]:
    """Return the files of one kind by subject and session, and note problems with others."""
    folders = [path for path in paths if path.is_dir()]
    for archive in [path for path in paths if path not in folders] if folders else []:
        found.oddities.append(
            Problem("is not read: there is a folder of the same kind next to it", str(archive), "nothing to do")
        )
    files: dict[Key, list[_File]] = {}
    for path in folders or paths:
        tree: Tree = FolderTree(path) if path.is_dir() else ArchiveTree(path)
        n_system = n_else = 0
        for item in tree.files:
            folder, _, name = item.rpartition("/")
            session = _SESSION.fullmatch(folder)
            if name == ABOUT:
                continue
            if is_system_file(item):
                n_system += 1
            elif session and (is_image(name) if kind == "images" else name.lower().endswith(".txt")):
                key = (f"S{int(session['subject']):03d}", session["session"])
                files.setdefault(key, []).append(_File(tree, folder, name))
            else:
                n_else += 1
        if n_system:
            found.oddities.append(
                Problem(f"files of macOS or Windows are not read ({n_system})", str(path), "nothing to do")
            )
        if n_else:
            found.oddities.append(
                Problem(
                    f"files outside the layout S005/001/S005_001_... are not read ({n_else})",
                    str(path),
                    "nothing to do, or move them into the layout",
                )
            )
        if kind == "images":
            held = {file.rpartition("/")[0] for file in tree.files if is_image(file)}
            found.oddities += [
                Problem("has no images", tree.where(folder), "download its images, or remove it")
                for folder in tree.folders
                if _SESSION.fullmatch(folder) and folder not in held
            ]
    return files


def _recording(key: Key, images: list[_File], labels: list[_File], codes: list[_File], found: _Found) -> Recording:
    subject, session = key
    holders: dict[tuple[int, str], list[_File]] = {}
    for file in images:
        holders.setdefault((file.folder.count("/"), file.tree.where(file.folder)), []).append(file)
    (_, where), *others = sorted(holders)
    frames = sorted(holders[min(holders)], key=lambda f: (f.number is None, f.number or 0, natural(f.name)))
    odd = [
        Problem(
            "is not read: the same session is also elsewhere",
            other,
            "the one in the shallower folder is read; remove one",
        )
        for _, other in others
    ]
    numbers = [frame.number for frame in frames if frame.number is not None]
    missing = max(numbers) - min(numbers) + 1 - len(set(numbers)) if numbers else 0
    if missing:
        odd.append(
            Problem(
                "the numbering of its frames has gaps",
                f"{where} ({missing} missing)",
                "the frames are read in order; check whether some were lost",
            )
        )
    if len(set(numbers)) < len(numbers):
        odd.append(Problem("two frames have the same number", where, "both are read; remove one"))
    if len(numbers) < len(frames):
        odd.append(
            Problem(
                "frames are not named S005_001_00000001.png",
                where,
                "they are read last, by name; rename or remove them",
                matters=True,
            )
        )
    if any(_of(frame) not in (key, None) for frame in frames):
        odd.append(
            Problem(
                "frames are named after another subject or session",
                where,
                "the folder's name is used; rename or move them",
                matters=True,
            )
        )
    found.oddities += odd
    label = _label(key, labels, max(numbers, default=None), found)
    tree = frames[0].tree
    return Recording(
        f"{subject}_{session}",
        subject,
        session,
        label,
        tree.frames(tuple(f"{f.folder}/{f.name}" for f in frames)),
        action_units=codes_of([(f.where, partial(f.tree.text, f"{f.folder}/{f.name}")) for f in codes], found.oddities),
        landmarks=_landmarks(key, frames, found),
    )


def _landmarks(key: Key, frames: list[_File], found: _Found) -> LandmarkFiles | None:
    """Return the landmark files of a recording, found by the numbers of its frames; None where it has none."""
    by_number = {file.number: file for file in found.files.get("landmarks", {}).get(key, [])}
    have = [by_number[frame.number] for frame in frames if frame.number is not None and frame.number in by_number]
    if not have:
        return None
    files = have[0].tree.frames(tuple(f"{file.folder}/{file.name}" for file in have))
    return LandmarkFiles(files, tuple(frame.name for frame in frames if frame.number not in by_number))


def _of(file: _File) -> Key | None:
    """Return the subject and session in a file's name; the ReadMe's misspelling S0005 is S005."""
    match = _NAME.fullmatch(file.name)
    return (f"S{int(match['subject']):03d}", match["session"]) if match else None


def _label(key: Key, files: list[_File], last: int | None, found: _Found) -> str | None:
    """Return the label of a recording, and note problems with it."""
    labels: dict[str, list[_File]] = {}
    for file in sorted(files, key=lambda f: f.where):
        if _of(file) not in (key, None):
            found.faults.append(
                Problem("is named after another subject or session than its folder", file.where, "move or remove it")
            )
            continue
        try:
            labels.setdefault(_emotion(file, found.names), []).append(file)
        except DataError as error:
            found.faults.append(Problem(error.what, file.where, error.fix or _FIX_LABEL))
            continue
        if file.number != last:
            found.oddities.append(
                Problem(
                    "is not named after the last frame of its sequence",
                    file.where,
                    "its label is used; check whether frames are missing",
                )
            )
    used = [file for same in labels.values() for file in same]
    if len(labels) > 1 or len({file.tree.where(file.folder) for file in used}) < len(used):
        found.faults.append(
            Problem(f"is one of {len(used)} labels of {'_'.join(key)}", used[-1].where, "remove all but one")
        )
    elif len(used) > 1:
        found.oddities.append(Problem("repeats another label file", used[-1].where, "nothing to do, or remove it"))
    return next(iter(labels), None)


def _emotion(file: _File, names: Mapping[int, str]) -> str:
    text = file.content.decode("latin-1").replace("\x00", "?").removeprefix("ï»¿").split()
    if len(text) != 1:
        what = f"holds {len(text)} labels" if text else "is an empty label"
        raise DataError(what, file.where, _FIX_LABEL)
    try:
        code = float(text[0])
    except ValueError:
        raise DataError(f"the label {text[0][:20]!r} is not a number", file.where, _FIX_LABEL) from None
    if not code.is_integer() or int(code) not in names:
        raise DataError(f"the label {text[0][:20]} is not one of 0 to {max(names)}", file.where, _FIX_LABEL)
    return names[int(code)]


def _companions(found: _Found, recordings: list[Recording]) -> list[Problem]:
    """Return mismatches between images, labels, FACS codes and landmarks."""
    images = found.files["images"]
    odd = [
        Problem(
            f"{kind} files of a session without images",
            files[0].tree.where(files[0].folder),
            "download the images, or remove it",
        )
        for kind, sessions in found.files.items()
        for key, files in sessions.items()
        if key not in images
    ]
    n_unlabeled = sum(recording.label is None for recording in recordings)
    if "emotion" not in found.files:
        odd.append(Problem("there are no labels", "Emotion_labels.zip", f"download it; {NEED_LABELS}", matters=True))
    elif n_unlabeled:
        what = f"{counted(n_unlabeled, 'sequence')} {agreeing(n_unlabeled, 'has', 'have')} no label"
        odd.append(Problem(what, "Emotion", "as in CK+ itself; training does not use them"))
    n_frames = sum(recording.n_frames or 0 for recording in recordings)
    only = "only landmarks.kind = ckplus uses them"
    for kind, name, archive, needed, uses in (
        ("facs", "FACS", "FACS_labels.zip", len(recordings), "only action units are learned from them"),
        ("landmarks", "Landmarks", "Landmarks.zip", n_frames, only),
    ):
        have = sum(len(files) for files in found.files.get(kind, {}).values())
        if kind not in found.files:
            odd.append(
                Problem(f"there are no {name}", name, f"{uses}; they come in {archive}, to put beside the images")
            )
        elif have != needed:
            odd.append(Problem(f"{have} {name} files where {needed} were expected", name, uses))
    return odd


SPEC = SourceSpec(
    "ckplus",
    LOOKS_FOR,
    recognizes,
    scan,
    problems,
    expected_counts=EXPECTED_COUNTS,
    labels_from=NEED_LABELS,
)
