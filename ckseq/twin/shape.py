"""The mean face: 68 points in iBUG order, in units of the interpupillary distance, and their mirror pairs."""

from __future__ import annotations

import numpy as np

from ckseq.twin.kinds import Floats

# x right, y down, origin between the pupils; the image-left half and the points of the middle line
_LEFT = {
    0: (-1.12, -0.05), 1: (-1.11, 0.28), 2: (-1.06, 0.60), 3: (-0.97, 0.92), 4: (-0.84, 1.22), 5: (-0.66, 1.48),
    6: (-0.46, 1.65), 7: (-0.24, 1.785), 8: (0.0, 1.84),
    17: (-0.90, -0.23), 18: (-0.75, -0.36), 19: (-0.55, -0.405), 20: (-0.36, -0.38), 21: (-0.19, -0.31),
    27: (0.0, -0.03), 28: (0.0, 0.19), 29: (0.0, 0.40), 30: (0.0, 0.59),
    31: (-0.22, 0.70), 32: (-0.11, 0.745), 33: (0.0, 0.77),
    36: (-0.74, 0.01), 37: (-0.60, -0.085), 38: (-0.42, -0.085),
    39: (-0.27, 0.03), 40: (-0.42, 0.075), 41: (-0.59, 0.08),
    48: (-0.44, 1.13), 49: (-0.26, 1.045), 50: (-0.10, 1.0), 51: (0.0, 1.018), 57: (0.0, 1.30), 58: (-0.13, 1.29),
    59: (-0.29, 1.225), 60: (-0.38, 1.13), 61: (-0.13, 1.117), 62: (0.0, 1.122), 66: (0.0, 1.132), 67: (-0.13, 1.128),
}  # fmt: skip

#: the point that mirrors each point; a point of the middle line mirrors itself
MIRROR = np.arange(68)
for _one, _other in (
    *((i, 16 - i) for i in range(9)),
    *((17 + i, 26 - i) for i in range(5)),
    (31, 35), (32, 34), (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46),
    (48, 54), (49, 53), (50, 52), (59, 55), (58, 56), (60, 64), (61, 63), (67, 65),
):  # fmt: skip
    MIRROR[_one], MIRROR[_other] = _other, _one

JAW = np.arange(17)
LEFT_BROW, RIGHT_BROW = np.arange(17, 22), np.arange(22, 27)
LEFT_EYE, RIGHT_EYE = np.arange(36, 42), np.arange(42, 48)
NOSE = np.arange(27, 36)
OUTER_LIPS, INNER_LIPS = np.arange(48, 60), np.arange(60, 68)
#: upper points above their lower partners: eyelids and the inner edges of the lips
LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
LIPS = ((61, 67), (62, 66), (63, 65))


def mirrored(points: Floats) -> Floats:
    """Return a (68, 2) face reflected at the middle line, its points in iBUG order again."""
    return points[MIRROR] * (-1.0, 1.0)


def _mean() -> Floats:
    points = np.zeros((68, 2))
    for index, place in _LEFT.items():
        points[index] = place
        points[MIRROR[index]] = (-place[0], place[1])
    return points


_DEPTH = {
    0: -0.75, 1: -0.7, 2: -0.6, 3: -0.5, 4: -0.35, 5: -0.2, 6: -0.05, 7: 0.05, 8: 0.1,
    17: -0.1, 18: 0.06, 19: 0.14, 20: 0.18, 21: 0.2, 27: 0.2, 28: 0.32, 29: 0.45, 30: 0.56, 31: 0.25,
    32: 0.32, 33: 0.36, 36: -0.06, 37: 0.05, 38: 0.07, 39: 0.04, 40: 0.06, 41: 0.04,
    48: 0.1, 49: 0.2, 50: 0.27, 51: 0.28, 57: 0.28, 58: 0.27, 59: 0.2, 60: 0.1, 61: 0.22, 62: 0.25, 66: 0.24, 67: 0.22,
}  # fmt: skip


def _depth() -> Floats:
    depth = np.zeros(68)
    for index, front in _DEPTH.items():
        depth[[index, MIRROR[index]]] = front
    return depth


#: (68, 2), pupil distances
MEAN = _mean()
#: (68,), how far each point stands in front of the plane of the eyes, pupil distances: what turns with the head
DEPTH = _depth()
