import cv2
import numpy as np
import pytest
from made_images import center_of, with_spots

from ckseq.errors import DataError
from ckseq.signal.faces import Box, FacesConfig, crop
from ckseq.tracking.box_tracker import BoxTracker, FaceSearch, track_face

IMAGE = np.arange(100 * 120, dtype=np.uint32).reshape(100, 120).astype(np.uint8)


def scripted(*found):
    """A detector that answers from a list, frame by frame."""
    answers = iter(found)
    return lambda image: next(answers)


def test_track_face_keeps_the_crop_before_and_drops_frames_before_the_first_face():
    box, other = Box(0, 0, 50, 50, 1.0), Box(50, 50, 90, 90, 0.5)
    frames = [IMAGE + np.uint8(step) for step in range(5)]
    faces = track_face(frames, scripted([], [box], [], [box, other], []), FacesConfig(side_px=20))
    assert faces.n_dropped == 1
    assert faces.n_found.tolist() == [1, 0, 2, 0]
    np.testing.assert_array_equal(faces.crops[0], crop(frames[1], box, side_px=20))
    np.testing.assert_array_equal(faces.crops[1], faces.crops[0])
    np.testing.assert_array_equal(faces.crops[2], crop(frames[3], other, side_px=20))
    np.testing.assert_array_equal(faces.boxes[3], other[:4])


def test_track_face_without_any_face_says_what_to_do():
    with pytest.raises(DataError, match="no face in any of the 2 frames searched; look whether they show one"):
        track_face([IMAGE, IMAGE], scripted([], []), FacesConfig())


def bright_square(image):
    """A detector that finds the box of what is brighter than 200."""
    rows, columns = np.where(image > 200)
    if len(rows) == 0:
        return []
    return [Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1, 1.0)]


def square_at(left, top, side=24):
    image = np.full((90, 120), 30, np.uint8)
    image[top : top + side, left : left + side] = np.linspace(210, 250, side)
    return image


def test_anchor_cuts_one_box_the_median_of_the_anchors():
    frames = [square_at(20 + 2 * step, 30) for step in range(9)]
    faces = track_face(frames, bright_square, FacesConfig(policy="anchor", anchors=3, side_px=24))
    assert faces.boxes.tolist() == [[28, 30, 52, 54]] * 9
    assert faces.n_found.tolist() == [1, -1, -1, -1, 1, -1, -1, -1, 1]
    np.testing.assert_array_equal(faces.crops[3], frames[3][30:54, 28:52])
    assert faces.n_without_face == 0


def test_landmarks_give_one_box_the_median_of_every_frames():
    frames = [square_at(20 + 2 * step, 30) for step in range(5)]
    boxes = np.array([[np.nan] * 4, [22, 30, 46, 54], [24, 30, 48, 54], [np.nan] * 4, [28, 32, 52, 56]], np.float32)
    asked = []
    config = FacesConfig(policy="landmarks", side_px=24)
    faces = track_face(frames, asked.append, config, landmark_boxes=lambda: boxes)
    assert faces.n_dropped == 1
    assert faces.n_found.tolist() == [1, 1, 0, 1]
    assert faces.boxes.tolist() == [[24, 30, 48, 54]] * 4
    np.testing.assert_array_equal(faces.crops[2], frames[3][30:54, 24:48])
    assert faces.largest_jump == pytest.approx(np.hypot(4, 2) / 24)
    assert not asked


def test_without_landmarks_the_detector_is_asked_for_anchors():
    frames = [square_at(20 + 2 * step, 30) for step in range(5)]
    unknown = np.full((5, 4), np.nan, np.float32)
    by_landmarks, by_anchors = (
        track_face(frames, bright_square, FacesConfig(policy=policy, side_px=24), landmark_boxes=lambda: unknown)
        for policy in ("landmarks", "anchor")
    )
    assert by_landmarks.n_found.tolist() == [1, -1, 1, -1, 1]
    np.testing.assert_array_equal(by_landmarks.crops, by_anchors.crops)


def test_anchor_looks_at_half_size_first_and_larger_only_as_far_as_needed():
    seen = []

    def only_at(width):
        def detect(image):
            seen.append(image.shape[1])
            return bright_square(image) if image.shape[1] == width else []

        return detect

    for width, sizes in [(60, [60]), (120, [60, 120]), (240, [60, 120, 240])]:
        seen.clear()
        faces = track_face([square_at(40, 30)], only_at(width), FacesConfig(policy="anchor", anchors=1, side_px=24))
        assert seen == sizes
        assert np.abs(faces.boxes[0] - [40, 30, 64, 54]).max() <= 2


