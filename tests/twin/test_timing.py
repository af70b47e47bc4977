"""The course of a sequence in time."""

import numpy as np
import pytest

from ckseq.twin.timing import course, length


@pytest.mark.parametrize("n_frames", [6, 16, 71])
def test_a_sequence_begins_neutral_and_ends_at_its_apex(n_frames):
    for seed in range(30):
        path = course(np.random.default_rng(seed), n_frames=n_frames, n_units=4, blink_share=1.0, drift_px=0.3, nod=1.0)
        assert (path.activations[0] == 0).all()
        np.testing.assert_allclose(path.activations[-1], 1)
        assert path.poses[0].shift_px == (0.0, 0.0)
        assert path.closed[-1] == 0
        assert len(path.poses) == len(path.gain) == n_frames
        assert abs(path.gain - 1).max() < 0.05


def test_a_blink_comes_only_where_it_is_asked_for_and_there_is_time():
    def closed(n_frames, share):
        rng = np.random.default_rng(1)
        return course(rng, n_frames=n_frames, n_units=1, blink_share=share, drift_px=0.0, nod=0.0).closed.max()

    assert closed(30, 1.0) > 0.5
    assert closed(30, 0.0) == 0
    assert closed(8, 1.0) == 0


def test_lengths_stay_within_their_bounds():
    rng = np.random.default_rng(0)
    lengths = [length(rng, median=16, shortest=6, longest=71) for _ in range(2000)]
    assert min(lengths) == 6
    assert 15 <= np.median(lengths) <= 17
    assert 45 < max(lengths) <= 71
