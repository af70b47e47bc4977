"""What the script beside an exported model does; `ckseq.inference.standalone` writes it, with all that it calls."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.detectors._spec import MOST_PIXELS, at_most
from ckseq.errors import CkseqError, DataError
from ckseq.inference.portraits import cut_portraits
from ckseq.inference.sequences import is_uneven
from ckseq.learn.runtimes import ExportedNetwork
from ckseq.preprocessing.stages import motion_arrays
from ckseq.signal.faces import Detector, to_gray
from ckseq.signal.sequence import fit_length
from ckseq.sources._frames import images_in, is_video
from ckseq.storage.video import Video
from ckseq.tracking.alignment import align_crops
from ckseq.tracking.box_tracker import track_face


class Fields(SimpleNamespace):
    """A section of the description; its keys are attributes."""

    def model_copy(self, *, update: dict[str, Any]) -> Fields:
        """Return a copy with other values of some fields."""
        return Fields(**{**vars(self), **update})


class Frames:
    """The frames of a video or of a folder of images, gray or in RGB, read anew whenever one goes through them."""

    def __init__(self, path: Path, *, color: bool) -> None:
        self._path, self._color = path, color

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        if is_video(self._path.name):
            for _, image in Video(self._path).frames():
                yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB if self._color else cv2.COLOR_BGR2GRAY))
            return
        for path in images_in(self._path) if self._path.is_dir() else (self._path,):
            yield read_image(path, color=self._color)

    def times_s(self) -> NDArray[np.float64] | None:
        """Return the times of the frames of a video, seconds; None where they are images."""
        return Video(self._path).times_s(at_most_s=np.inf) if is_video(self._path.name) else None


def read_image(path: Path, *, color: bool) -> NDArray[np.uint8]:
    """Return an image, (h, w) gray or (h, w, 3) red, green, blue."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR if color else cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise DataError("is no image that can be read", path)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if color else image, np.uint8)


class Model(NamedTuple):
    """An exported network, its description, and what finds the faces."""

    network: ExportedNetwork
    description: Any
    detect: Detector

    @property
    def reads_images(self) -> bool:
        """Whether it reads single images, not sequences."""
        return bool(self.description.input.axes[0] == "images")


def load_model(
    path: Path, open_network: Callable[[Path], ExportedNetwork], make_detector: Callable[[Any], Detector]
) -> Model:
    """Open an exported network with all that its description says of the preprocessing."""
    network = open_network(path)
    description = json.loads(json.dumps(network.description), object_hook=lambda fields: Fields(**fields))
    return Model(network, description, at_most(MOST_PIXELS, make_detector(description.detector)))


def predict_sequence(model: Model, path: Path) -> NDArray[np.float32]:
    """Return the probability of each class, (n_classes,), for a video or a folder of frames of one expression."""
    pipeline, sequence = model.description.pipeline, model.description.sequence
    frames = Frames(path, color=pipeline.faces.color == "rgb")
    faces = track_face(frames, model.detect, pipeline.faces)
    array = faces.crops
    if model.description.input.what != "crops":
        gray = array if array.ndim == 3 else to_gray(array)
        array = motion_arrays(align_crops(gray, pipeline.align), faces, pipeline)[model.description.input.what]
    times_s = frames.times_s()
    # motion has one row fewer than there are crops: it begins with the second
    if times_s is not None and not is_uneven(times_s := times_s[-len(array) :]):
        times_s = None
    fitted = fit_length(
        array,
        length_frames=sequence.length_frames,
        overflow=sequence.overflow,
        short=sequence.short,
        times_s=times_s,
    )
    return model.network.predict(fitted.astype(np.float32).reshape(1, *model.description.input.shape[1:]))[0]


def predict_faces(model: Model, image: NDArray[np.uint8]) -> list[tuple[dict[str, int], NDArray[np.float32]]]:
    """Return the box of every face in an image, the largest first, and the probability of each class, (n_classes,)."""
    found = cut_portraits(image, model.detect, model.description.pipeline.faces)
    shape = model.description.input.shape[1:]
    rows = [model.network.predict(crop.astype(np.float32).reshape(1, *shape))[0] for crop in found.crops]
    boxes = [{"x": box.left, "y": box.top, "w": box.right - box.left, "h": box.bottom - box.top} for box in found.boxes]
    return list(zip(boxes, rows, strict=True))


def predictions(model: Model, path: Path) -> Iterator[dict[str, Any]]:
    """Yield what is predicted for a path: one row for a sequence; for single images one for each image or frame."""
    labels = model.description.labels

    def by_label(row: NDArray[np.float32]) -> dict[str, float]:
        return {label: round(float(p), 6) for label, p in zip(labels, row, strict=True)}

    if not model.reads_images:
        yield {"input": str(path), "probabilities": by_label(predict_sequence(model, path))}
        return
    color = model.description.pipeline.faces.color == "rgb"
    for number, image in enumerate(Frames(path, color=color)):
        faces = [{"region": box, "probabilities": by_label(row)} for box, row in predict_faces(model, image)]
        yield {"input": str(path), "image": number, "faces": faces}


def run(
    arguments: Sequence[str],
    *,
    about: str,
    default: Path,
    open_network: Callable[[Path], ExportedNetwork],
    make_detector: Callable[[Any], Detector],
) -> int:
    """Print the predictions for the paths named, one line of JSON each; return the exit status."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("inputs", nargs="+", type=Path, help="videos, images, or folders of frames")
    parser.add_argument("--model", type=Path, default=default, help="the exported model; default: %(default)s")
    called = parser.parse_args(arguments)
    failed = False
    try:
        model = load_model(called.model, open_network, make_detector)
    except ModuleNotFoundError as error:
        print(f"the package {error.name} is not installed", file=sys.stderr)
        return 2
    for path in called.inputs:
        try:
            for prediction in predictions(model, path):
                print(json.dumps(prediction, ensure_ascii=False))
        except CkseqError as error:
            failed = True
            print(f"{path}: {error}", file=sys.stderr)
    return int(failed)
