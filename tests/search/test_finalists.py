"""The finals of a search: what is scored again, by which rule the winner is chosen, and who takes it."""

import os
import signal
import subprocess
import sys
from statistics import fmean

import made_people
import pytest

pytest.importorskip("optuna")

import optuna

from ckseq.errors import DataError
from ckseq.search import trial as trials
from ckseq.search.export_best import best
from ckseq.search.finalists import outcome_of
from ckseq.search.inner_folds import further_folds
from ckseq.search.study import open_study, page, winner_of
from ckseq.tasks.tune import tune

PIPELINE = """
[detector]
kind = "whole_frame"
[faces]
side_px = 24
[motion]
difference = "absolute"
threshold = 10
erosion_px = 1
"""
EXPERIMENT = """
pipeline = "pipeline.toml"
[sequence]
length_frames = 5
[model]
kind = "ridge"
"""
SEARCH = """
experiment = "mine.toml"
trials = 3
sampler = "grid"
finalists = 2
[space]
motion.threshold = {choice = [10, 20, 30]}
"""
IN_THE_SEARCH = {10: 0.6, 20: 0.9, 30: 0.8}
# 20 was lucky; 30 is 0.1, 0.1, 0, 0.1, 0.1, 0 better than 10: by 0.067, and 0.0516 * sqrt(1 / 6 + 1 / 2) = 0.042 is the
# standard error
CLEAR = {10: [0.6, 0.8, 0.7, 0.8, 0.7, 0.8], 20: [0.5] * 6, 30: [0.7, 0.9, 0.7, 0.9, 0.8, 0.8]}
# 30 is 0.2, -0.2, 0.2, -0.3, 0.2, 0 better: by 0.017; 0.223 * sqrt(1 / 6 + 1 / 2) = 0.182 is the standard error
NOISE = {10: [0.7, 0.7, 0.7, 0.8, 0.7, 0.8], 20: [0.5] * 6, 30: [0.9, 0.5, 0.9, 0.5, 0.9, 0.8]}


@pytest.fixture
def manifest(tmp_path):
    return made_people.moving_squares(tmp_path)


@pytest.fixture
def search(tmp_path):
    (tmp_path / "pipeline.toml").write_text(PIPELINE)
    (tmp_path / "mine.toml").write_text(EXPERIMENT)
    path = tmp_path / "search_small.toml"
    path.write_text(SEARCH)
    return path


@pytest.fixture
def made_up(monkeypatch):
    """Let trials score what a test says, by threshold: once in the search, and fold by fold in the finals."""

    def scores(confirmed, name="balanced_accuracy", in_the_search=IN_THE_SEARCH):
        def evaluate(trial, space, inner, shop, *, values=None):
            again = values is not None
            values = space.suggest(trial) if values is None else values
            threshold = values["motion.threshold"]
            by_fold = confirmed[threshold] if again else [in_the_search[threshold]] * len(inner.folds)
            assert len(by_fold) == len(inner.folds)
            trial.set_user_attr("values", values)
            trial.set_user_attr("scores", [{name: score} for score in by_fold])
            return [fmean(by_fold)]

        monkeypatch.setattr(trials, "evaluate", evaluate)

    return scores


def searched(data, search, out, console, **options):
    given = {"storage": None, "study": None, "trials": None, "jobs": 1, "heartbeat_s": 5.0, **options}
    return tune(data, search=str(search), out=out, console=console, **given)


def finals_of(told, out):
    return optuna.load_study(study_name=told["study"], storage=f"sqlite:///{out}/study.db")


def threshold_of(out):
    return winner_of(open_study("small", None, out)).user_attrs["values"]["motion.threshold"]


def test_finalists_are_scored_again_on_folds_that_chose_none_of_them(manifest, search, tmp_path, console):
    out = tmp_path / "out"
    told = searched(manifest, search, out, console)["finalists"]
    study, finals = open_study("small", None, out), finals_of(told, out)
    assert {one["trial"] for one in told["finalists"]} == {trial.params["finalist"] for trial in finals.trials}
    assert len(finals.trials) == len(told["finalists"])
    assert all(len(trial.user_attrs["scores"]) == told["n_folds"] == 6 for trial in finals.trials)
    by_finalist = {trial.params["finalist"]: trial for trial in finals.trials}
    for one in told["finalists"]:
        assert one["confirmed"] == pytest.approx(by_finalist[one["trial"]].value)
        assert one["searched"] == study.trials[one["trial"]].value
        assert by_finalist[one["trial"]].user_attrs["values"] == study.trials[one["trial"]].user_attrs["values"]
    # asked again, nothing is scored again
    assert searched(manifest, search, out, console)["finalists"] == told
    assert len(finals_of(told, out).trials) == len(finals.trials)
    with pytest.raises(DataError, match="holds the finalists of another; name that: small"):
        page(told["study"], storage=None, out=out, console=console)


