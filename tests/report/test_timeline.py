import cv2
import numpy as np

from ckseq.report.overlay import Mark, draw_marks
from ckseq.report.timeline import Sample, draw_timeline

LABELS = ("anger", "joy")


def decoded(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).astype(int)


def n_pixels(image, rgb, tolerance=6):
    return int((np.abs(image - rgb[::-1]).max(axis=2) <= tolerance).sum())


BLUE, ORANGE = (31, 119, 180), (255, 127, 14)  # the first two of matplotlib's tab10


def samples(n, label, face=1, begin=0.0):
    likely = {"anger": (0.9, 0.1), "joy": (0.1, 0.9)}[label]
    return [Sample(begin + 0.2 * number, face, "moving", label, likely) for number in range(n)]


def test_a_name_takes_as_much_of_the_strip_as_of_the_time():
    # beside the patch that the legend gives to each
    plain = decoded(draw_timeline([Sample(0.0, 0, "no face", "", ())], LABELS, title="x"))
    legend = n_pixels(plain, BLUE)
    drawn = decoded(draw_timeline(samples(30, "anger") + samples(10, "joy", begin=6.0), LABELS, title="x"))
    anger, joy = (n_pixels(drawn, color) - legend for color in (BLUE, ORANGE))
    assert 2.5 < anger / joy < 3.6


def test_where_there_is_no_face_nothing_is_drawn():
    apart = samples(10, "anger") + samples(10, "anger", begin=20.0)
    gap = [Sample(2.0 + 0.2 * number, 0, "no face", "", ()) for number in range(90)]
    whole, gapped = (
        n_pixels(decoded(draw_timeline(shown, LABELS, title="x")), BLUE)
        for shown in (samples(110, "anger"), [*apart[:10], *gap, *apart[10:]])
    )
    assert gapped < 0.35 * whole


def test_each_face_has_a_strip_and_hours_are_as_wide_as_seconds():
    one = decoded(draw_timeline(samples(9, "anger"), LABELS, title="x"))
    two = decoded(draw_timeline(samples(9, "anger") + samples(9, "joy", face=2), LABELS, title="x"))
    hours = decoded(draw_timeline(samples(20_000, "joy"), LABELS, title="x"))
    assert two.shape[0] > 1.15 * one.shape[0]
    assert abs(hours.shape[1] - one.shape[1]) < 80


def test_faces_that_come_one_after_the_other_share_a_row():
    one = decoded(draw_timeline(samples(9, "anger"), LABELS, title="x"))
    turns = [sample for face in range(9) for sample in samples(9, "joy", face=face + 1, begin=2.0 * face)]
    many = decoded(draw_timeline(turns, LABELS, title="x"))
    assert abs(many.shape[0] - one.shape[0]) < 20


def test_the_same_timeline_gives_the_same_bytes():
    assert draw_timeline(samples(9, "joy"), LABELS, title="x") == draw_timeline(samples(9, "joy"), LABELS, title="x")


FRAME = np.full((240, 320, 3), 90, np.uint8)


def test_marks_are_drawn_on_a_copy_around_the_face():
    before = FRAME.copy()
    drawn = draw_marks(FRAME, [Mark((100, 80, 180, 160), "1: joy", (0.25, 0.75), 1)], LABELS)
    np.testing.assert_array_equal(FRAME, before)
    np.testing.assert_array_equal(drawn[110:130, 120:160], FRAME[110:130, 120:160])
    assert (drawn[120, 99:102] != 90).any()
    # the bar of the class that is named stands out and is three times as long as the other
    panel = drawn[80:140, 182:].astype(int)
    assert n_pixels(panel, (240, 140, 30), 3) > 2 * n_pixels(panel, (160, 170, 180), 3) > 0


def test_bars_stand_left_of_a_face_at_the_edge_and_marks_may_reach_beyond():
    drawn = draw_marks(FRAME, [Mark((230, -20, 330, 90), "1: joy", (0.5, 0.5), None)], LABELS)
    assert (drawn[:30, 140:225] != 90).any()
    assert drawn.shape == FRAME.shape
    for size in ((8, 8), (30, 400)):
        tiny = np.zeros((*size, 3), np.uint8)
        assert draw_marks(tiny, [Mark((-50, -50, 900, 900), "ä 😀", (1.0, 0.0), 0)], LABELS).shape == tiny.shape


def test_a_face_of_which_nothing_is_said_has_no_bars():
    drawn = draw_marks(FRAME, [Mark((100, 80, 180, 160), "1: still", (), None)], LABELS)
    np.testing.assert_array_equal(drawn[:, 190:], FRAME[:, 190:])
