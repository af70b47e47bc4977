"""The chain of a recognizer for one's own webcam: record, preprocess, augment, extract features, train, live page."""

import base64
import time

import cv2
import keras
import numpy as np
import pytest
from made_browser import CHROMIUM, browser, write_y4m
from made_pages import page_of

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.storage.run_record import read_run
from ckseq.tasks.experiment import experiment
from ckseq.tasks.record import record
from ckseq.twin.tree import TwinConfig, draw, plan

FPS, PEOPLE, EMOTIONS = 20, 3, ("happiness", "surprise")
TWIN = TwinConfig(n_subjects=PEOPLE, emotions=EMOTIONS, emotions_per_subject=2, unlabeled_share=0, median_frames=9,
                  color_share=1.0)  # fmt: skip


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """The frames of each person's expressions, BGR, by subject and label."""
    found = {}
    for sequence in plan(TWIN):
        frames, _ = draw(sequence)
        frames = [cv2.cvtColor(one, cv2.COLOR_GRAY2BGR) if one.ndim == 2 else one for one in frames]
        found[sequence.subject, sequence.label.name] = [cv2.resize(one, (640, 480)) for one in frames]
    return found


@pytest.fixture(scope="module")
def recorded(people, tmp_path_factory):
    folder = tmp_path_factory.mktemp("webcam")
    for (subject, label), frames in people.items():
        path = folder / f"{subject}_{label}.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, (640, 480))
        for frame in [frames[0]] * 6 + frames + [frames[-1]] * 6:
            writer.write(frame)
        writer.release()
        record(
            folder / "own", inputs=(path,), camera=0, subject=subject, labels=(label,), consent="Drawn.", seconds=3.0,
            color=True, unasked=True, console=Console(quiet=True),
        )  # fmt: skip
    return folder / "own"


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """Stands for the pretrained network of faces: the mean color of 8x8 places."""
    layers = [keras.layers.Input((224, 224, 3)), keras.layers.Rescaling(1 / 255)]
    layers += [keras.layers.AveragePooling2D(28), keras.layers.Flatten(name="flat"), keras.layers.Dense(2)]
    path = tmp_path_factory.mktemp("backbone") / "small.keras"
    keras.Sequential(layers).save(path)
    return path


def settings(backbone):
    return [
        f"features.backbone={backbone}", "features.weights=own", "features.preprocessing=own", "training.epochs=120",
        "training.learning_rate=0.01", "model.hidden=[16]", "protocol.test_share=0.34",
        "image_augmentation.rotation_degrees=5.0", "image_augmentation.passes=2",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def run(recorded, backbone, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    experiment(
        "webcam_features", data=recorded, out=out, settings=settings(backbone), jobs=1, console=Console(quiet=True)
    )
    return out / "run"


def test_recorded_frames_are_in_color(recorded):
    image = cv2.imread(str(next((recorded / "cohn-kanade-images").rglob("*.png"))), cv2.IMREAD_UNCHANGED)
    assert image.ndim == 3
    assert np.ptp(image.astype(int), axis=2).max() > 20


def test_recordings_become_images_of_the_apex(run):
    made = read_run(run)
    assert made.store.crop_shape == (224, 224, 3)
    assert made.model.input_shape == (1, 1, 192, 1)
    assert made.protocol.n_train + made.protocol.n_test == PEOPLE * len(EMOTIONS)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (["sequence.overflow=error"], DataError, r"webcam_features reads single images, and 6 recordings have more: "
         r"S\d+_\d+ has \d+; --set sequence.overflow=cut_start"),
        (["features.backbone=none.keras"], DataError, r"none.keras: there is no such file.*--set features.weights"),
        (["input=projections", "features={}", "image_augmentation={}"], CallError, "reads motion, and the pipeline "
         "still_224_rgb computes none"),
        (["reduce.keep_crops=false", "motion.difference=signed"], CallError, "keeps none; set reduce.keep_crops"),
    ],
)  # fmt: skip
def test_what_cannot_succeed_is_refused_before_any_work(recorded, backbone, tmp_path, console, changes, error, message):
    start = time.monotonic()
    with pytest.raises(error, match=message) as caught:
        experiment("webcam_features", data=recorded, out=tmp_path / "o", settings=[*settings(backbone), *changes],
                   console=console)  # fmt: skip
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 5
    assert not (tmp_path / "o").exists()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; Debian's is the package chromium")
def test_the_live_page_shows_the_crop_and_its_class(run, people, tmp_path):
    tested = {name[:4] for name in read_run(run).folds[0].test}
    label, frames = next((label, frames) for (subject, label), frames in people.items() if subject not in tested)
    write_y4m(tmp_path / "camera.y4m", [frames[-1]] * FPS, fps=FPS)
    with page_of(run) as (url, _), browser(tmp_path / "profile", camera=tmp_path / "camera.y4m") as page:
        page.open(url)
        page.until("document.getElementById('motion-section').hidden")
        page.value("document.getElementById('start').click()")
        page.until(f"document.getElementById('class').textContent === '{label}'")
        assert page.text("state") == "1 face"
        assert page.text("crop-size") == "224x224 pixels, color"
        page.until("document.querySelectorAll('#crop-thumbnails canvas').length > 2")
        levels = page.value(
            "(() => { const c = document.getElementById('crop'); const p = c.getContext('2d'); "
            "return btoa(String.fromCharCode(...p.getImageData(0, 0, c.width, c.height).data.slice(0, 40000))); })()"
        )
        pixels = np.frombuffer(base64.b64decode(levels), np.uint8)
        assert len(set(pixels.tolist())) > 50
        assert label in page.text("log")
        page.picture(tmp_path / "page.png", whole=True)
        assert page.text("error") == ""
