"""Any data set, listed in a CSV file with one line per recording."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from typing import Any

from ckseq.errors import DataError
from ckseq.facs import parse_codes
from ckseq.grammar import agreeing, counted
from ckseq.recording import Frames, ImageFiles, Problem, Recording, VideoFile
from ckseq.regular_file import is_file, is_folder, is_something, open_regular
from ckseq.sources._frames import foreign_names, images_in, is_image, is_video, safe_id, too_short
from ckseq.sources._labels import misspelled
from ckseq.sources._spec import SourceSpec

LOOKS_FOR = "a table such as manifest.csv, with the columns path,subject,session,label"
DELIMITERS = ",;\t"
"""Spreadsheets write semicolons where the comma is in numbers, and tabs in what they call text."""
COLUMNS = ("path", "subject", "session", "label", "neutral", "action_units")
MAX_COLUMNS = 1000
_REQUIRED = ("path", "subject")
_SHOWN = 5
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
        The CSV file, or the folder that holds ``manifest.csv``; its cells are separated by commas, semicolons or tabs.
        Its ``path`` is a folder of frames, a video file or a single image, absolute or relative to the CSV file. An
        empty ``label`` means unlabeled. ``neutral`` is ``yes`` where it is its subject's neutral face, for calibration
        by person (``calibration = "neutral"``). ``action_units`` are its FACS codes, as ``1+2C+12``; empty means not
        coded, 0 coded without any. The id is ``subject_session``, or made of the path's last part where
        the session is empty; further recordings of the same session are numbered from 2 on.

    Raises
    ------
    DataError
        Lines cannot be used; the message names the first of them by their numbers.
    """
    table = _table_at(root)
    recordings, faults = _survey(table)
    if len(faults) == 1:
        raise DataError(faults[0].what, faults[0].where, faults[0].remedy)
    if faults:
        listed = "; ".join(f"{one.where.removeprefix(f'{table} ')}: {one.what}" for one in faults[:_SHOWN])
        more = f"; and {len(faults) - _SHOWN} more, which 'ckseq inspect' lists" if len(faults) > _SHOWN else ""
        what = f"{len(faults)} lines cannot be used: {listed}{more}"
        raise DataError(what, table, f"correct them; the columns are {','.join(COLUMNS)}")
    if not recordings:
        raise DataError("lists no recording", table, "write one line per recording below the header")
    return [recordings[ident] for ident in sorted(recordings)]


def problems(root: Path) -> list[Problem]:
    """Return unusable lines, columns that are not read, doubtful labels, and recordings of one frame."""
    table = _table_at(root)
    try:
        _, faults = _survey(table)
        recordings = [] if faults else scan(root)
    except DataError as error:
        return [Problem(error.what, error.where or str(table), error.fix or "correct it")]
    if faults:
        return faults
    extra = [name for name in _header(table) if name not in COLUMNS]
    found = [Problem(f"the column {name!r} is not read", str(table), "nothing to do") for name in extra]
    rows = list(_rows(table))
    found += _doubtful_labels(table, rows)
    sessions = Counter((one.subject, one.session) for one in recordings)
    if more := sum(n - 1 for n in sessions.values()):
        what = f"{more} of {len(recordings)} recordings share subject and session with another, and are numbered"
        found.append(Problem(what, str(table), "nothing to do; or give each a session of its own"))
    lines = Counter(_path(table, row) for _, row in rows)
    if repeated := sum(n - 1 for n in lines.values()):
        noun = "line lists" if repeated == 1 else "lines list"
        what = f"{repeated} {noun} a path that another line lists, too"
        found.append(Problem(what, str(table), "all are read; remove those that are there by mistake", matters=True))
    photos = {path for _, row in rows if _is_photo(path := _path(table, row))}
    found += foreign_names(recordings)
    return found + too_short(one for one in recordings if not photos.intersection(getattr(one.frames, "paths", ())))


