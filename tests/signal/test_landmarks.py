import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.signal.face_shape import face_shape, shape_with
from ckseq.signal.faces import Box
from ckseq.signal.landmarks import (
    FaceRegion,
    box_of_points,
    facs_distances,
    landmark_columns,
    mirror_landmarks,
    points_by,
    region_of_box,
    region_of_points,
    register,
)

SHAPE = face_shape("face_mesh")


def rotation(x, y, z):
    """Return the matrix that turns about x, then y, then z, in radians."""
    (cx, cy, cz), (sx, sy, sz) = np.cos([x, y, z]), np.sin([x, y, z])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def posed(face, *, scale=80.0, turn=(0, 0, 0), shift=(200, 150, 0)):
    return (scale * face @ rotation(*turn).T + shift).astype(np.float32)


angles = st.floats(-0.5, 0.5)


@given(st.tuples(angles, angles, angles), st.floats(20, 300), st.tuples(*[st.floats(-500, 500)] * 3))
def test_registration_removes_place_size_and_rotation_and_keeps_the_expression(turn, scale, shift):
    smiling = SHAPE.mean.copy()
    smiling[SHAPE.place(61)] += [-0.05, -0.04, 0.01]
    registered, rotations = register(posed(smiling, scale=scale, turn=turn, shift=shift)[np.newaxis], SHAPE)
    np.testing.assert_allclose(registered[0], smiling, atol=2e-4)
    np.testing.assert_allclose(rotations[0], rotation(*turn).T, atol=2e-4)


@given(st.floats(-0.3, 0.3), st.floats(40, 300), st.tuples(*[st.floats(-500, 500)] * 2))
def test_the_box_of_landmarks_keeps_its_size_when_the_head_turns_and_the_mouth_opens(turn, scale, shift):
    middle = SHAPE.mean[SHAPE.stable].mean(axis=0)
    center = np.array([middle[0], middle[1] + 0.3])
    box = box_of_points(posed(SHAPE.mean, scale=scale, shift=(*shift, 0)), SHAPE)
    wanted = [*(scale * (center - 0.9) + shift), *(scale * (center + 0.9) + shift)]
    np.testing.assert_allclose(box[:4], wanted, atol=0.51)
    open_mouth = SHAPE.mean.copy()
    open_mouth[SHAPE.place(152), 1] += 0.3
    assert box_of_points(posed(open_mouth, scale=scale, shift=(*shift, 0)), SHAPE) == box
    turned = box_of_points(posed(SHAPE.mean, scale=scale, turn=(0, turn, 0), shift=(*shift, 0)), SHAPE)
    assert abs(turned.right - turned.left - (box.right - box.left)) <= 2


def test_the_box_of_landmarks_leans_with_the_head():
    upright, leaning = (
        box_of_points(posed(SHAPE.mean - [*SHAPE.mean[SHAPE.stable].mean(axis=0)[:2], 0], turn=(0, 0, a)), SHAPE)
        for a in (0, np.pi / 6)
    )
    center = [(box.left + box.right) / 2 for box in (upright, leaning)]
    assert center == pytest.approx([200, 200 - 80 * 0.3 * np.sin(np.pi / 6)], abs=1)


