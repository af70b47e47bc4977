"""Video files made for the tests, as phones make them: held upright, or with frames at uneven times."""

import os
import struct

import cv2

# the first film that is written decides how much FFmpeg tells
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
# how an MP4 says that its pixels are to be turned clockwise: the matrix of a track's header, 16.16 and 2.30 fixed point
_TURNS = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


def write_video(path, frames, *, fps=25, codec="mp4v"):
    """Write BGR or gray frames of one size with OpenCV's own encoder."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), fps, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) if frame.ndim == 2 else frame)
    writer.release()
    return path


def turned(path, degrees):
    """Make an MP4 say that its pixels are to be shown turned clockwise."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = _TURNS[degrees]
    one = 1 << 16
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def with_durations(path, durations):
    """Make an MP4 whose index stands at its end say how long each frame lasts, in multiples of what it lasted."""
    data = path.read_bytes()
    assert data.index(b"mdat") < data.index(b"moov")
    path.write_bytes(_rewritten(data, durations))
    return path


def _rewritten(data, durations):
    result, at = b"", 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + size]
        if kind in _CONTAINERS:
            body = _rewritten(body, durations)
        elif kind == b"stts":
            (usual,) = struct.unpack_from(">I", body, 12)
            body = struct.pack(">II", 0, len(durations)) + b"".join(struct.pack(">II", 1, n * usual) for n in durations)
        elif kind == b"edts":
            # an edit list would cut the film at its former length
            body, kind = body, b"free"
        result += struct.pack(">I4s", len(body) + 8, kind) + body
        at += size
    return result
