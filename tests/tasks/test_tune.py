"""A search from frames to a recipe; small, with a model that trains in no time."""

import json
import signal
import subprocess
import sys

import made_models
import made_people
import made_searches
import numpy as np
import pytest

pytest.importorskip("optuna")

from ckseq import registry
from ckseq.cli.main import cli
from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.experiment.recipe import load_experiment
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.search import trial as trials
from ckseq.search.selection import best_trials
from ckseq.search.study import open_study
from ckseq.storage.predictions import read_predictions
from ckseq.storage.run_record import read_run
from ckseq.tasks.experiment import experiment
from ckseq.tasks.predict import predict
from ckseq.tasks.report import report
from ckseq.tasks.tune_export import tune_export
from ckseq.tasks.tune_page import tune_page

SEARCH = """
experiment = "mine.toml"
trials = 4
pruner = "none"
finalists = 0
[space]
motion.threshold = {int = [4, 40]}
motion.erosion_px = {choice = [1, 3]}
"""


@pytest.fixture
def data(tmp_path):
    return made_people.moving_squares(tmp_path)


@pytest.fixture
def search(tmp_path):
    return made_searches.search_file(tmp_path, SEARCH)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """One finished search, which nobody changes: its data, its file, its folder, and what was returned."""
    folder = tmp_path_factory.mktemp("searched")
    data, search = made_people.moving_squares(folder), made_searches.search_file(folder, SEARCH)
    out = folder / "out"
    return data, search, out, made_searches.run(data, search, out, Console(quiet=True))


def held_out(out, storage=None):
    return open_study("small", storage, out).user_attrs["about"]["test_subjects"]


def test_a_search_ends_in_a_recipe_that_runs_as_it_is(searched, tmp_path, console, monkeypatch):
    data, _, out, found = searched
    assert (found["complete"], found["pruned"], found["failed_trials"]) == (4, 0, 0)
    study = open_study("small", None, out)
    best = study.best_trial
    assert found["best"][0]["trial"] == best.number
    assert found["best"][0]["objectives"] == {"balanced_accuracy": max(trial.value for trial in study.trials)}
    # the first trial is the baseline
    assert study.trials[0].params == {"motion.threshold": 10, "motion.erosion_px": 1}
    # a trial's value is the mean of what its folds scored
    scores = best.user_attrs["scores"]
    assert best.value == pytest.approx(np.mean([score["balanced_accuracy"] for score in scores]))
    assert len(scores) == 3

    written = tune_export("small", storage=None, out=out, console=console)
    monkeypatch.chdir(tmp_path)  # the pipeline is found beside the experiment
    recipe = load_experiment(written["experiment"])
    pipeline = load_pipeline(recipe.pipeline)
    assert (pipeline.motion.threshold, pipeline.motion.erosion_px) == tuple(best.params.values())
    assert recipe.protocol.test_subjects == tuple(held_out(out))
    result = experiment(written["experiment"], data=data, out=tmp_path / "result", jobs=1, console=console)
    assert {row.subject for row in read_predictions(tmp_path / "result" / "run").rows} == set(held_out(out))
    # the methods paragraph says that a search chose, over what and among how many
    methods = (tmp_path / "result" / "run" / "paper" / "methods.txt").read_text()
    chosen = (
        f"chosen by a hyperparameter search over motion.threshold, motion.erosion_px: trial {best.number} of 4 trials"
    )
    assert chosen in methods
    assert f"balanced_accuracy {best.value:.3f} on its inner folds" in methods
    assert "the subjects tested on took no part in it" in methods
    assert result["n_test"] == 2 * len(held_out(out))
    with pytest.raises(CallError, match="exists already; --overwrite"):
        tune_export("small", storage=None, out=out, console=console)


def test_who_is_tested_on_in_the_end_is_never_looked_at(searched, data, search, tmp_path, console):
    people = held_out(searched[2])
    assert len(people) == 3
    for person in people:
        for path in (tmp_path / "frames").glob(f"p{person[1:]}_*/*.png"):
            path.write_bytes(b"nobody may open this")
    made_searches.run(data, search, tmp_path / "b", console)
    trials = [open_study("small", None, out).trials for out in (searched[2], tmp_path / "b")]
    assert [(one.params, one.value) for one in trials[0]] == [(one.params, one.value) for one in trials[1]]


