"""From still images to a report: the whole way, in the small."""

import json

import cv2
import numpy as np
import pytest
from made_stills import made_image, row, write_fer2013, write_folders

from ckseq.errors import CallError, DataError
from ckseq.experiment.dataset import gather
from ckseq.experiment.recipe import load_experiment
from ckseq.storage.predictions import read_predictions
from ckseq.storage.report_crops import read_crops
from ckseq.storage.run_record import read_run
from ckseq.storage.store import open_store
from ckseq.tasks.predict import predict
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.report import report
from ckseq.tasks.train import train

SMALL = ["model.filters=[4, 4]", "model.dense=8", "training.epochs=6", "training.batch_size=8"]


def prepare(data, out, console, pipeline="still_48_gray", **more):
    preprocess(data, pipeline=pipeline, out=out, jobs=1, console=console, **more)
    return out


@pytest.fixture
def store(tmp_path, console):
    return prepare(write_fer2013(tmp_path / "fer2013.csv", codes=(0, 3), per_class=12), tmp_path / "s.h5", console)


def test_pixels_come_through_to_the_bit(store):
    with open_store(store) as opened:
        assert {entry.part for entry in opened.entries} == {"train", "validation", "test"}
        assert all((entry.n_frames, entry.n_crops, entry.n_steps) == (1, 1, 0) for entry in opened.entries)
        np.testing.assert_array_equal(opened.crops("fer2013_00004"), [made_image(3, 1)])
        assert any("the subjects are not known" in note for note in opened.notes)


def test_from_csv_to_report(tmp_path, store, console):
    run = tmp_path / "run"
    settings = [*SMALL, "training.validation=given"]
    result = train(store, experiment="fer2013_small_balanced", out=run, settings=settings, console=console)
    assert (result["n_train"], result["n_test"]) == (16, 4)
    made = read_run(run)
    assert made.model.input_shape == (48, 48, 1)
    assert 1 <= made.trainings[0].chosen_epoch <= 6
    assert {row.recording for row in read_predictions(run).rows} == set(made.tested)
    crops = read_crops(run)
    shown = next(row.recording for row in read_predictions(run).rows)
    with open_store(store) as opened:
        np.testing.assert_array_equal(crops[shown], opened.crops(shown))
    assert made.protocol.validation_counts == {"anger": 2, "happiness": 2}
    assert report(run, faces=True, console=console)["n_test"] == 4
    made_one = tmp_path / "photo.png"
    cv2.imwrite(str(made_one), made_image(3, 99))
    (told,) = predict(run, inputs=[made_one], detector="whole_frame", console=console)["predictions"]
    assert (told["kind"], told["faces"][0]["region"]) == ("photo", {"x": 0, "y": 0, "w": 48, "h": 48})
    with pytest.raises(CallError, match="reads single images"):
        predict(run, inputs=[made_one], read_as="sequence", console=console)
    assert "he subjects are not known" in (run / "report.html").read_text()


def test_a_published_split_that_is_not_used_is_named(store):
    recipe = load_experiment("small_stills")
    with open_store(store) as opened:
        notes = gather(opened, recipe).notes
        given = recipe.model_copy(update={"protocol": recipe.protocol.model_copy(update={"kind": "given"})})
        assert not any("own split" in note for note in gather(opened, given).notes)
    assert (
        "the data set's own split (train 16, validation 4, test 4) is not used: protocol.kind = subject_holdout; "
        "--set protocol.kind=given uses it" in notes
    )


def test_given_validation_needs_a_validation_part(tmp_path, console):
    store = prepare(write_folders(tmp_path / "f"), tmp_path / "s.h5", console)
    settings = [*SMALL, "training.validation=given", "protocol.kind=subject_holdout"]
    with pytest.raises(CallError, match="validation part of its own"):
        train(store, experiment="fer2013_small", out=tmp_path / "run", settings=settings, console=console)


def test_colors_are_kept_in_order_where_they_are_asked_for(tmp_path, console):
    """Anger is red, fear is blue."""
    data = write_folders(tmp_path / "f", codes=(0, 2))
    rgb = prepare(data, tmp_path / "rgb.h5", console, settings=["faces.color=rgb"])
    with open_store(rgb) as opened:
        red, blue = opened.crops("anger_0")[0], opened.crops("fear_0")[0]
        assert red.shape == (48, 48, 3)
        assert (red[..., 0].max() > 200, red[..., 1:].max()) == (True, 0)
        assert (blue[..., 2].max() > 200, blue[..., :2].max()) == (True, 0)
        assert opened.faces("anger_0").shape == (2, 48, 48)
    gray = prepare(data, tmp_path / "gray.h5", console)
    with open_store(gray) as opened:
        assert opened.crops("anger_0").shape == (1, 48, 48)


def test_a_bad_row_is_left_out_and_noted_or_refused(tmp_path, console, capsys):
    table = write_fer2013(tmp_path / "f.csv", codes=(0, 3), extra=["0,1 2 3,Training", row(3, made_image(3, 9), "x")])
    with pytest.raises(DataError, match=r"2 recordings cannot be used; the first: .*line 14: holds 3 pixels"):
        prepare(table, tmp_path / "s.h5", console, strict=True)
    assert not (tmp_path / "s.h5").exists()
    prepare(table, tmp_path / "s.h5", console)
    said = capsys.readouterr().err.replace("\n", " ")
    assert "line 14 was left out: holds 3 pixels" in said
    assert "line 15 was left out: the Usage 'x'" in said
    with open_store(tmp_path / "s.h5") as opened:
        assert len(opened.entries) == 12
        assert any("2 recordings of the data could not be used" in note for note in opened.notes)


def test_a_model_of_sequences_says_that_these_are_images(tmp_path, store, console):
    settings = ['model={kind = "gru"}']
    with pytest.raises(CallError, match=r"gru reads sequences, and these are images of shape \(48, 48, 1\)"):
        train(store, experiment="fer2013_small", out=tmp_path / "run", settings=settings, console=console)


def test_motion_none_without_crops_is_refused(tmp_path, console):
    data = write_folders(tmp_path / "f")
    with pytest.raises(CallError, match=r"needs reduce\.keep_crops = true"):
        prepare(data, tmp_path / "s.h5", console, settings=["reduce.keep_crops=false"])


def test_the_command_line_refuses_with_strict(tmp_path, console):
    from click.testing import CliRunner

    from ckseq.cli.main import cli

    table = write_fer2013(tmp_path / "f.csv", codes=(0, 3), extra=["0,1 2 3,Training"])
    out = tmp_path / "s.h5"
    words = ["preprocess", str(table), "--pipeline", "still_48_gray", "--out", str(out), "--jobs", "1", "--json"]
    with pytest.raises(DataError, match="1 recording cannot be used"):
        CliRunner().invoke(cli, [*words, "--strict"], catch_exceptions=False)
    done = CliRunner().invoke(cli, words, standalone_mode=False, catch_exceptions=False)
    assert json.loads(done.stdout)["failed"] == {}
