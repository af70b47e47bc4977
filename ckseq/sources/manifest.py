"""Any data set, listed in a CSV file with one line per recording."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from ckseq.errors import DataError
from ckseq.facs import parse_codes
from ckseq.recording import Frames, ImageFiles, Problem, Recording, VideoFile
from ckseq.regular_file import is_file, is_folder, is_something, open_regular
from ckseq.sources._frames import foreign_names, images_in, is_image, is_video, safe_id, too_short
from ckseq.sources._spec import SourceSpec

LOOKS_FOR = "a CSV file (or a folder with manifest.csv) with the columns path,subject and, if known, session,label"
COLUMNS = ("path", "subject", "session", "label", "neutral", "action_units")
MAX_COLUMNS = 1000
_REQUIRED = ("path", "subject")
_MARKS = {"": False, "no": False, "0": False, "yes": True, "1": True}


def recognizes(root: Path) -> bool:
    """Return whether this is a CSV file, or a folder with ``manifest.csv``."""
    if is_something(root / "manifest.csv"):
        return True
    if root.suffix.lower() != ".csv" or not is_file(root):
        return False
    # a table of pixels is FER2013's
    return "path" in (header := _header(root)) or "pixels" not in header


def scan(root: Path) -> list[Recording]:
    """Return the recordings that a manifest lists, sorted by id.

    Parameters
    ----------
    root : Path
        The CSV file, or the folder that holds ``manifest.csv``. Its ``path`` is a folder of frames, a video file or a
        single image, relative to the CSV file. An empty ``label`` means unlabeled. ``neutral`` is ``yes`` where it
        is its subject's neutral face, for calibration by person (``calibration = "neutral"``). ``action_units`` are its
        FACS codes, as ``1+2C+12``; empty means not coded, 0 coded without any. The id is ``subject_session``, or made
        of the path's last part where the session is empty.

    Raises
    ------
    DataError
        A line cannot be used; the message names it by its number.
    """
    table = _table_at(root)
    recordings: dict[str, Recording] = {}
    lines: dict[str, int] = {}
    for line, row in _rows(table):
        where = f"{table} line {line}"
        path = table.parent / row["path"]
        session = row["session"] or path.stem
        # a path such as S005/S005_001.mp4 names its subject already; an id that is the subject's would call it unknown
        named = not row["session"] and session.startswith(row["subject"]) and session != row["subject"]
        ident = safe_id(session) if named else safe_id(row["subject"], session)
        if ident in recordings:
            raise DataError(
                f"the id {ident!r} is used by line {lines[ident]}", where, "give each line a session of its own"
            )
        try:
            frames = ImageFiles((path,)) if _is_photo(path) else frames_at(path)
        except DataError as error:
            raise DataError(f"path {row['path']!r} {error.what}", where, error.fix) from None
        if row["neutral"].lower() not in _MARKS:
            raise DataError(f"the column neutral is {row['neutral']!r}", where, "write yes, or leave it empty")
        neutral = _MARKS[row["neutral"].lower()]
        units = parse_codes(row["action_units"], where) if row["action_units"] else None
        recordings[ident] = Recording(
            ident, row["subject"], session, row["label"] or None, frames, neutral=neutral, action_units=units
        )
        lines[ident] = line
    if not recordings:
        raise DataError("lists no recording", table, "write one line per recording below the header")
    return [recordings[ident] for ident in sorted(recordings)]


def problems(root: Path) -> list[Problem]:
    """Return unusable lines, columns that are not read, and recordings of one frame."""
    table = _table_at(root)
    try:
        recordings = scan(root)
    except DataError as error:
        return [Problem(error.what, error.where or str(table), error.fix or "correct it")]
    extra = [name for name in _header(table) if name not in COLUMNS]
    found = [Problem(f"the column {name!r} is not read", str(table), "nothing to do") for name in extra]
    photos = {path for _, row in _rows(table) if _is_photo(path := table.parent / row["path"])}
    found += foreign_names(recordings)
    return found + too_short(one for one in recordings if not photos.intersection(getattr(one.frames, "paths", ())))


def frames_at(path: Path) -> Frames:
    """Return the frames at a path: the images in a folder, in natural order, or a video file.

    Raises
    ------
    DataError
        The path does not exist, or is of another kind.
    """
    if is_folder(path):
        images = images_in(path)
        if not images:
            raise DataError("is a folder without images", path, "name a folder whose images are the frames")
        return ImageFiles(images)
    if not is_file(path):
        raise _no_file(path)
    if is_video(path.name):
        return VideoFile(path)
    if is_image(path.name):
        raise DataError(
            "is one image, not a sequence", path, "name the folder of its frames, or a run that reads photos"
        )
    raise DataError("is neither a folder of frames nor a video file", path, "name one of these")


def photos_at(path: Path) -> tuple[Path, ...]:
    """Return the images at a path: itself, or those in a folder, in natural order.

    Raises
    ------
    DataError
        The path does not exist, or is of another kind.
    """
    if is_folder(path):
        if not (images := images_in(path)):
            raise DataError("is a folder without images", path, "name a folder of photos, or a photo")
        return images
    if not is_file(path):
        raise _no_file(path)
    if is_image(path.name):
        return (path,)
    if is_video(path.name):
        raise DataError("is a video, and this run's model reads single images", path, "name photos")
    raise DataError("is not a photo that can be read", path, "save it as JPEG or PNG")


def _is_photo(path: Path) -> bool:
    return is_file(path) and is_image(path.name)


def _table_at(root: Path) -> Path:
    table = root / "manifest.csv" if is_folder(root) else root
    if not is_file(table):
        raise _no_file(table, f"needed: {LOOKS_FOR}")
    return table


def _no_file(path: Path, fix: str = "check the path") -> DataError:
    what = "is no regular file, or a link that leads nowhere" if is_something(path) else "does not exist"
    return DataError(what, path, fix)


def _text(table: Path) -> str:
    try:
        # utf-8-sig, since spreadsheets write a byte order mark
        with open_regular(table) as file, io.TextIOWrapper(file, encoding="utf-8-sig") as text:
            return text.read()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", table) from None
    except UnicodeDecodeError as error:
        raise DataError(f"is not UTF-8 text (byte {error.start})", table, "save it as CSV in UTF-8") from None


def _header(table: Path) -> list[str]:
    try:
        first = next(csv.reader(io.StringIO(_text(table))), [])
    except csv.Error as error:
        raise DataError(f"is not CSV: {error}", f"{table} line 1", "correct the line") from None
    return [name.strip().lower() for name in first]


def _rows(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each line and its cells, stripped; a missing column is empty."""
    header = _header(table)
    if not any(header):
        raise DataError("is empty, or its first line is", table, f"needed: {LOOKS_FOR}")
    _check_header(header, f"{table} line 1")
    reader = csv.reader(io.StringIO(_text(table)), strict=True)
    try:
        next(reader)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, _row(cells, header, f"{table} line {reader.line_num}")
    except csv.Error as error:
        raise DataError(f"is not CSV: {error}", f"{table} line {reader.line_num}", "correct the line") from None


