"""Facial action units: their movements, the units of each emotion, and the variation between people.

Numbers and prototypes: Ekman, Friesen & Hager, Facial Action Coding System (2002); Lucey et al., The Extended
Cohn-Kanade Dataset (2010), table 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ckseq.twin.kinds import Floats
from ckseq.twin.shape import LIDS, LIPS, MIRROR, mirrored


class Unit(NamedTuple):
    """One action unit at the apex: its FACS number and its strength on each side of the image, 0 to about 1."""

    number: int
    left: float
    right: float

    @property
    def intensity(self) -> int:
        """FACS intensity, 1 (A, trace) to 5 (E, maximum)."""
        return int(np.clip(np.ceil(5 * max(self.left, self.right)), 1, 5))


# full intensity on the image-left side: {points: (dx, dy)} in pupil distances, x towards the middle is positive
_MOVES: dict[int, dict[tuple[int, ...], tuple[float, float]]] = {
    1: {(21,): (0.01, -0.18), (20,): (0, -0.13), (19,): (0, -0.05)},
    2: {(17,): (0, -0.13), (18,): (0, -0.16), (19,): (0, -0.13), (20,): (0, -0.05)},
    4: {(21,): (0.07, 0.12), (20,): (0.06, 0.11), (19,): (0.04, 0.08), (18,): (0.02, 0.05), (17,): (0, 0.03)},
    5: {(37, 38): (0, -0.08), (40, 41): (0, 0.012)},
    6: {(40, 41): (0, -0.045), (37,): (0, 0.02), (2, 3): (-0.015, -0.02), (36,): (0, -0.01)},
    7: {(37, 38): (0, 0.035), (40, 41): (0, -0.035)},
    9: {
        (31,): (0.01, -0.08), (32,): (0, -0.06), (33, 30, 29): (0, -0.05), (49, 50, 51): (0, -0.05),
        (21,): (0.03, 0.08), (20,): (0.02, 0.07), (19,): (0, 0.05), (40, 41): (0, -0.03), (37, 38): (0, 0.025),
    },
    10: {
        (49,): (-0.02, -0.08), (50, 51): (0, -0.11), (61, 62): (0, -0.085), (31,): (-0.02, -0.04), (48, 60): (0, -0.02),
    },
    12: {
        (48,): (-0.17, -0.15), (60,): (-0.16, -0.14), (49,): (-0.09, -0.05), (59,): (-0.10, -0.05),
        (50,): (-0.03, 0.015), (51,): (0, 0.02), (58,): (-0.05, -0.02),
        (57,): (0, -0.03), (61, 67): (-0.05, 0.0), (3, 4): (-0.02, -0.02), (31,): (-0.02, -0.01),
    },
    14: {(48,): (-0.12, -0.07), (60,): (-0.11, -0.07), (49, 59): (-0.05, -0.03), (61, 67): (-0.02, -0.005)},
    15: {(48,): (-0.01, 0.15), (60,): (-0.01, 0.135), (49,): (0, 0.035), (59,): (0, 0.06)},
    17: {
        (57, 58): (0, -0.08), (59,): (0, -0.04), (66, 67): (0, -0.055), (61, 62): (0, -0.045), (51, 50): (0, -0.03),
        (8,): (0, -0.05), (7,): (0, -0.035), (6,): (0, -0.015),
    },
    20: {(48, 60): (-0.16, 0.035), (49, 59): (-0.08, 0.015), (58, 67, 61): (-0.03, 0.0), (4, 5): (-0.02, 0)},
    23: {(48, 60): (0.06, 0), (49,): (0.02, 0.03), (50, 51): (0, 0.04), (59,): (0.02, -0.03), (57, 58): (0, -0.05)},
    24: {(48, 60): (0.02, 0.0), (49, 50, 51): (0, 0.025), (57, 58, 59): (0, -0.035)},
    25: {(61, 62): (0, -0.03), (50, 51): (0, -0.02), (66, 67): (0, 0.06), (57, 58): (0, 0.055), (59,): (0, 0.03)},
    26: {
        (66, 67): (0, 0.25), (57, 58): (0, 0.25), (59,): (0.02, 0.17), (48, 60): (0.03, 0.09), (49,): (0.01, 0.01),
        (8,): (0, 0.22), (7,): (0, 0.21), (6,): (0, 0.18), (5,): (0, 0.12), (4,): (0.01, 0.07), (3,): (0.01, 0.03),
    },
    27: {
        (66, 67): (0, 0.45), (57, 58): (0, 0.45), (59,): (0.05, 0.32), (48, 60): (0.08, 0.17), (49,): (0.03, 0.01),
        (61, 62): (0, -0.03), (50, 51): (0, -0.02),
        (8,): (0, 0.40), (7,): (0, 0.38), (6,): (0, 0.32), (5,): (0.01, 0.22), (4,): (0.02, 0.12), (3,): (0.02, 0.05),
    },
}  # fmt: skip

NUMBERS = tuple(_MOVES)


def _basis(number: int) -> Floats:
    left = np.zeros((68, 2))
    for points, move in _MOVES[number].items():
        left[list(points)] = move
    on_middle = np.arange(68) == MIRROR
    left[on_middle] *= (0.0, 0.5)  # the middle line is moved half by each side, and never sideways
    return np.stack([left, mirrored(left)])


_BASES = {number: _basis(number) for number in NUMBERS}


def displacement(units: tuple[Unit, ...], activations: Floats) -> Floats:
    """Return the displacement of the 68 points.

    Parameters
    ----------
    units : tuple of Unit
        What the face does at the apex.
    activations : (len(units),) floats
        How much of its apex each unit has reached, 0 to 1.

    Returns
    -------
    (68, 2) floats
        Pupil distances, x right and y down.
    """
    moved = np.zeros((68, 2))
    for unit, activation in zip(units, activations, strict=True):
        left, right = _BASES[unit.number]
        moved += activation * (unit.left * left + unit.right * right)
    return moved


def settled(points: Floats, *, closed: float) -> Floats:
    """Return a face with eyelids closed by a share, and without lids or lips crossing each other.

    Parameters
    ----------
    points : (68, 2) floats
        A face, upright.
    closed : float
        0 leaves the upper lids where they are, 1 brings them down on the lower ones.
    """
    result = points.copy()
    for upper, lower in LIDS:
        result[upper] += closed * 0.92 * (points[lower] - points[upper])
    for upper, lower in LIDS + LIPS:
        if result[upper, 1] > result[lower, 1]:
            result[[upper, lower], 1] = result[[upper, lower], 1].mean()
    return result


class _Part(NamedTuple):
    number: int
    chance: float  # probability that it is part of this emotion
    strength: float  # relative to the expression's own


_PROTOTYPES: dict[str, tuple[_Part, ...]] = {
    "anger": (
        _Part(4, 1, 0.9),
        _Part(5, 0.35, 0.4),
        _Part(7, 0.9, 0.8),
        _Part(17, 0.4, 0.5),
        _Part(23, 0.8, 0.8),
        _Part(24, 0.6, 0.8),
    ),
    "contempt": (
        _Part(14, 1, 0.9),
        _Part(12, 0.25, 0.3),
    ),
    "disgust": (
        _Part(9, 0.9, 0.9),
        _Part(10, 0.85, 0.8),
        _Part(4, 0.35, 0.4),
        _Part(7, 0.4, 0.5),
        _Part(17, 0.4, 0.5),
        _Part(25, 0.25, 0.5),
    ),
    "fear": (
        _Part(1, 1, 0.8),
        _Part(2, 0.8, 0.5),
        _Part(4, 0.9, 0.5),
        _Part(5, 0.8, 0.7),
        _Part(20, 0.9, 0.8),
        _Part(25, 0.9, 0.8),
        _Part(26, 0.3, 0.3),
    ),
    "happiness": (
        _Part(6, 0.9, 0.8),
        _Part(12, 1, 0.9),
        _Part(25, 0.85, 1.2),
        _Part(26, 0.15, 0.25),
    ),
    "sadness": (
        _Part(1, 0.95, 0.7),
        _Part(4, 0.85, 0.45),
        _Part(15, 1, 0.85),
        _Part(17, 0.6, 0.7),
    ),
    "surprise": (
        _Part(1, 1, 0.9),
        _Part(2, 1, 0.9),
        _Part(5, 0.85, 0.8),
        _Part(25, 1, 0.6),
        _Part(26, 0.45, 0.9),
        _Part(27, 0.55, 0.85),
    ),
}
# at least one of these must be present
_CARRIERS = {"disgust": (9, 10), "surprise": (26, 27), "anger": (23, 24)}
_EXCLUSIVE = ((26, 27),)
_UNILATERAL = {"contempt"}

EXPRESSIONS = tuple(_PROTOTYPES)


def expression(emotion: str, rng: np.random.Generator, *, strength: float) -> tuple[Unit, ...]:
    """Sample one subject's expression of an emotion.

    Parameters
    ----------
    emotion : str
        One of `EXPRESSIONS`.
    rng : numpy.random.Generator
        Chooses the optional units, the strength of each and the difference of the sides.
    strength : float
        0 is nothing, 1 as strong as people do it.
    """
    parts = [part for part in _PROTOTYPES[emotion] if rng.random() < part.chance]
    carriers = _CARRIERS.get(emotion, ())
    if carriers and not any(part.number in carriers for part in parts):
        chosen = int(rng.choice(carriers))
        parts += [part for part in _PROTOTYPES[emotion] if part.number == chosen]
    for first, second in _EXCLUSIVE:
        if {first, second} <= {part.number for part in parts}:
            dropped = (first, second)[int(rng.integers(2))]
            parts = [part for part in parts if part.number != dropped]
    side = float(rng.integers(2))
    tilt = float(rng.normal(0, 0.1))
    return tuple(
        _one_sided(part, rng, strength, side)
        if emotion in _UNILATERAL
        else _two_sided(part.number, rng, strength * part.strength, tilt)
        for part in sorted(parts)
    )


def gesture(rng: np.random.Generator, *, strength: float) -> tuple[Unit, ...]:
    """Sample a gesture without a particular emotion: one to three units, as in CK+'s unlabeled sequences."""
    numbers = rng.choice([n for n in NUMBERS if n != 27], size=int(rng.integers(1, 4)), replace=False)
    tilt = float(rng.normal(0, 0.12))
    return tuple(_two_sided(int(number), rng, 0.8 * strength, tilt) for number in sorted(numbers))


def _two_sided(number: int, rng: np.random.Generator, strength: float, tilt: float) -> Unit:
    level = strength * np.clip(rng.normal(1, 0.15), 0.6, 1.4)
    lean = np.clip(tilt + rng.normal(0, 0.05), -0.3, 0.3)
    return Unit(number, float(level * (1 + lean)), float(level * (1 - lean)))


def _one_sided(part: _Part, rng: np.random.Generator, strength: float, side: float) -> Unit:
    level = strength * part.strength * np.clip(rng.normal(1.1, 0.15), 0.7, 1.5)
    rest = level * rng.uniform(0, 0.25)
    return Unit(part.number, float(level if side == 0 else rest), float(rest if side == 0 else level))
