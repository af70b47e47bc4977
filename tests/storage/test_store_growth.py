import os
import shutil

import pytest
from made_stores import made_recordings, make_store, make_store_of_many

from ckseq.config import digest, digest_of_many
from ckseq.errors import CallError, DataError
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.storage import store_growth
from ckseq.storage.store import open_store
from ckseq.storage.store_growth import Growing, remove_strange
from ckseq.storage.store_shards import folder_of
from ckseq.storage.store_writer import write_part

RECIPE = load_pipeline("paper")


@pytest.fixture(scope="module")
def made():
    return sorted(made_recordings(4), key=lambda one: one.recording.id)


def contents(path):
    with open_store(path) as store:
        assert store.verify() == []
        return store.digest, [(entry, store.projections(entry.id).tobytes()) for entry in store.entries]


def files(path):
    return {file.name: (file.stat().st_ino, file.read_bytes()) for file in sorted(folder_of(path).iterdir())}


def single(folder, made):
    return make_store(folder, made, pipeline=RECIPE.model_dump(mode="json"), digest=digest(RECIPE, ["d"] * len(made)))


@pytest.mark.parametrize("begun_as", ["one file", "many files"])
def test_more_recordings_are_more_files_and_the_store_is_that_of_all_at_once(tmp_path, made, begun_as):
    whole = contents(make_store_of_many(tmp_path / "whole", made))
    begin = single if begun_as == "one file" else make_store_of_many
    path = begin(tmp_path / "grown", made[::2])
    before = files(path) if begun_as == "many files" else {"": (path.stat().st_ino, path.read_bytes())}
    with open_store(path) as store:
        held = store.digest
    make_store_of_many(tmp_path / "grown", made[1::2], append_to=held)
    assert contents(path) == whole
    # what was there was not written again
    assert set(before.values()) <= set(files(path).values())
    assert len(files(path)) == len(before) + 2
    assert whole[0] == digest_of_many(RECIPE, ["d"] * len(made))


def test_where_files_have_one_name_only_the_first_is_copied(tmp_path, made, monkeypatch):
    path = single(tmp_path, made[:4])
    before = path.read_bytes()
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(1, "not permitted")))
    with open_store(path) as store:
        held = store.digest
    make_store_of_many(tmp_path, made[4:], append_to=held)
    assert before in [content for _, content in files(path).values()]
    assert len(contents(path)[1]) == len(made)


def test_what_was_not_finished_leaves_the_old_store_and_is_used_again(tmp_path, made, monkeypatch):
    path = make_store_of_many(tmp_path, made[:6], per_file=3)
    old = contents(path)
    growing, parts = Growing(path, RECIPE, append_to=old[0]), tmp_path / "parts"
    for one in made[6:9]:
        write_part(parts, one)
    growing.add(parts, dict.fromkeys((one.recording.id for one in made[6:9]), "d"))
    assert contents(path) == old
    left = max(folder_of(path).iterdir())
    again = left.read_bytes()
    # as much as an interrupted attempt leaves; its parts are gone
    shutil.rmtree(parts)
    parts.mkdir()
    growing = Growing(path, RECIPE, append_to=old[0])
    growing.bring_back([one.recording.id for one in made[6:9]], parts)
    assert not left.exists()
    growing.add(parts, dict.fromkeys((one.recording.id for one in made[6:9]), "d"))
    assert left.read_bytes() == again
    growing.commit(notes=[], origin=None)
    assert [entry.id for entry, _ in contents(path)[1]] == [one.recording.id for one in made[:9]]


@pytest.mark.parametrize("how", ["damaged", "of others"])
def test_a_file_of_an_attempt_is_not_used_where_it_is_damaged_or_of_other_recordings(tmp_path, made, how):
    path, parts = make_store_of_many(tmp_path, made[:3]), tmp_path / "parts"
    growing = Growing(path, RECIPE, append_to=contents(path)[0])
    for one in made[3:6]:
        write_part(parts, one)
    growing.add(parts, dict.fromkeys((one.recording.id for one in made[3:6]), "d"))
    left, wanted = max(folder_of(path).iterdir()), made[3:6]
    shutil.rmtree(parts)
    parts.mkdir()
    if how == "damaged":
        bad = bytearray(left.read_bytes())
        for place in range(len(bad) // 2, len(bad), 50):
            bad[place] ^= 255
        left.write_bytes(bad)
    else:
        wanted = made[6:8]
    Growing(path, RECIPE, append_to=contents(path)[0]).bring_back([one.recording.id for one in wanted], parts)
    assert not left.exists()
    assert not any(parts.iterdir())


def test_what_no_store_names_is_removed_and_the_rest_is_kept(tmp_path, made):
    path = make_store_of_many(tmp_path, made)
    before = files(path)
    folder = folder_of(path)
    for name in ("000009-0123456789abcdef.h5", "unfinished.h5", ".unfinished.h5.x.tmp", "notes.txt"):
        (folder / name).touch()
    remove_strange(path)
    assert files(path).keys() - before.keys() == {"notes.txt"}
    (folder / "notes.txt").unlink()
    # a store of one file takes its place
    path.unlink()
    single(tmp_path / "one", made[:3]).replace(path)
    remove_strange(path)
    assert not folder.exists()


def test_another_pipeline_an_old_or_another_store_and_an_id_twice_are_refused(tmp_path, made):
    path = make_store_of_many(tmp_path, made[:3])
    held = contents(path)[0]
    with pytest.raises(CallError, match=r"was made with another pipeline, or other values of it.*--overwrite"):
        Growing(path, load_pipeline("paper", ["motion.threshold=11"]), append_to=held)
    with pytest.raises(DataError, match="was replaced by another store meanwhile"):
        Growing(path, RECIPE, append_to="0" * 16)
    with pytest.raises(DataError, match="S000_000 is there twice"):
        make_store_of_many(tmp_path, made[:1], append_to=held)
    assert contents(path)[0] == held


@pytest.mark.parametrize(
    ("origins", "common"),
    [
        (["ckplus", "ckplus"], "ckplus"),
        (["other", "ckplus"], "ckplus_layout"),
        (["synthetic", "recorded"], "other"),
        ([None, "synthetic"], None),
    ],
)
def test_of_several_data_sets_as_little_is_shown_as_of_any(origins, common):
    assert store_growth._common(origins) == common


def test_numbers_go_on_after_a_store_that_is_replaced(tmp_path, made):
    """So that the old store is whole until the new one is."""
    path = make_store_of_many(tmp_path, made[:6], per_file=3)
    make_store_of_many(tmp_path, made[:6], per_file=3)
    assert [name[:6] for name in files(path)] == ["000002", "000003"]
    path.write_bytes(b"damaged")
    make_store_of_many(tmp_path, made[:6], per_file=3)
    assert len(contents(path)[1]) == 6
