"""The detectors side by side: how fast each is, in how many frames it sees a face, and whether they see the same."""

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
"""Two boxes that overlap at least so much, intersection over union, are taken for one face."""

Found = list[list[Box]]


class Agreement(NamedTuple):
    """How far two detectors agree on the largest face, in the ``n_both`` frames in which both see one.

    ``mean_iou`` is intersection over union, None where there is no such frame; ``n_same`` counts those from `SAME` on.
    """

    n_both: int
    mean_iou: float | None
    n_same: int


def bench_detectors(data: Path, *, frames: int, console: Console) -> dict[str, Any]:
    """Search the same frames with every detector, each as it is set by default, one frame at a time.

    Parameters
    ----------
    data : Path
        A data set of image files.
    frames : int
        At most so many, spread evenly over the whole data set.
    console : Console

    Returns
    -------
    dict
        ``n_frames``; ``detectors``, by name ``ms_a_frame``, ``first_s`` (what the first frame took, with all loading),
        ``n_hits`` (frames with a face) and ``n_faces``; ``agreement``, by pair of names, of `Agreement`;
        ``left_out``, by name why.
    """
    images = [next(read_gray(one)) for one in spread(data, frames)]
    console.step(f"{len(images)} frames, spread evenly over {data.name}")
    found: dict[str, Found] = {}
    facts: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    # the whole frame is no search, and agrees with everybody a little
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
        facts[name] = {
            "ms_a_frame": round(1000 * (time.perf_counter() - ready) / len(images), 2),
            "first_s": round(ready - start, 2),
            "n_hits": sum(map(bool, found[name])),
            "n_faces": sum(map(len, found[name])),
        }
    shapes = [(image.shape[0], image.shape[1]) for image in images]
    agreed = {(a, b): agreement(found[a], found[b], shapes) for a, b in combinations(found, 2)}
    _say(console, facts, agreed, len(images))
    return {
        "n_frames": len(images),
        "detectors": facts,
        "agreement": {f"{a} {b}": pair._asdict() for (a, b), pair in agreed.items()},
        "left_out": left_out,
    }


def spread(data: Path, frames: int) -> list[Frames]:
    """Choose single frames, evenly over all image files of a data set."""
    singles: list[Frames] = []
    for recording in find_source(data, None).scan(data):
        match recording.frames:
            case ImageFiles(paths):
                singles += [ImageFiles((path,)) for path in paths]
            case ArchiveMembers(archive, members):
                singles += [ArchiveMembers(archive, (member,)) for member in members]
    if not singles:
        raise DataError("has no image files to measure on", data)
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
    console: Console, facts: dict[str, dict[str, Any]], agreed: dict[tuple[str, str], Agreement], n_frames: int
) -> None:
    slowest = max(fact["ms_a_frame"] for fact in facts.values())
    table = Table("detector", "ms a frame", "speed-up", "frames with a face", "faces", "first, s")
    for name, fact in facts.items():
        table.add_row(
            name,
            f"{fact['ms_a_frame']:.1f}",
            f"{slowest / fact['ms_a_frame']:.1f}",
            f"{fact['n_hits']} of {n_frames}",
            str(fact["n_faces"]),
            f"{fact['first_s']:.2f}",
        )
    console.say(table)
    for (a, b), pair in agreed.items():
        told = "" if pair.mean_iou is None else f"; the boxes overlap by {pair.mean_iou:.2f} on average"
        console.say(f"{a} and {b}: both see a face in {pair.n_both} frames, the same one in {pair.n_same}{told}")
    console.say(f"the overlap is intersection over union of the largest boxes; from {SAME} on it is the same face")
