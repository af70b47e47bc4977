import re

import made_models
import pytest
from made_stores import RIDGE, made_recordings, make_recipe, make_store

from ckseq.console import Console
from ckseq.storage.predictions import read_predictions
from ckseq.storage.run_record import read_run
from ckseq.tasks.strictness import PROTOCOLS, strictness

NETWORK = RIDGE.replace('kind = "ridge"', 'kind = "tiny"\n[training]\nepochs = 3\nbatch_size = 8')


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"), made_recordings(n_subjects=6))


def compared(store, recipe, out, console):
    return strictness(store, experiment=recipe, out=out, settings=(), seed=None, jobs=1, console=console)


def test_a_network_is_evaluated_under_every_protocol(store, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ckseq.registry.load", made_models.load)
    monkeypatch.setenv("COLUMNS", "200")
    found = compared(store, make_recipe(tmp_path, NETWORK), tmp_path / "out", Console())
    assert [step["name"] for step in found["steps"]] == [protocol.name for protocol in PROTOCOLS]
    assert [step["interval"] is None for step in found["steps"]] == [True, False, False, True, False, False]
    kinds = [read_run(tmp_path / "out" / protocol.folder).protocol.kind for protocol in PROTOCOLS]
    assert kinds == [protocol.kind for protocol in PROTOCOLS]
    # the best of all epochs is at least as good as the last
    for place, folder in ((0, "split_test"), (3, "subject_test")):
        rows = read_predictions(tmp_path / "out" / folder).rows
        last = sum(row.truth == row.predicted for row in rows) / len(rows)
        assert found["steps"][place]["accuracy"] >= last - 1e-6
    assert (tmp_path / "out" / "strictness.png").read_bytes().startswith(b"\x89PNG")
    # the log tells the numbers of the table, and no others
    said = capsys.readouterr().out
    logged = re.findall(r"accuracy (\d\.\d{3}), (.*); the run is in", said)
    assert logged == [(f"{step['accuracy']:.3f}", step["name"]) for step in found["steps"]]
    assert not re.search(r"accuracy \d\.\d+ (on|over)", said)
    for step in found["steps"]:
        assert re.search(rf"{re.escape(step['name'])} +{step['accuracy']:.3f} ", said)


def test_an_estimator_has_no_epoch_to_select_and_runs_are_reused(store, tmp_path, console):
    recipe = make_recipe(tmp_path, RIDGE)
    first = compared(store, recipe, tmp_path / "out", console)
    assert [step["name"] for step in first["steps"]] == [
        protocol.name for protocol in PROTOCOLS if protocol.validation == "inner"
    ]
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("predictions.csv")}
    assert compared(store, recipe, tmp_path / "out", console) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("predictions.csv")} == written
