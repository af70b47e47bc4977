"""The finalists of a search: what is scored again, which of them is selected, and where the selection shows."""

import os
import signal
import subprocess
import sys
from statistics import fmean

import made_people
import made_searches
import pytest

pytest.importorskip("optuna")

import optuna

from ckseq.errors import DataError
from ckseq.search import finalists, run_search
from ckseq.search import trial as trials
from ckseq.search.inner_folds import further_folds
from ckseq.search.selection import selected_trial, selection_of
from ckseq.search.study import open_study
from ckseq.tasks.tune_export import tune_export
from ckseq.tasks.tune_page import tune_page

SEARCH = """
experiment = "mine.toml"
trials = 3
sampler = "grid"
finalists = 2
[space]
motion.threshold = {choice = [10, 20, 30]}
"""
SEARCHED = {10: 0.6, 20: 0.9, 30: 0.8}
# 20 was lucky in the search; 30 is 0.1, 0.1, 0, 0.1, 0.1, 0 better than 10: by 0.067, with a standard error of
# 0.0516 * sqrt(1 / 6 + 1 / 2) = 0.042
CLEAR = {10: [0.6, 0.8, 0.7, 0.8, 0.7, 0.8], 20: [0.5] * 6, 30: [0.7, 0.9, 0.7, 0.9, 0.8, 0.8]}
# 30 is 0.2, -0.2, 0.2, -0.3, 0.2, 0 better: by 0.017; 0.223 * sqrt(1 / 6 + 1 / 2) = 0.182 is the standard error
NOISE = {10: [0.7, 0.7, 0.7, 0.8, 0.7, 0.8], 20: [0.5] * 6, 30: [0.9, 0.5, 0.9, 0.5, 0.9, 0.8]}


@pytest.fixture
def manifest(tmp_path):
    return made_people.moving_squares(tmp_path)


@pytest.fixture
def search(tmp_path):
    return made_searches.search_file(tmp_path, SEARCH)


@pytest.fixture
def made_up(monkeypatch):
    """Let trials score as a test says, by threshold: a mean in the search, and fold by fold as finalists."""

    def scores(confirmed, name="balanced_accuracy", searched=SEARCHED):
        def evaluate(trial, space, inner, cache, *, values=None):
            again = values is not None
            values = space.suggest(trial) if values is None else values
            threshold = values["motion.threshold"]
            by_fold = confirmed[threshold] if again else [searched[threshold]] * len(inner.folds)
            assert len(by_fold) == len(inner.folds)
            trial.set_user_attr("values", values)
            trial.set_user_attr("scores", [{name: score} for score in by_fold])
            return [fmean(by_fold)]

        for module in (run_search, finalists):
            monkeypatch.setattr(module, "evaluate", evaluate)

    return scores


def study_of(selection, out):
    return optuna.load_study(study_name=selection["study"], storage=f"sqlite:///{out}/study.db")


def threshold_of(out):
    return selected_trial(open_study("small", None, out)).user_attrs["values"]["motion.threshold"]


def test_finalists_are_scored_again_on_folds_that_chose_none_of_them(manifest, search, tmp_path, console):
    out = tmp_path / "out"
    selection = made_searches.run(manifest, search, out, console)["finalists"]
    study, confirming = open_study("small", None, out), study_of(selection, out)
    assert {one["trial"] for one in selection["finalists"]} == {trial.params["finalist"] for trial in confirming.trials}
    assert len(confirming.trials) == len(selection["finalists"])
    assert all(len(trial.user_attrs["scores"]) == selection["n_folds"] == 6 for trial in confirming.trials)
    by_finalist = {trial.params["finalist"]: trial for trial in confirming.trials}
    for one in selection["finalists"]:
        assert one["confirmed"] == pytest.approx(by_finalist[one["trial"]].value)
        assert one["searched"] == study.trials[one["trial"]].value
        assert by_finalist[one["trial"]].user_attrs["values"] == study.trials[one["trial"]].user_attrs["values"]
    # run again, nothing is scored again
    assert made_searches.run(manifest, search, out, console)["finalists"] == selection
    assert len(study_of(selection, out).trials) == len(confirming.trials)
    with pytest.raises(DataError, match="holds the finalists of another; name that: small"):
        tune_page(selection["study"], storage=None, out=out, console=console)


def test_new_folds_are_others_than_those_of_the_search(manifest, search, tmp_path, console, made_up, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "ckseq.search.finalists.further_folds", lambda inner, n_divisions: asked.append(inner) or further(inner, 2)
    )

    def further(inner, n_divisions):
        return further_folds(inner, n_divisions=n_divisions)

    made_up(CLEAR)
    made_searches.run(manifest, search, tmp_path / "out", console)
    (inner,) = asked
    everybody = sorted(person for fold in inner.folds for person in fold)
    divisions = [further(inner, 3)[place : place + 3] for place in (0, 3, 6)]
    for division in divisions:
        assert sorted(person for fold in division for person in fold) == everybody
    assert len({frozenset(one) for one in [*divisions, inner.folds]}) == 4
    assert further(inner, 2) == divisions[0] + divisions[1]


