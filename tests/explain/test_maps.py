"""Maps of models whose evidence is known: they read a part of the face for a part of the time, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.explain.areas import areas_of, face_geometry
from ckseq.explain.curves import delete_and_insert
from ckseq.explain.maps import OcclusionConfig, when, where
from ckseq.explain.occlusion import Occlusion, drops, spread, windows
from ckseq.explain.parts import Area, Band, Projected
from ckseq.explain.regions import TYPICAL_PLACE, face_regions
from ckseq.signal.face_shape import face_shape
from ckseq.signal.reduce import project

SIDE = 48
CONFIG = OcclusionConfig(cells=12, window_cells=2, step_cells=1, span_share=0.25, span_step_share=0.125)
REGIONS = face_regions(TYPICAL_PLACE, side_px=SIDE)
GEOMETRY = face_geometry(TYPICAL_PLACE, face_shape("face_mesh"), side_px=SIDE)
AREAS = areas_of(REGIONS, GEOMETRY)


def reads(rows, steps):
    """Return a model of two classes: the log-odds of the second are ten times the mean motion in some rows."""

    def predict(sequences, whole=None):
        score = 10 * sequences[:, steps, 1, rows].mean(axis=(1, 2))
        second = 1 / (1 + np.exp(-score))
        return np.stack([1 - second, second], axis=1).astype(np.float32)

    return predict


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60))
def test_windows_cover_every_cell_and_stay_inside(n, size, step):
    step = min(step, size)
    found = windows(n, size=size, step=step)
    assert set().union(*(range(*one) for one in found)) == set(range(n))
    assert {end - begin for begin, end in found} == {min(size, n)}
    assert list(found) == sorted(set(found))


def test_a_value_that_all_windows_share_is_every_cells():
    covers = np.array([[True, False, True], [True, True, False]])
    assert spread(np.array([[3.0, 1.0], [3.0, 1.0]]), covers).tolist() == [[3, 1]] * 3


def test_a_drop_is_that_of_the_log_odds():
    film = np.ones((4, SIDE, SIDE), bool)
    predict = reads(slice(0, 12), slice(0, 4))
    parts = Projected(project(film), film)
    bands = [Band("rows", *ends, Area(np.zeros((SIDE, SIDE), bool))) for ends in ((0, 12), (12, 48))]
    for band in bands:
        band.area.pixels[band.begin : band.end] = True
    found = drops(parts, predict, [Occlusion(band, 0, 4) for band in bands])
    # all of these rows are on, and log-odds of 10 become 0; the probability is 0.99995 before
    assert found[0].tolist() == pytest.approx([-10, 10], rel=2e-3)
    assert found[1].tolist() == [0, 0]


def test_evidence_is_found_where_and_when_it_is():
    film = np.zeros((16, SIDE, SIDE), bool)
    film[:, 32:40, 8:16] = True  # moves at one place all the time, and is read late
    film[:, 4:8, 30:40] = True
    predict = reads(slice(32, 40), slice(12, 16))
    parts = Projected(project(film), film)
    found = where(parts, predict, AREAS, geometry=GEOMETRY, config=CONFIG)
    down, across = np.unravel_index(found.face[..., 1].argmax(), (12, 12))
    assert (down, across) in {(row, column) for row in (8, 9) for column in (2, 3)}
    assert found.face[:6, :, 1].max() == 0
    assert found.groups["everything"][1] > found.face[..., 1].max() > 0
    assert REGIONS[int(found.regions[:, 1].argmax())].pixels[32:40, 8:16].any()
    late = when(parts, predict, AREAS, geometry=GEOMETRY, config=CONFIG)
    assert late.time[:8, 1].max() == 0 < late.time[12:, 1].min()
    assert late.rows[..., 1].max(axis=1).argmax() in (8, 9)
    # the model reads no column means, but a band of the film is emptied of its row means, too
    assert late.columns[..., 1].max(axis=1).argmax() in (2, 3)
    assert np.array_equal(late.regions[..., 1].argmax(axis=0)[12:], [found.regions[:, 1].argmax()] * 4)


def test_without_a_film_there_are_bands_and_no_regions():
    projections = np.random.default_rng(0).random((8, 2, SIDE, 3), dtype=np.float32)
    parts, predict = Projected(projections), lambda x, _: np.full((len(x), 2), 0.5, np.float32)
    assert where(parts, predict, AREAS, geometry=GEOMETRY, config=CONFIG)[2:] == (None, None)
    found = when(parts, predict, AREAS, geometry=GEOMETRY, config=CONFIG)
    assert found.regions is None
    assert found.rows.shape == (12, 8, 2)


def test_landmarks_alone_have_regions_and_no_bands():
    n = len(face_shape("face_mesh").points)
    points = np.random.default_rng(0).random((8, 2, n + 3), dtype=np.float32)
    mouth = next(area for area, region in zip(AREAS, REGIONS, strict=True) if region.label == "left mouth")

    def predict(sequences, whole=None):
        moved = np.abs(sequences[:, :, :, list(mouth.points)] - sequences[:, :1, :, list(mouth.points)]).mean((1, 2, 3))
        return np.stack([np.exp(-moved), 1 - np.exp(-moved)], axis=1)

    parts = Projected(None, None, points)
    found = where(parts, predict, AREAS, geometry=GEOMETRY, config=CONFIG)
    assert found.face is None
    assert REGIONS[int(found.regions[:, 1].argmax())].label == "left mouth"
    assert when(parts, predict, AREAS, geometry=GEOMETRY, config=CONFIG).rows is None


def test_deletion_and_insertion_begin_and_end_alike_and_the_right_order_gains_most():
    film = np.zeros((6, SIDE, SIDE), bool)
    film[:, 24:36] = True
    predict = reads(slice(24, 30), slice(0, 6))
    areas = [Area(np.repeat((np.arange(SIDE) // 12 == band)[:, None], SIDE, axis=1)) for band in range(4)]
    parts = Projected(project(film), film)
    right, wrong = delete_and_insert(parts, predict, areas, [[2, 0, 1, 3], [0, 1, 3, 2]], code=1)
    full, empty = predict(np.stack([parts.sequence, np.zeros_like(parts.sequence)]))[:, 1]
    assert right.deletion == pytest.approx([full, empty, empty, empty, empty], abs=1e-6)
    assert right.insertion == pytest.approx([empty, full, full, full, full], abs=1e-6)
    assert wrong.deletion == pytest.approx([full, full, full, full, empty], abs=1e-6)
    assert right.gain > 0 > wrong.gain
