import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ckseq.config import parse
from ckseq.errors import CallError, DataError
from ckseq.signal.sequence import SequenceConfig, fit_length, length_of, pad, resample, too_long

SEQUENCES = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 12), st.just(2), st.integers(1, 3)), elements=st.floats(-8, 8, width=32)
)


@pytest.mark.parametrize(
    ("n", "length", "before", "after"), [(3, 3, 0, 0), (3, 4, 1, 0), (3, 5, 1, 1), (3, 6, 2, 1), (20, 39, 10, 9)]
)
def test_the_extra_frame_goes_in_front(n, length, before, after):
    padded = pad(np.ones((n, 2, 5), np.float32), length_frames=length)
    assert padded.shape == (length, 2, 5)
    assert padded[:, 0, 0].tolist() == [0] * before + [1] * n + [0] * after


@given(SEQUENCES, st.integers(0, 9))
def test_padding_keeps_every_frame_and_adds_only_zeros(sequence, missing):
    original = sequence.copy()
    padded = pad(sequence, length_frames=len(sequence) + missing)
    start = (missing + 1) // 2
    np.testing.assert_array_equal(padded[start : start + len(sequence)], sequence)
    assert np.count_nonzero(padded) == np.count_nonzero(sequence)
    assert padded.dtype == sequence.dtype
    padded[...] = 9
    np.testing.assert_array_equal(sequence, original)


def test_pad_refuses_a_longer_sequence():
    with pytest.raises(ValueError, match="4 frames does not fit into 3"):
        pad(np.zeros(4), length_frames=3)


@given(SEQUENCES, st.integers(1, 15))
def test_resampling_equals_numpys_interpolation(sequence, length):
    resampled = resample(sequence, length_frames=length)
    assert resampled.dtype == np.float32
    at = np.linspace(0, len(sequence) - 1, length)
    for row, column in np.ndindex(sequence.shape[1:]):
        expected = np.interp(at, np.arange(len(sequence)), sequence[:, row, column])
        np.testing.assert_allclose(resampled[:, row, column], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("overflow", "expected"), [("cut_start", [2, 3, 4]), ("cut_end", [0, 1, 2]), ("resample", [0, 2, 4])]
)
def test_a_longer_sequence_is_treated_as_the_policy_says(overflow, expected):
    sequence = np.arange(5.0)
    assert fit_length(sequence, length_frames=3, overflow=overflow, short="pad").tolist() == expected
    assert fit_length(sequence, length_frames=7, overflow=overflow, short="pad").tolist() == [0, 0, 1, 2, 3, 4, 0]
    assert sequence.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("overflow", ["error", "drop"])
def test_a_longer_sequence_is_an_error_unless_a_policy_is_named(overflow):
    with pytest.raises(DataError, match=r"5 frames of motion do not fit into 3; name a policy: .* cut_start"):
        fit_length(np.arange(5), length_frames=3, overflow=overflow, short="pad")


@given(SEQUENCES, st.integers(1, 15), st.sampled_from(["cut_start", "cut_end", "resample"]))
def test_the_length_is_always_the_one_asked_for(sequence, length, overflow):
    assert fit_length(sequence, length_frames=length, overflow=overflow, short="pad").shape == (
        length,
        *sequence.shape[1:],
    )


def test_lengths():
    assert length_of([3, 9], SequenceConfig(length_frames=5)) == 5
    assert too_long([3, 9, 5], SequenceConfig(length_frames=5)) == [1]
    assert too_long([3, 9, 5], SequenceConfig(length_frames="longest")) == []


@pytest.mark.parametrize("values", [{"length_frames": 0}, {"length_frames": "long"}, {"overflow": "cut"}])
def test_impossible_values_name_the_key(values):
    with pytest.raises(CallError, match=next(iter(values))):
        parse(SequenceConfig, values, where="a.toml [sequence]")


def test_a_shorter_sequence_can_be_stretched():
    sequence = np.array([0.0, 10.0, 40.0])
    stretched = fit_length(sequence, length_frames=5, overflow="error", short="stretch")
    assert stretched.tolist() == [0, 5, 10, 25, 40]
    assert fit_length(sequence, length_frames=3, overflow="error", short="stretch").tolist() == [0, 10, 40]
