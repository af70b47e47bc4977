"""Every kind of damage to a store or a run is found, named, and nothing else is."""

import json
import shutil
from pathlib import Path

import h5py
import pytest
from made_stores import RIDGE, made_recordings, make_recipe, make_store

from ckseq.errors import DataError
from ckseq.storage.predictions import read_predictions, write_predictions
from ckseq.storage.run_record import read_run, write_run
from ckseq.tasks.crossval import crossval
from ckseq.tasks.train import train
from ckseq.tasks.verify import verify

HOLDOUT = RIDGE.replace('"subject_k_fold"', '"subject_holdout"')


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a store, a training and a cross-validation; nobody writes into it."""
    from ckseq.console import Console

    folder = tmp_path_factory.mktemp("whole")
    shutil.move(make_store(folder / "made", made_recordings()), folder / "store.h5")
    shutil.rmtree(folder / "made")
    for name, task, text in (("run", train, HOLDOUT), ("cv", crossval, RIDGE)):
        recipe = make_recipe(folder, text, name)
        task(folder / "store.h5", experiment=recipe, out=folder / name, console=Console(quiet=True))
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    """A copy to be damaged, whose runs name the copied store."""
    copy = tmp_path / "copy"
    shutil.copytree(whole, copy)
    for name in ("run", "cv"):
        record = read_run(copy / name)
        store = record.store.model_copy(update={"path": str(copy / "store.h5")})
        write_run(copy / name, record.changed(store=store))
    return copy


def wrong(console, *paths):
    result = verify(paths, console=console)
    found = [check for check in result["checks"] if check["wrong"]]
    assert len(found) == result["failed"]
    return found


def test_what_is_whole_is_found_whole(folder, console):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    result = verify([folder], console=console)
    assert (result["failed"], result["n_stores"], result["n_runs"]) == (0, 1, 2)
    assert json.loads(json.dumps(result)) == result
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    told = {(Path(check["path"]).name, check["what"]): check["result"] for check in result["checks"]}
    assert told["store.h5", "store"] == "28 recordings, as they were written: every checksum agrees"
    assert told["run", "model.skops"] == "as it was written: its checksum agrees"
    assert told["cv", "folds"] == "3 trainings, whose predictions are those of the run"
    assert told["cv", "its store"].endswith("store.h5 is the one that it was trained from")


def change_value(folder):
    with h5py.File(folder / "store.h5", "a") as file:
        file["recordings/S003_001/projections"][0, 0, 0] += 1


def change_label(folder):
    with h5py.File(folder / "store.h5", "a") as file:
        file["recordings/S003_001"].attrs["label"] = "joy"


def lose_recording(folder):
    with h5py.File(folder / "store.h5", "a") as file:
        del file["recordings/S003_001"]


def add_recording(folder):
    with h5py.File(folder / "store.h5", "a") as file:
        file.copy("recordings/S003_001", file["recordings"], "S999_001")


def change_index(folder):
    with h5py.File(folder / "store.h5", "a") as file:
        text = file["index"][()].decode().replace('"anger"', '"fear"')
        del file["index"]
        file["index"] = text


def cut_store(folder):
    path = folder / "store.h5"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change_record(folder):
    path = folder / "run" / "run.json"
    path.write_text(path.read_text().replace('"anger"', '"ANGER"', 1))


def change_predictions(folder):
    found = read_predictions(folder / "run")
    rows = tuple(row._replace(truth="anger") for row in found.rows)
    write_predictions(folder / "run", type(found)(found.labels, rows))


def lose_predictions(folder):
    (folder / "run" / "predictions.csv").unlink()


def exchange_model(folder):
    path = folder / "run" / "model.skops"
    path.write_bytes(path.read_bytes() + b"\0")


def foreign_model(folder):
    shutil.copy(folder / "run" / "model.skops", folder / "cv" / "model.skops")


def change_early(folder):
    path = folder / "run" / "early.csv"
    path.write_text(path.read_text().replace("S00", "S10"))


def foreign_history(folder):
    (folder / "run" / "history.csv").write_text("epoch,loss,accuracy,val_loss,val_accuracy,seconds\n1,1,1,1,1,1\n")


def cut_crops(folder):
    path = folder / "run" / "crops.npz"
    path.write_bytes(path.read_bytes()[:-40])


def cut_example(folder):
    path = next((folder / "run" / "examples").iterdir())
    path.write_bytes(path.read_bytes()[:-40])


def exchange_folds(folder):
    one, other = (folder / "cv" / "folds" / f"seed3_fold{number}" for number in (0, 1))
    one.rename(folder / "aside")
    other.rename(one)
    (folder / "aside").rename(other)


def lose_fold(folder):
    shutil.rmtree(folder / "cv" / "folds" / "seed3_fold1")


def change_fold(folder):
    change = {"anger": "fear", "fear": "anger"}
    place = folder / "cv" / "folds" / "seed3_fold1"
    found = read_predictions(place)
    rows = tuple(row._replace(truth=change.get(row.truth, row.truth)) for row in found.rows)
    write_predictions(place, type(found)(found.labels, rows))


def another_store(folder):
    made = make_store(folder.parent / "other", made_recordings(), digest="feedfeedfeedfeed")
    shutil.copy(made, folder / "store.h5")


STORES = {
    change_value: ("recording", "projections was changed"),
    change_label: ("recording", "S003_001: was changed"),
    lose_recording: ("recording", "S003_001: is in the index, and not in the store"),
    add_recording: ("recording", "S999_001: is in the store, and not in its index"),
    change_index: ("store", "was changed after it was written"),
    cut_store: ("store", "is cut short"),
}
RUNS = {
    change_record: {"run.json": "its checksum differs"},
    change_predictions: {"predictions.csv": "its checksum differs", "predictions": "its checksum differs"},
    lose_predictions: {"predictions.csv": "cannot be read", "predictions": "no predictions"},
    exchange_model: {"model.skops": "its checksum differs"},
    foreign_model: {"model.skops": "was not written by the run"},
    change_early: {"early.csv": "other classes or recordings than the run"},
    foreign_history: {"history.csv": "has 1 epoch, and the run has 0"},
    cut_crops: {"crops.npz": "cut short"},
    cut_example: {"examples": "cut short"},
    exchange_folds: {"folds": "is missing, or that of another training"},
    lose_fold: {"folds": "is missing, or that of another training"},
    change_fold: {"folds": "their predictions are not those of the run"},
    another_store: {"its store": "is another one now (feedfeedfeedfeed)"},
}


@pytest.mark.parametrize("damage", STORES, ids=lambda damage: damage.__name__)
def test_a_damaged_store(folder, console, damage):
    damage(folder)
    what, text = STORES[damage]
    (found,) = wrong(console, folder / "store.h5")
    assert (found["what"], text in found["result"]) == (what, True), found


@pytest.mark.parametrize("damage", RUNS, ids=lambda damage: damage.__name__)
def test_a_damaged_run(folder, console, damage):
    damage(folder)
    found = {check["what"]: check["result"] for check in wrong(console, folder / "run", folder / "cv")}
    assert set(found) == set(RUNS[damage])
    assert all(text in found[what] for what, text in RUNS[damage].items()), found


def test_a_store_and_a_run_of_version_0_1_say_that_they_have_no_checksums(folder, console):
    with h5py.File(folder / "store.h5", "a") as file:
        file.attrs["schema"] = 1
        del file.attrs["checksum"]
        for group in file["recordings"].values():
            del group.attrs["checksum"]
            for dataset in group.values():
                del dataset.attrs["crc32"]
    record = json.loads((folder / "run" / "run.json").read_text())
    protocol, store = record["protocol"], record["store"]
    kept = ("ckseq_version", "created", "command", "labels", "experiment", "experiment_name", "state", "model")
    old = {name: record[name] for name in kept} | {"schema": 1, "seed": 3, "epochs_done": 0}
    old["split"] = {"test": record["folds"][0]["test"], "train": record["train_only"]}
    old["protocol"] = {name: protocol[name] for name in ("kind", "digest", "n_train", "n_test")}
    old["store"] = {name: store[name] for name in ("path", "digest", "pipeline")}
    (folder / "run" / "run.json").write_text(json.dumps(old))
    result = verify([folder / "store.h5", folder / "run"], console=console)
    assert result["failed"] == 0
    told = {check["what"]: check["result"] for check in result["checks"]}
    assert told["store"].startswith("28 recordings can be read; version 0.1 wrote no checksums")
    assert "version 0.1 wrote no checksums" in told["run.json"]
    assert "no checksum of it" in told["model.skops"]


def test_a_store_that_has_gone_and_a_training_that_has_not_ended_are_no_damage(folder, console):
    (folder / "store.h5").unlink()
    write_run(folder / "run", read_run(folder / "run").changed(state="interrupted"))
    result = verify([folder / "run"], console=console)
    assert result["failed"] == 0
    told = {check["what"]: check["result"] for check in result["checks"]}
    assert "--resume" in told["state"]
    assert "is not there" in told["its store"]


def test_nothing_to_check_is_an_error(tmp_path, console):
    with pytest.raises(DataError, match="holds neither a store nor a run"):
        verify([tmp_path], console=console)
    with pytest.raises(DataError, match="no such file or folder"):
        verify([tmp_path / "none"], console=console)
