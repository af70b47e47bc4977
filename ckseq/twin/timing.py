"""How a sequence goes on in time: onset of each action unit, drift of the head, blinks, the camera's unrest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ckseq.twin.kinds import Floats
from ckseq.twin.render import Pose
from ckseq.twin.shape import DEPTH


@dataclass(frozen=True)
class Course:
    """One sequence of n frames, before anything is drawn.

    Parameters
    ----------
    activations : (n, units) floats
        What each unit has reached of its apex: 0 in the first frame, 1 in the last.
    closed : (n,) floats
        How far a blink has closed the eyes.
    gaze : (n, 2) floats
        How far the pupils look aside, pupil distances.
    turn : (n, 2) floats
        How far the head has turned aside and down, radians.
    poses : tuple of n Pose
        Where the head is.
    gain : (n,) floats
        The camera's exposure; about 1.
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
    """Draw how a sequence goes on.

    Parameters
    ----------
    rng : numpy.random.Generator
        The sequence's own.
    n_frames, n_units : int
        At least 2 frames.
    blink_share : float
        The chance of a blink on the way to the apex.
    drift_px : float
        How far the head wanders between frames, standard deviation along each axis.
    nod : float
        How much the head moves together with the face: 0 not at all, 1 as strongly as people do.
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
    """Return how far the 68 points move when the head turns a little: (68, 2), pupil distances."""
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
    """A random walk with some inertia that starts at 0 and is pulled back to it."""
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
