"""``ckseq preprocess --append`` and ``--per-file``: stores that grow."""

import made_people
import pytest
from made_stores import RIDGE, make_recipe

from ckseq.errors import CallError, DataError
from ckseq.experiment.recipe import load_experiment
from ckseq.storage import store_growth
from ckseq.storage.lock import locked
from ckseq.storage.store import open_store
from ckseq.storage.store_shards import folder_of
from ckseq.tasks.preprocess import preprocess

PIPELINE = '[detector]\nkind = "whole_frame"\n[faces]\nside_px = 24\n[motion]\nthreshold = 10\nerosion_px = 1\n'


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    made_people.moving_squares(folder)
    header, *lines = (folder / "all.csv").read_text().splitlines()
    (folder / "some.csv").write_text("\n".join([header, *lines[::3]]) + "\n")
    (folder / "others.csv").write_text("\n".join([header, *lines[1::3]]) + "\n")
    make_recipe(folder, PIPELINE, "fast")
    return folder


@pytest.fixture
def prepare(data, console):
    def prepare(name, out, **more):
        return preprocess(data / name, pipeline=str(data / "fast.toml"), out=out, jobs=1, console=console, **more)

    return prepare


def contents(path):
    with open_store(path) as store:
        assert store.verify() == []
        return store.digest, [(entry, store.projections(entry.id).tobytes()) for entry in store.entries]


def tree(path):
    return {file: file.read_bytes() for file in [path, *folder_of(path).glob("*")]}


def test_a_store_of_many_files_or_of_one_is_the_same_store(tmp_path, prepare):
    prepare("all.csv", tmp_path / "one.h5")
    prepare("all.csv", tmp_path / "many.h5", per_file=5)
    assert len(list(folder_of(tmp_path / "many.h5").iterdir())) == 4
    assert not folder_of(tmp_path / "one.h5").exists()
    assert contents(tmp_path / "many.h5") == contents(tmp_path / "one.h5")
    assert prepare("all.csv", tmp_path / "many.h5")["n_from_before"] == 18
    prepare("all.csv", tmp_path / "many.h5", overwrite=True)
    assert tree(tmp_path / "many.h5").popitem()[1] == (tmp_path / "one.h5").read_bytes()


def test_more_data_are_added_and_nothing_is_prepared_twice(tmp_path, prepare):
    prepare("all.csv", tmp_path / "whole.h5")
    out = tmp_path / "s.h5"
    assert prepare("some.csv", out, append=True)["n_recordings"] == 6
    with pytest.raises(CallError, match=r"holds something else.*or add the recordings that it lacks with --append"):
        prepare("all.csv", out)
    # data that share nothing with the store, and then all
    assert prepare("others.csv", out, append=True, per_file=4)["n_recordings"] == 6
    assert prepare("all.csv", out, append=True)["n_recordings"] == 6
    assert contents(out) == contents(tmp_path / "whole.h5")
    before = tree(out)
    assert prepare("all.csv", out, append=True)["n_recordings"] == 0
    assert prepare("all.csv", out)["n_from_before"] == 18
    assert tree(out) == before


def test_what_differs_is_refused_and_the_store_is_as_it_was(tmp_path, prepare, data):
    out = tmp_path / "s.h5"
    prepare("some.csv", out)
    before = tree(out)
    with pytest.raises(CallError, match="made with another pipeline"):
        prepare("all.csv", out, append=True, settings=["motion.threshold=11"])
    with pytest.raises(CallError, match="exclude each other"):
        prepare("all.csv", out, append=True, overwrite=True)
    relabeled = data / "relabeled.csv"
    relabeled.write_text((data / "all.csv").read_text().replace(",anger\n", ",joy\n", 1))
    with pytest.raises(CallError, match="has P0_anger with another subject, session, label"):
        prepare("relabeled.csv", out, append=True)
    assert tree(out) == before


def test_data_of_another_version_of_the_stages_are_not_mixed(tmp_path, prepare, monkeypatch):
    out = tmp_path / "s.h5"
    prepare("some.csv", out)
    monkeypatch.setattr("ckseq.preprocessing.one_recording.STAGE_VERSION", 10**6)
    with pytest.raises(CallError, match="made by another version of ckseq"):
        prepare("others.csv", out, append=True)


def test_two_processes_do_not_write_one_store(tmp_path, prepare):
    out = tmp_path / "s.h5"
    prepare("some.csv", out)
    before = tree(out)
    with locked(out), pytest.raises(CallError, match="is being written by process"):
        prepare("all.csv", out, append=True)
    assert tree(out) == before


@pytest.mark.parametrize("where", ["a file", "the index"])
def test_a_full_disk_leaves_the_old_store_and_the_next_one_ends_it(tmp_path, prepare, monkeypatch, where):
    out, whole = tmp_path / "s.h5", tmp_path / "whole.h5"
    prepare("some.csv", whole)
    prepare("all.csv", whole, append=True, per_file=4)
    prepare("some.csv", out)
    old = contents(out)
    calls = []
    name = "assemble" if where == "a file" else "write_hdf5"
    work = getattr(store_growth, name)

    def full(*arguments, **more):
        calls.append(arguments)
        if where == "the index" or len(calls) == 2:
            raise DataError("cannot be written: No space left on device", out)
        return work(*arguments, **more)

    monkeypatch.setattr(store_growth, name, full)
    with pytest.raises(DataError, match="No space left"):
        prepare("all.csv", out, append=True, per_file=4)
    monkeypatch.undo()
    assert contents(out) == old
    found = prepare("all.csv", out, append=True, per_file=4)
    assert found["n_from_before"] == (8 if where == "a file" else 12)
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["s.h5", "s.h5.shards", "whole.h5", "whole.h5.shards"]
    assert list(tree(out).values()) == list(tree(whole).values())


def test_training_reads_a_store_of_many_as_it_reads_one(tmp_path, prepare, console):
    from ckseq.experiment.engine import run_experiment

    rows = []
    for name, per_file in (("one", 50), ("many", 4)):
        prepare("all.csv", tmp_path / f"{name}.h5", per_file=per_file)
        recipe = load_experiment(make_recipe(tmp_path, RIDGE))
        run = run_experiment(
            tmp_path / f"{name}.h5",
            recipe,
            kind="cross_validation",
            command=["ckseq"],
            out=tmp_path / name,
            seeds=[1],
            console=console,
        )
        rows.append((run.run.store.digest, run.predictions))
    assert rows[0] == rows[1]


def test_what_cannot_be_prepared_is_no_store(tmp_path, data, prepare):
    header, *_ = (data / "all.csv").read_text().splitlines()
    lines = [header]
    for number in range(5):
        folder = data / f"bad{number}"
        folder.mkdir(exist_ok=True)
        for step in range(3):
            (folder / f"{step}.png").write_bytes(b"")
        lines.append(f"bad{number},B{number},1,anger")
    (data / "bad.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match="none of 5 recordings could be prepared"):
        prepare("bad.csv", tmp_path / "s.h5", per_file=2)
    assert not (tmp_path / "s.h5").exists()
