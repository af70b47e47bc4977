"""A subject's appearance: proportions, colors, hair, light; drawn once per subject, constant over all sessions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ckseq.twin.kinds import Floats
from ckseq.twin.shape import INNER_LIPS, JAW, LEFT_BROW, LEFT_EYE, MEAN, MIRROR, NOSE, OUTER_LIPS, RIGHT_BROW, RIGHT_EYE

HAIR_STYLES = ("short", "parted", "fringe", "long", "tied", "curly", "receding")

# colors are R, G, B
_SKINS = np.array(
    [(250, 222, 202), (243, 207, 180), (230, 186, 152), (212, 162, 124), (186, 134, 98), (150, 104, 76), (116, 80, 60)],
    float,
)
_DARK_HAIR = np.array([(26, 22, 22), (44, 32, 26), (66, 44, 30)], float)
_LIGHT_HAIR = np.array([(104, 70, 42), (150, 108, 62), (196, 158, 100), (128, 56, 30), (150, 146, 142)], float)
_IRISES = np.array([(84, 56, 38), (108, 74, 42), (96, 104, 66), (88, 122, 146), (110, 130, 128)], float)
_SHIRTS = np.array(
    [
        (58, 76, 104),
        (120, 44, 48),
        (52, 92, 78),
        (196, 190, 178),
        (74, 66, 92),
        (206, 158, 82),
        (60, 62, 66),
        (150, 116, 128),
    ],
    float,
)
_WALLS = np.array(
    [(176, 184, 190), (198, 190, 178), (146, 160, 156), (120, 128, 140), (188, 196, 184), (96, 100, 106)], float
)


@dataclass(frozen=True)
class Identity:
    """The appearance of a subject.

    Lengths are in pupil distances, colors are (R, G, B) at full light, shares run from 0 to 1.
    """

    points: Floats  # (68, 2), the neutral face
    pupil_distance_px: float
    skin: Floats
    lips: Floats
    hair: Floats
    brows: Floats
    iris: Floats
    shirt: Floats
    wall: Floats
    hair_style: str
    hairline: float
    brow_thickness: float
    crease: float
    freckles: float
    beard: float
    glasses: bool
    neck_width: float
    light: Floats  # unit vector towards the light: x right, y down, z to the camera
    ambient: float
    exposure: float
    expressiveness: float
    texture_seed: int


def identity(rng: np.random.Generator, *, index: int, phase: float) -> Identity:
    """Draw a subject.

    Parameters
    ----------
    rng : numpy.random.Generator
        The subject's own.
    index : int
        The how manieth subject: skin, hair and light go through their range evenly (the golden ratio's multiples),
        so that few subjects differ as visibly as many.
    phase : float
        Where in that range subject 0 stands, 0 to 1.
    """
    tone = (phase + index * 0.6180339887) % 1.0
    sturdy = float(np.clip((phase * 7 + index * 0.7548776662) % 1.0 + rng.normal(0, 0.1), 0, 1))
    skin = _along(_SKINS, tone) * rng.normal(1, 0.02, 3)
    hair = _hair_color(rng, tone)
    styles = (
        ("short", "receding", "parted", "curly", "short")
        if sturdy > 0.5
        else ("long", "fringe", "tied", "curly", "parted")
    )
    style = styles[(index + int(phase * 5)) % 5] if rng.random() < 0.7 else str(rng.choice(styles))
    beard = float(rng.uniform(0.25, 1.0)) if sturdy > 0.6 and rng.random() < 0.45 else 0.0
    azimuth = ((phase * 3 + index * 0.5698402910) % 1.0 * 2 - 1) * 0.85
    towards = np.array([np.sin(azimuth) * 0.75, -rng.uniform(0.28, 0.6), 1.0])
    brightness = float(skin.mean() / 200)
    return Identity(
        points=_proportions(rng, sturdy),
        pupil_distance_px=float(np.clip(rng.normal(87, 4), 78, 95)),
        skin=skin,
        lips=np.clip(
            skin * np.array((0.90, 0.62 + 0.12 * tone, 0.64 + 0.10 * tone))
            + rng.uniform(0, 12) * np.array((1.0, -0.6, 0.0)),
            0,
            255,
        ),
        hair=hair,
        brows=np.clip(0.8 * hair + 0.06 * skin, 0, 0.55 * skin),
        iris=_IRISES[int(rng.integers(len(_IRISES) if tone < 0.5 else 2))] * rng.uniform(0.85, 1.15),
        shirt=_SHIRTS[int(rng.integers(len(_SHIRTS)))] * rng.uniform(0.85, 1.1),
        wall=_WALLS[int(rng.integers(len(_WALLS)))] * rng.uniform(0.85, 1.05),
        hair_style=style,
        hairline=float(-1.08 + rng.normal(0, 0.06) - (0.15 if style == "receding" else 0)),
        brow_thickness=float(np.clip(0.05 + 0.035 * sturdy + rng.normal(0, 0.012), 0.035, 0.11)),
        crease=float(np.clip(rng.beta(2, 2.5) + (0.25 if hair[0] > 125 and hair[2] > 125 else 0), 0.1, 1)),
        freckles=float(max(0, rng.uniform(-1, 1)) if tone < 0.45 else 0),
        beard=beard,
        glasses=bool(rng.random() < 0.14),
        neck_width=float(0.62 + 0.16 * sturdy + rng.normal(0, 0.03)),
        light=towards / np.linalg.norm(towards),
        ambient=float(rng.uniform(0.34, 0.52)),
        exposure=float(np.clip(rng.normal(1.0, 0.05), 0.9, 1.1) * (1.06 - 0.24 * (brightness - 0.75))),
        expressiveness=float(np.clip(rng.normal(1.0, 0.16), 0.65, 1.35)),
        texture_seed=int(rng.integers(2**31)),
    )


def _along(colors: Floats, place: float) -> Floats:
    position = place * (len(colors) - 1)
    first = min(int(position), len(colors) - 2)
    return colors[first] + (position - first) * (colors[first + 1] - colors[first])


def _hair_color(rng: np.random.Generator, tone: float) -> Floats:
    colors = _DARK_HAIR if rng.random() < 0.15 + 1.3 * tone else _LIGHT_HAIR
    return np.asarray(colors[int(rng.integers(len(colors)))] * rng.uniform(0.85, 1.15), float)


def _proportions(rng: np.random.Generator, sturdy: float) -> Floats:
    """Vary the mean face: widths, heights, tilts, and a small asymmetry."""

    def vary(spread: float, lean: float = 0.0) -> float:
        return float(1 + np.clip(rng.normal(0, spread), -2 * spread, 2 * spread) + lean * (sturdy - 0.5))

    points = MEAN.copy()
    _about(points, JAW, (0, 0), (vary(0.035, 0.06), vary(0.035, 0.08)))
    low = np.clip(points[JAW, 1] / 1.8, 0, 1)
    squareness = 0.12 * (sturdy - 0.5) + rng.normal(0, 0.04)
    points[JAW, 0] *= 1 + squareness * np.sin(np.pi * np.clip(low * 0.85, 0, 1)) ** 2 * 1.4
    spacing = rng.normal(0, 0.02)
    size, openness, slant = vary(0.05, -0.08), vary(0.1, -0.16), rng.normal(0, 0.018)
    for eye, sign in ((LEFT_EYE, -1), (RIGHT_EYE, 1)):
        center = points[eye].mean(axis=0)
        _about(points, eye, center, (size, size * openness))
        points[eye, 1] -= sign * slant * (points[eye, 0] - center[0]) / 0.25
        points[eye, 0] += sign * spacing
    lift, arch, tilt = rng.normal(0.0, 0.03) + 0.06 * (sturdy - 0.5), vary(0.25, -0.4), rng.normal(0, 0.03)
    for brow in (LEFT_BROW, RIGHT_BROW):
        base = points[brow, 1].max()
        points[brow, 1] = base + (points[brow, 1] - base) * arch + lift
        points[brow, 1] += tilt * (np.abs(points[brow, 0]) - 0.55) / 0.35
        points[brow, 0] *= vary(0.02)
    _about(points, NOSE, (0, -0.03), (1, vary(0.05, 0.06)))
    points[31:36, 0] *= vary(0.1, 0.18)
    lips = np.concatenate([OUTER_LIPS, INNER_LIPS])
    down = 0.6 * (points[33, 1] - MEAN[33, 1]) + rng.normal(0, 0.02)
    _about(points, lips, (0, 1.13), (vary(0.07, 0.03), 1))
    for rows, fullness in (((49, 50, 51, 52, 53), vary(0.22, -0.2)), ((55, 56, 57, 58, 59), vary(0.2, -0.15))):
        points[list(rows), 1] = 1.125 + (points[list(rows), 1] - 1.125) * fullness
    points[lips, 1] += down
    # faces are asymmetric
    uneven = rng.normal(0, 0.008, (68, 2))
    uneven[np.arange(68) == MIRROR, 0] *= 0.5
    uneven[INNER_LIPS] = 0
    uneven[list(LEFT_EYE) + list(RIGHT_EYE)] *= 0.4
    return points + uneven


def _about(
    points: Floats, which: NDArray[np.intp], center: Floats | tuple[float, float], factors: tuple[float, float]
) -> None:
    points[which] = np.asarray(center) + (points[which] - np.asarray(center)) * factors
