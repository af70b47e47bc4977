"""From the frames of a recording to pixels, one frame in memory at a time."""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError, DataError
from ckseq.recording import ArchiveMembers, Frames, ImageFiles, ImagesInMemory, PixelRow, VideoFile
from ckseq.redirect import stderr_captured
from ckseq.regular_file import open_regular
from ckseq.storage.images import TOO_LARGE, Header, flaw, header, read_header
from ckseq.storage.video import Video

T = TypeVar("T")
MAX_FRAME_BYTES = 64 * 2**20
MAX_HELD_BYTES = 64 * 2**20
MAX_FRAME_PIXELS = 64 * 10**6
_JPEG_DAMAGE = re.compile("(?:Corrupt JPEG data: |Premature end of JPEG|Invalid JPEG)(.*)")
_FIX = "replace it with an intact copy, or remove it"


def read_gray(frames: Frames) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a recording as 8-bit gray images, decoding one at a time.

    An image equals ``cv2.imread(path, cv2.IMREAD_GRAYSCALE)`` to the bit. The frames of a video are decoded to BGR and
    converted to gray by ``cv2.cvtColor`` (ITU-R BT.601 weights). A row of pixels is read as it is.

    Parameters
    ----------
    frames : Frames
        The location of the frames.

    Yields
    ------
    ndarray of uint8, shape (h, w)
        A frame; the frames of one recording may differ in size.

    Raises
    ------
    DataError
        A frame is missing, empty, incomplete, too large or not an image; a video cannot be decoded or has no frame. The
        message names the file; a member of an archive as ``archive.zip/member``.
    """
    yield from _read(frames, color=False)


def read_rgb(frames: Frames) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a recording as RGB images, decoding one at a time.

    An image equals ``cv2.imread(path, cv2.IMREAD_COLOR)`` with its channels reversed; gray images have three equal
    channels.

    Yields
    ------
    ndarray of uint8, shape (h, w, 3)
        Channels in the order red, green, blue.

    Raises
    ------
    DataError
        As `read_gray`.
    """
    yield from _read(frames, color=True)


def _read(frames: Frames, *, color: bool) -> Iterator[NDArray[np.uint8]]:
    if isinstance(frames, VideoFile):
        for _, image in Video(frames.path).frames():
            yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB if color else cv2.COLOR_BGR2GRAY), np.uint8)
    elif isinstance(frames, PixelRow):
        gray = _decode_row(frames)
        yield np.stack([gray] * 3, axis=-1) if color else gray
    else:
        for where, data in _files(frames, _whole):
            yield _decode(data, where, color)


def in_memory(frames: Frames) -> Frames:
    """Return image files as their bytes, to be read once where they are needed several times.

    Files of more than `MAX_HELD_BYTES`, those that cannot be read, and frames of another kind are returned as they are.
    """
    if not isinstance(frames, ImageFiles | ArchiveMembers):
        return frames
    names, contents, n_bytes = [], [], 0
    try:
        for name, content in _files(frames, _whole):
            n_bytes += len(content)
            if n_bytes > MAX_HELD_BYTES:
                return frames
            names.append(name)
            contents.append(content)
    except DataError:  # reported where they are decoded
        return frames
    return ImagesInMemory(tuple(names), tuple(contents))


