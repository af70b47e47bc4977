"""A folder or a zip archive, seen alike: relative paths, small texts, frames. An archive is never extracted."""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

from ckseq.errors import DataError
from ckseq.recording import ArchiveMembers, Frames, ImageFiles

MAX_DEPTH = 6
MAX_MEMBERS = 200_000
MAX_FRAME_BYTES = 64 * 2**20
MAX_TEXT_BYTES = 64 * 2**10
# CK+'s images hardly shrink and its texts shrink tenfold; deflate cannot exceed 1032
MAX_RATIO = 100
_AGAIN = "fetch the archive again from where it came from, or unpack it by a tool you trust and name the folder"


class Tree(Protocol):
    """Files under one place."""

    files: tuple[str, ...]
    folders: tuple[str, ...]

    def where(self, path: str) -> str:
        """Return how a message names a file or folder of this tree."""

    def text(self, path: str) -> bytes:
        """Return the bytes of a small text file."""

    def frames(self, paths: tuple[str, ...]) -> Frames:
        """Return these image files as frames."""


class FolderTree:
    """The files under a folder; links are followed, no deeper than ``MAX_DEPTH``.

    Raises
    ------
    DataError
        A folder cannot be read.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        files: list[str] = []
        folders: list[str] = []
        self._walk("", 0, files, folders)
        self.files, self.folders = tuple(files), tuple(folders)

    def _walk(self, folder: str, depth: int, files: list[str], folders: list[str]) -> None:
        try:
            with os.scandir(self.root / folder) as found:
                entries = sorted((entry.name, entry.is_dir()) for entry in found)
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", self.root / folder) from None
        for name, is_folder in entries:
            path = f"{folder}/{name}" if folder else name
            if not is_folder:
                files.append(path)
            elif depth < MAX_DEPTH:
                folders.append(path)
                self._walk(path, depth + 1, files, folders)

    def where(self, path: str) -> str:
        """Return how a message names a file or folder of this tree."""
        return str(self.root / path)

    def text(self, path: str) -> bytes:
        """Return the bytes of a small text file."""
        try:
            with (self.root / path).open("rb") as stream:
                return _limited(stream.read(MAX_TEXT_BYTES + 1), self.where(path))
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", self.root / path) from None

    def frames(self, paths: tuple[str, ...]) -> Frames:
        """Return these image files as frames."""
        return ImageFiles(tuple(self.root / path for path in paths))


class ArchiveTree:
    """The files in a zip archive, each checked before anything is read.

    Raises
    ------
    DataError
        The file is not a zip archive; an entry climbs out of its folder, is a link, is locked, stands twice, or would
        unpack to more than such a file can need.
    """

    def __init__(self, archive: Path) -> None:
        self.archive = archive
        try:
            # stays open as long as this tree: it is read once, label by label
            self._opened = zipfile.ZipFile(archive)
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", archive) from None
        except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError) as error:
            raise DataError(f"is not a whole zip archive ({error})", archive, _AGAIN) from None
        members = self._opened.infolist()
        if len(members) > MAX_MEMBERS:
            raise DataError(f"has {len(members)} entries, of which CK+ has about 35,000", archive, _AGAIN)
        seen: set[str] = set()
        for member in members:
            if (trouble := _trouble(member, seen)) is not None:
                raise DataError(f"{trouble}: {member.filename!r}; nothing was read", archive, _AGAIN)
            seen.add(member.filename)
        self.files = tuple(sorted(m.filename for m in members if not m.is_dir()))
        self.folders = tuple(sorted(m.filename.rstrip("/") for m in members if m.is_dir()))

    def where(self, path: str) -> str:
        """Return how a message names a file or folder of this tree."""
        return f"{self.archive}/{path}"

    def text(self, path: str) -> bytes:
        """Return the bytes of a small text file."""
        try:
            with self._opened.open(path) as stream:
                return _limited(stream.read(MAX_TEXT_BYTES + 1), self.where(path))
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", self.archive) from None
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            raise DataError(f"cannot be unpacked: {error}", self.where(path), _AGAIN) from None

    def frames(self, paths: tuple[str, ...]) -> Frames:
        """Return these image files as frames."""
        return ArchiveMembers(self.archive, paths)


def _limited(data: bytes, where: str) -> bytes:
    if len(data) > MAX_TEXT_BYTES:
        raise DataError(f"is larger than {MAX_TEXT_BYTES >> 10} KiB, which no label is", where, "mend or remove it")
    return data


def _trouble(member: zipfile.ZipInfo, seen: set[str]) -> str | None:
    name = member.filename
    parts = re.split(r"[/\\]", name)
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in parts:
        return "has an entry that climbs out of its folder"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "has an entry that is a link"
    if member.flag_bits & 1:
        return "has an entry locked by a password"
    if name in seen:
        return "has an entry twice"
    limit = MAX_TEXT_BYTES if name.lower().endswith(".txt") else MAX_FRAME_BYTES
    if member.file_size > limit:
        return f"has an entry that unpacks to {member.file_size:,} bytes, {limit:,} being the most that is sensible"
    if member.file_size > 2**20 and member.file_size > MAX_RATIO * member.compress_size:
        return f"has an entry that unpacks to {member.file_size // max(member.compress_size, 1)} times its size"
    return None
