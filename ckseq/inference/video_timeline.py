"""A film watched from its first frame to its last: a timeline of its faces, kept while it grows."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.console import Bar
from ckseq.errors import CallError, CkseqError, DataError
from ckseq.inference.predictor import Model, as_seen, watch
from ckseq.recording import Frames, VideoFile
from ckseq.report.overlay import Mark, draw_marks
from ckseq.storage.camera import open_camera
from ckseq.storage.files import write_bytes, write_text
from ckseq.storage.frames import read_gray
from ckseq.storage.video import Video, VideoWriter
from ckseq.tracking.face_tracker import Seen
from ckseq.tracking.timeline import Decision, TimelineConfig

Film = Iterator[tuple[float, NDArray[np.uint8]]]
_CAMERA_FPS = 25.0
_COLUMNS = ("time_s", "face", "state", "label", "left", "top", "right", "bottom", "sure", "sure_s")
STOPPED = "stopped by hand"
"""Why a film broke off that somebody ended with Ctrl-C, as a camera's always is."""
# rows that a picture is drawn from; of more only some are taken
_MOST_SAMPLES = 20_000


@dataclass(frozen=True)
class Kept:
    """Where what is said of a film is kept, under which name, and whether a film with marks drawn on it is, too."""

    folder: Path
    name: str
    draw: bool

    def file(self, ending: str) -> Path:
        """Return the path of one of the files."""
        return self.folder / f"{self.name}.{ending}"


def open_film(source: str, frames: Frames | None, *, folder_fps: float) -> tuple[Film, float]:
    """Return the frames of a camera, a video or a folder with their times, and their rate.

    Parameters
    ----------
    source : str
        ``camera:0`` for the first camera, where there are no ``frames``.
    frames : Frames or None
    folder_fps : float
        Of image files, which say nothing of their times.

    Raises
    ------
    CallError
        The camera has no number.
    DataError
        There is nothing to be opened; or later, by the iterator, the film breaks off.
    """
    if frames is None:
        number = source.partition(":")[2]
        if not number.isdigit():
            raise CallError("a camera is named by its number", source, "as in camera:0")
        return open_camera(int(number)), _CAMERA_FPS
    if isinstance(frames, VideoFile):
        video = Video(frames.path)
        return video.frames(), video.fps
    return ((number / folder_fps, image) for number, image in enumerate(read_gray(frames))), folder_fps


def watch_film(
    film: Film,
    model: Model,
    config: TimelineConfig,
    *,
    fps: float,
    kept: Kept | None,
    sure_above: float | None,
    at_most_s: float | None,
    bar: Bar,
) -> tuple[dict[str, Any], str | None]:
    """Watch a film to its end, or as far as it can be watched.

    Parameters
    ----------
    film : iterator
        As of `open_film`.
    model : Model
    config : TimelineConfig
    fps : float
        Of the film that is drawn.
    kept : Kept or None
        The table is written line by line, picture and JSON at the end; nothing where None.
    sure_above : float or None
        As for `ckseq.tracking.timeline.Timeline`.
    at_most_s : float or None
        Stop after so many seconds of the film.
    bar : Bar
        Is told of every frame.

    Returns
    -------
    dict
        ``n_frames``, ``n_without_face``, ``duration_s``, ``faces``, ``segments`` (face, start_s, end_s, state, label,
        probability, sure, sure_s) and, where kept, ``files``.
    str or None
        Why the film broke off before its end.

    Raises
    ------
    CkseqError
        It broke off before its first frame.
    """
    faces = watch(model, config, sure_above=sure_above)
    summary = Summary(model.labels)
    broken = None
    with ExitStack() as stack:
        table = stack.enter_context(_Table(kept, model.labels, config.stride_s)) if kept else None
        drawn = kept.file("drawn.mp4") if kept and kept.draw else None
        writer = stack.enter_context(VideoWriter(drawn, fps=fps)) if drawn else None
        latest: dict[int, Decision] = {}
        try:
            for seconds, image in film:
                if at_most_s is not None and seconds > at_most_s:
                    break
                seen = faces.step(seconds, as_seen(image, model.pipeline))
                summary.add(seconds, seen)
                if table:
                    table.add(seconds, seen)
                if writer:
                    latest = {one.face: decision for one in seen if (decision := one.decision or latest.get(one.face))}
                    writer.write(seconds, draw_marks(_color(image), _marks(seen, latest, model.labels), model.labels))
                bar.advance(text=f"{seconds:.0f} s of film")
        except (CkseqError, KeyboardInterrupt) as error:
            if not summary.n_frames:
                raise
            broken = str(error) or STOPPED
    item = summary.item()
    if kept:
        files = {"csv": kept.file("csv"), "json": kept.file("json"), "picture": kept.file("png")}
        item["files"] = {name: str(path) for name, path in (files | ({"video": drawn} if drawn else {})).items()}
        _keep_picture(kept, model.labels)
        write_text(files["json"], json.dumps({"labels": model.labels, **item}, indent=2) + "\n")
    return item, broken