def frames_of(images: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> ImagesInMemory:
    """Return arrays of pixels as the frames of a recording: as if they had been read from PNG files, without loss.

    Parameters
    ----------
    images : (t, h, w) or (t, h, w, 3) uint8, or sequence of such images
        Gray, or red, green, blue, in temporal order.

    Raises
    ------
    CallError
        There is none, or one has another shape or type.
    """
    contents = []
    for number, image in enumerate(images):
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or not image.size:
            what = f"is of shape {image.shape} and type {image.dtype}"
            raise CallError(what, f"frame {number}", "frames are (h, w) or (h, w, 3) arrays of uint8")
        pixels = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        contents.append(cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())
    if not contents:
        raise CallError("there are no frames", fix="give at least one array of pixels")
    return ImagesInMemory(tuple(f"/frame_{number:08d}.png" for number in range(len(contents))), tuple(contents))


def read_headers(frames: ImageFiles | ArchiveMembers | ImagesInMemory) -> Iterator[Header | None]:
    """Yield the header of each image, from the start of its file; None where it has none.

    Raises
    ------
    DataError
        A file cannot be read.
    """
    for _, found in _files(frames, read_header):
        yield found


def stamps(frames: Frames) -> list[tuple[int, int, int]]:
    """Return number, size and time of change of each file of some frames, which say cheaply whether one was changed.

    Of images in memory there are none.

    Raises
    ------
    DataError
        A file cannot be read.
    """
    found = []
    for path in _paths_of(frames):
        try:
            status = path.stat()
        except OSError as error:
            raise _unreadable(error, path) from None
        found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return found


def exist(frames: Frames) -> bool:
    """Return whether the first file of some frames is there; images in memory always are."""
    return all(path.exists() for path in _paths_of(frames)[:1])


def _paths_of(frames: Frames) -> Sequence[Path]:
    match frames:
        case ImageFiles(paths):
            return paths
        case ImagesInMemory():
            return []
        case ArchiveMembers(archive, _):
            return [archive]
        case _:
            return [frames.path]


def fingerprint(frames: Frames) -> str:
    """Return a digest of the frames, 32 hexadecimal digits: of the last part of each file's name, and its bytes.

    Moving a data set, or reading it from its archive, does not change it.

    Raises
    ------
    DataError
        A file cannot be read.
    """
    return fingerprints(frames)[0]


def fingerprints(frames: Frames) -> tuple[str, str]:
    """Return the `fingerprint` of frames, and one of their bytes alone, without the files' names, which finds copies.

    Both are made of the SHA-256 of each file, for which most processors have instructions.
    """
    digest, contents = hashlib.sha256(), hashlib.sha256()
    for name, content in _digests(frames):
        digest.update(f"{name}\0".encode(errors="surrogateescape") + content)
        contents.update(content)
    return digest.hexdigest()[:32], contents.hexdigest()[:32]


def _digests(frames: Frames) -> Iterator[tuple[str, bytes]]:
    """Yield the last part of each file's name, and the SHA-256 of its bytes."""
    if isinstance(frames, VideoFile):
        try:
            with open_regular(frames.path) as stream:
                yield frames.path.name, hashlib.file_digest(stream, "sha256").digest()
        except OSError as error:
            raise _unreadable(error, frames.path) from None
    elif isinstance(frames, PixelRow):
        yield "", hashlib.sha256(_row(frames)).digest()
    else:
        for where, data in _files(frames, _whole):
            yield where.rpartition("/")[2], hashlib.sha256(data).digest()


def fingerprint_of_0_1(frames: ImageFiles) -> str:
    """Return the `fingerprint` that version 0.1 wrote, by which its stores are still recognized."""
    digest = hashlib.blake2b(digest_size=16)
    for where, data in _files(frames, _whole):
        digest.update(f"{where.rpartition('/')[2]}\0{len(data)}\0".encode(errors="surrogateescape") + data)
    return digest.hexdigest()


def read_files(files: ImageFiles | ArchiveMembers | ImagesInMemory) -> Iterator[tuple[str, bytes]]:
    """Yield the name of each file, with ``/`` before its last part, and its bytes.

    Raises
    ------
    DataError
        A file cannot be read.
    """
    yield from _files(files, _whole)


def _whole(stream: IO[bytes]) -> bytes:
    return stream.read(MAX_FRAME_BYTES + 1)


def _files(
    frames: ImageFiles | ArchiveMembers | ImagesInMemory, read: Callable[[IO[bytes]], T]
) -> Iterator[tuple[str, T]]:
    """Yield the name of each image file, with ``/`` before its last part, and what ``read`` returns for it."""
    if isinstance(frames, ImagesInMemory):
        for name, content in zip(frames.names, frames.contents, strict=True):
            yield name, read(io.BytesIO(content))
        return
    if isinstance(frames, ImageFiles):
        for path in frames.paths:
            try:
                with open_regular(path) as stream:
                    data = read(stream)
            except OSError as error:
                raise _unreadable(error, path) from None
            yield path.as_posix(), data
        return
    for member in frames.members:
        where = f"{frames.archive.as_posix()}/{member}"
        try:
            with _archive(frames.archive).open(member) as stream:
                data = read(stream)
        except OSError as error:
            raise _unreadable(error, frames.archive) from None
        except KeyError:
            raise DataError("is no longer in the archive", where, "run it again with the current archive") from None
        # RuntimeError: a password; NotImplementedError: a compression that zipfile does not know
        except (
            zipfile.BadZipFile,
            zlib.error,
            lzma.LZMAError,
            struct.error,
            EOFError,
            RuntimeError,
            ValueError,
            OverflowError,
        ) as error:
            raise DataError(f"cannot be unpacked: {error}", where, "download the archive again") from None
        yield where, data


def _archive(path: Path) -> zipfile.ZipFile:
    status = path.stat()
    # one per process, since an open file shared after a fork has one position for both
    return _open_archive(path, os.getpid(), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2)
def _open_archive(path: Path, pid: int, mtime_ns: int, size: int) -> zipfile.ZipFile:  # noqa: ARG001 (the key)
    """Cache open archives: reading the directory of CK+'s takes 80 ms, as long as a recording's frames."""
    return zipfile.ZipFile(open_regular(path))


def _row(row: PixelRow) -> bytes:
    try:
        with open_regular(row.path) as stream:
            stream.seek(row.offset)
            return stream.read(row.length)
    except OSError as error:
        raise _unreadable(error, row.path) from None


def _decode_row(row: PixelRow) -> NDArray[np.uint8]:
    try:
        pixels = np.array(_row(row).split(), np.int64)
        if pixels.min(initial=0) < 0 or pixels.max(initial=0) > 255:
            raise ValueError
        return pixels.astype(np.uint8).reshape(row.side_px, row.side_px)
    except ValueError:
        where = f"{row.path} byte {row.offset}"
        raise DataError("no longer holds the same pixels", where, "run it again with the current file") from None


def _decode(data: bytes, where: str, color: bool) -> NDArray[np.uint8]:
    if not data:
        raise DataError("is empty (0 bytes)", where, _FIX)
    if len(data) > MAX_FRAME_BYTES:
        raise DataError(f"is larger than {MAX_FRAME_BYTES >> 20} MiB, too large for a frame", where, _FIX)
    found = header(data)
    if found is not None and found.width * found.height > MAX_FRAME_PIXELS:
        size = f"{found.width}x{found.height} pixels" if found != TOO_LARGE else "more pixels than any image has"
        raise DataError(f"claims {size}, too many for a frame", where, _FIX)
    if (trouble := flaw(data)) is not None:
        raise DataError(trouble, where, _FIX)
    if found is None:  # then its size is unknown, and it may be of any
        raise DataError("is not an image, or is damaged", where, _FIX)
    with stderr_captured() as complaints:
        try:
            # read as blue, green, red
            kind = cv2.IMREAD_COLOR if color else cv2.IMREAD_GRAYSCALE
            image = cv2.imdecode(np.frombuffer(data, np.uint8), kind)
        except cv2.error:
            image = None
    if image is None:
        raise DataError("is damaged", where, _FIX)
    # a JPEG has no checksum; its decoder says what does not fit, and goes on with whatever it makes of the rest
    if (damage := _JPEG_DAMAGE.search(complaints.text)) is not None:
        raise DataError(f"is damaged: {damage[1].strip()}", where, _FIX)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if color else image, np.uint8)


def _unreadable(error: OSError, path: Path) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError("does not exist", path, "run it again with the current data")
    return DataError(f"cannot be read: {error.strerror}", path)