def test_columns_are_the_difference_from_the_mean_face_and_the_pose():
    smiling = SHAPE.mean.copy()
    smiling[SHAPE.place(61), :2] += [-0.05, -0.04]
    frames = np.stack([posed(SHAPE.mean), posed(smiling, shift=(280, 150, 0)), posed(SHAPE.mean, scale=160.0)])
    columns = landmark_columns(frames, SHAPE)
    assert columns.shape == (3, 2, len(SHAPE.points) + 3)
    n = len(SHAPE.points)
    np.testing.assert_allclose(columns[0, :, :n], 0, atol=1e-5)
    np.testing.assert_allclose(columns[1, :, SHAPE.place(61)], [-0.05, -0.04], atol=1e-5)
    assert np.abs(columns[1, :, :n]).max() == pytest.approx(0.05, abs=1e-5)
    # 80 pixels to the right are one distance of the outer eye corners; twice the size is a logarithm of 0.69
    np.testing.assert_allclose(columns[1, 1, n:] - columns[0, 1, n:], [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(columns[:, 1, n + 2], [0, 0, np.log(2)], atol=1e-5)


def test_a_turn_to_the_side_is_in_its_own_column():
    n = len(SHAPE.points)
    frames = np.stack([posed(SHAPE.mean, turn=turn) for turn in ((0.2, 0, 0), (0, 0.2, 0), (0, 0, 0.2))])
    np.testing.assert_allclose(landmark_columns(frames, SHAPE)[:, 0, n:], -np.sin(0.2) * np.eye(3), atol=1e-4)


def test_frames_without_landmarks_are_interpolated_and_none_at_all_is_the_mean_face():
    frames = np.stack([posed(SHAPE.mean), np.full_like(SHAPE.mean, np.nan), posed(SHAPE.mean, shift=(240, 150, 0))])
    n = len(SHAPE.points)
    np.testing.assert_allclose(landmark_columns(frames, SHAPE)[:, 1, n], [-0.25, 0, 0.25], atol=1e-5)
    assert not landmark_columns(np.full((4, n, 3), np.nan, np.float32), SHAPE).any()


def test_mirroring_twice_changes_nothing_and_mirrors_a_mirrored_face():
    left, right = SHAPE.mean.copy(), SHAPE.mean.copy()
    left[SHAPE.place(61), :2] += [-0.05, -0.04]
    right[SHAPE.place(291), :2] += [0.05, -0.04]
    # seen in a mirror the head turns and tilts the other way
    one = landmark_columns(np.stack([posed(left, turn=(0.1, 0.2, 0.05)), posed(left, shift=(250, 150, 0))]), SHAPE)
    other = landmark_columns(
        np.stack([posed(right, turn=(0.1, -0.2, -0.05)), posed(right, shift=(150, 150, 0))]), SHAPE
    )
    np.testing.assert_allclose(mirror_landmarks(one, SHAPE), other, atol=1e-4)
    np.testing.assert_array_equal(mirror_landmarks(mirror_landmarks(one, SHAPE), SHAPE), one)


def test_distances_of_the_mean_face_and_of_a_raised_brow():
    columns = np.zeros((1, 2, len(SHAPE.points) + 3), np.float32)
    neutral = facs_distances(columns, SHAPE)[0]
    assert neutral.shape == (39,)
    # both sides of a symmetric face, but for the sign of x
    np.testing.assert_allclose(np.abs(neutral[:11]), np.abs(neutral[11:22]), atol=1e-6)
    mouth = SHAPE.mean[SHAPE.place(291)] - SHAPE.mean[SHAPE.place(61)]
    assert neutral[23] == pytest.approx(np.hypot(*mouth[:2]), abs=1e-6)
    columns[0, 1, SHAPE.place(107)] = -0.1  # y points down
    raised = facs_distances(columns, SHAPE)[0] - neutral
    assert raised[0] == pytest.approx(0.1, abs=1e-6)
    assert np.flatnonzero(np.abs(raised) > 1e-6).tolist() == [0, 22]  # and the brows are farther apart
    columns[0, 0, -3:], columns[0, 1, -3:] = [1, 2, 3], [4, 5, 6]
    assert facs_distances(columns, SHAPE)[0, -6:].tolist() == [1, 2, 3, 4, 5, 6]


def test_regions_are_level_with_the_eyes():
    level = region_of_box(Box(0, 0, 40, 20, 1.0), margin=1.5)
    assert level == FaceRegion(20.0, 10.0, 60.0, 0.0)
    eyes = SHAPE.place(33), SHAPE.place(263)
    turned = region_of_points(posed(SHAPE.mean, turn=(0, 0, 0.3)), eyes=eyes, margin=1.0)
    upright = region_of_points(posed(SHAPE.mean), eyes=eyes, margin=1.0)
    assert turned.angle == pytest.approx(0.3, abs=1e-4)
    assert turned.side == pytest.approx(upright.side, rel=1e-4)
    low, high = 80 * SHAPE.mean[:, :2].min(axis=0), 80 * SHAPE.mean[:, :2].max(axis=0)
    assert upright.side == pytest.approx((high - low).max(), rel=1e-4)


def test_the_matrix_of_a_region_maps_the_middle_of_a_crop_to_its_center():
    matrix = FaceRegion(30.0, 50.0, 20.0, np.pi / 2).matrix(11)
    np.testing.assert_allclose(matrix @ [5, 5, 1], [30, 50])
    # to the right in the crop is down in the image, by the ratio of the sides
    np.testing.assert_allclose(matrix @ [6, 5, 1], [30, 50 + 20 / 11])


def test_the_mean_face_is_symmetric_and_in_its_units():
    np.testing.assert_array_equal(SHAPE.mirror[SHAPE.mirror], np.arange(len(SHAPE.points)))
    np.testing.assert_allclose(SHAPE.mean[SHAPE.mirror] * [-1, 1, 1], SHAPE.mean)
    assert SHAPE.mean[SHAPE.place(263), 0] - SHAPE.mean[SHAPE.place(33), 0] == pytest.approx(1)
    assert set(SHAPE.mirror[SHAPE.stable]) == set(SHAPE.stable)


FLAT = [face_shape("ckplus"), face_shape("mtcnn")]
KINDS = [SHAPE, *FLAT]


@pytest.mark.parametrize("shape", KINDS, ids=lambda shape: shape.kind)
def test_every_mean_face_is_symmetric_and_in_its_units(shape):
    np.testing.assert_array_equal(shape.mirror[shape.mirror], np.arange(len(shape.points)))
    np.testing.assert_allclose(shape.mean[shape.mirror] * [-1, 1, 1], shape.mean)
    left, right = shape.eyes
    assert shape.mean[right, 0] - shape.mean[left, 0] == pytest.approx(1)
    assert set(shape.mirror[shape.stable]) == set(shape.stable)
    for name, place in shape.named.items():
        side, _, rest = name.partition("_")
        other = {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, name)
        assert shape.mirror[place] == shape.named[other]
    assert shape_with(len(shape.points)) is shape


@pytest.mark.parametrize("shape", FLAT, ids=lambda shape: shape.kind)
@given(angles, st.floats(20, 300), st.tuples(*[st.floats(-500, 500)] * 2))
def test_points_without_depth_are_registered_in_the_plane(shape, tilt, scale, shift):
    corner = shape.named["left_lip_corner"]
    smiling = shape.mean.copy()
    smiling[corner, :2] += [-0.05, -0.04]
    points = posed(smiling, scale=scale, turn=(0, 0, tilt), shift=(*shift, 0))[np.newaxis]
    registered, rotations = register(points, shape)
    np.testing.assert_allclose(registered[0], smiling, atol=3e-4)
    np.testing.assert_allclose(rotations[0], rotation(0, 0, tilt).T, atol=2e-4)
    columns = landmark_columns(points, shape)
    assert columns.shape == (1, 2, len(shape.points) + 3)
    np.testing.assert_allclose(columns[0, 0, -3:], [0, 0, -np.sin(tilt)], atol=2e-4)


def test_a_flat_face_seen_in_a_mirror_is_not_flipped():
    shape = FLAT[1]
    mirrored = posed(shape.mean * [-1, 1, 1])[np.newaxis]
    assert np.linalg.det(register(mirrored, shape)[1][0][:2, :2]) == pytest.approx(1)


@pytest.mark.parametrize("shape", FLAT, ids=lambda shape: shape.kind)
def test_mirroring_points_without_depth(shape):
    left, right = shape.mean.copy(), shape.mean.copy()
    left[shape.named["left_lip_corner"], :2] += [-0.05, -0.04]
    right[shape.named["right_lip_corner"], :2] += [0.05, -0.04]
    one = landmark_columns(np.stack([posed(left, turn=(0, 0, 0.1)), posed(left, shift=(250, 150, 0))]), shape)
    other = landmark_columns(np.stack([posed(right, turn=(0, 0, -0.1)), posed(right, shift=(150, 150, 0))]), shape)
    np.testing.assert_allclose(mirror_landmarks(one, shape), other, atol=1e-4)


@pytest.mark.parametrize(("shape", "n_distances"), list(zip(KINDS, (39, 35, 11), strict=True)))
def test_each_kind_has_the_distances_that_its_points_allow(shape, n_distances):
    columns = np.zeros((1, 2, len(shape.points) + 3), np.float32)
    neutral = facs_distances(columns, shape)[0]
    assert neutral.shape == (n_distances,)
    # the corners of the mouth go apart by a tenth each: their two places, and the width
    columns[0, 0, [shape.named["left_lip_corner"], shape.named["right_lip_corner"]]] = [-0.1, 0.1]
    change = np.abs(facs_distances(columns, shape)[0] - neutral)
    np.testing.assert_allclose(np.sort(change[change > 1e-6]), [0.1, 0.1, 0.2], atol=1e-6)


def test_points_by_a_detector_are_in_the_pixels_of_the_image():
    inside = tuple((40.0 + 10 * k, 60.0) for k in range(5))
    asked = []

    def detect(image):
        asked.append(image.shape)
        low = Box(0, 0, 9, 9, 0.3, ((0, 0),) * 5)
        return [low, Box(30, 30, 90, 90, 0.9, inside)]

    region = FaceRegion(200.0, 100.0, 50.0, 0.0)
    points, score = points_by(detect, side_px=100)(np.zeros((200, 300, 3), np.uint8), region)
    assert (asked, score, points.shape) == ([(100, 100)], 0.9, (5, 3))
    # half a pixel for each of the crop's, whose middle is the region's
    np.testing.assert_allclose(points[:, 0], [200 + (x - 49.5) / 2 for x, _ in inside], atol=1e-4)
    np.testing.assert_allclose(points[:, 1:], [[100 + (60 - 49.5) / 2, 0]] * 5, atol=1e-4)
    assert points_by(lambda _: [], side_px=100)(np.zeros((200, 300), np.uint8), region)[1] == 0
