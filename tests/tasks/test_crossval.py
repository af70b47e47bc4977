import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import made_models
import pytest
from made_stores import RIDGE, made_recordings, make_recipe, make_store

from ckseq.errors import CallError, DataError
from ckseq.experiment import fold
from ckseq.experiment.run_setup import FOLDS
from ckseq.inference.predictor import load_predictor
from ckseq.storage.predictions import read_predictions
from ckseq.storage.run_record import read_run
from ckseq.tasks.crossval import crossval
from ckseq.tasks.report import report
from ckseq.tasks.train import train

NETWORK = RIDGE.replace('kind = "ridge"', 'kind = "tiny"\n[training]\nepochs = 12\nbatch_size = 8')


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"), made_recordings())


@pytest.fixture(scope="module")
def ridge(tmp_path_factory):
    return make_recipe(tmp_path_factory.mktemp("recipes"), RIDGE)


def validated(store, recipe, out, console, **options):
    return crossval(store, experiment=recipe, out=out, console=console, **options)


def test_every_sequence_is_tested_once_per_seed_by_strangers(store, ridge, tmp_path, console):
    result = validated(store, ridge, tmp_path / "run", console, seeds=2)
    run, predictions = read_run(tmp_path / "run"), read_predictions(tmp_path / "run")
    asked = [(row.seed, row.recording) for row in predictions.rows]
    assert asked == sorted(set(asked))
    assert len(asked) == 2 * 27
    assert not any(row.recording == "S000_900" for row in predictions.rows)
    fold_of = {}
    for row in predictions.rows:
        assert fold_of.setdefault(row.subject, row.fold) == row.fold
    assert set(fold_of.values()) == {0, 1, 2}
    assert run.protocol.n_folds == 3
    assert list(run.seeds) == result["seeds"] == [3, 4]
    assert run.protocol.sentence == "no test subject is in training"
    assert len(run.trainings) == 6
    assert result["accuracy"] == pytest.approx(sum(result["accuracy_by_seed"].values()) / 2)


def test_a_holdout_gives_way_to_folds_and_says_so(store, ridge, tmp_path, console):
    validated(store, ridge, tmp_path / "run", console, settings=("protocol.kind=paper_split", "protocol.folds=4"))
    run = read_run(tmp_path / "run")
    assert (run.protocol.kind, run.protocol.n_folds) == ("subject_k_fold", 4)
    assert any("paper_split, tests on one part only" in note for note in run.notes)


def test_a_holdout_that_keeps_people_apart_gives_way_without_a_word(store, ridge, tmp_path, console):
    validated(store, ridge, tmp_path / "run", console, settings=("protocol.kind=subject_holdout", "protocol.folds=3"))
    run = read_run(tmp_path / "run")
    assert (run.protocol.kind, run.protocol.n_folds) == ("subject_k_fold", 3)
    assert not any("protocol" in note for note in run.notes)


def test_leaving_one_out_and_more_seeds_later(store, ridge, tmp_path, console):
    settings = ("protocol.kind=leave_one_subject_out",)
    validated(store, ridge, tmp_path / "run", console, settings=settings)
    once = read_predictions(tmp_path / "run").rows
    assert len({row.fold for row in once}) == 9
    validated(store, ridge, tmp_path / "run", console, settings=settings, seeds=2, resume=True)
    twice = read_predictions(tmp_path / "run").rows
    assert twice[: len(once)] == once
    assert len(twice) == 2 * len(once)


def test_another_run_is_not_gone_on_with(store, ridge, tmp_path, console):
    validated(store, ridge, tmp_path / "run", console)
    with pytest.raises(CallError, match="there is a run already"):
        validated(store, ridge, tmp_path / "run", console)
    with pytest.raises(CallError, match="made otherwise"):
        validated(store, ridge, tmp_path / "run", console, settings=("protocol.folds=4",), resume=True)


def test_several_processes_end_in_the_same_bytes(store, ridge, tmp_path, console, monkeypatch):
    monkeypatch.setattr("ckseq.experiment.engine._n_workers", lambda jobs, *rest: jobs)
    for name, jobs in (("one", 1), ("two", 2)):
        validated(store, ridge, tmp_path / name, console, jobs=jobs)
    one, two = ((tmp_path / name / "predictions.csv").read_bytes() for name in ("one", "two"))
    assert one == two


