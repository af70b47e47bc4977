"""From the projections of a stream to what a face shows over time: pieces, their classes, hysteresis, a sure moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ckseq.config import Config
from ckseq.tracking.stream import Step

MOST_FRAMES = 512
"""A piece holds no more, at whatever frame rate."""
# an expression is at its apex when it first reaches this share of the most motion that it comes to
_APEX = 0.95


class TimelineConfig(Config):
    """How a stream is cut into pieces, and when the name of its class changes."""

    window_s: float = Field(3.0, gt=0, description="the longest piece that is classified, seconds")
    stride_s: float = Field(0.2, gt=0, description="time from one decision to the next, seconds")
    smoothing_s: float = Field(0.3, ge=0, description="time constant of the smoothing of probabilities, seconds")
    enter: float = Field(0.5, ge=0, le=1, description="smoothed probability from which a class is named")
    leave: float = Field(0.35, ge=0, le=1, description="smoothed probability below which it is named no longer")
    still_share: float = Field(
        0.02, ge=0, le=1, description="share of the face that may differ from its neutral face and still show nothing"
    )
    patience_s: float = Field(1.0, ge=0, description="a face that is gone for longer begins anew, seconds")
    most_faces: int = Field(8, ge=1, description="so many faces at once, the largest first")

    @model_validator(mode="after")
    def _leaves_below_enter(self) -> Self:
        if self.leave > self.enter:
            raise ValueError("leave must not be larger than enter")
        return self


class Piece(NamedTuple):
    """What is classified: ``projections`` (t, 2, n) or (t, 2, n, channels) float32 and ``times_s`` (t,) float64."""

    projections: NDArray[np.float32]
    times_s: NDArray[np.float64]


Classify = Callable[[Piece], NDArray[np.float32]]
State = Literal["no face", "still", "moving"]


class Decision(NamedTuple):
    """What is said of a face at one moment.

    ``probabilities`` and ``smoothed`` (n_classes,) are None unless the face is moving; ``label`` is the number of the
    class that is named, None where none is; ``sure`` is that of the class that was sure first since the face began to
    move, and ``sure_s`` when that was.
    """

    time_s: float
    state: State
    probabilities: NDArray[np.float32] | None
    smoothed: NDArray[np.float32] | None
    label: int | None
    sure: int | None
    sure_s: float | None


class Timeline:
    """What one face shows over time; the state of one face. Its memory does not grow.

    A piece goes from where the face was last still to now, or to the apex once that is passed, as a recorded expression
    goes from neutral to apex. Where motion is not held against a rest (``rests`` is false), it is all that the
    window holds.

    Parameters
    ----------
    config : TimelineConfig
    classify : callable
        From a piece to the probability of each class, (n_classes,).
    rests : bool
        Whether projections are near zero while the face is neutral; so they are not where each frame is compared with
        the one before.
    sure_above : float or None
        The probability above which a decision is sure; None where no such rule is known.
    """

    def __init__(self, config: TimelineConfig, classify: Classify, *, rests: bool, sure_above: float | None) -> None:
        self._config, self._classify = config, classify
        self._rests, self._sure_above = rests, sure_above
        self._ring: deque[tuple[float, NDArray[np.float32], float]] = deque(maxlen=MOST_FRAMES)
        self._next_s = -np.inf
        self._seen = False
        self._forget()

    def _forget(self) -> None:
        """Forget what the expression before left."""
        self._smoothed: NDArray[np.float32] | None = None
        self._smoothed_s = 0.0
        self._label: int | None = None
        self._sure: tuple[int, float] | None = None

    def step(self, time_s: float, step: Step) -> Decision | None:
        """Take the next frame of the face; decide every ``stride_s``, otherwise return None.

        Parameters
        ----------
        time_s : float
            Of the frame, seconds; rises from frame to frame.
        step : Step
            As the stream of this face gave it.
        """
        if step.found is not None:
            self._seen = step.found
        if step.projections is not None:
            self._ring.append((time_s, step.projections, motion_of(step.projections)))
        while self._ring and self._ring[0][0] < time_s - self._config.window_s:
            self._ring.popleft()
        if time_s < self._next_s - 1e-6:
            return None
        self._next_s = time_s + self._config.stride_s
        if not self._seen:
            return Decision(time_s, "no face", None, None, None, None, None)
        if not self._ring or (self._rests and self._ring[-1][2] < self._config.still_share):
            self._forget()
            return Decision(time_s, "still", None, None, None, None, None)
        return self._decide(time_s, self._classify(self.piece()))

    def piece(self) -> Piece:
        """Return what would be classified now; there is at least one frame of motion."""
        times, projections, motion = zip(*self._ring, strict=True)
        begin, end = 0, len(times)
        if self._rests:
            begin, end = bounds(np.array(motion), still_share=self._config.still_share)
        return Piece(np.stack(projections[begin:end]), np.array(times[begin:end]))

    def _decide(self, time_s: float, probabilities: NDArray[np.float32]) -> Decision:
        config = self._config
        if self._smoothed is None or config.smoothing_s == 0:
            self._smoothed = probabilities
        else:
            share = np.float32(-np.expm1(-(time_s - self._smoothed_s) / config.smoothing_s))
            self._smoothed = self._smoothed + share * (probabilities - self._smoothed)
        self._smoothed_s = time_s
        best = int(self._smoothed.argmax())
        if self._smoothed[best] >= config.enter:
            self._label = best
        elif self._label is not None and self._smoothed[self._label] < config.leave:
            self._label = None
        top = int(probabilities.argmax())
        if self._sure is None and self._sure_above is not None and probabilities[top] > self._sure_above:
            self._sure = (top, time_s)
        sure, sure_s = self._sure or (None, None)
        return Decision(time_s, "moving", probabilities, self._smoothed, self._label, sure, sure_s)


def motion_of(projections: NDArray[np.float32]) -> float:
    """Return the share of the face that moved, from the projections (2, n) or (2, n, channels) of its blobs.

    Of several channels the first two, which became brighter and which darker.

    >>> motion_of(np.array([[[0.5, 0.0], [0.0, 0.25]], [[0.25, 0.0], [0.25, 0.25]]], np.float32))
    0.375
    """
    columns = projections[0]
    return float(columns.mean() if columns.ndim == 1 else columns[:, :2].sum(axis=-1).mean())


def bounds(motion: NDArray[np.float64], *, still_share: float) -> tuple[int, int]:
    """Return where the latest expression begins and ends, as a slice: from its last still frame to its apex, or to now.

    Recorded expressions end at the apex; one that is held, or goes back, is shown as they are.

    Parameters
    ----------
    motion : (t,) float64
        Share of the face that differs from its neutral face; the last is not still.
    still_share : float

    Examples
    --------
    >>> bounds(np.array([0.3, 0.0, 0.01, 0.1, 0.4]), still_share=0.02)
    (2, 5)
    >>> bounds(np.array([0.0, 0.2, 0.5, 0.51, 0.5, 0.3]), still_share=0.02)
    (0, 3)
    """
    still = np.flatnonzero(motion < still_share)
    begin = int(still[-1]) if len(still) else 0
    since = motion[begin:]
    return begin, begin + int(np.argmax(since >= _APEX * since.max())) + 1