@pytest.mark.parametrize(("confirmed", "chosen"), [(CLEAR, 30), (NOISE, 10)])
def test_the_lucky_trial_loses_and_the_baseline_gives_way_to_more_than_noise_only(
    manifest, search, tmp_path, console, made_up, confirmed, chosen
):
    made_up(confirmed)
    out = tmp_path / "out"
    found = made_searches.run(manifest, search, out, console)
    selection = found["finalists"]
    assert selection["rule"] == "one_standard_error"
    means = sorted((fmean(row) for row in confirmed.values()), reverse=True)
    assert [one["confirmed"] for one in selection["finalists"]] == means
    assert found["best"][0]["values"] == {"motion.threshold": chosen}
    words = "is selected: on 6 new folds it is 0.067 ± 0.042 better than the experiment mine as it is"
    if confirmed is NOISE:
        words = "is 0.017 ± 0.182 better on 6 new folds, which is within one standard error"
    assert words in selection["sentence"]
    written = tune_export("small", storage=None, out=out, console=console)
    assert (written["values"], written["chosen_by"]) == ({"motion.threshold": chosen}, selection["sentence"])
    assert selection["sentence"] in (out / "small.html").read_text()
    lucky = next(trial.number for trial in open_study("small", None, out).trials if trial.value == pytest.approx(0.9))
    by_hand = tune_export("small", storage=None, out=out, trial=lucky, overwrite=True, console=console)
    assert (by_hand["values"], by_hand["chosen_by"]) == ({"motion.threshold": 20}, "chosen by hand")


def test_a_grid_without_the_baseline_selects_the_best_finalist(manifest, search, tmp_path, console, made_up):
    made_up(NOISE)
    search.write_text(SEARCH.replace("[10, 20, 30]", "[20, 30]"))
    selection = made_searches.run(manifest, search, tmp_path / "out", console)["finalists"]
    assert (selection["rule"], selection["as_it_stands"]) == ("best_confirmed", None)
    assert [one["gain"] for one in selection["finalists"]] == [None, None]
    assert threshold_of(tmp_path / "out") == 30


def test_of_errors_the_lowest_is_the_best(manifest, search, tmp_path, console, made_up):
    turned = {threshold: [1 - score for score in row] for threshold, row in CLEAR.items()}
    made_up(turned, "error", {threshold: 1 - score for threshold, score in SEARCHED.items()})
    found = made_searches.run(manifest, search, tmp_path / "out", console, settings=('search.objectives=["error"]',))
    first = found["finalists"]["finalists"][0]
    assert threshold_of(tmp_path / "out") == 30
    assert (first["confirmed"], first["gain"]) == (pytest.approx(0.2), pytest.approx(0.4 / 6))


def test_without_finalists_or_once_resumed_the_best_is_not_confirmed(manifest, search, tmp_path, console, made_up):
    made_up(NOISE)
    out = tmp_path / "out"
    assert made_searches.run(manifest, search, out, console, settings=("search.finalists=0",))["finalists"] is None
    assert threshold_of(out) == 20
    exported = tune_export("small", storage=None, out=out, console=console)
    assert "its score is not confirmed on new folds" in exported["chosen_by"]
    made_searches.run(manifest, search, out, console)
    assert threshold_of(out) == 10
    # the search is resumed, and its finalists are those of a shorter one
    open_study("small", None, out).add_trial(optuna.create_trial(value=0.1, user_attrs={"values": {}}))
    assert selection_of(open_study("small", None, out)) is None
    assert threshold_of(out) == 20


def test_killed_among_finalists_it_resumes_after_the_last_finished_fold(
    manifest, search, tmp_path, console, monkeypatch
):
    out = tmp_path / "out"
    slow = (
        "import time, ckseq.search.trial as trial, ckseq.cli.main as line\n"
        "whole, folds = trial.train, []\n"
        "def train(*given):\n"
        "    folds.append(1)\n"
        "    if len(folds) == 18:\n"
        "        print('now', flush=True)\n"
        "        time.sleep(3600)\n"
        "    return whole(*given)\n"
        "trial.train = train\n"
        "line.main()\n"
    )
    words = ["tune", str(manifest), "--search", str(search), "--out", str(out), "--jobs", "1", "--heartbeat", "0.2"]
    process = subprocess.Popen([sys.executable, "-c", slow, *words, "--quiet"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "now\n"  # three trials of three folds, a finalist of six: then in its third
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert selection_of(open_study("small", None, out)) is None
    trained, whole = [], trials.train
    monkeypatch.setattr(trials, "train", lambda *given: trained.append(1) or whole(*given))
    selection = made_searches.run(manifest, search, out, console, heartbeat_s=0.2)["finalists"]
    states = [trial.state.name for trial in study_of(selection, out).trials]
    n = len(selection["finalists"])
    assert (states.count("COMPLETE"), states.count("FAIL")) == (n, 1)
    assert len(trained) == 3 * 3 + 6 * n - 17
