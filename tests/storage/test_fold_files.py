import json

import pytest

from ckseq.errors import DataError
from ckseq.protocol.folds import Listed
from ckseq.storage.fold_files import FoldFile, read_fold_file, write_fold_file


def test_a_division_comes_back_as_it_was(tmp_path):
    fold_file = FoldFile(Listed((("a1", "ä2"), ("b1",)), ("c1",)), "subject_k_fold", "0123456789abcdef")
    write_fold_file(tmp_path / "folds.json", fold_file, config={"folds": 2})
    assert read_fold_file(tmp_path / "folds.json") == fold_file
    assert json.loads((tmp_path / "folds.json").read_text())["config"] == {"folds": 2}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.json", '[["a1", "a2"], ["b1"]]'),
        ("f.json", '{"folds": [["a1", "a2"], ["b1"]]}'),
        ("f.toml", 'folds = [["a1", "a2"], ["b1"]]'),
    ],
)
def test_a_division_by_hand_is_a_list_of_lists(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    fold_file = read_fold_file(tmp_path / name)
    assert fold_file == FoldFile(Listed((("a1", "a2"), ("b1",))), "from_file", "")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("f.json", '[["a1"', "is not JSON"),
        ("f.toml", "folds = [", "is not TOML"),
        ("f.json", "3", "lists no folds"),
        ("f.json", "[]", "lists no folds"),
        ("f.json", '{"train": []}', "lists no folds"),
        ("f.json", '{"folds": "a1"}', "lists no folds"),
        ("f.json", '["a1", "b1"]', "fold 0 is not a list of recordings' ids"),
        ("f.json", "[[1]]", "fold 0 is not a list"),
        ("f.json", '{"folds": [["a"]], "always_train": 1}', "always_train is not a list"),
        ("f.json", '{"schema": 2, "folds": [["a"]]}', "has schema 2"),
    ],
)
def test_what_is_no_division_is_told(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_fold_file(tmp_path / name)
    assert caught.value.where == str(tmp_path / name)


def test_a_division_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_fold_file(tmp_path / "none.json")