def test_new_folds_are_others_than_those_of_the_search(manifest, search, tmp_path, console, made_up, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "ckseq.search.finalists.further_folds", lambda inner, n_divisions: asked.append(inner) or further(inner, 2)
    )

    def further(inner, n_divisions):
        return further_folds(inner, n_divisions=n_divisions)

    made_up(CLEAR)
    searched(manifest, search, tmp_path / "out", console)
    (inner,) = asked
    everybody = sorted(person for fold in inner.folds for person in fold)
    divisions = [further(inner, 3)[place : place + 3] for place in (0, 3, 6)]
    for division in divisions:
        assert sorted(person for fold in division for person in fold) == everybody
    assert len({frozenset(one) for one in [*divisions, inner.folds]}) == 4
    assert further(inner, 2) == divisions[0] + divisions[1]


@pytest.mark.parametrize(("confirmed", "chosen"), [(CLEAR, 30), (NOISE, 10)])
def test_the_lucky_one_loses_and_what_stands_gives_way_to_more_than_noise_only(
    manifest, search, tmp_path, console, made_up, confirmed, chosen
):
    made_up(confirmed)
    out = tmp_path / "out"
    found = searched(manifest, search, out, console)
    told = found["finalists"]
    assert told["rule"] == "one_standard_error"
    assert [one["confirmed"] for one in told["finalists"]] == sorted(fmean(row) for row in confirmed.values())[::-1]
    assert found["best"][0]["values"] == {"motion.threshold": chosen}
    words = "is chosen: on 6 folds that chose none of them it is 0.067 ± 0.042 better than the recipe as it stands"
    if confirmed is NOISE:
        words = "is 0.017 ± 0.182 better on 6 folds that chose none of them, which is within one standard error"
    assert words in told["sentence"]
    written = best("small", storage=None, out=out, console=console)
    assert (written["values"], written["chosen_by"]) == ({"motion.threshold": chosen}, told["sentence"])
    assert told["sentence"] in (out / "small.html").read_text()
    lucky = next(trial.number for trial in open_study("small", None, out).trials if trial.value == pytest.approx(0.9))
    by_hand = best("small", storage=None, out=out, trial=lucky, overwrite=True, console=console)
    assert (by_hand["values"], by_hand["chosen_by"]) == ({"motion.threshold": 20}, "chosen by hand")


def test_a_grid_without_the_recipe_as_it_stands_takes_the_best_confirmed(manifest, search, tmp_path, console, made_up):
    made_up(NOISE)
    search.write_text(SEARCH.replace("[10, 20, 30]", "[20, 30]"))
    told = searched(manifest, search, tmp_path / "out", console)["finalists"]
    assert (told["rule"], told["as_it_stands"]) == ("best_confirmed", None)
    assert [one["gain"] for one in told["finalists"]] == [None, None]
    assert threshold_of(tmp_path / "out") == 30


def test_of_errors_the_lowest_is_the_best(manifest, search, tmp_path, console, made_up):
    turned = {threshold: [1 - score for score in row] for threshold, row in CLEAR.items()}
    made_up(turned, "error", {threshold: 1 - score for threshold, score in IN_THE_SEARCH.items()})
    found = searched(manifest, search, tmp_path / "out", console, settings=('search.objectives=["error"]',))
    first = found["finalists"]["finalists"][0]
    assert threshold_of(tmp_path / "out") == 30
    assert (first["confirmed"], first["gain"]) == (pytest.approx(0.2), pytest.approx(0.4 / 6))


def test_without_finals_or_after_them_the_best_is_not_confirmed(manifest, search, tmp_path, console, made_up):
    made_up(NOISE)
    out = tmp_path / "out"
    assert searched(manifest, search, out, console, settings=("search.finalists=0",))["finalists"] is None
    assert threshold_of(out) == 20
    assert "no finals have confirmed it" in best("small", storage=None, out=out, console=console)["chosen_by"]
    searched(manifest, search, out, console)
    assert threshold_of(out) == 10
    # the search goes on, and the finals are those of a search that was shorter
    open_study("small", None, out).add_trial(optuna.create_trial(value=0.1, user_attrs={"values": {}}))
    assert outcome_of(open_study("small", None, out)) is None
    assert threshold_of(out) == 20


def test_killed_in_the_finals_it_goes_on_after_the_last_whole_fold(manifest, search, tmp_path, console, monkeypatch):
    out = tmp_path / "out"
    slow = (
        "import time, ckseq.search.trial as trial, ckseq.cli.main as line\n"
        "whole, folds = trial.learn, []\n"
        "def learn(*given):\n"
        "    folds.append(1)\n"
        "    if len(folds) == 18:\n"
        "        print('now', flush=True)\n"
        "        time.sleep(3600)\n"
        "    return whole(*given)\n"
        "trial.learn = learn\n"
        "line.main()\n"
    )
    words = ["tune", str(manifest), "--search", str(search), "--out", str(out), "--jobs", "1", "--heartbeat", "0.2"]
    process = subprocess.Popen([sys.executable, "-c", slow, *words, "--quiet"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "now\n"  # three trials of three folds, a finalist of six: then in its third
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert outcome_of(open_study("small", None, out)) is None
    learnt, whole = [], trials.learn
    monkeypatch.setattr(trials, "learn", lambda *given: learnt.append(1) or whole(*given))
    told = searched(manifest, search, out, console, heartbeat_s=0.2)["finalists"]
    states = [trial.state.name for trial in finals_of(told, out).trials]
    n = len(told["finalists"])
    assert (states.count("COMPLETE"), states.count("FAIL")) == (n, 1)
    assert len(learnt) == 3 * 3 + 6 * n - 17
