"""Whose pictures of CK+ may be published, and how copies of CK+ are recognized.

Its license agreement allows pictures of a few subjects in publications, with a credit line, and of nobody else.
"""

from __future__ import annotations

import re

from ckseq.recording import ArchiveMembers, Frames, ImageFiles

PUBLISHABLE = (52, 55, 74, 106, 111, 113, 121, 124, 125, 130, 132)
"""The numbers of the subjects whose pictures may be published."""

CREDIT = "(c) Jeffrey Cohn"
"""The line that has to stand beside their pictures."""

_SUBJECT = re.compile(r"S?0*([0-9]+)")
_FRAME = re.compile(r"S[0-9]{3}_[0-9]{3}_[0-9]{8}\.[a-z]+", re.IGNORECASE)
_ID = re.compile(r"S[0-9]{3,4}_[0-9]{3}")


def is_publishable(subject: str) -> bool:
    """Return whether pictures of a subject of CK+ may be published.

    >>> is_publishable("S052"), is_publishable("S52"), is_publishable("S010")
    (True, True, False)
    """
    match = _SUBJECT.fullmatch(subject)
    return match is not None and int(match[1]) in PUBLISHABLE


def is_named_as_frames(frames: Frames) -> bool:
    """Return whether a frame is named as those of CK+ are, ``S005_001_00000001.png``; no pixels are read."""
    match frames:
        case ImageFiles(paths):
            names = [path.name for path in paths]
        case ArchiveMembers(_, members):
            names = [member.rpartition("/")[2] for member in members]
        case _:
            return False
    return any(_FRAME.fullmatch(name) for name in names)


def is_named_as_recording(id: str) -> bool:
    """Return whether a recording is named as those of CK+ are.

    >>> is_named_as_recording("S005_001"), is_named_as_recording("speaker-3_smile")
    (True, False)
    """
    return _ID.fullmatch(id) is not None
