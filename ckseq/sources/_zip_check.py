"""Whether the directory of a zip archive says what its members say: a byte changed in it may lose or rename a member.

Only the directory has no checksum. Every member repeats its name, sizes and CRC-32 in its local header (or behind its
data), so both are compared, and no member may stand where the directory names none.

Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.9 (data descriptor), 4.3.16 (end of directory)
and 4.5.3 (Zip64).
"""

from __future__ import annotations

import struct
import zipfile
from typing import BinaryIO

_LOCAL = struct.Struct("<4s5H3I2H")
_MEMBER, _DESCRIPTOR, _END = b"PK\x03\x04", b"PK\x07\x08", b"PK\x05\x06"
_ENCRYPTED, _HAS_DESCRIPTOR, _IS_UTF8 = 0x1, 0x8, 0x800
_IN_ZIP64 = 0xFFFFFFFF
# the end of the directory, with the longest comment
_END_BYTES = 22 + 2**16


def difference(file: BinaryIO, archive: zipfile.ZipFile) -> str | None:
    """Return how the directory of an archive differs from its members, or None.

    Parameters
    ----------
    file : file
        The archive's own, open.
    archive : zipfile.ZipFile
        As read from it.
    """
    at = 0
    for member in sorted(archive.infolist(), key=lambda member: member.header_offset):
        if member.header_offset < at:
            return f"the member before {member.filename!r} is longer than the directory says"
        if _holds_member(file, at, member.header_offset):
            return f"there is a member before {member.filename!r} that the directory does not name"
        end = _end_of(file, member)
        if end is None:
            return f"the directory and the member {member.filename!r} differ in name, size or checksum"
        at = end
    if at > archive.start_dir:
        return "the last member is longer than the directory says"
    if _holds_member(file, at, archive.start_dir):
        return "there is a member at the end that the directory does not name"
    n_said = _count(file)
    if n_said not in (len(archive.infolist()), 0xFFFF):
        return f"the directory names {len(archive.infolist())} members and its end says {n_said}"
    return None


def _end_of(file: BinaryIO, member: zipfile.ZipInfo) -> int | None:
    """Return the byte after a member, or None where its header says otherwise than the directory."""
    file.seek(member.header_offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size:
        return None
    signature, _, flags, method, _, _, crc, n_packed, n_bytes, n_name, n_extra = _LOCAL.unpack(head)
    name, extra = file.read(n_name), file.read(n_extra)
    said = member.orig_filename.encode("utf-8" if member.flag_bits & _IS_UTF8 else "cp437")
    same = (signature, name, method) == (_MEMBER, said, member.compress_type)
    # other flags differ between the two where some programs write archives
    compared = _ENCRYPTED if name.isascii() else _ENCRYPTED | _IS_UTF8
    if not same or (flags ^ member.flag_bits) & compared:
        return None
    wanted = (member.CRC, member.compress_size, member.file_size)
    end = member.header_offset + _LOCAL.size + n_name + n_extra + member.compress_size
    if not flags & _HAS_DESCRIPTOR:
        if _IN_ZIP64 in (n_packed, n_bytes):
            n_packed, n_bytes = _zip64(extra, n_packed, n_bytes)
        return end if (crc, n_packed, n_bytes) == wanted else None
    file.seek(end)
    behind = file.read(24)
    n_signature = 4 if behind.startswith(_DESCRIPTOR) else 0
    for sizes in ("<3I", "<I2Q"):
        n = struct.calcsize(sizes)
        if len(behind) >= n_signature + n and struct.unpack_from(sizes, behind, n_signature) == wanted:
            return end + n_signature + n
    return None


def _zip64(extra: bytes, n_packed: int, n_bytes: int) -> tuple[int, int]:
    """Return the two sizes with those that the Zip64 field holds in place of their markers."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1 and at + 4 + length <= len(extra):
            held = list(struct.unpack_from(f"<{length // 8}Q", extra, at + 4))
            if n_bytes == _IN_ZIP64 and held:
                n_bytes = held.pop(0)
            if n_packed == _IN_ZIP64 and held:
                n_packed = held.pop(0)
        at += 4 + length
    return n_packed, n_bytes


def _holds_member(file: BinaryIO, start: int, end: int) -> bool:
    """Return whether a member's header is among the bytes from ``start`` to ``end``, where the directory has none."""
    tail = b""
    file.seek(start)
    while start < end:
        chunk = file.read(min(2**20, end - start))
        if not chunk:
            return False
        if _MEMBER in tail + chunk:
            return True
        start, tail = start + len(chunk), chunk[-3:]
    return False


def _count(file: BinaryIO) -> int | None:
    """Return the number of members that the end of the directory says; 65535 is that of the Zip64 end."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES))
    data = file.read()
    at = data.rfind(_END)
    if at < 0 or at + 12 > len(data):
        return None
    return int(struct.unpack_from("<H", data, at + 10)[0])