def test_crops_are_found_once_and_what_is_there_is_not_made_again(data, search, tmp_path, console, monkeypatch):
    found = made_searches.run(data, search, tmp_path / "out", console, trials=1)
    assert found["served_from_cache"] == {"any": 0.0}
    monkeypatch.setattr("ckseq.preprocessing.stages.track_face", None)
    monkeypatch.setattr("ckseq.preprocessing.stages.align_crops", None)
    found = made_searches.run(data, search, tmp_path / "out", console)
    assert found["complete"] == 4
    assert found["served_from_cache"]["any"] == 0.75
    assert found["cache_bytes"] == sum(
        path.stat().st_size for path in (tmp_path / "out" / "cache").rglob("*") if path.is_file()
    )
    # the same recipe again, in another study: the tensors are there
    monkeypatch.setattr("ckseq.search.trial_cache.prepare_all", None)
    again = made_searches.run(data, search, tmp_path / "out", console, study="again")
    assert again["served_from_cache"] == {"any": 1.0, "store": 1.0}
    small = made_searches.run(data, search, tmp_path / "out", console, study="again", cache_gb=20e-6)
    assert small["cache_bytes"] <= 20_000


def test_a_recipe_that_loses_recordings_pays_for_it(data, search, tmp_path, console):
    for path in (tmp_path / "frames").glob("p*_fear/*.png"):
        if path.parent.name in ("p0_fear", "p1_fear", "p2_fear", "p3_fear"):
            path.write_bytes(b"no image")
    mine = search.with_name("mine.toml")
    mine.write_text(mine.read_text() + '[balance]\nper_class = "all"\n')
    made_searches.run(data, search, tmp_path / "out", console, trials=1)
    lost = {f"P{person}" for person in range(4)} - set(held_out(tmp_path / "out"))
    (trial,) = open_study("small", None, tmp_path / "out").trials
    # six people who show anger and fear once each, and of the lost fear nothing is right
    right = sum(score["accuracy"] for score in trial.user_attrs["scores"]) / 3 * 12
    assert right <= 12 - len(lost)


@pytest.mark.parametrize("sampler", ["forest", "cmaes", "grid", "gp"])
def test_every_sampler_finds_its_way(data, search, tmp_path, console, sampler):
    if sampler == "gp":
        pytest.importorskip("torch", reason="the extra gp is not installed")
    search.write_text(search.read_text().replace("int = [4, 40]", "int = [4, 40], step = 6"))
    settings = (f"search.sampler={sampler}", "search.folds=2")
    found = made_searches.run(data, search, tmp_path / "out", console, settings=settings, trials=7)
    points = [tuple(trial.params.items()) for trial in open_study("small", None, tmp_path / "out").trials]
    assert found["complete"] == 7
    if sampler == "grid":
        assert len(set(points)) == 7


def test_two_objectives_have_a_front(data, search, tmp_path, console):
    settings = ('search.objectives=["error", "prediction_ms"]', "search.folds=2")
    found = made_searches.run(data, search, tmp_path / "out", console, settings=settings, trials=4)
    study = open_study("small", None, tmp_path / "out")
    front = best_trials(study)
    assert [one["trial"] for one in found["best"]] == [trial.number for trial in front]
    assert all(not (o.values[0] < t.values[0] and o.values[1] < t.values[1]) for t in front for o in study.trials)
    text = (tmp_path / "out" / "small.html").read_text()
    assert "Pareto front" in text
    chosen = tune_export("small", storage=None, out=tmp_path / "out", console=console)
    assert chosen["objectives"]["error"] == min(trial.values[0] for trial in front)
    with pytest.raises(CallError, match="forest supports one objective"):
        made_searches.run(data, search, tmp_path / "b", console, settings=(*settings, "search.sampler=forest"))
    with pytest.raises(DataError, match="has no number of parameters"):
        made_searches.run(
            data, search, tmp_path / "c", console, settings=('search.objectives=["error", "parameters"]',)
        )


