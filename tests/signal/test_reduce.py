import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from paper_reference import paper_projections

from ckseq.signal.reduce import halve, halved, project


@given(arrays(np.bool_, st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(1, 4), st.just(n), st.just(n)))))
def test_projections_equal_the_papers_to_the_bit(blobs):
    ours = project(blobs)
    assert ours.dtype == np.float32
    assert ours.tobytes() == paper_projections(blobs.astype(int)).tobytes()


def test_projections_of_a_full_size_frame_by_hand():
    blobs = np.zeros((1, 267, 267), bool)
    blobs[0, 100:110, 5] = True
    ours = project(blobs)
    assert ours[0, 0, 5] == np.float32(10 / 267)
    assert ours[0, 1, 105] == np.float32(1 / 267)
    assert np.count_nonzero(ours) == 11


def slow_halve(frame):
    height, width = frame.shape
    result = np.zeros(((height + 1) // 2, (width + 1) // 2))
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            result[row, column] = frame[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean()
    return result


@pytest.mark.parametrize("height", range(1, 41))
def test_halving_equals_a_slow_reference_for_all_sizes(height):
    generator = np.random.default_rng(height)
    for width in range(1, 41):
        frames = generator.random((2, height, width)).astype(np.float32)
        np.testing.assert_allclose(halve(frames), [slow_halve(frame) for frame in frames], rtol=1e-6)


def test_267_pixels_become_134_67_34():
    blobs = np.zeros((1, 267, 267), bool)
    assert [halved(blobs, halvings=n).shape[1] for n in (1, 2, 3)] == [134, 67, 34]
