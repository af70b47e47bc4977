"""A run on drawn expressions of drawn faces, and a detector that finds them."""

from contextlib import contextmanager
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ckseq import registry
from ckseq.config import Config
from ckseq.console import Console
from ckseq.detectors._spec import DetectorSpec
from ckseq.signal.faces import Box
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.train import train

PIPELINE = """
[detector]
kind = "bright"
[faces]
policy = "tracked"
pick = "first"
side_px = 32
stride_frames = 2
[motion]
reference = "neutral"
difference = "signed"
threshold = 12
erosion_px = 1
running_frames = 200
"""
EXPERIMENT = """
pipeline = "small"
[balance]
per_class = "all"
[sequence]
length_frames = 8
overflow = "resample"
short = "stretch"
[protocol]
kind = "subject_holdout"
test_share = 0.5
[model]
kind = "ridge"
"""


def squares(image):
    """A detector that finds squares with a bright frame, from left to right."""
    parts = cv2.connectedComponentsWithStats((image > 225).astype(np.uint8))[2][1:]
    boxes = [Box(int(x), int(y), int(x + w), int(y + h), 1.0) for x, y, w, h, _ in parts if min(w, h) > 12]
    return sorted(boxes)


@contextmanager
def registered_detector():
    """Register the detector as ``bright``."""
    module = SimpleNamespace(SPEC=DetectorSpec(Config, lambda config: squares))
    load = registry.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            registry, "load", lambda room, name, **rest: module if name == "bright" else load(room, name, **rest)
        )
        yield


def face(image, label, strength, *, left=20, light=60):
    """Draw a square whose upper or lower half turns dark: the expression at a strength from 0 to 1."""
    cv2.rectangle(image, (left, 20), (left + 39, 59), 250, 3)
    image[23:57, left + 3 : left + 37] = 200
    rows = slice(26, 38) if label == "anger" else slice(42, 54)
    image[rows, left + 8 : left + 32] = 200 - round(100 * strength) - light // 30


def sequence(label, n=12, light=60, strengths=None):
    frames = []
    for strength in np.linspace(0, 1, n) if strengths is None else strengths:
        frame = np.full((80, 160), light, np.uint8)
        face(frame, label, strength, light=light)
        frames.append(frame)
    return frames


def there_and_back(label):
    return sequence(label, strengths=[0] * 10 + [step / 10 for step in range(11)] + [1] * 15 + [0.5] + [0] * 20)


def make_run(folder, *, pipeline=PIPELINE, experiment=EXPERIMENT, run="run"):
    """Train on two expressions of 24 people, of whom 12 are tested, and return the run folder."""
    store = make_store(folder, pipeline=pipeline)
    return train_on(store, folder / run, experiment)


def train_on(store, out, experiment):
    (store.parent / "ask.toml").write_text(experiment)
    train(store, experiment=str(store.parent / "ask.toml"), out=out, console=Console(quiet=True))
    return out


def make_store(folder, *, pipeline=PIPELINE):
    console = Console(quiet=True)
    lines = ["path,subject,session,label"]
    for person in range(24):
        for label in ("anger", "joy"):
            place = folder / f"P{person}_{label}"
            place.mkdir()
            for number, frame in enumerate(sequence(label, 8 + person % 6, light=40 + 2 * person)):
                cv2.imwrite(str(place / f"{number:03}.png"), frame)
            lines.append(f"{place.name},P{person},{label},{label}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    (folder / "small.toml").write_text(pipeline)
    preprocess(folder, pipeline=str(folder / "small.toml"), out=folder / "store.h5", jobs=1, console=console)
    return folder / "store.h5"