def test_the_page_stands_alone(searched, console):
    out = searched[2]
    (out / "small.html").unlink()
    found = tune_page("small", storage=None, out=out, console=console)
    text = (out / "small.html").read_text()
    assert found["page"].endswith("small.html")
    for title in (
        "Optimization history",
        "Hyperparameter importances",
        "Parallel coordinates",
        "Slice plots",
        "Best trial",
    ):
        assert f"<h2>{title}</h2>" in text
    assert "4 trials complete, 0 pruned, 0 failed" in text
    assert "<script src" not in text
    assert "<link" not in text
    assert "prefers-color-scheme: dark" in text
    assert "<summary>All trials (4)</summary>" in text
    assert text.count("<td>complete</td>") == 4
    assert text.count('<td class="recipe">') == 5
    # the axes of trials, 0 to 3, count by one; those of slice plots are colors
    assert '"dtick":1' in text.replace(" ", "")
    assert text.count('class="sideways"') >= 2
    assert "Estimated from 4 trials, fewer than 10 for each hyperparameter: the order is mostly chance." in text


def test_one_subject_held_out_is_a_warning(data, search, tmp_path, console, capsys):
    made_searches.run(data, search, tmp_path / "out", console, settings=("protocol.test_share=0.1",), trials=1)
    assert "the test after the search is on one subject, P" in capsys.readouterr().err


def test_a_trial_that_is_worse_after_a_fold_ends_early(data, search, tmp_path, console):
    settings = ("search.pruner=median", "search.sampler=random")
    found = made_searches.run(data, search, tmp_path / "out", console, settings=settings, trials=10)
    assert found["complete"] + found["pruned"] == 10
    assert found["pruned"] > 0
    trials = open_study("small", None, tmp_path / "out").trials
    early = [trial for trial in trials if trial.state.name == "PRUNED"]
    assert all(len(trial.user_attrs["scores"]) < 3 for trial in early)
    assert {step for trial in trials for step in trial.intermediate_values} == {0, 1}


def test_the_best_network_is_trained_on_all(data, search, tmp_path, console, monkeypatch):
    monkeypatch.setattr(registry, "load", made_models.load)
    training = "[training]\nepochs = 2\nbatch_size = 8\nvalidation = 'none'\n"
    (tmp_path / "mine.toml").write_text(made_searches.EXPERIMENT.replace('"ridge"', '"tiny"') + training)
    settings = ("search.pruner=median", "search.prune_by=epoch", "search.folds=2")
    out = tmp_path / "out"
    made_searches.run(data, search, out, console, settings=settings, trials=1)
    (trial,) = open_study("small", None, out).trials
    assert sorted(trial.intermediate_values) == [1, 2, 3, 4]
    assert trial.user_attrs["scores"][0]["parameters"] > 0

    made = tune_export("small", storage=None, out=out, data=data, final=True, jobs=1, console=console)
    run = read_run(out / "small_final" / "run")
    assert made["run"] == str(out / "small_final" / "run")
    assert (run.protocol.n_train, run.protocol.n_test) == (18, 0)
    assert (run.value("training.validation"), run.value("training.inner_share")) == ("inner", 0.2)
    predicted = predict(out / "small_final" / "run", inputs=[tmp_path / "frames" / "p0_fear"], console=console)
    assert predicted["predictions"][0]["predicted"] in ("anger", "fear")


