"""A synthetic data set: planned first, then drawn sequence by sequence, in the layout of CK+.

A sequence depends on the seed, its subject and its session alone, so a larger set contains a smaller one unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from pydantic import Field, model_validator

from ckseq import config
from ckseq.labels import EMOTIONS, Emotion
from ckseq.twin import timing
from ckseq.twin.action_units import EXPRESSIONS, Unit, displacement, expression, gesture
from ckseq.twin.identity import Identity, identity
from ckseq.twin.kinds import Floats, Image
from ckseq.twin.render import Sitter

Name = Literal["anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise"]

SHORTEST, LONGEST = 6, 71  # frames, as in CK+
_ALL: tuple[Name, ...] = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
IMAGES = "cohn-kanade-images"
"""The folder of the frames."""
_GOLDEN = 0.6180339887
_NOD = 0.6  # coupling of head movement with the expression, relative to real people
_MARGIN = 160  # pixels by which the noise image is larger than a frame
_PLAN, _COURSE = 0, 1  # random streams of a session


class TwinConfig(config.Config):
    """The contents of a synthetic data set."""

    seed: int = Field(0, ge=0, description="random seed; equal seeds give equal bytes")
    n_subjects: int = Field(12, ge=1, le=300, description="number of subjects")
    emotions: tuple[Name, ...] = Field(_ALL, strict=False, min_length=1, description="the emotions to show")
    emotions_per_subject: int = Field(5, ge=0, le=7, description="labeled sequences per subject, one per emotion")
    unlabeled_share: float = Field(0.15, ge=0, lt=1, description="share of sequences without a label")
    color_share: float = Field(0.12, ge=0, le=1, description="share of sequences in color; the others are gray")
    median_frames: int = Field(16, ge=SHORTEST, le=LONGEST, description="median length of a sequence, frames (6 to 71)")
    expression_strength: float = Field(1.0, gt=0, le=1.5, description="strength of the expressions; 1 is as in CK+")
    head_drift_px: float = Field(
        0.1, ge=0, le=5, description="head movement between frames, standard deviation in pixels"
    )
    noise_levels: float = Field(1.5, ge=0, le=50, description="sensor noise, standard deviation in gray levels of 255")
    blink_share: float = Field(0.2, ge=0, le=1, description="share of sequences with a blink")

    @model_validator(mode="after")
    def _each_emotion_once(self) -> TwinConfig:
        if len(set(self.emotions)) < len(self.emotions):
            raise ValueError("an emotion is listed twice")
        return self


@dataclass(frozen=True)
class SequencePlan:
    """The plan of one sequence: subject, expression, and recording conditions.

    ``label`` is None for a sequence without a label; ``empty_emotion_folder`` tells whether its session then has an
    empty folder under Emotion. ``units`` is the face at the apex, the last frame.
    """

    config: TwinConfig
    index: int
    subject: str
    session: int
    label: Emotion | None
    empty_emotion_folder: bool
    units: tuple[Unit, ...]
    n_frames: int
    height: int
    width: int
    color: bool

    @property
    def id(self) -> str:
        """The sequence's name, as ``S005_001``."""
        return f"{self.subject}_{self.session:03d}"


def plan(config: TwinConfig) -> list[SequencePlan]:
    """Return the sequences of a data set, sorted by subject and session; nothing is drawn.

    Parameters
    ----------
    config : TwinConfig
        The contents.
    """
    steps = np.random.default_rng(np.random.SeedSequence(config.seed)).integers(1, 4, config.n_subjects)
    numbers = 5 + np.cumsum(steps) - steps[0]
    return [
        sequence
        for index in range(config.n_subjects)
        for sequence in _of_subject(config, index, f"S{numbers[index]:03d}")
    ]


def draw(sequence: SequencePlan) -> tuple[list[Image], Floats]:
    """Draw a sequence.

    Parameters
    ----------
    sequence : SequencePlan
        From `plan`.

    Returns
    -------
    list of (h, w) or (h, w, 3) uint8, (n, 68, 2) floats
        The frames, gray or blue-green-red, neutral first and apex last; the landmarks of each in pixels.
    """
    settings = sequence.config
    rng = _stream(settings, sequence.index, sequence.session, _COURSE)
    person = _person(settings, sequence.index)
    center = np.array((0.5 * sequence.width, 0.462 * sequence.height)) + rng.normal(0, 1, 2) * (14, 6)
    sitter = Sitter(person, size=(sequence.height, sequence.width), center=center, color=sequence.color)
    path = timing.course(
        rng,
        n_frames=sequence.n_frames,
        n_units=len(sequence.units),
        blink_share=settings.blink_share,
        drift_px=settings.head_drift_px,
        nod=_NOD,
    )
    grain = _grain(rng, sitter.size, noise=settings.noise_levels)
    frames, landmarks = [], np.empty((sequence.n_frames, 68, 2))
    for t in range(sequence.n_frames):
        reached = path.activations[t]
        moves = displacement(sequence.units, reached) + timing.turned(path.turn[t])
        levels = {u.number: (u.left * a, u.right * a) for u, a in zip(sequence.units, reached.tolist(), strict=True)}
        pixels, landmarks[t] = sitter.frame(
            moves, levels, closed=float(path.closed[t]), gaze=path.gaze[t], pose=path.poses[t]
        )
        frames.append(_sensed(pixels, grain, rng, gain=float(path.gain[t])))
    return frames, landmarks


