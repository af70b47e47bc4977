"""The published systems for single images, each from its data's shape, made small, to its last artifact.

By the commands that a reader would type; only sizes and durations are set lower.
"""

import json

import cv2
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from made_stills import LABELS, made_image, write_fer2013

from ckseq.cli.main import cli
from ckseq.storage.history import read_history
from ckseq.storage.run_record import read_run
from ckseq.storage.store import open_store
from ckseq.twin.tree import TwinConfig, draw, plan

REPORT = {"report.html", "classification_report.txt", "confusion_matrix.png", "accuracy.png", "loss.png", "answers.png",
          "classes.png", "predictions.csv"}  # fmt: skip


def ckseq(*words):
    """Run a command and return the result that it prints as JSON."""
    done = CliRunner().invoke(cli, [*map(str, words), "--json"], standalone_mode=False, catch_exceptions=False)
    return json.loads(done.stdout)


def settings_of(*settings):
    return [word for setting in settings for word in ("--set", setting)]


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """Two drawn faces side by side, in color."""
    frames = [draw(one)[0][-1] for one in plan(TwinConfig(n_subjects=2, emotions_per_subject=1))[:2]]
    colors = [frame if frame.ndim == 3 else cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) for frame in frames]
    path = tmp_path_factory.mktemp("photo") / "two.png"
    cv2.imwrite(str(path), np.hstack([cv2.resize(color, (400, 306)) for color in colors]))
    return path


@pytest.mark.slow
def test_adversarial_regularization_on_fer2013_to_wrong_predictions(tmp_path):
    """Xiao (2020): the CSV with its split, seven classes and three, report and list of errors."""
    data = write_fer2013(tmp_path / "fer2013.csv", per_class=6)
    blocks = "model.blocks=[{filters = 4, kernels_px = [5, 2]}, {filters = 4, kernels_px = [3], dropout = 0.4}]"
    quick = settings_of(blocks, "training.epochs=2", "training.batch_size=8", "image_augmentation.passes=2")
    out = tmp_path / "seven"
    found = ckseq("experiment", "fer2013_adversarial", "--data", data, "--out", out, "--jobs", 1, *quick)
    assert {path.name for path in (out / "run").iterdir()} >= REPORT
    run = read_run(out / "run")
    assert (run.protocol.n_train, run.protocol.n_test) == (28, 7)
    assert sum(run.protocol.validation_counts.values()) == 7
    assert run.trainings[0].chosen_epoch is None
    assert all(np.isfinite(epoch.val_loss) for epoch in read_history(out / "run"))
    assert (out / "run" / "mistakes.png").is_file() == (found["n_correct"] < 7)
    three = ckseq("experiment", "fer2013_adversarial_3class", "--data", data, "--out", tmp_path / "three", "--jobs", 1,
                  *quick)  # fmt: skip
    assert three["n_test"] == 3
    assert set(read_run(tmp_path / "three" / "run").labels) == {"happiness", "sadness", "neutral"}


@pytest.mark.slow
def test_exploration_small_network_and_transfer_to_a_photo(tmp_path, photo):
    """Papazoglou (2022), parts 1 and 2: figures of the data, a CNN on the CSV, transfer on folders 0 to 6, a photo.

    A small network stands for MobileNetV2, which `test_published_networks` builds.
    """
    data = write_fer2013(tmp_path / "fer2013.csv", per_class=6)
    explored = ckseq("inspect", data, "--out", tmp_path / "figures", "--per-class", 5)
    assert explored["parts"] == {"train": 28, "validation": 7, "test": 7}
    assert len(explored["figures"]) == 3
    out = tmp_path / "small"
    quick = settings_of("training.epochs=2")
    ckseq("experiment", "fer2013_small", "--data", data, "--out", out, "--jobs", 1, *quick)
    assert {path.name for path in (out / "run").iterdir()} >= REPORT
    run = read_run(out / "run")
    with open_store(out / "store.h5") as store:
        assert {entry.part for entry in store.entries if entry.id in run.tested} == {"validation"}
        assert {entry.part for entry in store.entries if entry.id in run.folds[0].validation} == {"test"}
    assert run.model.n_parameters == 318_407
    assert run.trainings[0].chosen_epoch is None
    for part, numbers in (("train", (0, 1)), ("test", (2,))):
        for code in range(len(LABELS)):
            (tmp_path / "images" / part / str(code)).mkdir(parents=True)
            for number in numbers:
                cv2.imwrite(str(tmp_path / "images" / part / str(code) / f"{number}.jpg"), made_image(code, number))
    layers = [keras.Input((48, 48, 3)), keras.layers.Conv2D(4, 7, strides=7), keras.layers.GlobalAveragePooling2D()]
    backbone = tmp_path / "small.keras"
    keras.Sequential([*layers, keras.layers.Dense(2)]).save(backbone)
    smaller = (f"model.backbone={backbone}", "model.weights=own", "model.side_px=0")
    quick, out = settings_of(*smaller, "training.epochs=1", "training.batch_size=8"), tmp_path / "transfer"
    ckseq("experiment", "fer2013_mobilenet", "--data", tmp_path / "images", "--out", out, "--jobs", 1, *quick)
    run = read_run(out / "run")
    assert (run.protocol.n_train, run.protocol.n_test) == (14, 7)
    assert set(run.labels) == set(LABELS)
    haar = (
        "--detector",
        "opencv_haar",
        *settings_of("detector.cascade=frontalface_default", "detector.min_neighbors=4"),
    )
    found = ckseq("predict", out / "run", photo, *haar, "--out", tmp_path / "photo", "--draw")
    (item,) = found["predictions"]
    assert len(item["faces"]) == 2
    assert all(set(face["emotion"]) == set(LABELS) for face in item["faces"])
    assert cv2.imread(item["drawn"]) is not None


@pytest.mark.slow
def test_color_faces_to_a_photo_with_boxes_points_and_classes(tmp_path, photo):
    """Arancibia: folders train and test of color faces, the own network, all faces of a photo found by MTCNN."""
    for part, numbers in (("train", range(4)), ("test", (4, 5))):
        for code, label in enumerate(LABELS):
            (tmp_path / "faces" / part / label).mkdir(parents=True)
            for number in numbers:
                image = np.zeros((80, 80, 3), np.uint8)
                image[..., code % 3] = made_image(code, number, 80)
                cv2.imwrite(str(tmp_path / "faces" / part / label / f"{number}.png"), image)
    out = tmp_path / "out"
    quick = settings_of("model.filters=[4, 8, 8]", "model.dense=16", "training.epochs=2")
    ckseq("experiment", "color_faces", "--data", tmp_path / "faces", "--out", out, "--jobs", 1, *quick)
    assert {path.name for path in (out / "run").iterdir()} >= REPORT
    run = read_run(out / "run")
    assert (run.protocol.n_train, run.protocol.n_test, run.model.input_shape) == (28, 14, (64, 64, 3))
    assert all(recording.startswith("test_") for recording in run.tested)
    found = ckseq("predict", out / "run", photo, "--detector", "mtcnn", "--out", tmp_path / "photo", "--draw")
    (item,) = found["predictions"]
    assert (item["detector"], len(item["faces"])) == ("mtcnn", 2)
    assert sorted(face["region"]["x"] // 400 for face in item["faces"]) == [0, 1]
    for face in item["faces"]:
        assert len(face["points"]) == 5
        assert set(face["emotion"]) == set(LABELS)
    drawn, before = cv2.imread(item["drawn"]), cv2.imread(str(photo))
    assert drawn.shape == before.shape
    assert (np.abs(drawn.astype(int) - before).max(axis=2) > 60).mean() > 0.005
