"""What is predicted for each kind of input; the fields are the keys of ``--json`` and of the files on disk."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ckseq.notebook import html_table
from ckseq.tracking.segments import Segment

SCHEMA = 2
"""Of the JSON that is made of predictions."""


@dataclass(frozen=True)
class EarlyDecision:
    """The class that was predicted first with enough certainty, and from which share of the sequence."""

    label: str
    share: float


@dataclass(frozen=True)
class SequencePrediction:
    """One class for a whole recording, or the FACS code of its action units, as ``6+12``; ``drawn`` as of photos.

    ``warning`` is why the answer cannot be relied on, such as too few frames.
    """

    input: str
    predicted: str
    probabilities: dict[str, float]
    sure: EarlyDecision | None
    n_frames: int
    n_without_face: int
    drawn: str | None = None
    warning: str | None = None
    kind: Literal["sequence"] = "sequence"

    def _repr_html_(self) -> str:
        ranked = sorted(self.probabilities.items(), key=lambda pair: -pair[1])
        title = f"{self.input}: {self.predicted}{f' ({self.warning})' if self.warning else ''}"
        return html_table(title, [(label, f"{p:.2f}") for label, p in ranked], ("label", "probability"))


@dataclass(frozen=True)
class TimelinePrediction:
    """The segments of a video; ``ended`` is the reason why it ended, ``files`` the paths of its files by kind."""

    input: str
    n_frames: int
    n_without_face: int
    duration_s: float
    faces: int
    segments: list[Segment]
    ended: str
    files: dict[str, str] | None = None
    kind: Literal["timeline"] = "timeline"

    def _repr_html_(self) -> str:
        rows = [
            (f"{one.start_s:.1f}", f"{one.end_s:.1f}", one.face, one.label or "none")
            for one in self.segments
            if one.label
        ]
        title = f"{self.input}: {self.duration_s:.1f} s, {self.n_frames} frames"
        return html_table(title, rows, ("from, s", "to, s", "face", "label"))


@dataclass(frozen=True)
class Region:
    """The box of a face: left, top, width and height in pixels of the upright photo."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True)
class Points:
    """Five points of a face, each x and y in pixels of the upright photo; left and right are as seen in it."""

    eye_left: tuple[float, float]
    eye_right: tuple[float, float]
    nose: tuple[float, float]
    mouth_left: tuple[float, float]
    mouth_right: tuple[float, float]


@dataclass(frozen=True)
class FacePrediction:
    """One face of a photo: percent by class, the most likely class, its box and the score of the detector.

    ``points`` are there where the detector finds them, as ``mtcnn`` does.
    """

    emotion: dict[str, float]
    dominant_emotion: str
    region: Region
    face_confidence: float
    points: Points | None = None


@dataclass(frozen=True)
class PhotoPrediction:
    """The faces of a photo, the largest first.

    ``drawn`` is the path of the annotated photo, ``notes`` what a reader must know of the model.
    """

    input: str
    detector: str
    width: int
    height: int
    faces: list[FacePrediction]
    drawn: str | None = None
    notes: list[str] | None = None
    kind: Literal["photo"] = "photo"

    def _repr_html_(self) -> str:
        rows = [(n, one.dominant_emotion, f"{max(one.emotion.values()):.0f}") for n, one in enumerate(self.faces, 1)]
        return html_table(self.input, rows, ("face", "emotion", "percent"))


Prediction = SequencePrediction | TimelinePrediction | PhotoPrediction

_LEFT_OUT_WHERE_NONE = ("files", "drawn", "notes", "points", "warning")


def as_json(prediction: Prediction) -> dict[str, Any]:
    """Return a prediction as plain values; ``files``, ``warning`` and the like are left out where None."""
    return asdict(prediction, dict_factory=_without_absent)


def _without_absent(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in items if value is not None or name not in _LEFT_OUT_WHERE_NONE}
