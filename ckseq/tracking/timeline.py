"""The expressions of one face over time: sliding windows, their classes, smoothing, hysteresis, early decisions."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ckseq.config import Config
from ckseq.facs import code_text
from ckseq.signal.apex import latest_expression
from ckseq.tracking.stream import FrameResult

MOST_FRAMES = 512
"""The longest window in frames, at any frame rate."""
# the apex is the first frame with this share of the largest motion of an expression
_APEX_SHARE = 0.95


class TimelineConfig(Config):
    """How a stream is cut into windows, and when its class changes."""

    window_s: float = Field(3.0, gt=0, description="length of the window that is classified at most, seconds")
    stride_s: float = Field(0.2, gt=0, description="time between decisions, seconds")
    smoothing_s: float = Field(0.3, ge=0, description="time constant of the smoothing of probabilities, seconds")
    enter: float = Field(0.5, ge=0, le=1, description="smoothed probability from which a class is assigned")
    leave: float = Field(0.35, ge=0, le=1, description="smoothed probability below which it is no longer assigned")
    still_share: float = Field(
        0.02, ge=0, le=1, description="a face is still while a smaller share of it differs from the neutral face"
    )
    patience_s: float = Field(1.0, ge=0, description="a face that was not visible for longer is a new face, seconds")
    most_faces: int = Field(8, ge=1, description="maximum number of faces at once, the largest first")

    @model_validator(mode="after")
    def _leaves_below_enter(self) -> Self:
        if self.leave > self.enter:
            raise ValueError("leave must not be larger than enter")
        return self


State = Literal["no face", "still", "moving", "visible"]
"""``visible`` is a face whose motion is not measured."""


class FaceClassifier(Protocol):
    """Classifies a face from what it keeps of its frames: single images, their features, or motion."""

    @property
    def measures_motion(self) -> bool:
        """Whether frames have projections, so that a face is moving; otherwise it is visible."""

    @property
    def has_neutral(self) -> bool:
        """Whether projections are near zero while the face is neutral, so that a face can be still.

        They are not where each frame is compared with the previous one.
        """

    @property
    def single_frame(self) -> bool:
        """Whether the latest frame alone is classified, not a window of frames."""

    def keep(self, frame: FrameResult) -> Any | None:
        """Return what is needed of a frame to classify it, None if nothing of it can be."""

    def classify(self, kept: Sequence[Any], times_s: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the probability of each class, (n_classes,), for frames as kept and their times, seconds."""


class Decision(NamedTuple):
    """The classification of a face at one moment.

    ``probabilities`` and ``smoothed`` (n_classes,) are None unless the face is moving or visible; ``label`` is the
    number of the class that is assigned, None where none is; ``sure`` is the number of the first class whose
    probability exceeded the threshold of early decisions since the face began to move, and ``sure_s`` when it did. Of
    action units, which do not exclude each other, ``active`` are the numbers of those assigned, and there is no
    ``label`` and no ``sure``.
    """

    time_s: float
    state: State
    probabilities: NDArray[np.float32] | None
    smoothed: NDArray[np.float32] | None
    label: int | None
    sure: int | None
    sure_s: float | None
    active: tuple[int, ...] = ()

    def assigned(self, labels: Sequence[str]) -> str | None:
        """Return the class that is assigned, or the FACS code of the action units; None where there are none."""
        if self.active:
            return code_text(labels[number] for number in self.active)
        return None if self.label is None else labels[self.label]


