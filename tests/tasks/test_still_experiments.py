"""The recipes of the systems that read single images, each from small made data to a report."""

import keras
import pytest
from made_stills import write_fer2013, write_folders

from ckseq.console import Console
from ckseq.storage.run_record import read_run
from ckseq.tasks.experiment import experiment

QUICK = ["training.epochs=1", "training.batch_size=8"]
SMALL_PIPELINE = ["detector.kind=whole_frame", "faces.side_px=48"]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """Stands for the networks that are fetched or a person brings."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((48, 48, 3)), keras.layers.Conv2D(4, 7, strides=7, activation="relu", name="maps")]
    path = tmp_path_factory.mktemp("b") / "small.keras"
    keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(2)]).save(path)
    return str(path)


def of_backbone(section, backbone):
    return [f"{section}.backbone={backbone}", f"{section}.weights=own"]


def settings_of(name, backbone):
    return {
        "fer2013_small": [],
        "fer2013_small_balanced": [],
        "fer2013_adversarial": ["model.width=0.1", "image_augmentation.passes=2"],
        "fer2013_mobilenet": [*of_backbone("model", backbone), "model.side_px=0"],
        "color_faces": ["model.filters=[4, 4]", "model.dense=8", "protocol.kind=subject_holdout"],
        "webcam_features": [*SMALL_PIPELINE, *of_backbone("features", backbone)],
        "webcam_finetuned": [
            *SMALL_PIPELINE, *of_backbone("model", backbone), "model.cut_after=maps", "training.epochs=2",
            "training.frozen_epochs=1", "image_augmentation.passes=2",
        ],
    }[name]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "input_shape", "published"),
    [
        ("fer2013_small", [48, 48, 1], 0.539),
        ("fer2013_small_balanced", [48, 48, 1], 0.539),
        ("fer2013_adversarial", [48, 48, 1], 0.70493),
        ("fer2013_mobilenet", [48, 48, 3], 0.824),
        ("color_faces", [64, 64, 3], 0.82),
        ("webcam_features", [1, 1, 4, 1], None),
        ("webcam_finetuned", [48, 48, 3], None),
    ],
)
def test_from_data_to_report(tmp_path, backbone, console, name, input_shape, published):
    if name.startswith("fer2013"):
        data = write_fer2013(tmp_path / "fer2013.csv", codes=(0, 3, 6), per_class=6)
    else:
        data = write_folders(tmp_path / "faces", codes=(0, 2, 4), per_class=6)
    settings = [*QUICK, *settings_of(name, backbone)]
    if "features" in name:
        settings.append("features.cut_after=maps")
    experiment(name, data=data, out=tmp_path / "out", settings=settings, jobs=1, console=console)
    run = read_run(tmp_path / "out" / "run")
    assert run.model.input_shape == tuple(input_shape)
    assert (run.value("published") or {}).get("accuracy") == published
    assert (tmp_path / "out" / "run" / "report.html").stat().st_size > 0


def test_it_is_said_that_fer2013_small_tests_on_the_public_test(tmp_path, capsys):
    data = write_fer2013(tmp_path / "fer2013.csv", codes=(0, 3, 6), per_class=6)
    experiment("fer2013_small", data=data, out=tmp_path / "out", settings=QUICK, jobs=1, console=Console())
    folder = tmp_path / "out" / "run"
    tested = (
        "tested on the part that the data set calls validation (in FER2013 PublicTest), validated on the part that it "
        "calls test (in FER2013 PrivateTest)"
    )
    said, page = (
        " ".join(text.split()) for text in ("".join(capsys.readouterr()), (folder / "report.html").read_text())
    )
    assert tested in said
    assert "12 images to train on, 3 to validate on, 3 to test on" in said
    assert "weighted loss" in said
    assert f"T{tested[1:]}." in page
    assert "<th>validation images</th><th>test images</th>" in page
    methods = (folder / "paper" / "methods.txt").read_text()
    assert f"gave 12 images for training, 3 for validation and 3 for testing; models were {tested}." in methods
    assert "The class prior of the training set was tested as a pixel-free baseline" in methods
    assert "no other pixel-free baseline applies" in page
