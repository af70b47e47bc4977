"""Files written whole or not at all, and tables of text."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ckseq.errors import DataError

GO_ON = "go on with the training: 'ckseq train' with the same options and --resume"
TRAIN_AGAIN = "train it again with --overwrite, or into a new folder"


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all: under a temporary name, which then replaces the file.

    Raises
    ------
    DataError
        It cannot be written (no space, no permission); a file that stood there is as it was.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, as `write_text` does."""

    def write(file: BinaryIO) -> None:
        file.write(data)

    write_file(path, write)


def write_file(path: Path, write: Callable[[BinaryIO], None], *, durable: bool = True, buffered: bool = True) -> None:
    """Have a file written whole or not at all, as `write_text` does, without holding it in memory.

    Without ``durable`` nothing waits for the disk: after a power cut the file may be damaged. What is not ``buffered``
    reaches the file as it is written, and may be read back.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "w+b", buffering=-1 if buffered else 0) as file:
            write(file)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner may read
        Path(temporary).replace(path)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        if isinstance(error, OSError):
            fix = "free some space or choose a folder that can be written"
            raise DataError(f"cannot be written: {error.strerror or error}", path, fix) from None
        raise


def remove_temporaries(folder: Path, name: str = "*", *, below: bool = False) -> None:
    """Remove what a killed process left of writing files of a folder; call it while their target is locked.

    Parameters
    ----------
    folder : Path
    name : str
        The file's name; all by default.
    below : bool
        Also in the folders below.
    """
    pattern = f".{name}.*.tmp"
    for path in folder.rglob(pattern) if below else folder.glob(pattern):
        with contextlib.suppress(OSError):
            path.unlink()


def _umask() -> int:
    mask = os.umask(0o077)  # the only way to read it is to set it
    os.umask(mask)
    return mask


def file_digest(path: Path) -> str:
    """Return 32 hexadecimal digits that name the bytes of a file.

    Raises
    ------
    DataError
        It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", path) from None


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV, every line ended by a line feed; `read_csv` reads it.

    Programs for spreadsheets compute what begins with ``=``, ``+``, ``-``, ``@`` or white space: such a text is written
    with an apostrophe before it, unless it is a number.
    """
    table = [[inert(cell) for cell in row] for row in (header, *rows)]
    # Python quotes a lone carriage return only from 3.13 on
    odd = any("\r" in str(cell) for row in table for cell in row)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL)
    writer.writerows(table)
    return buffer.getvalue()


_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")


def inert(cell: Any) -> Any:
    """Return a cell that programs for spreadsheets do not compute; `as_it_was` undoes it."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) and not _is_number(cell) else cell


def as_it_was(cell: str) -> str:
    """Return the text of a cell of a table that was written with `inert`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip() == text


def read_text(path: Path) -> str:
    """Read a text file in UTF-8.

    Raises
    ------
    DataError
        It cannot be read, or is no such text.
    """
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", path) from None
    except UnicodeDecodeError:
        raise DataError("is not text in UTF-8", path, TRAIN_AGAIN) from None


def read_csv(path: Path, *, missing: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and the numbered rows of a table of `csv_text`, whose every row is as long as its header."""
    if not path.is_file():
        raise DataError(f"{missing}: there is no {path.name}", path.parent, GO_ON)
    text = read_text(path)
    if not text.endswith("\n"):
        raise DataError("is cut short: its last line does not end", path, TRAIN_AGAIN)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [(reader.line_num, [as_it_was(cell) for cell in row]) for row in reader]
    except csv.Error as error:
        raise DataError(f"is not a table: {error}", path, TRAIN_AGAIN) from None
    header = rows[0][1]
    for line, row in rows:
        if len(row) != len(header):
            where = f"{path}, line {line}"
            raise DataError(f"is cut short: {len(row)} columns instead of {len(header)}", where, TRAIN_AGAIN)
    return header, rows[1:]
