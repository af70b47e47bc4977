"""Photos and a network for still images: every face found, named and drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Column, Table
from rich.text import Text

from ckseq import registry
from ckseq.console import Console
from ckseq.detectors._spec import DetectorSpec
from ckseq.errors import DataError
from ckseq.inference.portraits import portraits
from ckseq.inference.predictor import Model
from ckseq.learn.predict import input_shape, probabilities
from ckseq.recording import ImageFiles
from ckseq.report.photo import Named, draw_photo
from ckseq.signal.faces import Box, Detector
from ckseq.sources.manifest import photos_at
from ckseq.storage.files import write_bytes, write_text
from ckseq.storage.frames import read_gray, read_rgb

ANY_FACE = "dlib_hog"
"""Finds the faces where the training images were whole faces already, so that nothing was searched in them."""


def reads_photos(model: Model) -> bool:
    """Whether a run's model reads single images."""
    shape = input_shape(model.network)
    # the features of one frame, or its maps
    return len(shape) == 3 if model.extractor is None else len(shape) == 3 or shape[0] == 1


def predict_photos(
    inputs: Sequence[str], model: Model, *, detector: str | None, out: Path | None, draw: bool, console: Console
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Name every face of every photo, each cut out just as the run's training images were.

    Parameters
    ----------
    inputs : sequence of str
        Image files, and folders of such.
    model : Model
        Of a run of still images.
    detector : str, optional
        What finds the faces, with its own defaults; that of the run's pipeline where not given, or `ANY_FACE` where
        the pipeline takes the whole frame.
    out : Path, optional
        Keep what is said there, in ``photos.json``, and what is drawn.
    draw : bool
        Draw each photo with its faces.
    console : Console

    Returns
    -------
    list of dict
        ``input``, ``kind`` ``photo``, ``width``, ``height``, ``detector``, ``faces`` and, where drawn, ``drawn``. A
        face has ``emotion`` (percent by label), ``dominant_emotion``, ``region`` (``x``, ``y``, ``w``, ``h``, pixels
        of the photo held upright) and ``face_confidence``, the detector's score.
    dict
        By input, why it was left out.
    """
    kind, detect = _detector(model, detector)
    console.say(f"faces are found by {kind}" + ("" if kind == model.pipeline.detector_kind else ", not as in training"))
    found: list[dict[str, Any]] = []
    paths, failed = _photos(inputs)
    for error in failed.values():
        console.warn(f"left out: {error}")
    for path in console.track(paths, total=len(paths), label="photos"):
        try:
            item = {"input": str(path), "kind": "photo", "detector": kind, **_predict(path, model, detect)}
        except DataError as error:
            failed[str(path)] = str(error)
            console.warn(f"left out: {error}" if error.where else f"{path} was left out: {error}")
            continue
        found.append(item)
        if not item["faces"]:
            console.warn(f"{path}: no face found, so nothing is said of it")
        elif draw and out is not None:
            target = _free(out / f"{path.stem}_faces.jpg", {one.get("drawn") for one in found})
            item["drawn"] = _draw(target, item, path, model.labels)
    if out is not None:
        write_text(out / "photos.json", json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    if any(item["faces"] for item in found):
        console.say(_table(found))
    return found, failed


def _photos(inputs: Sequence[str]) -> tuple[list[Path], dict[str, str]]:
    """Return the photos named or held by folders named, each once, and by input why there is none."""
    paths: dict[Path, None] = {}
    failed: dict[str, str] = {}
    for source in inputs:
        try:
            paths |= dict.fromkeys(photos_at(Path(source)))
        except DataError as error:
            failed[source] = str(error)
    return list(paths), failed


def _detector(model: Model, name: str | None) -> tuple[str, Detector]:
    pipeline = model.pipeline
    kind = name or (ANY_FACE if pipeline.detector_kind == "whole_frame" else pipeline.detector_kind)
    spec: DetectorSpec = registry.load("detectors", kind, where="--detector").SPEC
    return kind, spec.load(pipeline.detector if kind == pipeline.detector_kind else spec.config())


def _predict(path: Path, model: Model, detector: Detector) -> dict[str, Any]:
    config = model.pipeline.faces
    read = read_rgb if config.color == "rgb" else read_gray
    (photo,) = read(ImageFiles((path,)))
    boxes, crops = portraits(photo, detector, config)
    crops = crops if crops.ndim == 4 else crops[..., np.newaxis]
    answers = _ask(model, crops) if len(crops) else np.empty((0, len(model.labels)))
    height, width = photo.shape[:2]
    faces = [_face(box, row, model.labels) for box, row in zip(boxes, answers, strict=True)]
    return {"width": width, "height": height, "faces": faces}


def _ask(model: Model, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    given = model.reads({"crops": crops})
    return probabilities(model.network, given.reshape(len(crops), *input_shape(model.network)))


def _face(box: Box, row: NDArray[np.float32], labels: Sequence[str]) -> dict[str, Any]:
    return {
        "emotion": {label: round(100 * float(p), 4) for label, p in zip(labels, row, strict=True)},
        "dominant_emotion": labels[int(row.argmax())],
        "region": {"x": box.left, "y": box.top, "w": box.right - box.left, "h": box.bottom - box.top},
        "face_confidence": round(box.score, 4),
    }


def _free(path: Path, taken: set[Any]) -> Path:
    """Return the path, with a number where a photo of the same name from another folder has it already."""
    number, free = 2, path
    while str(free) in taken:
        free = path.with_name(f"{path.stem}_{number}{path.suffix}")
        number += 1
    return free


def _draw(target: Path, item: dict[str, Any], path: Path, labels: Sequence[str]) -> str:
    named = [
        Named(tuple(face["region"].values()), face["dominant_emotion"], tuple(face["emotion"].values()))
        for face in item["faces"]
    ]
    (photo,) = read_rgb(ImageFiles((path,)))  # in color, also where the network reads gray
    write_bytes(target, draw_photo(photo, named, labels))
    return str(target)


def _table(found: Sequence[dict[str, Any]]) -> Table:
    table = Table(Column("photo", overflow="fold"), "face", "emotion", "percent", "next likely", "region")
    for item in found:
        for number, face in enumerate(item["faces"], start=1):
            (first, sure), *others = sorted(face["emotion"].items(), key=lambda pair: -pair[1])
            table.add_row(
                Text("/".join(Path(item["input"]).parts[-2:]) if number == 1 else ""),
                str(number),
                Text(first, style="bold"),
                f"{sure:.0f}",
                Text(", ".join(f"{label} {p:.0f}" for label, p in others[:1])),
                "{x},{y} {w}x{h}".format(**face["region"]),
            )
    return table
