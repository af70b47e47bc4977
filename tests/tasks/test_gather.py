"""Shards of a store or a cross-validation, gathered in any order, end in the bytes of one process."""

import json
import shutil
from pathlib import Path

import made_people
import pytest
from made_stores import RIDGE, made_recordings, make_recipe, make_store

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.executors.shard import Shard, parse_shard
from ckseq.storage.run_record import read_run
from ckseq.storage.store import open_store
from ckseq.tasks.crossval import crossval
from ckseq.tasks.gather import gather
from ckseq.tasks.preprocess import preprocess

PIPELINE = '[detector]\nkind = "whole_frame"\n[faces]\nside_px = 24\n[motion]\nthreshold = 10\nerosion_px = 1\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eighteen recordings, one of them with frames of two sizes and one a copy of it under another label."""
    folder = tmp_path_factory.mktemp("data")
    made_people.moving_squares(folder)
    frames = folder / "frames"
    shutil.copy(frames / "p1_fear" / "0.png", frames / "p1_anger" / "6.png")
    shutil.rmtree(frames / "p1_fear")
    shutil.copytree(frames / "p1_anger", frames / "p1_fear")
    make_recipe(folder, PIPELINE, "fast")
    return folder


def prepare(folder, out, console, **more):
    return preprocess(folder / "all.csv", pipeline=str(folder / "fast.toml"), out=out, jobs=1, console=console, **more)


@pytest.fixture
def whole(folder, tmp_path, console):
    prepare(folder, tmp_path / "whole.h5", console)
    return (tmp_path / "whole.h5").read_bytes()


def test_shards_in_any_order_end_in_the_bytes_of_one_process(folder, whole, tmp_path, console):
    out = tmp_path / "ck.h5"
    numbers = [prepare(folder, out, console, shard=f"{number}/4")["n_recordings"] for number in (3, 1, 4, 2)]
    assert sorted(numbers) == [4, 4, 5, 5]
    assert gather(out, console=console)["n_recordings"] == 18
    assert out.read_bytes() == whole
    with open_store(out) as store:
        assert any("the same frames under different labels" in note for note in store.notes)
    logs = sorted(path.name for path in tmp_path.glob("ck.h5.*"))
    assert logs == [f"ck.h5.shard-{number}-of-4.jsonl" for number in (1, 2, 3, 4)]
    with pytest.raises(CallError, match="is complete already"):
        gather(out, console=console)
    with pytest.raises(CallError, match="is complete already; remove"):
        prepare(folder, out, console, shard="1/4")


def test_a_shard_says_where_its_recordings_are(folder, tmp_path, capsys):
    out = tmp_path / "ck.h5"
    prepare(folder, out, Console(), shard="1/4")
    assert f"in {out}.parts" in "".join(capsys.readouterr().out.splitlines())


def test_a_store_of_several_files_is_gathered_to_the_same_bytes(folder, tmp_path, console):
    prepare(folder, tmp_path / "one" / "ck.h5", console, per_file=5)
    for number in (2, 1):
        prepare(folder, tmp_path / "two" / "ck.h5", console, per_file=5, shard=f"{number}/2")
    gather(tmp_path / "two" / "ck.h5", console=console)
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.h5")}
        for name in ("one", "two")
    )
    assert len(one) == 5
    assert one == two


def test_what_is_missing_is_named_with_its_shards(folder, tmp_path, console):
    out = tmp_path / "ck.h5"
    with pytest.raises(CallError, match="has no shards to gather"):
        gather(out, console=console)
    prepare(folder, out, console, shard="2/3")
    with pytest.raises(DataError, match=r"12 of 18 recordings are missing: .* \(shards 1/3: 6, 3/3: 6\); run these"):
        gather(out, console=console)
    assert not out.exists()
    result = gather(out, partial=True, console=console)
    assert (result["n_recordings"], len(result["missing"])) == (6, 12)
    with open_store(out) as store:
        assert len(store.entries) == 6
        assert any("12 recordings of the data were not prepared" in note for note in store.notes)


def test_a_damaged_part_is_missing_and_made_again_by_its_shard(folder, whole, tmp_path, console):
    out = tmp_path / "ck.h5"
    for number in (1, 2):
        prepare(folder, out, console, shard=f"{number}/2")
    part = next(Path(f"{out}.parts").glob("*.h5"))
    part.write_bytes(part.read_bytes()[:300])
    with pytest.raises(DataError, match=f"1 of 18 recordings are missing: {part.stem}"):
        gather(out, console=console)
    done = [prepare(folder, out, console, shard=f"{number}/2")["n_from_before"] for number in (1, 2)]
    assert sum(done) == 17
    gather(out, console=console)
    assert out.read_bytes() == whole


def test_shards_of_other_options_are_refused(folder, tmp_path, console):
    prepare(folder, tmp_path / "ck.h5", console, shard="1/2")
    with pytest.raises(CallError, match=r"the shards there have settings \[\], and this one has"):
        prepare(folder, tmp_path / "ck.h5", console, shard="2/2", settings=("motion.threshold=11",))
    with pytest.raises(CallError, match="--shard excludes --overwrite and --append"):
        prepare(folder, tmp_path / "ck.h5", console, shard="2/2", overwrite=True)


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/0", "a/b", "-1/3", "1/3/5", "١/٣"])
def test_what_is_no_share(text):
    with pytest.raises(CallError, match="is no share of the work; write 3/20"):
        parse_shard(text)


def test_shards_are_a_partition():
    items = list(range(23))
    assert sorted(item for number in range(1, 6) for item in Shard(number, 5).share(items)) == items


@pytest.mark.slow
def test_shards_of_folds_end_in_the_bytes_of_one_process(tmp_path, console):
    store, ridge = make_store(tmp_path / "store", made_recordings()), make_recipe(tmp_path, RIDGE)
    common = {"experiment": ridge, "seeds": 2, "console": console}
    crossval(store, out=tmp_path / "whole", **common)
    out = tmp_path / "cv"
    assert crossval(store, out=out, shard="2/2", **common)["trainings"] == 3
    with pytest.raises(DataError, match="3 of 6 trainings are missing: seed 3, fold 0; seed 3, fold 2"):
        gather(out, console=console)
    with pytest.raises(CallError, match="drop --partial"):
        gather(out, partial=True, console=console)
    with pytest.raises(CallError, match="the shards there have other seeds"):
        crossval(store, out=out, shard="1/2", **{**common, "seeds": 1})
    crossval(store, out=out, shard="1/2", **common)
    result = gather(out, console=console)
    assert result["state"] == "complete"
    assert (out / "predictions.csv").read_bytes() == (tmp_path / "whole" / "predictions.csv").read_bytes()
    runs = [read_run(tmp_path / name) for name in ("whole", "cv")]
    assert runs[0].command.replace("whole", "cv") == runs[1].command
    assert runs[0].folds == runs[1].folds
    lines = [json.loads(line) for line in (out / "shard-1-of-2.jsonl").read_text().splitlines()]
    assert [line["name"] for line in lines] == ["seed 3, fold 0", "seed 3, fold 2", "seed 4, fold 1"]
    assert all(line["device"].startswith(("CPU", "GPU")) and line["worker"] for line in lines)
    with pytest.raises(CallError, match="is complete already"):
        gather(out, console=console)
    with pytest.raises(CallError, match="is complete already"):
        crossval(store, out=out, shard="1/2", **common)
    with pytest.raises(CallError, match="--shard excludes"):
        crossval(store, out=tmp_path / "other", shard="1/2", overwrite=True, **common)