def test_anchor_keeps_to_one_face_of_two():
    small, large = Box(10, 10, 30, 30, 2.0), Box(50, 40, 90, 80, 1.0)
    answers = iter([[small, large], [large, small], [small, large]])

    def detect(image):
        return [Box(*(side // 2 for side in box[:4]), box.score) for box in next(answers)]

    faces = track_face([IMAGE] * 3, detect, FacesConfig(policy="anchor", pick="largest", side_px=20))
    assert faces.boxes.tolist() == [list(large[:4])] * 3
    assert faces.n_found.tolist() == [2, 2, 2]


def test_smoothed_follows_a_moving_head_and_marks_what_it_did_not_see():
    frames = [square_at(10 + step, 20) for step in range(41)]
    frames[20] = np.zeros_like(frames[20])
    config = FacesConfig(policy="smoothed", stride_frames=5, smoothing_frames=2.0, side_px=24)
    faces = track_face(frames, bright_square, config)
    assert len(faces.crops) == 41
    assert faces.n_found[20] == 0
    assert (faces.n_found[1:5] == -1).all()
    assert faces.n_without_face == 1
    inner = slice(8, 33)  # at the ends the smoothing leans inward
    np.testing.assert_allclose(faces.boxes[inner, 0], 10 + np.arange(41)[inner], atol=1.01)


BLACK = np.zeros((90, 120), np.uint8)
# something to see, and no face
ROOM = np.tile(np.linspace(0, 120, 120).astype(np.uint8), (90, 1))


def everywhere(image):
    """A detector that finds a face in every image, also in a black one."""
    return [Box(0, 0, image.shape[1], image.shape[0], 1.0)]


@pytest.mark.parametrize("start", [[BLACK] * 4, [ROOM] * 4, [BLACK, ROOM, ROOM, BLACK]])
def test_the_first_crop_of_an_anchored_sequence_shows_a_face(start):
    frames = [*start, *(square_at(20 + 2 * step, 30) for step in range(5))]
    faces = track_face(frames, bright_square, FacesConfig(policy="anchor", anchors=3, side_px=24))
    assert (faces.n_dropped, len(faces.crops), len(faces.boxes), len(faces.n_found)) == (4, 5, 5, 5)
    assert faces.n_found[0] == 1
    left, top, right, bottom = faces.boxes[0]
    np.testing.assert_array_equal(faces.crops[0], cv2.resize(frames[4][top:bottom, left:right], (24, 24)))


def test_anchors_are_spread_over_what_is_not_black():
    frames = [BLACK] * 10 + [square_at(20 + 2 * step, 30) for step in range(9)]
    faces = track_face(frames, bright_square, FacesConfig(policy="anchor", anchors=3, side_px=24))
    assert faces.n_found.tolist() == [1, -1, -1, -1, 1, -1, -1, -1, 1]
    assert faces.boxes[0].tolist() == [28, 30, 52, 54]  # the median of 20, 28 and 36


@pytest.mark.parametrize(
    ("left", "n_dropped", "n_found"),
    # a face that overlaps those of the other frames; and something elsewhere, which is none
    [(28, 0, [1, -1, 1, -1, 1]), (10, 1, [1, 1, -1, 1])],
)
def test_a_first_frame_is_searched_at_all_sizes_for_the_face_of_the_others(left, n_dropped, n_found):
    def misses_the_first_at_half_size(image):
        return [] if image.shape[1] == 60 and image[:, :19].max() > 200 else bright_square(image)

    frames = [square_at(left, 30), *[square_at(40, 30)] * 4]
    faces = track_face(frames, misses_the_first_at_half_size, FacesConfig(policy="anchor", anchors=3, side_px=24))
    assert (faces.n_dropped, faces.n_found.tolist()) == (n_dropped, n_found)


def test_smoothed_begins_with_the_first_face():
    frames = [BLACK] * 7 + [square_at(20, 30)] * 9
    config = FacesConfig(policy="smoothed", stride_frames=5, smoothing_frames=2.0, side_px=24)
    faces = track_face(frames, bright_square, config)
    assert (faces.n_dropped, faces.n_found.tolist()) == (10, [1, -1, -1, -1, -1, 1])
    np.testing.assert_array_equal(faces.crops[0], cv2.resize(square_at(20, 30)[30:54, 20:44], (24, 24)))


@pytest.mark.parametrize(("policy", "n_dropped"), [("every_frame", 0), ("anchor", 3), ("tracked", 3), ("smoothed", 3)])
def test_a_face_in_a_black_frame_is_none_except_for_the_papers_rule(policy, n_dropped):
    config = FacesConfig(policy=policy, side_px=24, stride_frames=1, anchors=1)
    assert track_face([BLACK] * 3 + [ROOM] * 3, everywhere, config).n_dropped == n_dropped
    still = track_face([BLACK], everywhere, FacesConfig(side_px=24))
    assert len(still.crops) == 1


@pytest.mark.parametrize("policy", ["every_frame", "anchor", "tracked", "smoothed"])
def test_the_largest_jump_is_that_of_the_detections_in_sides_of_the_box(policy):
    frames = [square_at(left, 30) for left in (10, 14, 50, 50, 44)]
    config = FacesConfig(policy=policy, side_px=24, stride_frames=1, anchors=5, smoothing_frames=3.0)
    assert track_face(frames, bright_square, config).largest_jump == pytest.approx(36 / 24)


@pytest.mark.parametrize("policy", ["anchor", "smoothed"])
def test_no_face_at_all(policy):
    with pytest.raises(DataError, match="no face in any of"):
        track_face([IMAGE * 0] * 4, bright_square, FacesConfig(policy=policy))


@pytest.mark.parametrize("policy", ["every_frame", "anchor", "smoothed"])
def test_following_by_the_eyes_holds_them_still(policy):
    def two_eyes(image):
        """A detector that knows of two spots, the left one the higher by 8 pixels, and scales as the image does."""
        scale = image.shape[1] / 260
        middle = round(130 * scale)
        eyes = [center_of(image[:, :middle]), center_of(image[:, middle:], middle)]
        box = np.array([60, 40, 200, 180]) * scale
        return [Box(*box.astype(int).tolist(), 1.0, tuple(map(tuple, eyes)))]

    frames = [with_spots((90 + step, 80), (160 + step, 88)) for step in range(6 if policy != "anchor" else 1)]
    config = FacesConfig(policy=policy, cut="eyes", side_px=50, stride_frames=1, smoothing_frames=0.0)
    for cut in track_face(frames, two_eyes, config).crops:
        np.testing.assert_allclose(center_of(cut[:, :25]), [15, 19], atol=0.5)
        np.testing.assert_allclose(center_of(cut[:, 25:], 25), [35, 19], atol=0.5)


TRACKED = FacesConfig(policy="tracked", stride_frames=2, smoothing_frames=4.0, slack=0.25, side_px=24)


def test_tracked_rests_within_its_slack_and_follows_beyond_it():
    # 6 of 24 pixels are slack; of what exceeds them a quarter is taken every frame
    faces = track_face([square_at(left, 30) for left in (20, 20, 26, 26, 34, 34)], bright_square, TRACKED)
    assert faces.boxes[:, 0].tolist() == [20, 20, 20, 20, 22, 24]
    assert (faces.boxes[:, 1] == 30).all()
    assert faces.n_found.tolist() == [1, -1, 1, -1, 1, -1]


def test_tracked_begins_anew_with_another_face_and_waits_for_one_that_is_hidden():
    frames = [square_at(20, 30), square_at(20, 30), square_at(20, 30) * 0, square_at(20, 30) * 0, square_at(80, 30)]
    faces = track_face(frames, bright_square, TRACKED)
    assert faces.boxes[:, 0].tolist() == [20, 20, 20, 20, 80]
    assert faces.n_found.tolist() == [1, -1, 0, -1, 1]


def test_frames_before_the_first_face_are_dropped_and_each_is_looked_at():
    frames = [square_at(20, 30) * 0] * 3 + [square_at(20, 30)] * 2
    for policy in ("tracked", "anchor"):
        faces = track_face(frames, bright_square, TRACKED.model_copy(update={"policy": policy, "anchors": 1}))
        assert (faces.n_dropped, len(faces.crops), faces.n_without_face) == (3, 2, 3)


def test_a_look_in_vain_is_repeated_at_one_size_a_time():
    widths = []
    search = FaceSearch(TRACKED, lambda image: widths.append(image.shape[1]) or [])
    for _ in range(4):
        search(square_at(20, 30))
    assert widths == [60, 120, 240, 60, 120, 240]


def test_a_tracker_takes_detections_from_elsewhere():
    tracker = BoxTracker(TRACKED, lambda image: pytest.fail("no detection was asked for"))
    box = Box(10, 20, 40, 50, 1.0)
    assert tracker.update_with(IMAGE, None) == (None, False, -1)
    assert tracker.update_with(IMAGE, [box]) == (box, False, 1)
    assert tracker.update_with(IMAGE, []) == (box, False, 0)
