import warnings

import cv2
import numpy as np
import pytest

from ckseq.report.photo import COLORS, MIN_PX, FaceLabel, draw_photo

LABELS = ("anger", "happiness", "怒り ü", "a class with a very long name, longer than its face")


def drawn(photo, faces):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = draw_photo(photo, faces, LABELS)
    assert draw_photo(photo, faces, LABELS) == data
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def near(picture, color, within=40):
    wanted = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
    return np.abs(picture.astype(int) - wanted).max(axis=2) < within


@pytest.mark.parametrize(
    ("shape", "factor"), [((48, 48, 3), 15), ((375, 500, 3), 2), ((1000, 1400, 3), 1), ((20, 1500, 3), 1)]
)
def test_a_small_photo_is_drawn_enlarged_and_a_large_one_as_it_is(shape, factor):
    height, width, _ = shape
    face = FaceLabel((width // 4, height // 4, width // 2, height // 2), "anger", (90, 6, 3, 1))
    photo = np.full(shape, 60, np.uint8)
    picture = drawn(photo, [face])
    assert picture.shape[:2] == (height * factor, width * factor)
    assert max(picture.shape) >= MIN_PX
    assert near(picture, COLORS[0]).mean() > 0.002


def test_the_sides_of_the_box_are_where_the_face_is_and_the_face_stays_as_it_was():
    photo = np.full((800, 1000, 3), 60, np.uint8)
    picture = drawn(photo, [FaceLabel((300, 200, 400, 400), "happiness", (2, 95, 2, 1))])
    box = near(picture, COLORS[1])
    assert box[201, 320:680].all()
    assert box[599, 320:680].all()
    assert box[220:580, 301].all()
    assert box[220:580, 699].all()
    assert np.abs(picture[230:570, 330:670].astype(int) - 60).max() <= 3


def test_points_are_dots_where_they_are_however_much_the_photo_is_enlarged():
    for side in (800, 100):
        photo = np.full((side, side, 3), 60, np.uint8)
        middle = (side // 2 + 0.0, side // 4 + 0.0)
        face = FaceLabel((side // 8, side // 8, 3 * side // 4, 3 * side // 4), "anger", (90, 6, 3, 1), (middle,))
        picture = drawn(photo, [face])
        factor = len(picture) // side
        rows, columns = np.nonzero(near(picture, COLORS[0])[: int(0.6 * len(picture)), int(0.3 * len(picture)) :])
        inside = (rows > 0.2 * len(picture)) & (columns < 0.4 * len(picture))
        found = columns[inside].mean() + int(0.3 * len(picture)), rows[inside].mean()
        np.testing.assert_allclose(found, np.add(middle, 0.5) * factor, atol=1.5)


def test_plates_hide_no_other_face_where_there_is_room():
    photo = np.full((800, 1000, 3), 60, np.uint8)
    # the second stands just above the first, where the first one's name would be written
    faces = [
        FaceLabel((400, 400, 150, 150), "anger", (90, 6, 3, 1)),
        FaceLabel((400, 230, 150, 150), "happiness", (6, 90, 3, 1)),
    ]
    picture = drawn(photo, faces)
    for x, y, w, h in (face.region for face in faces):
        inside = picture[y + 12 : y + h - 12, x + 12 : x + w - 12]
        assert np.abs(inside.astype(int) - 60).max() <= 12


@pytest.mark.parametrize("n", [0, 1, 60])
def test_any_number_of_faces_and_any_name(n):
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)
    faces = [
        FaceLabel((*rng.integers(0, 380, 1), *rng.integers(0, 280, 1), 20, 20), LABELS[i % 4], (25, 25, 25, 25))
        for i in range(n)
    ]
    assert drawn(photo, [face._replace(region=tuple(map(int, face.region))) for face in faces]).shape == (600, 800, 3)
