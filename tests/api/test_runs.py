"""Trainings from Python: what the command line does, tested equal, and results that can be shown."""

import json
import shutil

import cv2
import numpy as np
import pytest
from made_expressions import sequence
from made_stores import RIDGE, made_recordings, make_recipe, make_store
from made_videos import write_video

import ckseq
from ckseq.cli.main import cli
from ckseq.inference.live_session import LiveSession
from ckseq.inference.predictions import as_json
from ckseq.inference.predictor import load_predictor

TIMES = {"created", "command", "checksum", "seconds", "trainings", "files"}


def called(capfd, *words):
    """Call the command line in this process and return the result that it prints."""
    cli.main([*map(str, words), "--json"], standalone_mode=False)
    return json.loads(capfd.readouterr().out)


def record_of(run):
    """The record without what depends on the clock and the folder."""
    tree = json.loads((run / "run.json").read_text())
    return {key: value for key, value in tree.items() if key not in TIMES}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"), made_recordings())


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return make_recipe(tmp_path_factory.mktemp("recipe"), RIDGE)


@pytest.fixture(scope="module")
def validated(store, recipe, tmp_path_factory):
    """The cross-validation from Python, and the progress it told."""
    progress = []
    out = tmp_path_factory.mktemp("runs") / "cv"
    with ckseq.open_store(store) as opened:
        run = ckseq.crossval(opened, out=out, experiment=recipe, seeds=2, progress=lambda *now: progress.append(now))
    return run, progress


def test_crossval_is_that_of_the_command_line(validated, store, recipe, tmp_path, capfd):
    run, progress = validated
    assert progress[-1] == ("folds", 6, 6)
    result = called(capfd, "crossval", store, "--experiment", recipe, "--out", tmp_path / "cv", "--seeds", 2)
    assert (tmp_path / "cv" / "predictions.csv").read_bytes() == (run.folder / "predictions.csv").read_bytes()
    assert record_of(tmp_path / "cv") == record_of(run.folder)
    assert run.scores == {name: result[name] for name in ("accuracy", "accuracy_by_seed")}
    assert ckseq.load_run(run.folder).predictions == run.predictions
    assert len(run.predictions.rows) == 54


def test_train_is_that_of_the_command_line(store, recipe, tmp_path, capfd):
    settings = {"protocol.kind": "subject_holdout", "balance.per_class": 8}
    run = ckseq.train(store, out=tmp_path / "own", experiment=recipe, settings=settings, seed=7)
    assert capfd.readouterr() == ("", "")
    words = ["--set", "protocol.kind=subject_holdout", "--set", "balance.per_class=8", "--seed", 7]
    result = called(capfd, "train", store, "--experiment", recipe, "--out", tmp_path / "cli", *words)
    assert (tmp_path / "cli" / "predictions.csv").read_bytes() == (run.folder / "predictions.csv").read_bytes()
    assert record_of(tmp_path / "cli") == record_of(run.folder)
    assert (run.scores["accuracy"], run.record.seeds) == (result["accuracy"], (7,))
    assert (
        ckseq.train(store, out=run.folder, experiment=recipe, settings=settings, seed=7, resume=True).record
        == run.record
    )
    with pytest.raises(ckseq.CallError, match="there is a run already"):
        ckseq.train(store, out=run.folder, experiment=recipe)


def test_results_display_in_a_notebook(validated):
    run, _ = validated
    shown = run._repr_html_()
    assert f"{run.folder}: Accuracy " in shown
    assert "95 % interval" in run.headline
    assert "no test subject is in training" in shown
    assert "cross_validation, complete" in repr(run)


def test_the_report_is_that_of_the_command_line(validated, capfd):
    run, _ = validated
    report = run.report()
    assert capfd.readouterr() == ("", "")
    own = {name: path.read_bytes() for name, path in report.files.items()}
    result = called(capfd, "report", run.folder)
    assert {name: (run.folder / name).read_bytes() for name in result["files"]} == own
    assert report.values == result
    assert (report.page, report.headline) == (run.folder / "report.html", run.headline)
    assert "report.html" in report._repr_html_()


def test_predict_is_that_of_the_command_line(expressions, tmp_path, capfd):
    run, folder = ckseq.load_run(expressions), expressions.parent / "P3_joy"
    found = run.predict(folder)
    assert found.predicted == "joy"
    assert "P3_joy: joy" in found._repr_html_()
    clip = write_video(tmp_path / "joy.avi", sequence("joy"), codec="MJPG")
    both = [found, run.predict(clip)]
    timeline = run.predict(folder, read_as="timeline")
    assert timeline.kind == "timeline"
    assert "frames" in timeline._repr_html_()
    assert capfd.readouterr() == ("", "")
    result = called(capfd, "predict", expressions, folder, clip)
    assert [as_json(one) for one in both] == result["predictions"]


def test_a_recording_shorter_than_all_in_training_is_a_warning(expressions, tmp_path, capfd, caplog):
    run, folder = ckseq.load_run(expressions), expressions.parent / "P3_joy"
    least = run.record.least_frames
    assert least == min(len(list(one.glob("*.png"))) for one in expressions.parent.glob("P*_*"))
    paths = sorted(folder.glob("*.png"))
    (tmp_path / "two").mkdir()
    for path in paths[:2]:
        shutil.copy(path, tmp_path / "two")
    said = f"only 2 frames to read, and the shortest sequence in training has {least}: do not rely on the answer"
    assert run.predict(tmp_path / "two").warning == said
    assert f"{tmp_path / 'two'}: {said}" in caplog.messages
    assert said in run.predict(np.stack([cv2.imread(str(path), 0) for path in paths[:2]]))._repr_html_()
    assert called(capfd, "predict", expressions, tmp_path / "two")["predictions"][0]["warning"] == said
    assert run.predict(folder).warning is None
    assert "warning" not in called(capfd, "predict", expressions, folder)["predictions"][0]
    answer = LiveSession(load_predictor(expressions)).analyze_clip(write_video(tmp_path / "a.avi", sequence("joy")[:2]))
    assert answer.incomplete == f"{said[:1].upper()}{said[1:]}."


def test_frames_are_predicted_as_their_files_are(expressions):
    run, folder = ckseq.load_run(str(expressions)), expressions.parent / "P3_joy"
    frames = np.stack([cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(folder.glob("*.png"))])
    assert run.predict(frames).probabilities == run.predict(folder).probabilities


def test_what_cannot_be_predicted_says_why(validated, expressions, tmp_path):
    with pytest.raises(ckseq.DataError, match="is a cross-validation, which saves no model"):
        validated[0].predict(tmp_path)
    (tmp_path / "text.mp4").write_bytes(b"text")
    with pytest.raises(ckseq.DataError, match="gave no frame") as caught:
        ckseq.load_run(expressions).predict(tmp_path / "text.mp4")
    assert str(tmp_path / "text.mp4") in str(caught.value)
    with pytest.raises(ckseq.CallError, match="neutral= is for runs"):
        ckseq.load_run(expressions).predict(tmp_path / "text.mp4", neutral=tmp_path)
    with pytest.raises(ckseq.DataError, match="there is no such folder"):
        ckseq.load_run(tmp_path / "none")
