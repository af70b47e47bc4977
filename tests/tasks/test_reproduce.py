import made_models
import pytest
from made_runs import answering
from made_stores import RIDGE, made_recordings, make_recipe, make_store

from ckseq.errors import CallError, DataError
from ckseq.storage.predictions import Predictions, read_predictions, write_predictions
from ckseq.storage.run_record import read_run, write_run
from ckseq.tasks.crossval import crossval
from ckseq.tasks.protocol import protocol_export
from ckseq.tasks.reproduce import reproduce
from ckseq.tasks.train import train

NETWORK = RIDGE.replace('kind = "ridge"', 'kind = "tiny"\n[training]\nepochs = 3\nbatch_size = 8')


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"), made_recordings())


@pytest.fixture
def ridge(tmp_path):
    return make_recipe(tmp_path, RIDGE)


def again(run, console, **options):
    return reproduce(run, store=options.get("store"), out=options.get("out"), console=console)


def test_a_cross_validation_comes_out_the_same(store, ridge, tmp_path, console):
    crossval(store, experiment=ridge, out=tmp_path / "run", seeds=2, console=console)
    found = again(tmp_path / "run", console, out=tmp_path / "again")
    assert (found["verdict"], found["because"], found["failed"]) == ("bit-equal", [], False)
    assert found["sentence"] == "bit-equal: all 54 predictions are the same"
    assert (tmp_path / "again" / "run" / "predictions.csv").is_file()
    with pytest.raises(CallError, match="exists already"):
        again(tmp_path / "run", console, out=tmp_path / "again")


def test_a_training_of_a_network_comes_out_the_same(store, tmp_path, console, monkeypatch):
    monkeypatch.setattr("ckseq.registry.load", made_models.load)
    recipe = make_recipe(tmp_path, NETWORK.replace('kind = "subject_k_fold"', 'kind = "subject_holdout"'))
    train(store, experiment=recipe, out=tmp_path / "run", seed=5, console=console)
    assert again(tmp_path / "run", console)["verdict"] == "bit-equal"


def test_folds_from_a_file_that_is_missing(store, ridge, tmp_path, console):
    file = tmp_path / "folds.json"
    protocol_export(store, experiment=ridge, out=file, settings=("protocol.folds=4",), overwrite=False, console=console)
    settings = ("protocol.kind=from_file", f"protocol.file={file}")
    crossval(store, experiment=ridge, out=tmp_path / "run", settings=settings, console=console)
    file.unlink()
    found = again(tmp_path / "run", console)
    assert (found["verdict"], found["because"]) == ("bit-equal", [])


def changed(run, n, versions=None):
    """Let a run say that it had ``n`` more errors, and maybe that it was made with other versions."""
    predictions = read_predictions(run)
    other = {label: predictions.labels[(i + 1) % 3] for i, label in enumerate(predictions.labels)}
    rows = [
        answering(row, other[row.predicted], predictions.labels) if place < n else row
        for place, row in enumerate(predictions.rows)
    ]
    write_predictions(run, Predictions(predictions.labels, tuple(rows)))
    facts = read_run(run)
    write_run(run, facts.changed(files={}, versions={**facts.versions, **(versions or {})}))


def test_what_differs_a_little_is_noise_and_what_differs_much_is_not(store, ridge, tmp_path, console):
    crossval(store, experiment=ridge, out=tmp_path / "run", console=console)
    changed(tmp_path / "run", 1, {"numpy": "1.0"})
    found = again(tmp_path / "run", console)
    assert found["verdict"] == "within noise"
    assert "permutation test over 9 subjects" in found["sentence"]
    assert any(reason.startswith("numpy ") and reason.endswith("(was 1.0)") for reason in found["because"])
    assert not found["failed"]
    changed(tmp_path / "run", 27)
    found = again(tmp_path / "run", console)
    assert found["verdict"] == "different"
    assert found["p_value"] < 0.05
    assert found["failed"]


def test_other_data_is_named(store, ridge, tmp_path, console):
    crossval(store, experiment=ridge, out=tmp_path / "run", console=console)
    other = make_store(tmp_path / "other", made_recordings(), digest="ffff")
    assert again(tmp_path / "run", console, store=other)["because"] == ["data ffff (was 0123456789abcdef)"]


def test_what_cannot_be_reproduced_is_refused(store, ridge, tmp_path, console):
    crossval(store, experiment=ridge, out=tmp_path / "run", console=console)
    facts = read_run(tmp_path / "run")
    write_run(tmp_path / "run", facts.changed(store=facts.store.model_copy(update={"path": str(tmp_path / "gone.h5")})))
    with pytest.raises(DataError, match=r"gone\.h5 is missing; give its new path with --store"):
        again(tmp_path / "run", console)
    write_run(tmp_path / "run", facts.changed(state="interrupted"))
    with pytest.raises(DataError, match="is not complete"):
        again(tmp_path / "run", console)
