"""Action units as a task, from a store to a report, predictions of a video, and commands that cannot do them."""

import csv
import json
from urllib.parse import quote

import numpy as np
import pytest
from made_stores import RIDGE, make_recipe
from made_trainings import Listener
from made_units import UNITS, make_unit_store
from sklearn.metrics import roc_auc_score

from ckseq.errors import CallError, CkseqError, DataError
from ckseq.inference.predictor import load_predictor
from ckseq.storage.predictions import by_unit, read_predictions
from ckseq.storage.run_record import read_run
from ckseq.storage.store import open_store
from ckseq.tasks.audit import audit
from ckseq.tasks.compare import compare
from ckseq.tasks.crossval import crossval
from ckseq.tasks.predict import how_tested
from ckseq.tasks.report import report
from ckseq.tasks.reproduce import reproduce
from ckseq.tasks.runs import runs
from ckseq.tasks.train import train
from ckseq.tasks.verify import verify


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_unit_store(tmp_path_factory.mktemp("units"))


@pytest.fixture(scope="module")
def recipes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipes")
    make_recipe(folder, RIDGE.replace("seed = 3", 'seed = 3\ntask = "action_units"'), "units")
    make_recipe(folder, RIDGE, "emotions")
    return folder


@pytest.fixture(scope="module")
def units_run(store, recipes, tmp_path_factory):
    from ckseq.console import Console

    out = tmp_path_factory.mktemp("runs") / "units"
    result = crossval(store, experiment=str(recipes / "units.toml"), out=out, seeds=2, console=Console(quiet=True))
    return out, result


@pytest.fixture(scope="module")
def emotions_run(store, recipes, tmp_path_factory):
    from ckseq.console import Console

    out = tmp_path_factory.mktemp("runs") / "emotions"
    crossval(store, experiment=str(recipes / "emotions.toml"), out=out, console=Console(quiet=True))
    return out


def test_every_coded_recording_is_tested_and_the_truth_is_its_code(store, units_run):
    out, result = units_run
    predictions = read_predictions(out)
    with open_store(store) as opened:
        codes = {one.id: one.action_units for one in opened.entries if one.action_units is not None}
    assert {row.recording for row in predictions.rows} == set(codes)
    for row in predictions.rows:
        assert row.truth == ("+".join(one.unit for one in codes[row.recording] if one.unit in UNITS) or "0")
    arrays = by_unit(predictions)
    expected = np.mean([roc_auc_score(arrays.shown, one, average="macro") for one in arrays.probabilities])
    assert result["mean_auc"] == pytest.approx(expected)
    assert result["mean_auc"] > 0.9
    assert "accuracy" not in result
    record = read_run(out)
    assert record.predicts_units
    assert record.labels == UNITS
    assert record.protocol.sentence == "no test subject is in training"
    assert record.leakage is None


