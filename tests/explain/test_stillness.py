import numpy as np

from ckseq.explain.stillness import stilled


def test_a_motion_is_taken_away_and_noise_stays_as_loud_as_it_was():
    rng = np.random.default_rng(0)
    motion = 5 / (1 + np.exp(-np.linspace(-6, 6, 40)))[:, np.newaxis, np.newaxis]
    noise = rng.normal(0, 0.1, (40, 2, 200))
    found = stilled((motion + noise).astype(np.float32))
    assert np.abs(found.mean(axis=0)).mean() < 0.15  # the motion starts at 0.01 and ends at 5
    np.testing.assert_allclose(found.std(axis=0).mean(), 0.1, rtol=0.1)


def test_what_does_not_move_stays_exactly_as_it_is():
    still = np.tile(np.random.default_rng(1).random((1, 2, 3), dtype=np.float32), (7, 1, 1))
    np.testing.assert_allclose(stilled(still), still, atol=1e-6)


def test_a_straight_line_becomes_its_beginning_and_short_sequences_their_first_step():
    line = np.arange(9, dtype=np.float32).reshape(9, 1, 1).repeat(2, axis=1)
    np.testing.assert_allclose(stilled(line), np.zeros_like(line), atol=1e-6)
    short = np.arange(4, dtype=np.float32).reshape(2, 2, 1)
    assert stilled(short).tolist() == [short[0].tolist()] * 2