class Timeline:
    """Classifies what one face shows over time; the state of one face. Its memory does not grow.

    A window goes from the last still frame to now, or to the apex once that is passed, as a recorded expression goes
    from neutral to apex. Where there is no neutral reference, it is all frames of the last ``window_s``. A classifier
    of single frames is given the latest frame at each decision.

    Parameters
    ----------
    config : TimelineConfig
    classifier : FaceClassifier
    sure_above : float or None
        The probability above which an early decision is sure; None where no threshold is known.
    multi_label : bool
        Whether the labels are action units, each assigned by itself.
    """

    def __init__(
        self,
        config: TimelineConfig,
        classifier: FaceClassifier,
        *,
        sure_above: float | None,
        multi_label: bool = False,
    ) -> None:
        self._config, self._classifier, self._sure_above = config, classifier, sure_above
        self._multi_label = multi_label
        n_frames = 1 if classifier.single_frame else MOST_FRAMES
        self._ring: deque[tuple[float, Any, float]] = deque(maxlen=n_frames)
        self._next_s = -np.inf
        self._visible = False
        self._reset()

    def _reset(self) -> None:
        """Drop the state of the previous expression."""
        self._smoothed: NDArray[np.float32] | None = None
        self._smoothed_s = 0.0
        self._label: int | None = None
        self._active: tuple[int, ...] = ()
        self._sure: tuple[int, float] | None = None

    def update(self, time_s: float, frame: FrameResult) -> Decision | None:
        """Process the next frame of the face; return a decision every ``stride_s``, otherwise None.

        Parameters
        ----------
        time_s : float
            Of the frame, seconds; increases from frame to frame.
        frame : FrameResult
            Of the stream of this face.
        """
        if frame.detected is not None:
            self._visible = frame.detected
        kept = self._classifier.keep(frame)
        if kept is not None:
            self._ring.append((time_s, kept, 0.0 if frame.projections is None else moving_share(frame.projections)))
        while self._ring and self._ring[0][0] < time_s - self._config.window_s:
            self._ring.popleft()
        if time_s < self._next_s - 1e-6:
            return None
        self._next_s = time_s + self._config.stride_s
        if not self._visible:
            return Decision(time_s, "no face", None, None, None, None, None)
        is_still = self._classifier.has_neutral and bool(self._ring) and self._ring[-1][2] < self._config.still_share
        if not self._ring or is_still:
            self._reset()
            return Decision(time_s, "still", None, None, None, None, None)
        return self._decide(time_s, self._classify_window())

    def _classify_window(self) -> NDArray[np.float32]:
        times, kept, motion = zip(*self._ring, strict=True)
        begin, end = 0, len(times)
        if self._classifier.has_neutral:
            begin, end = latest_expression(
                np.array(motion), still_share=self._config.still_share, apex_share=_APEX_SHARE
            )
        return self._classifier.classify(kept[begin:end], np.array(times[begin:end]))

    def _decide(self, time_s: float, probabilities: NDArray[np.float32]) -> Decision:
        config = self._config
        if self._smoothed is None or config.smoothing_s == 0:
            self._smoothed = probabilities
        else:
            share = np.float32(-np.expm1(-(time_s - self._smoothed_s) / config.smoothing_s))
            self._smoothed = self._smoothed + share * (probabilities - self._smoothed)
        self._smoothed_s = time_s
        state: State = "moving" if self._classifier.measures_motion else "visible"
        if self._multi_label:
            before, levels = self._active, self._smoothed.tolist()
            self._active = tuple(
                n for n, p in enumerate(levels) if p >= config.enter or (n in before and p >= config.leave)
            )
            return Decision(time_s, state, probabilities, self._smoothed, None, None, None, self._active)
        best = int(self._smoothed.argmax())
        if self._smoothed[best] >= config.enter:
            self._label = best
        elif self._label is not None and self._smoothed[self._label] < config.leave:
            self._label = None
        top = int(probabilities.argmax())
        if self._sure is None and self._sure_above is not None and probabilities[top] > self._sure_above:
            self._sure = (top, time_s)
        sure, sure_s = self._sure or (None, None)
        return Decision(time_s, state, probabilities, self._smoothed, self._label, sure, sure_s)


def moving_share(projections: NDArray[np.float32]) -> float:
    """Return the share of the face that moves, from the projections (2, n) or (2, n, channels) of its blobs.

    Of several channels the first two count: brighter and darker.

    >>> moving_share(np.array([[[0.5, 0.0], [0.0, 0.25]], [[0.25, 0.0], [0.25, 0.25]]], np.float32))
    0.375
    """
    columns = projections[0]
    return float(columns.mean() if columns.ndim == 1 else columns[:, :2].sum(axis=-1).mean())
