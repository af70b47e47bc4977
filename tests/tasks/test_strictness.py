import made_models
import pytest
from made_stores import RIDGE, made_recordings, make_recipe, make_store

from ckseq.storage.predictions import read_predictions
from ckseq.storage.run_record import read_run
from ckseq.tasks.strictness import STEPS, ladder

NETWORK = RIDGE.replace('kind = "ridge"', 'kind = "tiny"\n[training]\nepochs = 3\nbatch_size = 8')


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"), made_recordings(n_subjects=6))


def climbed(store, recipe, out, console):
    return ladder(store, experiment=recipe, out=out, settings=(), seed=None, jobs=1, console=console)


def test_a_network_climbs_every_step(store, tmp_path, console, monkeypatch):
    monkeypatch.setattr("ckseq.registry.load", made_models.load)
    found = climbed(store, make_recipe(tmp_path, NETWORK), tmp_path / "ladder", console)
    assert [step["name"] for step in found["steps"]] == [step.name for step in STEPS]
    assert [step["interval"] is None for step in found["steps"]] == [True, False, False, True, False, False]
    kinds = [read_run(tmp_path / "ladder" / step.folder).protocol.kind for step in STEPS]
    assert kinds == [step.kind for step in STEPS]
    # the best of all epochs is at least as good as the last
    for place, folder in ((0, "split_test"), (3, "subject_test")):
        rows = read_predictions(tmp_path / "ladder" / folder).rows
        last = sum(row.truth == row.predicted for row in rows) / len(rows)
        assert found["steps"][place]["accuracy"] >= last - 1e-6
    assert (tmp_path / "ladder" / "ladder.png").read_bytes().startswith(b"\x89PNG")


def test_an_estimator_has_no_epoch_to_choose_and_nothing_is_done_twice(store, tmp_path, console):
    recipe = make_recipe(tmp_path, RIDGE)
    first = climbed(store, recipe, tmp_path / "ladder", console)
    assert [step["name"] for step in first["steps"]] == [step.name for step in STEPS if step.validation == "inner"]
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "ladder").rglob("predictions.csv")}
    assert climbed(store, recipe, tmp_path / "ladder", console) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "ladder").rglob("predictions.csv")} == written
