"""FER2013: a CSV file of 48x48 gray images, one per row, with emotion and usage.

Source: Goodfellow et al., "Challenges in representation learning", ICONIP 2013. The columns ``emotion``, ``pixels`` and
``Usage`` may be in any order; other columns are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ckseq.errors import DataError
from ckseq.recording import Part, PixelRow, Problem, Recording
from ckseq.regular_file import is_file, is_folder, open_regular
from ckseq.sources._spec import SourceSpec

LOOKS_FOR = "a table such as fer2013.csv, with the columns emotion,pixels,Usage"
LABELS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
SIDE_PX = 48
_USAGES: dict[bytes, Part] = {b"Training": "train", b"PublicTest": "validation", b"PrivateTest": "test"}
_COLUMNS = (b"emotion", b"pixels", b"Usage")
_FIX = "it is left out; correct the row, or download the file again"


class _Columns(NamedTuple):
    """The index of each column in a row, and the number of columns."""

    emotion: int
    pixels: int
    usage: int
    n: int


def recognizes(root: Path) -> bool:
    """Return whether this is a CSV file with a column of pixels, or a folder with exactly one."""
    return _table_at(root) is not None


def scan(root: Path) -> list[Recording]:
    """Return a recording of one frame for each usable row, named by the number of the row.

    The subjects are unknown: each image counts as a subject of its own.

    Raises
    ------
    DataError
        There is no such file, or it has no usable row.
    """
    recordings, faults = _read(_require(root))
    if not recordings:
        what = f"{faults[0].where}: {faults[0].what}" if faults else "it holds only a header"
        raise DataError(f"holds no usable row; {what}", root, "download the file again")
    return list(recordings)


def problems(root: Path) -> list[Problem]:
    """Return a problem for each unusable row, and one for the unknown subjects."""
    table = _require(root)
    recordings, faults = _read(table)
    no_subjects = Problem(
        "the subjects are not known, and each image counts as a subject of its own",
        str(table),
        "the same person may be in the training and in the test part",
        matters=True,
    )
    return [*faults, *([no_subjects] if recordings else [])]


def _require(root: Path) -> Path:
    table = _table_at(root)
    if table is None:
        what = "has no such columns" if is_file(root) else "holds no such file"
        raise DataError(what, root, f"needed: {LOOKS_FOR}")
    return table


def _table_at(root: Path) -> Path | None:
    if not is_folder(root):
        return root if root.suffix.lower() == ".csv" and is_file(root) and _has_pixels(root) else None
    # next to the full table there may be parts of it that lack a column, such as train.csv
    tables = [path for path in sorted(root.glob("*.csv")) if is_file(path) and _is_complete(path)]
    return tables[0] if len(tables) == 1 else None


def _has_pixels(path: Path) -> bool:
    names = _header(path)
    # with paths it is a manifest
    return b"pixels" in names and b"path" not in names


def _is_complete(path: Path) -> bool:
    return {column.lower() for column in _COLUMNS} <= set(_header(path))


def _header(path: Path) -> list[bytes]:
    try:
        with open_regular(path) as stream:
            first = stream.readline(4096).removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path) from None
    return [_bare(name).lower() for name in first.split(b",")]


def _columns(path: Path) -> _Columns:
    names = _header(path)
    for column in _COLUMNS:
        if (found := names.count(column.lower())) != 1:
            what = f"the column {column.decode()} {'is there twice' if found else 'is missing'}"
            raise DataError(what, f"{path} line 1", "the header must name emotion, pixels and Usage, each once")
    emotion, pixels, usage = (names.index(column.lower()) for column in _COLUMNS)
    return _Columns(emotion, pixels, usage, len(names))


def _read(path: Path) -> tuple[tuple[Recording, ...], tuple[Problem, ...]]:
    status = path.stat()
    return _read_table(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _read_table(path: Path, mtime_ns: int, size: int) -> tuple[tuple[Recording, ...], tuple[Problem, ...]]:  # noqa: ARG001 (the key)
    """Read every row once: 36,000 images take some seconds."""
    columns = _columns(path)
    recordings, faults = [], []
    for number, (offset, line) in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            recordings.append(_recording(path, number, offset, line, columns))
        except DataError as error:
            faults.append(Problem(error.what, f"{path} line {number + 1}", _FIX, left_out=1))
    return tuple(recordings), tuple(faults)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the byte at which each line after the first begins, and the line."""
    with open_regular(path) as stream:
        offset = len(stream.readline())
        for line in stream:
            yield offset, line
            offset += len(line)


def _recording(path: Path, number: int, offset: int, line: bytes, columns: _Columns) -> Recording:
    cells = line.split(b",")
    if len(cells) != columns.n:
        raise DataError(f"has {len(cells)} cells instead of {columns.n}")
    label = _label(_bare(cells[columns.emotion]))
    usage = _bare(cells[columns.usage])
    if usage not in _USAGES:
        raise DataError(f"the Usage {_shown(usage)} is none of {', '.join(name.decode() for name in _USAGES)}")
    cell = cells[columns.pixels]
    pixels = _bare(cell)
    _check(pixels)
    before = sum(len(other) + 1 for other in cells[: columns.pixels])
    frame = PixelRow(path, offset + before + cell.index(pixels), len(pixels), SIDE_PX)
    ident = f"fer2013_{number:05d}"
    return Recording(ident, ident, f"{number:05d}", label, frame, _USAGES[usage])


def _label(text: bytes) -> str:
    # int() does not accept thousands of digits
    if not text.isdigit() or len(text) > 9 or int(text) >= len(LABELS):
        raise DataError(f"the emotion {_shown(text)} is not one of 0 to {len(LABELS) - 1}")
    return LABELS[int(text)]


def _check(pixels: bytes) -> None:
    numbers = pixels.split()
    if len(numbers) != SIDE_PX**2:
        raise DataError(f"holds {len(numbers)} pixels instead of {SIDE_PX**2}")
    try:
        values = list(map(int, numbers))
    except ValueError:
        raise DataError("a pixel is not a whole number") from None
    if min(values) < 0 or max(values) > 255:
        worst = max(values) if max(values) > 255 else min(values)
        raise DataError(f"a pixel is {worst}, beyond 0 to 255")


def _bare(cell: bytes) -> bytes:
    return cell.strip().strip(b'"').strip()


def _shown(text: bytes) -> str:
    return repr(text[:20].decode(errors="replace"))


SPEC = SourceSpec("fer2013", LOOKS_FOR, recognizes, scan, problems)
