"""Predictions for photos with a model of single images: every face is detected, classified and drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

from ckseq.console import Console
from ckseq.errors import readable
from ckseq.inference.bad_input import BAD_INPUT, left_out, one_line
from ckseq.inference.face_detection import FaceDetection
from ckseq.inference.inputs import output_stem
from ckseq.inference.portraits import cut_portraits
from ckseq.inference.predictions import FacePrediction, PhotoPrediction, Points, Region, as_json
from ckseq.inference.predictor import Predictor
from ckseq.recording import ImageFiles
from ckseq.report.photo import FaceLabel, draw_photo
from ckseq.signal.faces import Box, Detector
from ckseq.sources.manifest import photos_at
from ckseq.storage.files import write_bytes, write_text
from ckseq.storage.frames import read_gray, read_rgb

_N_POINTS = len(fields(Points))


def predict_photos(
    sources: Sequence[str],
    predictor: Predictor,
    *,
    detection: FaceDetection,
    out: Path | None,
    draw: bool,
    console: Console,
) -> tuple[list[PhotoPrediction], dict[str, str]]:
    """Classify every face of every photo, each cropped as the run's training images were.

    Parameters
    ----------
    sources : sequence of str
        Image files, and folders of such.
    predictor : Predictor
        Of a run of still images.
    detection : FaceDetection
    out : Path, optional
        Save predictions there, in ``photos.json``, and annotated photos.
    draw : bool
        Draw each photo with its faces.
    console : Console

    Returns
    -------
    predictions : list of PhotoPrediction
    failed : dict
        By input, why there is no prediction.
    """
    same = detection.kind == predictor.pipeline.detector_kind
    console.say(f"faces are detected by {detection.kind}" + ("" if same else ", unlike in training"))
    detect = detection.load()
    predictions: list[PhotoPrediction] = []
    paths, failed = _photos(sources)
    for message in failed.values():
        console.warn(f"left out: {message}")
    targets: set[Path] = set()
    for path in console.track(paths, total=len(paths), label="photos"):
        name = readable(str(path))
        try:
            width, height, faces = _predict_photo(path, predictor, detect)
        except BAD_INPUT as error:
            failed[name] = one_line(error)
            console.warn(left_out(name, error))
            continue
        target = None
        if not faces:
            console.warn(f"{name}: no face found, so there is no prediction")
        elif draw and out is not None:
            target = _unused(out / f"{output_stem(path.stem)}_faces.jpg", targets)
            _draw(target, faces, path, predictor.labels)
        drawn = None if target is None else readable(str(target))
        notes = list(predictor.notes) or None
        predictions.append(PhotoPrediction(name, detection.kind, width, height, faces, drawn, notes))
    if out is not None:
        content = [as_json(prediction) for prediction in predictions]
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        write_text(out / "photos.json", text + "\n")
    return predictions, failed


def _photos(sources: Sequence[str]) -> tuple[list[Path], dict[str, str]]:
    """Return the photos named or held by folders named, each once, and by input why there is none."""
    paths: dict[Path, None] = {}
    failed: dict[str, str] = {}
    for source in sources:
        try:
            paths |= dict.fromkeys(photos_at(Path(source)))
        except BAD_INPUT as error:
            failed[readable(source)] = one_line(error)
    return list(paths), failed


def _predict_photo(path: Path, predictor: Predictor, detector: Detector) -> tuple[int, int, list[FacePrediction]]:
    """Return width and height of a photo, and its faces."""
    config = predictor.pipeline.faces
    read = read_rgb if config.color == "rgb" else read_gray
    (photo,) = read(ImageFiles((path,)))
    height, width = photo.shape[:2]
    boxes, crops = cut_portraits(photo, detector, config)
    if not boxes:
        return width, height, []
    rows = predictor.predict_proba_images(crops if crops.ndim == 4 else crops[..., None])
    faces = [
        FacePrediction(
            emotion={label: round(100 * float(p), 4) for label, p in zip(predictor.labels, row, strict=True)},
            dominant_emotion=predictor.labels[int(row.argmax())],
            region=Region(box.left, box.top, box.right - box.left, box.bottom - box.top),
            face_confidence=round(box.score, 4),
            points=_points(box),
        )
        for box, row in zip(boxes, rows, strict=True)
    ]
    return width, height, faces


def _points(box: Box) -> Points | None:
    """Return the points of a box, to a tenth of a pixel, where the detector gave all five."""
    return Points(*((round(x, 1), round(y, 1)) for x, y in box.points)) if len(box.points) == _N_POINTS else None


def _unused(path: Path, used: set[Path]) -> Path:
    """Return the path, with a number where a photo of the same name from another folder has it already."""
    number, unused = 2, path
    while unused in used:
        unused = path.with_name(f"{path.stem}_{number}{path.suffix}")
        number += 1
    used.add(unused)
    return unused


def _draw(target: Path, faces: Sequence[FacePrediction], path: Path, labels: Sequence[str]) -> None:
    drawn = [
        FaceLabel(
            (face.region.x, face.region.y, face.region.w, face.region.h),
            face.dominant_emotion,
            tuple(face.emotion.values()),
            () if face.points is None else astuple(face.points),
        )
        for face in faces
    ]
    (photo,) = read_rgb(ImageFiles((path,)))  # in color, also where the network reads gray
    write_bytes(target, draw_photo(photo, drawn, labels))
