"""A folder or a zip archive behind one interface: paths, text files, frames. An archive is never extracted."""

from __future__ import annotations

import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

from ckseq.errors import DataError
from ckseq.recording import ArchiveMembers, ImageFiles
from ckseq.regular_file import open_regular
from ckseq.sources._frames import is_image
from ckseq.sources._zip_check import difference

MAX_DEPTH = 6
MAX_MEMBERS = 200_000
MAX_FRAME_BYTES = 64 * 2**20
MAX_TEXT_BYTES = 64 * 2**10
# as of most file systems
MAX_NAME_BYTES = 255
# CK+'s images are hardly compressible, its texts tenfold; deflate cannot exceed 1032
MAX_RATIO = 100
_FIX = "download the archive again, or unpack it with a tool that you trust and name the folder"


class Tree(Protocol):
    """The files under a folder or in an archive, by their relative paths."""

    files: tuple[str, ...]
    folders: tuple[str, ...]

    def where(self, path: str) -> str:
        """Return the name of a file or folder of this tree for messages."""

    def text(self, path: str) -> bytes:
        """Return the bytes of a small text file."""

    def frames(self, paths: tuple[str, ...]) -> ImageFiles | ArchiveMembers:
        """Return these files, of images or of landmarks, in order."""


class FolderTree:
    """The files under a folder; links are followed, no deeper than ``MAX_DEPTH``, and not back into a folder above.

    Raises
    ------
    DataError
        A folder cannot be read, or there are more than ``MAX_MEMBERS`` files.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        files: list[str] = []
        folders: list[str] = []
        self._walk("", (), files, folders)
        self.files, self.folders = tuple(files), tuple(folders)

    def _walk(self, folder: str, above: tuple[tuple[int, int], ...], files: list[str], folders: list[str]) -> None:
        try:
            status = (self.root / folder).stat()
            with os.scandir(self.root / folder) as found:
                entries = sorted((entry.name, _is_folder(entry)) for entry in found)
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", self.root / folder) from None
        own = (status.st_dev, status.st_ino)
        if own in above:
            return
        if len(files) + len(folders) + len(entries) > MAX_MEMBERS:
            what = f"holds more than {MAX_MEMBERS:,} files, of which CK+ has about 35,000"
            raise DataError(what, self.root, "name the folder of the data set alone")
        for name, is_folder in entries:
            path = f"{folder}/{name}" if folder else name
            if not is_folder:
                files.append(path)
            elif len(above) < MAX_DEPTH:
                folders.append(path)
                self._walk(path, (*above, own), files, folders)

    def where(self, path: str) -> str:
        """Return the name of a file or folder of this tree for messages."""
        return str(self.root / path)

    def text(self, path: str) -> bytes:
        """Return the bytes of a small text file."""
        try:
            with open_regular(self.root / path) as stream:
                return _limited(stream.read(MAX_TEXT_BYTES + 1), self.where(path))
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", self.root / path) from None

    def frames(self, paths: tuple[str, ...]) -> ImageFiles:
        """Return these files, of images or of landmarks, in order."""
        return ImageFiles(tuple(self.root / path for path in paths))


class ArchiveTree:
    """The files in a zip archive, each checked before anything is read.

    Raises
    ------
    DataError
        The file is not a zip archive, or its directory does not fit its members; or an entry is outside its folder, a
        link, encrypted, there twice, or too large.
    """

    def __init__(self, archive: Path) -> None:
        self.archive = archive
        try:
            # open as long as this tree, since labels are read one by one
            self._file = open_regular(archive)
            self._opened = zipfile.ZipFile(self._file)
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror or error}", archive) from None
        except _NOT_A_ZIP as error:
            raise DataError(f"is not a complete zip archive ({error})", archive, _FIX) from None
        members = self._opened.infolist()
        if len(members) > MAX_MEMBERS:
            raise DataError(f"has {len(members)} entries, of which CK+ has about 35,000", archive, _FIX)
        seen: set[str] = set()
        for member in members:
            if (trouble := _trouble(member, seen)) is not None:
                raise DataError(f"{trouble}: {member.filename!r}; nothing was read", archive, _FIX)
            seen.add(member.filename)
        if (trouble := difference(self._file, self._opened)) is not None:
            raise DataError(f"is damaged: {trouble}; nothing was read", archive, _FIX)
        self.files = tuple(sorted(m.filename for m in members if not m.is_dir()))
        self.folders = tuple(sorted(m.filename.rstrip("/") for m in members if m.is_dir()))

    def where(self, path: str) -> str:
        """Return the name of a file or folder of this tree for messages."""
        return f"{self.archive}/{path}"

    def text(self, path: str) -> bytes:
        """Return the bytes of a small text file."""
        try:
            with self._opened.open(path) as stream:
                return _limited(stream.read(MAX_TEXT_BYTES + 1), self.where(path))
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", self.archive) from None
        except (*_NOT_A_ZIP, KeyError, RuntimeError) as error:
            raise DataError(f"cannot be unpacked: {error}", self.where(path), _FIX) from None

    def frames(self, paths: tuple[str, ...]) -> ArchiveMembers:
        """Return these files, of images or of landmarks, in order."""
        return ArchiveMembers(self.archive, paths)


# what zipfile and its decompressors raise, depending on where an archive is damaged
_NOT_A_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OverflowError,
    ValueError,
    NotImplementedError,
)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether to look into it; what is named as a file is read as one, which says that it is none."""
    try:
        return entry.is_dir() and not (is_image(entry.name) or entry.name.lower().endswith(".txt"))
    except OSError:  # a link to itself
        return False


def _limited(data: bytes, where: str) -> bytes:
    if len(data) > MAX_TEXT_BYTES:
        raise DataError(
            f"is larger than {MAX_TEXT_BYTES >> 10} KiB, too large for a label", where, "correct or remove it"
        )
    return data


def _trouble(member: zipfile.ZipInfo, seen: set[str]) -> str | None:
    name = member.filename
    parts = re.split(r"[/\\]", name)
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in parts:
        return "has an entry outside its folder"
    if max(len(part.encode(errors="replace")) for part in parts) > MAX_NAME_BYTES:
        return f"has an entry whose name has more than {MAX_NAME_BYTES} bytes"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "has an entry that is a link"
    if member.flag_bits & 1:
        return "has an encrypted entry"
    if name in seen:
        return "has an entry twice"
    limit = MAX_TEXT_BYTES if name.lower().endswith(".txt") else MAX_FRAME_BYTES
    if member.file_size > limit:
        return f"has an entry that unpacks to {member.file_size:,} bytes, more than the limit of {limit:,}"
    if member.file_size > 2**20 and member.file_size > MAX_RATIO * member.compress_size:
        return f"has an entry that unpacks to {member.file_size // max(member.compress_size, 1)} times its size"
    return None
