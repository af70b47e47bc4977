import numpy as np
import pytest
from made_runs import made_predictions
from made_stores import face, made, make_store

from ckseq.errors import DataError
from ckseq.experiment.report_crops import MOST_MISTAKES, chosen, keep_crops
from ckseq.storage.report_crops import read_crops, write_crops


def test_one_of_each_class_and_the_surest_mistakes_are_chosen():
    predictions = made_predictions(("a", "b"), [("a", "a", 3), ("b", "b", 2), ("b", "a", 40)])
    ids = [row.recording for row in predictions.rows]
    # the later, the surer
    assert chosen(predictions) == (ids[0], ids[3], *reversed(ids[-MOST_MISTAKES:]))


def test_a_mistake_of_several_seeds_is_kept_once():
    predictions = made_predictions(("a", "b"), [("a", "b", 1)])
    row = predictions.rows[0]
    twice = type(predictions)(predictions.labels, (row._replace(seed=1), row._replace(seed=2)))
    assert chosen(twice) == (row.recording,)


def test_crops_of_sequences_are_the_first_and_the_last(tmp_path, console):
    crops = np.stack([face(1), face(2)])
    store = make_store(tmp_path, [made("S000", "000", "a", np.zeros((4, 2, 10), np.float32), crops)])
    predictions = made_predictions(("a", "b"), [("a", "b", 1)])
    keep_crops(tmp_path, store, predictions, console)
    found = read_crops(tmp_path)
    assert list(found) == ["S000_000"]
    np.testing.assert_array_equal(found["S000_000"], crops)


def test_a_full_disk_is_a_failure_and_not_a_run_without_crops(tmp_path, console, monkeypatch):
    def full(path, data):
        raise DataError("cannot be written: No space left on device", path)

    store = make_store(tmp_path, [made("S000", "000", "a", np.zeros((4, 2, 10), np.float32), np.stack([face(1)] * 2))])
    monkeypatch.setattr("ckseq.storage.report_crops.write_bytes", full)
    with pytest.raises(DataError, match="No space left on device"):
        keep_crops(tmp_path, store, made_predictions(("a", "b"), [("a", "b", 1)]), console)


def test_a_store_that_has_gone_is_no_failure(tmp_path, console, capsys):
    write_crops(tmp_path, {"a": np.zeros((1, 8, 8), np.uint8)})
    keep_crops(tmp_path, tmp_path / "gone.h5", made_predictions(), console)
    assert "no crops are kept" in capsys.readouterr().err
