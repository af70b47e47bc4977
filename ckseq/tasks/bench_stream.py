"""Speed of frame-by-frame analysis on one core: frames per second, and the latency of single frames."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from ckseq import registry
from ckseq.console import Console
from ckseq.defaults import FRAMES_PER_SECOND
from ckseq.experiment.recipe import Experiment, load_experiment
from ckseq.inference.causal_pipeline import convert_color, make_face_tracker
from ckseq.inference.predictor import Predictor
from ckseq.learn import backend
from ckseq.models._spec import ModelSpec
from ckseq.preprocessing.data_set import find_source
from ckseq.preprocessing.pipeline import Pipeline, load_pipeline
from ckseq.preprocessing.stages import run_stages
from ckseq.recording import VideoFile
from ckseq.storage.frames import read_gray
from ckseq.storage.video import Video
from ckseq.storage.video_writer import VideoWriter
from ckseq.tracking.timeline import TimelineConfig

_SIZE = (640, 480)
_LABELS = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
_EDGES_MS = (2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128)


def bench_stream(data: Path, scratch: Path, *, frames: int, console: Console) -> dict[str, Any]:
    """Compare frame-by-frame analysis of a video with preprocessing it as a whole, from the file to probabilities.

    The video, 640x480, is made of recordings played forwards and backwards. Both run on one core, with an untrained
    network of the experiment motion, which is as fast as a trained one.
    """
    with _one_core():
        path = _make_video(data, scratch, frames)
        experiment = load_experiment("motion")
        network = _network(experiment)
        live, anchored = (_predictor(load_pipeline(name), experiment, network) for name in ("live", "anchored"))
        live.predict_proba(np.zeros((9, 2, live.pipeline.faces.side_px, 2), np.float32))  # compiles the graph
        latencies_ms = np.array(_frame_latencies_s(path, live)) * 1000
        n_frames = len(latencies_ms)
        start = time.perf_counter()
        arrays, _ = run_stages(VideoFile(path), anchored.pipeline)
        anchored.predict_proba(arrays["projections"])
        whole_s = time.perf_counter() - start
    rates = {"stream": 1000 / latencies_ms.mean(), "whole": n_frames / whole_s}
    latency_ms = dict(
        zip(("median", "95 %", "99 %", "longest"), np.percentile(latencies_ms, (50, 95, 99, 100)), strict=True)
    )
    console.say(f"{n_frames} frames of 640x480 from a video file to probabilities, one core, detection included")
    console.say(f"frame by frame, pipeline live: {rates['stream']:.0f} frames/s")
    console.say(f"as a whole, pipeline anchored: {rates['whole']:.0f} frames/s")
    console.say("one frame: " + ", ".join(f"{name} {value:.1f} ms" for name, value in latency_ms.items()))
    histogram = _histogram(latencies_ms)
    console.say(_histogram_table(histogram))
    return {
        "n_frames": n_frames,
        "frames_per_s": {name: round(rate, 1) for name, rate in rates.items()},
        "latency_ms": {name: round(float(value), 2) for name, value in latency_ms.items()},
        "histogram_ms": histogram,
    }


@contextmanager
def _one_core() -> Iterator[None]:
    """Bind this process, and threads that libraries start from now on, to one core where the system can."""
    threads = cv2.getNumThreads()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    cv2.setNumThreads(1)
    if cores:
        os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        if cores:
            os.sched_setaffinity(0, cores)


def _make_video(data: Path, scratch: Path, frames: int) -> Path:
    path, n_frames = scratch / "video.mp4", 0
    with VideoWriter(path, fps=FRAMES_PER_SECOND) as writer:
        for recording in find_source(data, None).scan(data):
            forwards = [cv2.resize(image, _SIZE) for image in read_gray(recording.frames)]
            for image in forwards + forwards[::-1]:
                writer.write(
                    n_frames / FRAMES_PER_SECOND, np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
                )
                n_frames += 1
            if n_frames >= frames:
                break
    return path


def _network(experiment: Experiment) -> Any:
    backend.start(0)
    spec: ModelSpec = registry.load("models", experiment.model_kind).SPEC
    length = experiment.sequence.length_frames
    assert isinstance(length, int)
    return spec.export(spec.build(experiment.model, input_shape=(length, 2, 267, 2), n_classes=len(_LABELS)))


def _predictor(pipeline: Pipeline, experiment: Experiment, network: Any) -> Predictor:
    length = experiment.sequence.length_frames
    assert isinstance(length, int)
    return Predictor(_LABELS, pipeline, experiment, length, network)


def _frame_latencies_s(path: Path, predictor: Predictor) -> list[float]:
    """Return the seconds from reading each frame to its result."""
    tracker = make_face_tracker(predictor, TimelineConfig())
    latencies = []
    start = time.perf_counter()
    for time_s, image in Video(path).frames():
        tracker.update(time_s, convert_color(image, predictor.pipeline))
        now = time.perf_counter()
        latencies.append(now - start)
        start = now
    return latencies


def _histogram(latencies_ms: NDArray[np.float64]) -> dict[str, int]:
    counts, _ = np.histogram(latencies_ms, (0, *_EDGES_MS, np.inf))
    names = [f"under {edge}" for edge in _EDGES_MS] + [f"{_EDGES_MS[-1]} and more"]
    return {name: int(count) for name, count in zip(names, counts, strict=True)}


def _histogram_table(histogram: dict[str, int]) -> Table:
    table = Table("ms", "frames", "")
    most = max(histogram.values())
    for name, count in histogram.items():
        table.add_row(name, str(count), Text("█" * round(40 * count / most), style="cyan"))
    return table