def _check_header(header: list[str], where: str) -> None:
    if len(header) > MAX_COLUMNS:
        raise DataError(f"has {len(header)} columns", where, f"the header must be {','.join(COLUMNS)}")
    for name in _REQUIRED:
        if name not in header:
            raise DataError(f"the column {name!r} is missing", where, f"the header must be {','.join(COLUMNS)}")
    for name in header:
        if header.count(name) > 1:
            raise DataError(f"the column {name!r} is there twice", where, "correct the header")
        near = get_close_matches(name, COLUMNS, n=1, cutoff=0.75)
        if near and near[0] not in header:
            raise DataError(f"the column {name!r} looks like a misspelling of {near[0]!r}", where, "correct the header")


def _row(cells: list[str], header: list[str], where: str) -> dict[str, str]:
    if len(cells) != len(header):
        raise DataError(f"has {len(cells)} cells, the header {len(header)}", where, "correct the line")
    row = dict.fromkeys(COLUMNS, "") | {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    for name in COLUMNS:
        if name in _REQUIRED and not row[name]:
            raise DataError(f"the {name} is empty", where, "fill it in")
        if not row[name].isprintable():
            raise DataError(f"the {name} has a line break or a tab", where, "correct the line")
    return row


SPEC = SourceSpec("manifest", LOOKS_FOR, recognizes, scan, problems)
