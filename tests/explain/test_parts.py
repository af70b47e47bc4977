import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.explain.parts import Area, Band, Filmed, Projected
from ckseq.explain.stillness import stilled
from ckseq.signal.fused import beside
from ckseq.signal.reduce import halved, project


def made_film(seed, channels, t=5, n=12):
    return np.random.default_rng(seed).random((t, n, n, *channels)) > 0.6


@given(st.integers(0, 2**32), st.sampled_from([(), (3,)]), st.integers(0, 4), st.integers(1, 5))
def test_an_area_of_the_film_is_taken_out_exactly_as_if_it_were_emptied_and_projected_again(
    seed, channels, begin, length
):
    film = made_film(seed, channels)
    pixels = np.random.default_rng(seed + 1).random(film.shape[1:3]) > 0.5
    emptied = film.copy()
    emptied[begin : begin + length, pixels] = False
    parts = Projected(project(film), film)
    assert np.array_equal(parts.without(Area(pixels), begin, begin + length), project(emptied))
    assert np.array_equal(parts.sequence, project(film))


def test_an_area_without_a_pixel_takes_nothing_out():
    film = made_film(0, ())
    parts = Projected(project(film), film)
    assert np.array_equal(parts.without(Area(np.zeros((12, 12), bool)), 0, 5), parts.sequence)


def band(of, begin, end, side, **shown):
    pixels = np.zeros((side, side), bool)
    pixels[(slice(begin, end),) if of == "rows" else (slice(None), slice(begin, end))] = True
    return Band(of, begin, end, Area(pixels, **shown))


def test_a_band_of_rows_leaves_the_column_means_as_they_are_without_a_film():
    projections = np.arange(1, 25, dtype=np.float32).reshape(3, 2, 4)
    found = Projected(projections).without(band("rows", 1, 3, 4), 1, 2)
    assert found[1, 1].tolist() == [13, 0, 0, 16]
    changed = found != projections
    assert np.argwhere(changed).tolist() == [[1, 1, 1], [1, 1, 2]]
    columns = Projected(projections).without(band("columns", 0, 1, 4), 0, 3)
    assert np.argwhere(columns != projections).tolist() == [[0, 0, 0], [1, 0, 0], [2, 0, 0]]


def test_a_band_is_taken_out_of_film_landmarks_and_gradients_alike():
    film, rng = made_film(5, (3,)), np.random.default_rng(2)
    points, gradients = rng.random((5, 2, 4), dtype=np.float32), rng.random((5, 2, 256), dtype=np.float32)
    share = rng.random((2, 256)).astype(np.float32)
    parts = Projected(project(film), film, points, gradients)
    found = parts.without(band("columns", 3, 7, 12, points=(0, 2), gradients=share), 1, 4)
    emptied, still = film.copy(), points.copy()
    emptied[1:4, :, 3:7] = False
    still[1:4, :, [0, 2]] = stilled(points)[1:4, :, [0, 2]]
    texture = gradients.copy()
    texture[1:4] = (1 - share) * gradients[1:4] + share * stilled(gradients)[1:4]
    np.testing.assert_allclose(found, beside(project(emptied), still, texture), atol=1e-6)


def test_landmarks_of_an_area_are_stilled_and_no_others():
    points = np.random.default_rng(0).random((4, 2, 5), dtype=np.float32)
    found = Projected(None, None, points).without(Area(np.ones((3, 3), bool), (1, 4)), 2, 4)
    expected = points.copy()
    expected[2:, :, [1, 4]] = stilled(points)[2:, :, [1, 4]]
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("group", ["motion", "landmarks", "gradients", "everything"])
def test_groups_of_fused_input(group):
    film, rng = made_film(3, (3,)), np.random.default_rng(1)
    whole = {
        "motion": project(film),
        "landmarks": rng.random((5, 2, 7), dtype=np.float32),
        "gradients": rng.random((5, 2, 256), dtype=np.float32),
    }
    still = {
        "motion": np.zeros_like(whole["motion"]),
        **{name: stilled(whole[name]) for name in ("landmarks", "gradients")},
    }
    found = Projected(whole["motion"], film, whole["landmarks"], whole["gradients"]).without(group, 0, 5)
    expected = [still[name] if group in (name, "everything") else whole[name] for name in whole]
    np.testing.assert_allclose(found, beside(*expected), atol=1e-6)


def test_parts_of_the_film_itself():
    film = made_film(4, ())
    pixels = np.zeros((12, 12), bool)
    pixels[2:5, 3:9] = True
    emptied = film.copy()
    emptied[1:3, 2:5, 3:9] = False
    assert np.array_equal(Filmed(film, halvings=1).without(Area(pixels), 1, 3), halved(emptied, halvings=1))
    rows, columns = film.copy(), film.copy()
    rows[1:3, 2:5] = False
    columns[1:3, :, 2:5] = False
    parts = Filmed(film, halvings=0)
    assert np.array_equal(parts.without(band("rows", 2, 5, 12), 1, 3), rows.astype(np.float32))
    assert np.array_equal(parts.without(band("columns", 2, 5, 12), 1, 3), columns.astype(np.float32))
    assert not parts.without("everything", 0, 5).any()
