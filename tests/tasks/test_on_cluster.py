"""Preprocessing and cross-validation on a real cluster of two processes end in the bytes of local ones."""

import json
import shutil
import zipfile
from contextlib import chdir, contextmanager
from pathlib import Path

import made_cluster
import made_models
import made_people
import pytest
from made_stores import RIDGE, make_recipe

from ckseq import registry
from ckseq.errors import DataError
from ckseq.executors.shared_folder import SharedFolder
from ckseq.storage.explanations import EXPLANATION, EXPLANATIONS
from ckseq.storage.run_record import read_run
from ckseq.storage.store import open_store
from ckseq.tasks.crossval import crossval
from ckseq.tasks.explain import explain
from ckseq.tasks.preprocess import preprocess

PIPELINE = '[detector]\nkind = "whole_frame"\n[faces]\nside_px = 24\n[motion]\nthreshold = 10\nerosion_px = 1\n'
RESULTS = ("predictions.csv", "early.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eighteen recordings, one of them unreadable, and their recipes."""
    folder = tmp_path_factory.mktemp("data")
    made_people.moving_squares(folder)
    (folder / "frames" / "p3_fear" / "2.png").write_bytes(b"no image")
    make_recipe(folder, PIPELINE, "fast")
    folds = RIDGE.replace('"paper"', f'"{folder / "fast.toml"}"').replace(
        "seed = 3", 'seed = 3\nclasses = ["anger", "fear"]'
    )
    make_recipe(folder, folds, "ridge")
    network = folds.replace('kind = "ridge"', 'kind = "tiny"\n[training]\nepochs = 1\nbatch_size = 8')
    make_recipe(folder, network, "network")
    return folder


@pytest.fixture(scope="module")
def local(folder, tmp_path_factory):
    """The store that is prepared in this process."""
    from ckseq.console import Console

    out = tmp_path_factory.mktemp("local") / "store.h5"
    with chdir(folder):  # errors name relative paths
        prepare(Path("all.csv"), out, folder, Console(quiet=True), jobs=1)
    return out


@pytest.fixture
def on(cluster):
    return f"dask:{made_cluster.ready(cluster).scheduler_info(n_workers=0)['address']}"


def prepare(data, out, folder, console, **more):
    return preprocess(data, pipeline=str(folder / "fast.toml"), out=out, console=console, **more)


def log_of(path):
    return {line["name"]: line for line in map(json.loads, path.read_text().splitlines())}


def test_a_store_from_two_workers_has_the_bytes_of_a_local_one(folder, local, on, tmp_path, console, monkeypatch):
    monkeypatch.chdir(folder)  # where the workers are not
    result = prepare(Path("all.csv"), tmp_path / "store.h5", folder, console, on=on)
    assert (tmp_path / "store.h5").read_bytes() == Path(local).read_bytes()
    assert list(result["failed"]) == ["P3_fear"]
    log = log_of(tmp_path / "store.h5.jsonl")
    assert len(log) == 18
    assert log["P3_fear"]["state"] == "failed"
    assert "2.png" in log["P3_fear"]["error"]
    assert {one["state"] for name, one in log.items() if name != "P3_fear"} == {"prepared"}
    assert len({one["worker"] for one in log.values()}) == 2
    assert all(one["seconds"] > 0 and one["frames"] == 6 for one in log.values())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store.h5", "store.h5.jsonl"]


def test_workers_that_see_no_file_are_sent_them(folder, local, on, tmp_path, console, monkeypatch):
    see_nothing(monkeypatch, "ckseq.preprocessing.store_builder.shared")
    monkeypatch.chdir(folder)
    prepare(Path("all.csv"), tmp_path / "store.h5", folder, console, on=on)
    assert (tmp_path / "store.h5").read_bytes() == Path(local).read_bytes()


def see_nothing(monkeypatch, where):
    @contextmanager
    def shared(folder):
        yield SharedFolder(folder, "a mark that is nowhere", Path("/nowhere"))

    monkeypatch.setattr(where, shared)


def test_a_worker_killed_in_the_middle_loses_nothing(folder, local, on, tmp_path, console, monkeypatch):
    data = copied(folder, tmp_path, "p2_anger", made_cluster.ONCE)
    monkeypatch.chdir(tmp_path)
    prepare(Path(data.name), tmp_path / "store.h5", folder, console, on=on)
    assert (data.parent / "frames" / "once.killed").exists()
    assert (tmp_path / "store.h5").read_bytes() == Path(local).read_bytes()


def copied(folder, target, name, new):
    """A copy of the data in which the frames of one recording have another place."""
    shutil.copytree(folder / "frames", target / "frames")
    (target / "frames" / name).rename(target / "frames" / new)
    manifest = target / "all.csv"
    manifest.write_text((folder / "all.csv").read_text().replace(f"frames/{name},", f"frames/{new},"))
    return manifest


def test_a_recording_that_kills_every_worker_is_the_only_one_that_fails(folder, local, on, tmp_path, console):
    data = copied(folder, tmp_path, "p5_anger", made_cluster.DEADLY)
    result = prepare(data, tmp_path / "store.h5", folder, console, on=on)
    assert sorted(result["failed"]) == ["P3_fear", "P5_anger"]
    assert "every worker that ran it ended" in result["failed"]["P5_anger"]
    with open_store(tmp_path / "store.h5") as store, open_store(local) as whole:
        assert store.verify() == []
        assert [one.id for one in store.entries] == [one.id for one in whole.entries]
        for one in store.entries:
            if one.error is None:
                assert store.projections(one.id).tobytes() == whole.projections(one.id).tobytes()


def test_a_full_shared_disk_stops_the_work_and_the_same_command_resumes_it(
    folder, local, on, cluster, tmp_path, console, monkeypatch
):
    monkeypatch.chdir(folder)
    cluster.run(made_cluster.limit_files, 4000)
    try:
        with pytest.raises(DataError, match=r"cannot be written: File too large; free some space"):
            prepare(Path("all.csv"), tmp_path / "store.h5", folder, console, on=on)
    finally:
        cluster.run(made_cluster.limit_files, -1)
    assert not (tmp_path / "store.h5").exists()
    prepare(Path("all.csv"), tmp_path / "store.h5", folder, console, on=on)
    assert (tmp_path / "store.h5").read_bytes() == Path(local).read_bytes()


@pytest.mark.parametrize("seen", [True, False])
def test_folds_on_two_workers_end_in_the_bytes_of_local_ones(folder, local, on, tmp_path, console, monkeypatch, seen):
    if not seen:
        see_nothing(monkeypatch, "ckseq.experiment.fold_work.shared")
    for name, where in (("here", None), ("there", on)):
        crossval(
            local,
            experiment=str(folder / "ridge.toml"),
            out=tmp_path / name,
            seeds=2,
            keep_models=True,
            on=where,
            console=console,
        )
    here, there = (files_of(tmp_path / name) for name in ("here", "there"))
    assert here == there
    assert len([name for name in here if name.endswith("model.skops")]) == 6
    records = [read_run(tmp_path / name) for name in ("here", "there")]
    trained = [[one.model_dump(exclude={"seconds"}) for one in record.trainings] for record in records]
    assert trained[0] == trained[1]
    log = log_of(tmp_path / "there" / "work.jsonl")
    assert sorted(log) == [f"seed {seed}, fold {fold}" for seed in (3, 4) for fold in (0, 1, 2)]
    assert {one["state"] for one in log.values()} == {"trained"}


def files_of(run):
    """The bytes of a run's results; of a model, whose archive names times and addresses, those of its arrays."""
    found = {path.relative_to(run).as_posix(): path.read_bytes() for name in RESULTS for path in run.rglob(name)}
    for path in run.rglob("model.skops"):
        with zipfile.ZipFile(path) as archive:
            arrays = sorted(archive.read(name) for name in archive.namelist() if name.endswith(".npy"))
        found[path.relative_to(run).as_posix()] = arrays
    return found


def test_a_network_on_a_worker_predicts_the_bytes_of_a_local_one(folder, local, on, tmp_path, console, monkeypatch):
    monkeypatch.setattr(registry, "load", made_models.load)
    for name, where in (("here", None), ("there", on)):
        crossval(local, experiment=str(folder / "network.toml"), out=tmp_path / name, on=where, console=console)
    assert files_of(tmp_path / "here") == files_of(tmp_path / "there")


def test_a_store_that_workers_do_not_see_is_named(folder, local, on, tmp_path, console, monkeypatch):
    from ckseq.experiment import fold_work

    real = fold_work.Unit

    def hidden(name, arguments):
        place, job, *rest = arguments
        return real(name, (place, job._replace(store=Path("/nowhere/store.h5")), *rest))

    monkeypatch.setattr(fold_work, "Unit", hidden)
    with pytest.raises(DataError, match="a worker does not see the store; put it on a path that all machines have"):
        crossval(local, experiment=str(folder / "ridge.toml"), out=tmp_path / "run", on=on, console=console)


def test_maps_from_workers_are_those_of_one_process(folder, local, on, tmp_path, console):
    run = tmp_path / "run"
    crossval(local, experiment=str(folder / "ridge.toml"), out=run, seeds=2, keep_models=True, console=console)
    found = []
    for where in (None, on):
        explain(
            run,
            recordings=["P0_anger", "P1_fear"],
            store=None,
            data=None,
            sanity=False,
            seed=0,
            faces=False,
            on=where,
            console=console,
        )
        found.append((run / EXPLANATIONS / EXPLANATION).read_bytes())
    assert found[0] == found[1]