def test_the_report_repeats_the_predictions(units_run, console):
    out, result = units_run
    reported = report(out, faces=True, console=console)
    assert reported["mean_auc"] == pytest.approx(result["mean_auc"])
    ends = reported["mean_auc_interval"]
    assert ends["method"] == "bootstrap by sequence"  # of eight people
    if reported["mean_auc"] == 1:  # so is every resample
        assert ends["low"] is None
    else:
        assert ends["low"] <= reported["mean_auc"] <= ends["high"]
    tree = json.loads((out / "unit_scores.json").read_text())
    with (out / "unit_scores.csv").open() as file:
        rows = {row["unit"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(tree["units"]) == list(UNITS)
    arrays = by_unit(read_predictions(out))
    for place, unit in enumerate(UNITS):
        assert float(rows[unit]["auc"]) == tree["units"][unit]["auc"]
        assert tree["units"][unit]["positives"] == arrays.shown[:, place].sum()
    page = (out / "report.html").read_text()
    assert "lip corner puller" in page
    assert "mean area under the ROC curve" in page
    assert (out / "units.png").read_bytes().startswith(b"\x89PNG")
    page = page.replace(quote("http://www.w3.org/2000/svg", safe="/:"), "")  # the name of a format
    assert page.count("http") == page.count("http-equiv")  # nothing is loaded


def test_runs_lists_their_own_measure(units_run, console, capsys):
    out, result = units_run
    (entry,) = runs(out, sort="accuracy", only=(), console=console)["runs"]
    assert entry["measure"] == "mean_auc"
    assert entry["mean_auc"] == pytest.approx(result["mean_auc"])
    assert (entry["accuracy"], entry["balanced_accuracy"]) == (None, None)


def test_a_run_can_be_verified_and_repeated(units_run, tmp_path, console):
    out, _ = units_run
    assert not verify([out], console=console)["failed"]
    assert reproduce(out, store=None, out=None, console=console)["verdict"] == "bit-equal"


def test_a_change_to_the_codes_of_predictions_is_found(units_run, tmp_path, console):
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(units_run[0], copy)
    path = copy / "action_units.json"
    path.write_text(path.read_text().replace('"12"', '"14"', 1))
    assert verify([copy], console=console)["failed"]


def test_emotions_are_compared_with_codes_and_with_predicted_units(emotions_run, units_run, console):
    # by construction happiness has AU 12; sadness often lacks 1+4+15
    coded = report(emotions_run, faces=False, console=console)["facs"]
    assert coded["units"] == "the FACS codes of the data"
    of_happiness = next(one for one in coded["labels"]["by_emotion"] if one["emotion"] == "happiness")
    assert of_happiness["n"] == of_happiness["n_consistent"] > 0
    assert {one["what"] for one in coded["labels"]["contradictions"]} == {"sadness without AU 1+4+15, 6+15 or 11"}
    page = (emotions_run / "report.html").read_text()
    assert "Consistency of emotions with action units" in page
    predicted = report(emotions_run, faces=False, units=units_run[0], console=console)["facs"]
    assert predicted["units"] == "the action units that the run units predicts"
    assert predicted["predictions"]["n"] == coded["predictions"]["n"]


def test_runs_of_the_other_kind_are_refused_in_one_line(emotions_run, units_run, store, recipes, console):
    units = units_run[0]
    with pytest.raises(DataError, match="predicts classes, and action units are needed here"):
        report(emotions_run, faces=False, units=emotions_run, console=console)
    with pytest.raises(CallError, match="--units is for a report on emotions"):
        report(units, faces=False, units=units, console=console)
    with pytest.raises(DataError, match="predicts action units, and classes are needed here"):
        compare([units, emotions_run], anyway=True, picture=None, console=console)


def test_baselines_without_motion_stand_beside_the_mean_auc(store, units_run, recipes):
    measured = read_run(units_run[0]).unit_baselines
    audited = audit(store, experiment=str(recipes / "units.toml"), settings=(), console=(console := Listener()))
    assert audited["sentences"][0] == "no test subject is in training"
    assert [(one["name"], one["mean_auc"]) for one in audited["baselines"]] == [
        (one.name, one.mean_auc) for one in measured.baselines
    ]
    reported = report(units_run[0], faces=False, console=console)
    best = max(one.mean_auc for one in measured.baselines)
    assert best < (reported["mean_auc_interval"]["low"] or reported["mean_auc"])
    assert "cannot be told: 8 people were tested" in reported["nothing_yet"]
    assert f"best baseline without motion: {next(one.name for one in measured.baselines if one.mean_auc == best)}" in (
        " ".join(str(one) for one in console.said)
    )
    page = (units_run[0] / "report.html").read_text()
    assert "Baselines without motion" in page
    assert "how often the same subject shows the unit in training" in page


def test_a_trained_model_predicts_each_unit(store, recipes, tmp_path, console):
    settings = ("protocol.kind=subject_holdout",)
    result = train(
        store, experiment=str(recipes / "units.toml"), out=tmp_path / "run", settings=settings, console=console
    )
    assert result["mean_auc"] > 0.9
    predictor = load_predictor(tmp_path / "run")
    assert predictor.shown_labels == ("AU 1", "AU 4", "AU 12")
    assert predictor.sure_above is None
    with open_store(store) as opened:
        rows = read_predictions(tmp_path / "run").rows
        for row in rows:
            found = predictor.predict_proba(opened.projections(row.recording))
            np.testing.assert_allclose(found, row.probabilities, atol=1e-5)
    (note,) = how_tested(tmp_path / "run")
    assert note.startswith(f"in its own test, {len(rows)} sequences of ")
    assert note.endswith(f"the run had a mean AUC {result['mean_auc']:.3f} of 3 action units; chance is 0.5")


def test_a_store_without_codes_says_what_is_missing(recipes, tmp_path, console):
    from made_stores import made_recordings, make_store

    bare = make_store(tmp_path / "bare", made_recordings())
    with pytest.raises(CkseqError, match="0 recordings with FACS codes cannot be divided"):
        crossval(bare, experiment=str(recipes / "units.toml"), out=tmp_path / "run", console=console)