def _survey(table: Path) -> tuple[dict[str, Recording], list[Problem]]:
    """Return the recordings by id, and each line that cannot be used.

    Raises
    ------
    DataError
        The header cannot be used, so that no line can.
    """
    recordings: dict[str, Recording] = {}
    faults: list[Problem] = []
    lines: dict[str, tuple[int, str]] = {}
    rows = list(_rows(table, faults))
    taken = {_session_id(table, row)[0] for _, row in rows}
    for line, row in rows:
        where = f"{table} line {line}"
        try:
            ident, session = _session_id(table, row)
            first, subject = lines.setdefault(ident, (line, row["subject"]))
            if subject != row["subject"]:
                raise DataError(
                    f"the id {ident!r} is used by line {first}", where, "give each subject a name of its own"
                )
            if ident in recordings:
                ident = next(name for take in count(2) if (name := f"{ident}_{take}") not in taken)
                taken.add(ident)
            recordings[ident] = _recording(ident, session, row, _path(table, row), where)
        except DataError as error:
            faults.append(Problem(error.what, where, error.fix or "correct the line"))
    return recordings, sorted(faults, key=lambda one: int(one.where.rpartition(" ")[2]))


def _recording(ident: str, session: str, row: dict[str, str], path: Path, where: str) -> Recording:
    try:
        frames = ImageFiles((path,)) if _is_photo(path) else frames_at(path)
    except DataError as error:
        raise DataError(f"path {row['path']!r} {error.what}", where, error.fix) from None
    if row["neutral"].lower() not in _MARKS:
        raise DataError(f"the column neutral is {row['neutral']!r}", where, "write yes, or leave it empty")
    neutral = _MARKS[row["neutral"].lower()]
    units = parse_codes(row["action_units"], where) if row["action_units"] else None
    return Recording(ident, row["subject"], session, row["label"] or None, frames, neutral=neutral, action_units=units)


def _doubtful_labels(table: Path, rows: list[tuple[int, dict[str, str]]]) -> list[Problem]:
    """Return the lines without a label that nothing else explains, and labels that look misspelled."""
    of_label: dict[str, list[int]] = {}
    for line, row in rows:
        if row["label"] or not (row["action_units"] or _MARKS[row["neutral"].lower()]):
            of_label.setdefault(row["label"], []).append(line)
    found = []
    if unlabeled := of_label.pop("", []):
        n, remedy = len(unlabeled), "training does not use them; write a class into the column label"
        what = f"{counted(n, 'recording')} {agreeing(n, 'has', 'have')} no label"
        found.append(Problem(what, f"{table} {_line_list(unlabeled)}", remedy))
    slips = misspelled({label: len(lines) for label, lines in of_label.items()})
    return found + [
        Problem(what, f"{table} {_line_list(of_label[label])}", remedy, matters=True) for label, what, remedy in slips
    ]


def _line_list(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:_SHOWN]))
    more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return f"{agreeing(len(lines), 'line', 'lines')} {shown}{more}"


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
            if videos := sorted(one.name for one in path.iterdir() if is_video(one.name)):
                raise DataError("is a folder of videos, not of frames", path, f"name the videos, such as {videos[0]}")
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


def _session_id(table: Path, row: dict[str, str]) -> tuple[str, str]:
    """Return the id of a recording that is the only one of its session, and the session."""
    session = row["session"] or _path(table, row).stem
    # a path such as S005/S005_001.mp4 names its subject already; an id that is the subject's would call it unknown
    named = not row["session"] and session.startswith(row["subject"]) and session != row["subject"]
    return (safe_id(session) if named else safe_id(row["subject"], session)), session


