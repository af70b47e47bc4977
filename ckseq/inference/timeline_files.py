"""The files of a timeline: a table of decisions written as they come, a figure, JSON, and the annotated video."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.report.overlay import Mark, draw_marks
from ckseq.storage.files import as_it_was, inert, write_bytes, write_text
from ckseq.storage.video_writer import VideoWriter
from ckseq.tracking.face_tracker import TrackedFace
from ckseq.tracking.segments import VideoSummary
from ckseq.tracking.timeline import Decision

if TYPE_CHECKING:
    from ckseq.report.timeline import Sample

_COLUMNS = ("time_s", "face", "state", "label", "left", "top", "right", "bottom", "sure", "sure_s")
# the figure is drawn from at most so many rows of the table, evenly spaced
_MAX_SAMPLES = 20_000


@dataclass(frozen=True)
class OutputFiles:
    """Where the timeline of a video is saved, and whether a copy of the video with the faces drawn on it is, too.

    ``sound`` is the video file from which the copy takes its sound.
    """

    folder: Path
    name: str
    draw: bool
    sound: Path | None = None

    def path(self, ending: str) -> Path:
        """Return the path of one of the files."""
        return self.folder / f"{self.name}.{ending}"

    def paths(self) -> dict[str, str]:
        """Return the paths of all files by kind."""
        endings = {"csv": "csv", "json": "json", "picture": "png"} | ({"video": "drawn.mp4"} if self.draw else {})
        return {kind: str(self.path(ending)) for kind, ending in endings.items()}


class TimelineTable:
    """The table of decisions, each row on disk at once: of a video that ends early all rows before are there.

    Parameters
    ----------
    path : Path
    labels : sequence of str
    stride_s : float
        While there is no face, one row per so many seconds says so.
    """

    def __init__(self, path: Path, labels: Sequence[str], stride_s: float) -> None:
        self._path, self._labels, self._stride_s = path, labels, stride_s
        self._next_s = 0.0

    def __enter__(self) -> TimelineTable:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = self._path.open("w", encoding="utf-8", newline="", buffering=1)
        except OSError as error:
            raise DataError(f"cannot be written: {error.strerror}", self._path, "choose another --out") from None
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow((*_COLUMNS, *(f"p_{label}" for label in self._labels)))
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def update(self, time_s: float, faces: Sequence[TrackedFace]) -> None:
        """Write the rows of the next frame."""
        for face in faces:
            if face.decision is not None:
                self._rows.writerow(self._row(face, face.decision))
        if not faces and time_s >= self._next_s:
            self._rows.writerow((f"{time_s:.3f}", "", "no face", *[""] * (len(_COLUMNS) + len(self._labels) - 3)))
            self._next_s = time_s + self._stride_s

    def _row(self, face: TrackedFace, decision: Decision) -> tuple[object, ...]:
        box = face.frame.box[:4] if face.frame.box and decision.state != "no face" else [""] * 4
        probabilities = decision.probabilities
        cells = [""] * len(self._labels) if probabilities is None else [f"{p:.6f}" for p in probabilities]
        label = inert(decision.assigned(self._labels) or "")
        sure = "" if decision.sure is None else inert(self._labels[decision.sure])
        sure_s = "" if decision.sure_s is None else f"{decision.sure_s:.3f}"
        return (f"{decision.time_s:.3f}", face.number, decision.state, label, *box, sure, sure_s, *cells)


class AnnotatedVideo:
    """A copy of the video with the faces, their latest classes and probabilities drawn on it, and its sound."""

    def __init__(self, path: Path, labels: Sequence[str], *, fps: float, sound: Path | None = None) -> None:
        self._writer, self._labels = VideoWriter(path, fps=fps, sound=sound), labels
        self._latest: dict[int, Decision] = {}

    def __enter__(self) -> AnnotatedVideo:
        self._writer.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.__exit__(None, None, None)

    def update(self, time_s: float, image: NDArray[np.uint8], faces: Sequence[TrackedFace]) -> None:
        """Write the next frame, gray (h, w) or BGR (h, w, 3)."""
        self._latest = latest_decisions(faces, self._latest)
        color = image if image.ndim == 3 else np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
        self._writer.write(time_s, draw_marks(color, _marks(faces, self._latest, self._labels), self._labels))


def latest_decisions(faces: Iterable[TrackedFace], before: dict[int, Decision]) -> dict[int, Decision]:
    """Return the latest decision of each face by its number, given those of the frame before."""
    return {face.number: latest for face in faces if (latest := face.decision or before.get(face.number))}


def _marks(faces: Sequence[TrackedFace], latest: dict[int, Decision], labels: Sequence[str]) -> list[Mark]:
    marks = []
    for face in faces:
        if not face.visible or face.frame.box is None:
            continue
        decision = latest.get(face.number)
        text = "still" if decision is not None and decision.state == "still" else "no class yet"
        probabilities: tuple[float, ...] = ()
        if decision is not None and decision.smoothed is not None:
            probabilities = tuple(float(p) for p in decision.smoothed)
            text = decision.assigned(labels) or "?"
            if decision.sure is not None:
                text += f", sure: {labels[decision.sure]}"
        left, top, right, bottom = face.frame.box[:4]
        label = None if decision is None else decision.label
        marks.append(Mark((left, top, right, bottom), f"{face.number}: {text}", probabilities, label))
    return marks


def write_summary(
    files: OutputFiles, summary: VideoSummary, labels: Sequence[str], *, multi_label: bool = False
) -> None:
    """Draw the figure from the table on disk, and write the segments as JSON; ``multi_label`` as of `draw_timeline`.

    Raises
    ------
    DataError
        A file cannot be written.
    """
    from ckseq.report.timeline import draw_timeline

    samples = _samples(files.path("csv"), labels)
    title = f"{'Action units' if multi_label else 'Expressions'} in {files.name}"
    write_bytes(files.path("png"), draw_timeline(samples, labels, title=title, multi_label=multi_label))
    content = {"labels": labels, **asdict(summary), "files": files.paths()}
    write_text(files.path("json"), json.dumps(content, indent=2, allow_nan=False) + "\n")


def _samples(path: Path, labels: Sequence[str]) -> list[Sample]:
    from ckseq.report.timeline import Sample

    with path.open(encoding="utf-8", newline="") as file:
        n_rows = sum(1 for _ in file) - 1
    every = max(1, -(-n_rows // _MAX_SAMPLES))
    with path.open(encoding="utf-8", newline="") as file:
        rows: Iterable[dict[str, str]] = csv.DictReader(file)
        return [
            Sample(
                float(row["time_s"]),
                int(row["face"] or 0),
                row["state"],
                as_it_was(row["label"]),
                tuple(float(row[f"p_{label}"]) for label in labels if row[f"p_{label}"]),
            )
            for number, row in enumerate(rows)
            if number % every == 0
        ]
