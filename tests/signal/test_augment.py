import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.config import parse
from ckseq.errors import CallError, DataError
from ckseq.signal.augment import AugmentConfig, augment, drop_frames, mirror, warp

NOTHING = {"shift_px": np.zeros((1, 2)), "scale": np.ones((1, 2)), "span": np.array([[0.0, 1.0]])}
EVERY = AugmentConfig(shift_px=3, scale=0.1, time_stretch=0.2, mirror=0.5, gain=0.4, noise=0.01, dropped_frames=0.2)


def sequences(n=3, t=6, w=11, channels=2, seed=0):
    return np.random.default_rng(seed).random((n, t, 2, w, channels), dtype=np.float32)


def warped(x, **changes):
    amounts = {name: np.repeat(value, len(x), axis=0) for name, value in NOTHING.items()}
    return warp(x, **{**amounts, **changes})


@pytest.mark.parametrize("channels", [1, 2])
def test_the_identity_changes_nothing(channels):
    x = sequences(channels=channels)
    result = warped(x)
    np.testing.assert_array_equal(result, x)
    assert result.shape == x.shape
    assert result.dtype == np.float32


@given(st.integers(-14, 14), st.integers(-14, 14))
def test_whole_pixels_move_columns_across_and_rows_down(across, down):
    x = sequences(n=1)
    result = warped(x, shift_px=np.array([[across, down]]))
    for row, shift in ((0, across), (1, down)):
        expected = x[:, :, row, np.clip(np.arange(11) - shift, 0, 10)]
        np.testing.assert_allclose(result[:, :, row], expected, atol=1e-6)


def test_half_a_pixel_and_scale_equal_numpys_interpolation():
    x = sequences(n=2)
    shift, scale = np.array([[0.5, -1.25], [2.0, 0.0]]), np.array([[1.0, 1.25], [0.5, 2.0]])
    result = warped(x, shift_px=shift, scale=scale)
    for i, k, row, channel in np.ndindex(2, 6, 2, 2):
        places = 5 + (np.arange(11) - 5 - shift[i, row]) / scale[i, row]
        expected = np.interp(places, np.arange(11), x[i, k, row, :, channel])
        # places are rounded to 1/32 of a pixel
        np.testing.assert_allclose(result[i, k, row, :, channel], expected, atol=1 / 32 + 1e-6)


def test_a_span_cuts_and_holds():
    x = np.broadcast_to(np.arange(9, dtype=np.float32).reshape(1, 9, 1, 1, 1), (1, 9, 2, 4, 1))
    shown = {
        (0, 0.5): [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4],
        (-1, 1): [0, 0, 0, 0, 0, 2, 4, 6, 8],
        (0.5, 1.5): [4, 5, 6, 7, 8, 8, 8, 8, 8],
    }
    for span, expected in shown.items():
        assert warped(x, span=np.array([span]))[0, :, 1, 2, 0].tolist() == expected


def test_a_mirror_swaps_the_halves_of_the_column_means_only():
    x = sequences()
    result = mirror(x, chosen=np.array([True, False, True]))
    np.testing.assert_array_equal(result[1], x[1])
    np.testing.assert_array_equal(result[[0, 2], :, 0], x[[0, 2], :, 0, ::-1])
    np.testing.assert_array_equal(result[:, :, 1], x[:, :, 1])
    np.testing.assert_array_equal(mirror(result, chosen=np.array([True, False, True])), x)


def test_the_mirror_is_that_of_the_picture():
    pictures = np.random.default_rng(1).random((4, 7, 7)) > 0.5
    means = np.stack([pictures.mean(axis=1), pictures.mean(axis=2)], axis=1).astype(np.float32)
    flipped = pictures[:, :, ::-1]
    expected = np.stack([flipped.mean(axis=1), flipped.mean(axis=2)], axis=1).astype(np.float32)
    np.testing.assert_array_equal(mirror(means[None, ..., None], chosen=np.array([True]))[0, ..., 0], expected)


@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_dropped_frames_show_the_last_kept_one(dropped):
    x = sequences(n=1)
    result = drop_frames(x, dropped=np.array([dropped]))
    kept = 0
    for k in range(6):
        kept = kept if dropped[k] else k
        np.testing.assert_array_equal(result[0, k], x[0, kept])


def test_all_zero_gives_the_input_back_whatever_its_shape():
    x = np.zeros((2, 5, 4, 4, 1), np.float32)
    assert augment(x, AugmentConfig(), rng=np.random.default_rng(0)) is x


def test_the_same_generator_gives_the_same_bits_and_the_input_stays():
    x = sequences(n=5)
    before = x.copy()
    one, two, other = (augment(x, EVERY, rng=np.random.default_rng(seed)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(x, before)
    assert not np.array_equal(one, other)
    assert one.dtype == np.float32
    assert one.min() >= 0
    assert one.max() <= 1


@pytest.mark.parametrize("field", list(AugmentConfig.model_fields))
def test_every_field_does_something_and_differs_between_sequences(field):
    x = np.repeat(sequences(n=1, t=12), 8, axis=0) / 2
    result = augment(x, AugmentConfig(**{field: 0.4}), rng=np.random.default_rng(3))
    assert len({one.tobytes() for one in result}) > 1
    assert result.shape == x.shape


def test_one_amount_does_not_change_what_the_others_draw():
    x = sequences(n=4)
    still = np.broadcast_to(x[:, :1], x.shape)  # time-stretch has nothing to move
    one = augment(still, AugmentConfig(gain=0.3), rng=np.random.default_rng(2))
    two = augment(still, AugmentConfig(gain=0.3, time_stretch=0.3), rng=np.random.default_rng(2))
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_the_gain_lies_within_its_bounds():
    x = np.full((200, 1, 2, 3, 1), 0.1, np.float32)
    factors = augment(x, AugmentConfig(gain=0.5), rng=np.random.default_rng(0))[:, 0, 0, 0, 0] / 0.1
    assert np.exp(-0.5) <= factors.min() < 0.7
    assert 1.4 < factors.max() <= np.exp(0.5) + 1e-6


@pytest.mark.parametrize("shape", [(2, 5, 4, 4, 1), (2, 5, 2, 4)])
def test_pictures_are_refused(shape):
    with pytest.raises(DataError, match="are not projections"):
        augment(np.zeros(shape, np.float32), EVERY, rng=np.random.default_rng(0))


@pytest.mark.parametrize("values", [{"shift_px": -1.0}, {"mirror": 1.5}, {"time_stretch": 0.5}, {"scale": 1.0}])
def test_impossible_amounts_name_the_key(values):
    with pytest.raises(CallError, match=next(iter(values))):
        parse(AugmentConfig, values, where="a.toml [augmentation]")