def write(sequence: SequencePlan, root: Path) -> None:
    """Draw a sequence and write its files under ``root`` in CK+'s layout.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    frames, landmarks = draw(sequence)
    folder = Path(sequence.subject) / f"{sequence.session:03d}"
    images, points, coded = (root / name / folder for name in (IMAGES, "Landmarks", "FACS"))
    for path in (images, points, coded):
        path.mkdir(parents=True, exist_ok=True)
    for number, (frame, face) in enumerate(zip(frames, landmarks, strict=True), start=1):
        name = f"{sequence.id}_{number:08d}"
        (images / f"{name}.png").write_bytes(_png(frame))
        (points / f"{name}_landmarks.txt").write_text(_table(face), encoding="ascii")
    last = f"{sequence.id}_{len(frames):08d}"
    scores = np.array([(unit.number, unit.intensity) for unit in sequence.units], float)
    (coded / f"{last}_facs.txt").write_text(_table(scores), encoding="ascii")
    emotion = root / "Emotion" / folder
    if sequence.label or sequence.empty_emotion_folder:
        emotion.mkdir(parents=True, exist_ok=True)
    if sequence.label:
        code = np.array([[sequence.label.code]], float)
        (emotion / f"{last}_emotion.txt").write_text(_table(code), encoding="ascii")


def _stream(config: TwinConfig, index: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(index, *key)))


def _phase(config: TwinConfig) -> float:
    return float(np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(0,))).random())


def _person(config: TwinConfig, index: int) -> Identity:
    return identity(_stream(config, index), index=index, phase=_phase(config))


def _of_subject(config: TwinConfig, index: int, subject: str) -> list[SequencePlan]:
    count = min(config.emotions_per_subject, len(config.emotions))
    names: list[Name | None] = [config.emotions[(index * count + k) % len(config.emotions)] for k in range(count)]
    ratio = config.unlabeled_share / (1 - config.unlabeled_share)
    # multiples of the golden ratio spread the remainder evenly over any number of subjects
    names += [None] * int(max(count, 1) * ratio + (index * _GOLDEN + 0.5) % 1.0)
    order = _stream(config, index, 0, _PLAN).permutation(len(names))
    return [_of_session(config, index, subject, session, names[k]) for session, k in enumerate(order.tolist(), start=1)]


def _of_session(config: TwinConfig, index: int, subject: str, session: int, name: Name | None) -> SequencePlan:
    rng = _stream(config, index, session, _PLAN)
    strength = config.expression_strength * _person(config, index).expressiveness * rng.uniform(0.7, 1.15)
    if name is not None:
        units = expression(name, rng, strength=strength)
    elif rng.random() < 0.3:  # an expression that would not pass CK+'s labeling criteria
        units = expression(EXPRESSIONS[int(rng.integers(len(EXPRESSIONS)))], rng, strength=0.6 * strength)
    else:
        units = gesture(rng, strength=strength)
    return SequencePlan(
        config=config,
        index=index,
        subject=subject,
        session=session,
        label=next((emotion for emotion in EMOTIONS if emotion.name == name), None),
        empty_emotion_folder=name is None and bool(rng.random() < 0.5),
        units=units,
        n_frames=timing.length(rng, median=config.median_frames, shortest=SHORTEST, longest=LONGEST),
        height=480 if index % 4 == 1 else 490,
        width=640,
        color=(index * _GOLDEN + session * 0.3819660113 + 0.1) % 1.0 < config.color_share,
    )


def _grain(rng: np.random.Generator, size: tuple[int, int], *, noise: float) -> Floats:
    """Return an image of sensor noise, slightly correlated along lines, larger than a frame."""
    sheet = rng.standard_normal((size[0] + _MARGIN, size[1] + _MARGIN), dtype=np.float32)
    return np.asarray(cv2.blur(sheet, (2, 1)) * np.float32(noise * np.sqrt(2)), np.float32)


def _sensed(pixels: Floats, grain: Floats, rng: np.random.Generator, *, gain: float) -> Image:
    """Return an image as recorded by a video camera: 8 bits, with noise from a random crop of the noise image."""
    height, width, channels = pixels.shape
    top, left = rng.integers(_MARGIN, size=2).tolist()
    flips = (1 - 2 * rng.integers(2, size=2)).tolist()
    noise: Any = np.ascontiguousarray(grain[top : top + height, left : left + width][:: flips[0], :: flips[1]])
    if channels == 3:
        noise = cv2.merge([noise, noise, noise])
    else:
        pixels = pixels[..., 0]
    return np.asarray(cv2.addWeighted(pixels, gain, noise, 1.0, 0.0, dtype=cv2.CV_8U), np.uint8)


def _png(frame: Image) -> bytes:
    _, encoded = cv2.imencode(
        ".png", frame, [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    )
    return encoded.tobytes()


def _table(rows: Floats) -> str:
    return "".join("".join(f"   {value:.7e}" for value in row) + "\n" for row in rows.tolist())
