"""What is said of something that stands where a store should be."""

import h5py
import pytest
from made_stores import made_recordings, make_store

from ckseq.errors import CallError, DataError
from ckseq.storage.store import open_store
from ckseq.storage.store_place import check_target

MAKE = "make a store with 'ckseq preprocess {0} --out STORE.h5', or do everything at once with 'ckseq experiment NAME"


@pytest.mark.parametrize(
    ("name", "what", "data"),
    [
        ("fer2013.csv", "is a table, not a store", "{}"),
        ("Emotion_labels.zip", "is an archive, not a store", "{}"),
        ("a.mp4", "is a video, not a store", "DATA"),
        ("face.png", "is an image, not a store", "DATA"),
        ("default.toml", "is a recipe, not a store", "DATA"),
        ("notes", "is a file of another kind, not a store", "DATA"),
    ],
)
def test_a_file_of_another_kind_has_to_be_prepared_not_overwritten(tmp_path, name, what, data):
    path = tmp_path / name
    path.write_bytes(b"emotion,pixels,Usage\n")
    with pytest.raises(DataError) as caught:
        open_store(path)
    assert caught.value.what == what
    assert caught.value.fix.startswith(MAKE.format(data.format(path)))
    assert "overwrite" not in str(caught.value)
    with pytest.raises(CallError, match="exists and is not a store; choose another --out"):
        check_target(path)


def test_folders(tmp_path):
    with pytest.raises(DataError, match=r"is a folder, not a store; if it is a data set: make a store with"):
        open_store(tmp_path)
    store = make_store(tmp_path, made_recordings(n_subjects=1))
    with pytest.raises(DataError, match=rf"is a folder, not a store; name the store in it: {store}"):
        open_store(tmp_path)
    with pytest.raises(CallError, match=r"is a folder, and a store is a file; name a file in it, such as .*store\.h5"):
        check_target(tmp_path)
    check_target(store)
    check_target(tmp_path / "new.h5")


def test_a_missing_store_with_a_similar_name(tmp_path):
    store = make_store(tmp_path, made_recordings(n_subjects=1))
    with pytest.raises(DataError, match=rf"there is no such store; did you mean {store}\? make a store with"):
        open_store(store.with_name(store.stem[:-1] + ".h5"))
    with pytest.raises(DataError, match="there is no such store; make a store with"):
        open_store(tmp_path / "nowhere" / "x.h5")


def test_a_damaged_store_is_prepared_again(tmp_path):
    store = make_store(tmp_path, made_recordings(n_subjects=1))
    for path in (tmp_path / "cut.h5", tmp_path / "cut"):
        path.write_bytes(store.read_bytes()[:900])
        assert h5py.is_hdf5(path)
        with pytest.raises(DataError, match="is cut short, or not a store of ckseq; prepare it again with"):
            open_store(path)
        check_target(path)
