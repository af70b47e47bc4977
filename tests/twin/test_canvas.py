"""Soft drawing: areas that can be checked by hand."""

import numpy as np
import pytest

from ckseq.twin.canvas import curve, disc, filled, glow, light, paint, stroke

SIZE = (60, 80)


def test_a_polygon_covers_its_area_to_a_fraction_of_a_pixel():
    square = np.array([(20.25, 10.25), (50.25, 10.25), (50.25, 30.25), (20.25, 30.25)])
    patch = filled(SIZE, square, soft_px=0.0)
    # the rasteriser counts the edge pixels in, so up to one pixel more along each side
    assert 30 * 20 <= patch.alpha.sum() <= 31.5 * 21.5
    assert patch.alpha.max() == 1


def test_what_lies_outside_the_image_is_cut_off():
    assert disc(SIZE, np.array([500.0, 500.0]), (5, 5), soft_px=1).alpha.size == 0
    half = disc(SIZE, np.array([0.0, 30.0]), (10, 10), soft_px=0)
    assert 140 < half.alpha.sum() < 190  # half of 100 pi, and its edge
    pixels = np.zeros((*SIZE, 1), np.float32)
    paint(pixels, glow(SIZE, np.array([-200.0, 0.0]), (3, 3)), 9.0)
    assert not pixels.any()


def test_paint_mixes_and_light_multiplies():
    pixels = np.full((*SIZE, 3), 100, np.float32)
    whole = filled(SIZE, np.array([(-5, -5), (90, -5), (90, 70), (-5, 70)]), soft_px=0)
    paint(pixels, whole, np.array((200, 100, 0)), 0.5)
    np.testing.assert_allclose(pixels[30, 40], (150, 100, 50))
    light(pixels, whole, -0.5)
    np.testing.assert_allclose(pixels[30, 40], (75, 50, 25))


def test_within_is_the_product_where_both_are():
    left = filled(SIZE, np.array([(0, 0), (40, 0), (40, 59), (0, 59)]), soft_px=0)
    right = filled(SIZE, np.array([(60, 0), (79, 0), (79, 59), (60, 59)]), soft_px=0)
    assert left.within(right).alpha.sum() == 0
    assert left.within(left).alpha.sum() == pytest.approx((left.alpha**2).sum())


def test_a_thin_line_is_a_faint_one():
    line = np.array([(10.0, 30.0), (70.0, 30.0)])
    full, thin = (stroke(SIZE, line, width_px=w, soft_px=0).alpha.sum() for w in (1.0, 0.5))
    assert thin == pytest.approx(full / 2)


def test_a_curve_goes_through_its_points():
    points = np.array([(0, 0), (4, 9), (10, 2), (12, 12)], float)
    line = curve(points, steps=8)
    np.testing.assert_allclose(line[::8], points)
    closed = curve(points, steps=5, closed=True)
    assert len(closed) == 20
    np.testing.assert_allclose(closed[::5], points)