def _path(table: Path, row: dict[str, str]) -> Path:
    """Return the path that a row names; one with the backslashes of Windows, too."""
    path = table.parent / row["path"]
    if is_something(path) or "\\" not in row["path"]:
        return path
    return table.parent / row["path"].replace("\\", "/")


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
        with open_regular(table) as file:
            # spreadsheets write a byte order mark, and what they call Unicode text in UTF-16
            wide = file.peek(2).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            with io.TextIOWrapper(file, encoding="utf-16" if wide else "utf-8-sig") as text:
                return text.read()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", table) from None
    except UnicodeDecodeError as error:
        raise DataError(f"is not UTF-8 text (byte {error.start})", table, "save it as CSV in UTF-8") from None


def _header(table: Path) -> list[str]:
    try:
        first: list[str] = next(_cells(_text(table)), [])
    except csv.Error as error:
        raise DataError(f"is not CSV: {error}", f"{table} line 1", "correct the line") from None
    return _named(first)


def _named(cells: list[str]) -> list[str]:
    return [name.strip().lower() for name in cells]


def _cells(text: str, *, strict: bool = False) -> Any:
    """Return the reader of a table, whose delimiter is the one that separates the columns required in its header."""

    def header(delimiter: str) -> list[str]:
        try:
            return _named(next(csv.reader(io.StringIO(text), delimiter=delimiter), []))
        except csv.Error:
            return []

    fitting = (delimiter for delimiter in DELIMITERS if all(name in header(delimiter) for name in _REQUIRED))
    return csv.reader(io.StringIO(text), delimiter=next(fitting, ","), strict=strict)


def _rows(table: Path, faults: list[Problem] | None = None) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each line and its cells, stripped; a missing column is empty.

    A line that cannot be read is added to ``faults``.
    """
    faults = [] if faults is None else faults
    header = _header(table)
    if not any(header):
        raise DataError("is empty, or its first line is", table, f"needed: {LOOKS_FOR}")
    _check_header(header, f"{table} line 1")
    reader = _cells(_text(table), strict=True)
    try:
        next(reader)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                try:
                    yield reader.line_num, _row(cells, header)
                except DataError as error:
                    faults.append(Problem(error.what, f"{table} line {reader.line_num}", error.fix or ""))
    except csv.Error as error:
        faults.append(Problem(f"is not CSV: {error}", f"{table} line {reader.line_num}", "correct the line"))


def _check_header(header: list[str], where: str) -> None:
    fix = f"the header must be {','.join(COLUMNS)}"
    if len(header) > MAX_COLUMNS:
        raise DataError(f"has {len(header)} columns", where, fix)
    if not set(COLUMNS).intersection(header) and not any(map(_meant, header)):
        raise DataError(f"is no header: {','.join(header)[:60]!r}", where, f"begin with a line of names: {fix}")
    found = [f"the column {name!r} is there twice" for name in dict.fromkeys(header) if header.count(name) > 1]
    slips = {name: near for name in header if (near := _meant(name)) and near not in header}
    found += [f"the column {name!r} looks like a misspelling of {near!r}" for name, near in slips.items()]
    missing = [name for name in _REQUIRED if name not in header and name not in slips.values()]
    found += [f"the column {name!r} is missing" for name in missing]
    if found:
        raise DataError("; ".join(found), where, fix)


def _meant(name: str) -> str | None:
    """Return the column of which a name looks like a misspelling."""
    near = get_close_matches(name, COLUMNS, n=1, cutoff=0.75)
    return near[0] if near else None


def _row(cells: list[str], header: list[str]) -> dict[str, str]:
    if len(cells) != len(header):
        raise DataError(f"has {len(cells)} cells, the header {len(header)}", fix="correct the line")
    row = dict.fromkeys(COLUMNS, "") | {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    for name in COLUMNS:
        if name in _REQUIRED and not row[name]:
            raise DataError(f"the {name} is empty", fix="fill it in")
        if not row[name].isprintable():
            raise DataError(f"the {name} has a line break or a tab", fix="correct the line")
    return row


SPEC = SourceSpec("manifest", LOOKS_FOR, recognizes, scan, problems)
