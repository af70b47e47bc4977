"""The header of an image file, and whether the file is complete; no pixel is decoded."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import IO, NamedTuple

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
# the markers with a frame's size; C4, C8 and CC among them are tables and an extension
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})


class Header(NamedTuple):
    """The header of an image: ``width`` and ``height`` in pixels, and whether it has colors."""

    width: int
    height: int
    color: bool


TOO_LARGE = Header(2**31 - 1, 2**31 - 1, False)
"""Stands for sizes that no image has."""


def read_header(stream: IO[bytes]) -> Header | None:
    """Return the header of an image, from the start of its file; None where there is none.

    Notes
    -----
    PNG: ISO/IEC 15948, 11.2.2 (IHDR). JPEG: ITU-T T.81, B.2.2 (frame header). Others are left to Pillow.
    """
    data = stream.read(32)
    if data.startswith(PNG):
        return _header(data)
    if data.startswith(JPEG):
        # thumbnails and profiles, 64 KiB each, may precede a JPEG's size
        return _header(data + stream.read(2**18))
    return _header_of_others(stream)


def header(data: bytes) -> Header | None:
    """Return the header of an image, from its file's bytes; None where there is none."""
    return _header(data) if data.startswith((PNG, JPEG)) else _header_of_others(io.BytesIO(data))


def _header_of_others(stream: IO[bytes]) -> Header | None:
    from PIL import Image  # as late as this, since most data sets are PNG or JPEG

    stream.seek(0)
    try:
        with warnings.catch_warnings():
            # its limit of pixels is not ours
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(stream) as image:
                return Header(*image.size, image.mode not in ("1", "L", "I", "F", "I;16", "I;16B"))
    except Image.DecompressionBombError:
        return TOO_LARGE
    except Exception:  # which exception Pillow raises depends on where a file is damaged
        return None


def _header(data: bytes) -> Header | None:
    if data.startswith(PNG) and data[12:16] == b"IHDR" and len(data) >= 26:
        width, height, _, kind = struct.unpack(">IIBB", data[16:26])
        # kinds 2, 3 and 6: true color, palette, true color with alpha
        return Header(width, height, kind in (2, 3, 6))
    if data.startswith(JPEG):
        return _jpeg_header(data)
    return None


def _jpeg_header(data: bytes) -> Header | None:
    at = 2
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill
            at += 1
        elif marker in _JPEG_ALONE:
            at += 2
        elif marker in _JPEG_SIZES:
            height, width, components = struct.unpack(">HHB", data[at + 5 : at + 10])
            return Header(width, height, components >= 3)
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def flaw(data: bytes) -> str | None:
    """Return the evidence that a PNG or JPEG is incomplete, or None.

    Decoders differ, between formats and versions, in whether they return the first part of an incomplete image; the
    format marks where the file ends.

    Parameters
    ----------
    data : bytes
        The whole file.
    """
    if data.startswith(PNG):
        return _png_flaw(data)
    # in the coded data FF is followed by 00, so that these bytes can only be markers
    if data.startswith(JPEG) and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        return "is cut short: its end marker is missing"
    return None


def _png_flaw(data: bytes) -> str | None:
    at = len(PNG)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            break
        # a lower-case first letter marks an optional chunk
        critical = kind[:1].isupper()
        if critical and zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return "is damaged: a checksum does not fit"
        if kind == b"IEND":
            return None
        at = end
    return "is cut short: its end is missing"
