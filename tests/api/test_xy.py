"""Stores as arrays: labeled sequences of one length, with their people."""

import numpy as np
import pytest
from made_stores import LABELS, made_recordings, make_store

import ckseq


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"), made_recordings(n_subjects=4))


def test_sequences_have_one_length_and_their_people(store):
    found = ckseq.load_xy(store, length=7)
    X, y, groups, ids = found
    assert (X.shape, X.dtype) == ((12, 7, 2, 10, 1), np.float32)
    assert y.tolist() == list(LABELS) * 4
    assert groups.tolist() == [f"S{person:03}" for person in range(4) for _ in LABELS]
    assert ids.tolist() == sorted(ids)
    assert "<td>fear</td><td>4</td>" in found._repr_html_()


def test_time_is_resampled_by_linear_interpolation(store):
    X, *_, ids = ckseq.load_xy(store, length=5)
    with ckseq.open_store(store) as opened:
        own = opened.projections(str(ids[0]))
    at = np.linspace(0, len(own) - 1, 5)
    expected = [np.interp(at, np.arange(len(own)), own[:, 1, place]) for place in range(10)]
    np.testing.assert_allclose(X[0, :, 1, :, 0].T, expected, rtol=1e-5)


def test_an_open_store_stays_open_and_a_closed_one_is_closed(store):
    opened = ckseq.open_store(str(store))
    ckseq.load_xy(opened)
    assert opened.projections(opened.entries[0].id).shape[1:] == (2, 10)
    assert "13 recordings, pipeline paper" in repr(opened)
    opened.close()
    with pytest.raises(ckseq.DataError):
        opened.projections(opened.entries[0].id)


def test_what_is_missing_is_named(store, tmp_path):
    with pytest.raises(ckseq.DataError, match="no landmarks"):
        ckseq.load_xy(store, input="landmarks")
    with pytest.raises(ckseq.DataError, match="there is no such store"):
        ckseq.load_xy(tmp_path / "none.h5")
    unlabeled = make_store(tmp_path / "unlabeled", list(made_recordings(n_subjects=1))[-1:])
    with pytest.raises(ckseq.DataError, match="no recording is labeled"):
        ckseq.load_xy(unlabeled)


@pytest.mark.parametrize("length", [0, -1, "many", 24.0, True])
def test_an_impossible_length_is_an_error_with_its_remedy(store, length):
    with pytest.raises(ckseq.CallError, match=f"length = {length!r}; give a whole number from 1 on"):
        ckseq.load_xy(store, length=length)


def test_it_is_printed_in_a_line(store):
    found = repr(ckseq.load_xy(store, length=7))
    shapes = "X (12, 7, 2, 10, 1) float32, y (12,), groups (12,), ids (12,)"
    counts = ", ".join(f"{label} 4" for label in sorted(LABELS))
    assert found == str(ckseq.load_xy(store, length=7)) == f"<XY: {shapes}; 4 subjects; {counts}>"
