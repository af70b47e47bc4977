"""Which landmarks and gradients an area of the crop shows, against the registered face itself."""

import numpy as np
import pytest

from ckseq.explain.areas import areas_of, face_geometry
from ckseq.explain.regions import OUTSIDE, TYPICAL_PLACE, face_regions
from ckseq.signal.face_shape import face_shape
from ckseq.signal.gradients import CELL_SIDE, face_gradients

SHAPE = face_shape("face_mesh")
SIDE = 200
GEOMETRY = face_geometry(TYPICAL_PLACE, SHAPE, side_px=SIDE)
REGIONS = face_regions(TYPICAL_PLACE, side_px=SIDE)


@pytest.mark.parametrize("point", [61, 263, 105, 4])
def test_a_spot_shows_in_the_gradients_of_its_area(point):
    # the mean face in its crop, with a dark spot at a landmark
    at = (SHAPE.mean[:, :2] @ TYPICAL_PLACE[:, :2].T + TYPICAL_PLACE[:, 2]) * SIDE
    image = np.full((SIDE, SIDE), 200, np.uint8)
    x, y = at[SHAPE.place(point)].round().astype(int)
    spot = slice(y - 4, y + 4), slice(x - 4, x + 4)
    image[spot] = 0
    found = face_gradients(image, np.column_stack([at, np.zeros(len(at))]).astype(np.float32), SHAPE)
    pixels = np.zeros((SIDE, SIDE), bool)
    pixels[y - 8 : y + 8, x - 8 : x + 8] = True
    area = GEOMETRY.area(pixels)
    assert SHAPE.place(point) in area.points
    # a cell gives some to the others of its block, which are normalized with it
    assert found[area.gradients > 0].sum() > 0.5 * found.sum()


def test_the_share_of_a_cell_is_how_much_of_it_is_covered():
    whole = GEOMETRY.area(np.ones((SIDE, SIDE), bool)).gradients
    half = np.zeros((SIDE, SIDE), bool)
    half[: SIDE // 2] = True
    upper, lower = GEOMETRY.area(half).gradients, GEOMETRY.area(~half).gradients
    np.testing.assert_allclose(upper + lower, whole, atol=0.03)
    # a cell is CELL_SIDE wide on the mean face, and 0.56 or 0.55 of that of the crop
    covered = whole[:, ::8].sum() * CELL_SIDE**2 * 0.56 * 0.55
    assert covered == pytest.approx(1, abs=0.05)


def test_regions_share_out_all_landmarks_and_gradients():
    areas = areas_of(REGIONS, GEOMETRY)
    assert sorted(place for area in areas for place in area.points) == list(range(len(SHAPE.points)))
    total = np.sum([area.gradients for area in areas], axis=0)
    np.testing.assert_allclose(total, 1, atol=0.03)
    (outside,) = (area for area, region in zip(areas, REGIONS, strict=True) if region.name == OUTSIDE)
    assert outside.gradients[0, 0] == 1  # the corner of the registered face
    assert GEOMETRY.area(np.zeros((SIDE, SIDE), bool)).points == ()