def test_a_killed_command_resumes_after_the_last_finished_fold(data, search, tmp_path, console, monkeypatch):
    out = tmp_path / "out"
    slow = (
        "import sys, time, ckseq.search.trial as trial, ckseq.cli.main as line\n"
        "whole, folds = trial.train, []\n"
        "def train(*given):\n"
        "    folds.append(1)\n"
        "    if len(folds) == 6:\n"
        "        print('now', flush=True)\n"
        "        time.sleep(3600)\n"
        "    return whole(*given)\n"
        "trial.train = train\n"
        "line.main()\n"
    )
    words = ["tune", str(data), "--search", str(search), "--out", str(out), "--jobs", "1", "--heartbeat", "0.2"]
    words.append("--quiet")
    process = subprocess.Popen([sys.executable, "-c", slow, *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "now\n"  # in the third fold of the second trial
    process.send_signal(signal.SIGKILL)
    process.wait()
    trained, whole = [], trials.train
    monkeypatch.setattr(trials, "train", lambda *given: trained.append(1) or whole(*given))
    found = made_searches.run(data, search, out, console, heartbeat_s=0.2)
    assert (found["complete"], found["failed_trials"]) == (4, 1)
    assert len(trained) == 4 * 3 - 5


def test_a_nested_search_tests_everybody_once_by_a_search_that_never_saw_them(data, search, tmp_path, console):
    out = tmp_path / "out"
    settings = ("protocol.folds=3", "search.folds=2", "search.finalists=2")
    found = made_searches.run(data, search, out, console, nested=True, trials=2, settings=settings)
    unseen = [set(open_study(f"small_fold{fold}", None, out).user_attrs["about"]["test_subjects"]) for fold in range(3)]
    assert sorted(person for people in unseen for person in people) == [f"P{person}" for person in range(9)]
    rows = read_predictions(out / "small_nested").rows
    assert len({row.recording for row in rows}) == len(rows) == found["n_test"] == 18
    assert all(row.subject in unseen[row.fold] for row in rows)
    assert found["accuracy"] == sum(row.truth == row.predicted for row in rows) / 18
    assert [one["study"] for one in found["searches"]] == ["small_fold0", "small_fold1", "small_fold2"]
    selected = [f"fold {n}: trial {one['finalists']['chosen']}" for n, one in enumerate(found["searches"])]
    assert list(read_run(out / "small_nested").notes[1:]) == selected
    report(out / "small_nested", faces=False, console=console)
    assert "nor in the search" in (out / "small_nested" / "report.html").read_text()


def test_wrong_calls_are_one_clear_line(searched, tmp_path, console):
    data, search, out, _ = searched
    with pytest.raises(
        DataError, match=r"the existing study 'small' is about another search: objectives differs; name another"
    ):
        made_searches.run(data, search, out, console, settings=("search.objectives=['error']",))
    another = "is about another search: pipeline.motion.blur_px is 0.0 there and 2.0 here; name another"
    with pytest.raises(DataError, match=another):
        made_searches.run(data, search, out, console, settings=("motion.blur_px=2.0",))
    with pytest.raises(DataError, match=r"inner folds of the search: 7 folds are asked for, .*; set search.folds or"):
        made_searches.run(data, search, tmp_path / "b", console, settings=("search.folds=7",))
    with pytest.raises(CallError, match="paper_split may put a subject on both sides"):
        made_searches.run(data, search, tmp_path / "b", console, settings=("protocol.kind=paper_split",))
    with pytest.raises(CallError, match="subject_k_fold has 5 folds"):
        made_searches.run(data, search, tmp_path / "b", console, settings=("protocol.kind=subject_k_fold",))
    with pytest.raises(DataError, match="there is no study 'smal'; existing studies: small"):
        tune_export("smal", storage=None, out=out, console=console)
    with pytest.raises(DataError, match="there is no such study file"):
        tune_export("small", storage=None, out=tmp_path / "nowhere", console=console)
    with pytest.raises(CallError, match="no trial 7 of the study is complete"):
        tune_export("small", storage=None, out=out, trial=7, console=console)
    with pytest.raises(CallError, match="name them with --data"):
        tune_export("small", storage=None, out=out, final=True, console=console)


def test_the_command_takes_the_data_without_a_verb_and_prints_json(data, search, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    words = ["tune", str(data), "--search", str(search), "--trials", "2", "--jobs", "1", "--json"]
    assert not cli.main(words, standalone_mode=False)
    assert json.loads(capfd.readouterr().out)["complete"] == 2
    assert (tmp_path / "ckseq-tune" / "study.db").is_file()
    cli.main(["tune", "--help"], standalone_mode=False)
    assert {"run", "best", "page"} <= set(capfd.readouterr().out.split())