@dataclass
class Summary:
    """What of a film stays in memory: stretches of the same name, and counts."""

    labels: tuple[str, ...]
    n_frames: int = 0
    n_without_face: int = 0
    duration_s: float = 0.0
    segments: list[dict[str, Any]] = field(default_factory=list)
    _open: dict[int, dict[str, Any]] = field(default_factory=dict)

    def add(self, seconds: float, seen: Sequence[Seen]) -> None:
        """Take the next frame."""
        self.n_frames += 1
        self.n_without_face += not any(one.there for one in seen)
        self.duration_s = seconds
        for face in self._open.keys() - {one.face for one in seen}:
            self.segments.append(self._open.pop(face))
        for one in seen:
            if one.decision is not None:
                self._go_on(one.face, one.decision)

    def _go_on(self, face: int, decision: Decision) -> None:
        """Let the stretch of a face go on, or end it and begin another."""
        label = None if decision.label is None else self.labels[decision.label]
        stretch = self._open.get(face)
        if stretch is None or (stretch["state"], stretch["label"]) != (decision.state, label):
            if stretch:
                self.segments.append(stretch)
            stretch = {"face": face, "start_s": round(decision.time_s, 3), "end_s": 0.0, "state": decision.state}
            self._open[face] = stretch | {"label": label, "probability": None, "sure": None, "sure_s": None}
            stretch = self._open[face]
        stretch["end_s"] = round(decision.time_s, 3)
        if decision.smoothed is not None and decision.label is not None:
            likely = round(float(decision.smoothed[decision.label]), 4)
            stretch["probability"] = max(likely, stretch["probability"] or 0.0)
        if decision.sure is not None and decision.sure_s is not None:
            stretch["sure"], stretch["sure_s"] = self.labels[decision.sure], round(decision.sure_s, 3)

    def item(self) -> dict[str, Any]:
        """Return it as it stands in the answer."""
        segments = sorted([*self.segments, *self._open.values()], key=lambda one: (one["start_s"], one["face"]))
        return {
            "n_frames": self.n_frames,
            "n_without_face": self.n_without_face,
            "duration_s": round(self.duration_s, 3),
            "faces": len({one["face"] for one in segments}),
            "segments": segments,
        }


class _Table:
    """The table of a film, one line for every decision, each on the disk at once: what breaks off keeps all before."""

    def __init__(self, kept: Kept, labels: Sequence[str], stride_s: float) -> None:
        self._path, self._labels, self._stride_s = kept.file("csv"), labels, stride_s
        self._next_s = 0.0

    def __enter__(self) -> _Table:
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

    def add(self, seconds: float, seen: Sequence[Seen]) -> None:
        for one in seen:
            if one.decision is not None:
                self._rows.writerow(self._row(one, one.decision))
        if not seen and seconds >= self._next_s:
            self._rows.writerow((f"{seconds:.3f}", "", "no face", *[""] * (len(_COLUMNS) + len(self._labels) - 3)))
            self._next_s = seconds + self._stride_s

    def _row(self, one: Seen, said: Decision) -> tuple[object, ...]:
        box = one.step.box[:4] if one.step.box and said.state != "no face" else [""] * 4
        likely = [""] * len(self._labels) if said.probabilities is None else [f"{p:.6f}" for p in said.probabilities]
        label, sure = ("" if number is None else self._labels[number] for number in (said.label, said.sure))
        sure_s = "" if said.sure_s is None else f"{said.sure_s:.3f}"
        return (f"{said.time_s:.3f}", one.face, said.state, label, *box, sure, sure_s, *likely)


def _keep_picture(kept: Kept, labels: Sequence[str]) -> None:
    """Draw the table that was written; it was not kept in memory."""
    from ckseq.report.timeline import Sample, draw_timeline

    with kept.file("csv").open(encoding="utf-8", newline="") as file:
        n_rows = sum(1 for _ in file) - 1
    every = max(1, -(-n_rows // _MOST_SAMPLES))
    with kept.file("csv").open(encoding="utf-8", newline="") as file:
        rows: Iterable[dict[str, str]] = csv.DictReader(file)
        samples = [
            Sample(
                float(row["time_s"]),
                int(row["face"] or 0),
                row["state"],
                row["label"],
                tuple(float(row[f"p_{label}"]) for label in labels if row[f"p_{label}"]),
            )
            for number, row in enumerate(rows)
            if number % every == 0
        ]
    write_bytes(kept.file("png"), draw_timeline(samples, labels, title=f"What the faces in {kept.name} show"))


def _marks(seen: Sequence[Seen], latest: dict[int, Decision], labels: Sequence[str]) -> list[Mark]:
    """Return what is drawn on a frame: the faces that are there, and what was last said of each."""
    marks = []
    for one in seen:
        said = latest.get(one.face)
        if not one.there or one.step.box is None:
            continue
        name = "still" if said is None or said.state != "moving" else ""
        likely: tuple[float, ...] = ()
        if said is not None and said.smoothed is not None:
            likely = tuple(float(p) for p in said.smoothed)
            name = "?" if said.label is None else labels[said.label]
            if said.sure is not None:
                name += f", sure: {labels[said.sure]}"
        number = None if said is None else said.label
        left, top, right, bottom = one.step.box[:4]
        marks.append(Mark((left, top, right, bottom), f"{one.face}: {name}", likely, number))
    return marks


def _color(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image if image.ndim == 3 else np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
