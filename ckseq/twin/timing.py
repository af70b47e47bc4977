"""The time course of a sequence: onset of each action unit, head drift, blinks, camera exposure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ckseq.twin.kinds import Floats
from ckseq.twin.render import Pose
from ckseq.twin.shape import DEPTH


@dataclass(frozen=True)
class Course:
    """The time course of a sequence of n frames.

    Parameters
    ----------
    activations : (n, units) floats
        Activation of each unit relative to its apex: 0 in the first frame, 1 in the last.
    closed : (n,) floats
        Eye closure of a blink, 0 to 1.
    gaze : (n, 2) floats
        Displacement of the pupils, in interpupillary distances.
    turn : (n, 2) floats
        Yaw and pitch of the head, radians.
    poses : tuple of n Pose
        The position of the head.
    gain : (n,) floats
        Camera exposure; about 1.
    """

    activations: Floats
    closed: Floats
    gaze: Floats
    turn: Floats
    poses: tuple[Pose, ...]
    gain: Floats


def length(rng: np.random.Generator, *, median: int, shortest: int, longest: int) -> int:
    """Draw a number of frames: log-normal, skewed to the right as in CK+."""
    return int(np.clip(round(median * float(np.exp(rng.normal(0, 0.42)))), shortest, longest))


def course(
    rng: np.random.Generator, *, n_frames: int, n_units: int, blink_share: float, drift_px: float, nod: float
) -> Course:
    """Draw the time course of a sequence.

    Parameters
    ----------
    rng : numpy.random.Generator
        The generator of this sequence.
    n_frames, n_units : int
        At least 2 frames.
    blink_share : float
        Probability of a blink before the apex.
    drift_px : float
        Head drift between frames, standard deviation along each axis, pixels.
    nod : float
        Coupling of head movement with the expression: 0 none, 1 as in real people.
    """
    activations = _onsets(rng, n_frames, n_units)
    overall = activations.mean(axis=1) if n_units else np.zeros(n_frames)
    wander = _wander(rng, n_frames, 5) * (drift_px, drift_px, 0.0012, 0.0006, 0.0)
    along = rng.normal(0, 1, 4) * nod
    shifts = wander[:, :2] + overall[:, None] * along[:2] * (1.0, 1.6)
    roll = wander[:, 2] + overall * along[2] * 0.008
    zoom = 1 + wander[:, 3] + overall * along[3] * 0.006
    return Course(
        activations=activations,
        closed=_blink(rng, n_frames, blink_share),
        gaze=_wander(rng, n_frames, 2) * 0.002 + rng.normal(0, 0.012, 2),
        turn=_wander(rng, n_frames, 2) * 0.004 + overall[:, None] * rng.normal(0, 0.02, 2) * nod,
        poses=tuple(
            Pose((float(s[0]), float(s[1])), float(r), float(z)) for s, r, z in zip(shifts, roll, zoom, strict=True)
        ),
        gain=1 + _wander(rng, n_frames, 1)[:, 0] * 0.0012 + rng.normal(0, 0.001, n_frames),
    )


def turned(turn: Floats) -> Floats:
    """Return the displacement of the 68 points for a small head turn: (68, 2), in interpupillary distances."""
    return np.asarray(DEPTH[:, None] * np.sin(turn)[None])


def _onsets(rng: np.random.Generator, n_frames: int, n_units: int) -> Floats:
    start, hold = rng.uniform(0.02, 0.35), rng.uniform(0.0, 0.3)
    time = np.linspace(0, 1, n_frames)[:, None]
    begins = np.clip(start + rng.normal(0, 0.05, n_units), 0.0, 0.6)
    ends = np.clip(1 - hold + rng.normal(0, 0.04, n_units), begins + 0.25, 1.0)
    ramp = np.clip((time - begins) / (ends - begins), 0, 1) ** rng.uniform(0.7, 1.5, n_units)
    smooth = ramp * ramp * (3 - 2 * ramp)
    tremor = rng.normal(0, 0.02, (n_frames, n_units)) * smooth * (1 - time)
    return np.asarray(np.clip(smooth + tremor, 0, 1))


def _wander(rng: np.random.Generator, n_frames: int, n_values: int) -> Floats:
    """Return a random walk with inertia that starts at 0 and reverts to it."""
    place, speed = np.zeros(n_values), np.zeros(n_values)
    places = [place]
    for push in rng.normal(0, 1, (n_frames - 1, n_values)):
        speed = 0.6 * speed + 0.8 * push
        place = 0.97 * place + speed
        places.append(place)
    return np.stack(places)


def _blink(rng: np.random.Generator, n_frames: int, share: float) -> Floats:
    closed = np.zeros(n_frames)
    happens, middle, half = rng.random() < share, rng.uniform(0.1, 0.7) * n_frames, rng.uniform(1.3, 2.6)
    if happens and n_frames >= 10:
        closed = np.clip(1.15 - np.abs(np.arange(n_frames) - middle) / half, 0, 1)
    return closed