def test_the_report_of_a_cross_validation(store, ridge, tmp_path, console):
    validated(store, ridge, tmp_path / "run", console, seeds=2)
    told = report(tmp_path / "run", faces=False, console=console)
    page = (tmp_path / "run" / "report.html").read_text()
    assert told["headline"] in page
    assert told["headline"].endswith("0 % of test sequences show a subject seen in training")
    for text in (
        "mean of 2 seeds",
        "sd over seeds",
        "log-loss",
        "calibration error",
        "Cross-validation folds",
        "class prior",
    ):
        assert text in page
    assert {"folds.png", "reliability.png", "figures.json"} <= set(told["files"])
    figures = json.loads((tmp_path / "run" / "figures.json").read_text())["figures"]
    assert figures["accuracy"]["mean"] == pytest.approx(told["accuracy"])
    assert figures["accuracy"]["low"] <= told["accuracy"] <= figures["accuracy"]["high"]
    assert [figures["accuracy"][end] for end in ("low", "high")] == told["accuracy_interval"]
    # 27 sequences, however many seeds: the interval is that of 27
    assert told["accuracy_interval"][1] - told["accuracy_interval"][0] > 0.05


def test_what_killed_processes_left_in_a_run_is_removed(store, ridge, tmp_path, console):
    out = tmp_path / "run"
    left = [out / FOLDS / "seed3_fold1" / name for name in (".training.json.x.tmp", "checkpoint.npz")]
    left += [out / ".run.json.x.tmp", out / "checkpoint.npz"]
    validated(store, ridge, out, console)
    for more in range(2):  # complete already, then with more seeds
        for path in left:
            path.write_bytes(b"")
        validated(store, ridge, out, console, resume=True, seeds=1 + more)
        assert not any(path.exists() for path in left)


def test_what_is_left_of_a_process_killed_at_its_first_file_is_no_other_use(store, ridge, tmp_path, console):
    out = tmp_path / "run"
    out.mkdir()
    (out / ".run.json.x1y2.tmp").touch()
    validated(store, ridge, out, console)
    assert not list(out.glob(".*"))
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / ".mine").touch()
    with pytest.raises(CallError, match="is in use, and not by a run"):
        validated(store, ridge, tmp_path / "used", console)


def test_a_store_that_is_replaced_meanwhile_is_noticed(ridge, tmp_path, console, monkeypatch):
    store = make_store(tmp_path / "one", made_recordings())
    other = make_store(tmp_path / "other", made_recordings(length_tells=True), digest="feedfeedfeedfeed")
    begin = fold.trainer_for

    def begin_late(*arguments, **more):
        other.replace(store)
        return begin(*arguments, **more)

    monkeypatch.setattr("ckseq.experiment.fold.trainer_for", begin_late)
    with pytest.raises(DataError, match="was replaced by another store meanwhile"):
        validated(store, ridge, tmp_path / "run", console)


def test_killed_in_the_middle_of_a_fold_it_ends_in_the_same_bytes(store, tmp_path, console, monkeypatch):
    monkeypatch.setattr("ckseq.registry.load", made_models.load)
    recipe = make_recipe(tmp_path, NETWORK)
    validated(store, recipe, tmp_path / "whole", console)
    out = tmp_path / "killed"
    command = [sys.executable, "-c", "import made_models; made_models.main()", "crossval", str(store), "--quiet"]
    command += ["--experiment", recipe, "--out", str(out)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(Path(made_models.__file__).parent)})
    checkpoint = out / FOLDS / "seed3_fold1" / "checkpoint.npz"
    end = time.monotonic() + 120
    while not checkpoint.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "predictions.csv").exists()
    assert read_run(out).state == "training"
    validated(store, recipe, out, console, resume=True)
    assert (out / "predictions.csv").read_bytes() == (tmp_path / "whole" / "predictions.csv").read_bytes()
    assert not list(out.rglob("checkpoint.npz"))


def test_killed_before_the_exchange_nothing_is_trained_again(store, ridge, tmp_path, console, monkeypatch):
    """Of a training, whose checkpoint is gone by then; a cross-validation has its folds."""
    arguments = {"experiment": ridge, "out": tmp_path / "run", "console": console}
    arguments["settings"] = ("protocol.kind=subject_holdout",)
    train(store, seed=3, **arguments)

    def killed(target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ckseq.experiment.engine.exchange", killed)
        with pytest.raises(KeyboardInterrupt):
            train(store, seed=4, overwrite=True, **arguments)
    assert read_run(tmp_path / "run").seeds == (3,)
    monkeypatch.setattr("ckseq.experiment.engine.train_fold", None)
    train(store, seed=4, overwrite=True, **arguments)
    assert read_run(tmp_path / "run").seeds == (4,)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


@pytest.mark.parametrize(
    ("keep", "said"), [(True, "holds one model per fold and no single one"), (False, "saves no model")]
)
def test_a_cross_validation_says_why_it_predicts_nothing(store, ridge, tmp_path, console, keep, said):
    validated(store, ridge, tmp_path / "run", console, keep_models=keep)
    with pytest.raises(DataError, match=f"which {said}; make one with 'ckseq train'"):
        load_predictor(tmp_path / "run")
