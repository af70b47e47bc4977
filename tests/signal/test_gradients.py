"""Gradients of a registered face: place, size and tilt of the head do not count."""

import cv2
import numpy as np
import pytest

from ckseq.signal.face_shape import face_shape
from ckseq.signal.gradients import face_gradients, gradient_columns, mirror_gradients, register_face

SHAPE = face_shape("face_mesh")


def face(*, x=130.0, y=100.0, eyes=60.0, turned=0.0):
    """Return a picture and landmarks: a mean face of that place, size and rotation, lines for its eyes and mouth."""
    cos, sin = np.cos(turned) * eyes, np.sin(turned) * eyes
    plane = SHAPE.mean[:, :2] @ np.array([[cos, sin], [-sin, cos]]) + [x, y]
    image = np.full((220, 260), 90, np.uint8)
    for one, other in ((33, 133), (362, 263), (61, 291)):
        ends = [tuple(np.round(16 * plane[SHAPE.place(point)]).astype(int).tolist()) for point in (one, other)]
        cv2.line(image, *ends, 230, round(eyes / 10), cv2.LINE_AA, shift=4)
    points = np.column_stack([plane, eyes * SHAPE.mean[:, 2]]).astype(np.float32)
    return image, points


@pytest.mark.parametrize("moved", [{"x": 110.0, "y": 115.0}, {"eyes": 80.0}, {"turned": 0.4}, {"turned": -0.3}])
def test_the_same_face_elsewhere_has_the_same_gradients(moved):
    still, elsewhere = (face_gradients(*face(**where), SHAPE) for where in ({}, moved))
    assert np.corrcoef(still.ravel(), elsewhere.ravel())[0, 1] > 0.97


def test_the_registered_face_has_its_eyes_level_and_at_their_distance():
    image, points = face(turned=0.5, eyes=40.0)
    cut = register_face(image, points, SHAPE)
    rows, columns = np.nonzero(cut[:48] > 180)
    assert cut.shape == (96, 96)
    assert np.ptp(rows) <= 4
    assert np.ptp(columns) == pytest.approx(0.36 * 96, abs=5)
    assert columns.mean() == pytest.approx(47.5, abs=1)
    colors = register_face(np.stack([image] * 3, axis=-1), points, SHAPE)
    np.testing.assert_array_equal(colors[..., 0], cut)


def test_cells_are_listed_from_top_to_bottom_and_from_left_to_right():
    _, points = face()
    # an upright edge through the fourth cell of the second row, of eight in either direction
    mean = SHAPE.mean[:, :2]
    middle = (mean.min(axis=0) + mean.max(axis=0)) / 2
    cell = np.array([3.5, 1.5]) * 12
    x, y = np.round(((cell - 47.5) / (0.36 * 96) + middle) * 60 + [130, 100]).astype(int)
    edge = np.full((220, 260), 90, np.uint8)
    edge[y - 5 : y + 6, x:] = 200
    cells = face_gradients(edge, points, SHAPE).reshape(8, 8, 8)
    row, column, orientation = np.unravel_index(cells.argmax(), cells.shape)
    assert (row, column) == (1, 3)
    assert orientation in (0, 7)  # across an upright edge the gradient is level


def test_a_mirrored_face_has_mirrored_gradients():
    image, points = face(turned=0.2, x=120.0)
    image[60:90, 100:120] = 255  # not symmetric
    flipped = points.copy()
    flipped[:, 0] = image.shape[1] - 1 - points[:, 0]
    mirrored = face_gradients(np.ascontiguousarray(image[:, ::-1]), flipped[SHAPE.mirror], SHAPE)
    found = face_gradients(image, points, SHAPE)
    np.testing.assert_allclose(mirror_gradients(found), mirrored, atol=0.05)
    assert np.abs(found - mirrored).max() > 0.3
    np.testing.assert_array_equal(mirror_gradients(mirror_gradients(found)), found)


def test_frames_without_landmarks_are_between_their_neighbors():
    image, points = face()
    known = face_gradients(image, points, SHAPE)
    lost = face_gradients(image, np.full_like(points, np.nan), SHAPE)
    assert np.isnan(lost).all()
    assert known.shape == lost.shape == (2, 256)
    found = gradient_columns(np.stack([lost, known, lost, 3 * known]))
    np.testing.assert_allclose(found, np.stack([known, known, 2 * known, 3 * known]), rtol=1e-5)
    assert not gradient_columns(np.stack([lost, lost])).any()
