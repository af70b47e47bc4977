"""Comparison of the detectors: speed, frames with a face, and agreement."""

from __future__ import annotations

import time
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from ckseq import registry
from ckseq.console import Console
from ckseq.detectors._spec import DetectorSpec
from ckseq.errors import CallError, DataError
from ckseq.preprocessing.data_set import find_source
from ckseq.recording import ArchiveMembers, Frames, ImageFiles
from ckseq.signal.faces import Box, overlap, pick_box
from ckseq.storage.frames import read_gray

SAME = 0.5
"""Two boxes with at least this intersection over union count as the same face."""

Found = list[list[Box]]


class Agreement(NamedTuple):
    """Agreement of two detectors on the largest face, in the ``n_both`` frames in which both find one.

    ``mean_iou`` is the mean intersection over union, None without such frames; ``n_same`` counts those of at least
    `SAME`.
    """

    n_both: int
    mean_iou: float | None
    n_same: int


class Figures(NamedTuple):
    """The measurements of one detector.

    ``first_s`` is the time of the first frame, with all loading; ``n_hits`` counts frames with a face.
    """

    ms_a_frame: float
    first_s: float
    n_hits: int
    n_faces: int


def bench_detectors(data: Path, *, frames: int, console: Console) -> dict[str, Any]:
    """Run every detector with its default config on the same frames, one frame at a time.

    Parameters
    ----------
    data : Path
        A data set of image files.
    frames : int
        Maximum number of frames, evenly spaced over the data set.
    console : Console

    Returns
    -------
    dict
        ``n_frames``; ``detectors``, `Figures` by name; ``agreement``, `Agreement` by pair of names; ``left_out``, the
        reason by name.
    """
    images = [next(read_gray(one)) for one in spread(data, frames)]
    console.heading(f"{len(images)} frames, evenly spaced over {data.name}")
    found: dict[str, Found] = {}
    figures: dict[str, Figures] = {}
    left_out: dict[str, str] = {}
    # whole_frame detects nothing
    for name in (name for name in registry.names("detectors") if name != "whole_frame"):
        spec: DetectorSpec = registry.load("detectors", name).SPEC
        detect = spec.load(spec.config())
        try:
            start = time.perf_counter()
            detect(images[0])
        except CallError as error:
            left_out[name] = str(error)
            console.warn(f"{name} was left out: {error}")
            continue
        ready = time.perf_counter()
        found[name] = [detect(image) for image in images]
        figures[name] = Figures(
            ms_a_frame=round(1000 * (time.perf_counter() - ready) / len(images), 2),
            first_s=round(ready - start, 2),
            n_hits=sum(map(bool, found[name])),
            n_faces=sum(map(len, found[name])),
        )
    shapes = [(image.shape[0], image.shape[1]) for image in images]
    agreed = {(a, b): agreement(found[a], found[b], shapes) for a, b in combinations(found, 2)}
    _say(console, figures, agreed, len(images))
    return {
        "n_frames": len(images),
        "detectors": {name: one._asdict() for name, one in figures.items()},
        "agreement": {f"{a} {b}": pair._asdict() for (a, b), pair in agreed.items()},
        "left_out": left_out,
    }


def spread(data: Path, frames: int) -> list[Frames]:
    """Return single frames, evenly spaced over all image files of a data set."""
    singles: list[Frames] = []
    for recording in find_source(data, None).scan(data):
        match recording.frames:
            case ImageFiles(paths):
                singles += [ImageFiles((path,)) for path in paths]
            case ArchiveMembers(archive, members):
                singles += [ArchiveMembers(archive, (member,)) for member in members]
    if not singles:
        raise DataError("has no image files to measure", data)
    places = np.linspace(0, len(singles) - 1, min(frames, len(singles)))
    return [singles[round(place)] for place in places]


def agreement(one: Found, other: Found, shapes: list[tuple[int, int]]) -> Agreement:
    """Compare the largest faces that two detectors found, frame by frame."""
    shares = [
        overlap(*(pick_box(boxes, pick="largest", shape=shape) for boxes in pair))
        for *pair, shape in zip(one, other, shapes, strict=True)
        if all(pair)
    ]
    mean = round(float(np.mean(shares)), 3) if shares else None
    return Agreement(len(shares), mean, sum(share >= SAME for share in shares))


def _say(
    console: Console, figures: dict[str, Figures], agreed: dict[tuple[str, str], Agreement], n_frames: int
) -> None:
    slowest = max(one.ms_a_frame for one in figures.values())
    table = Table("detector", "ms a frame", "speed-up", "frames with a face", "faces", "first, s")
    for name, one in figures.items():
        table.add_row(
            name,
            f"{one.ms_a_frame:.1f}",
            f"{slowest / one.ms_a_frame:.1f}",
            f"{one.n_hits} of {n_frames}",
            str(one.n_faces),
            f"{one.first_s:.2f}",
        )
    console.say(table)
    for (a, b), pair in agreed.items():
        iou = "" if pair.mean_iou is None else f"; mean IoU {pair.mean_iou:.2f}"
        console.say(f"{a} and {b}: both find a face in {pair.n_both} frames, the same one in {pair.n_same}{iou}")
    console.say(f"IoU is the intersection over union of the largest boxes; from {SAME} on it is the same face")
