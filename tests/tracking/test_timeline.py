import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.tracking.stream import Step
from ckseq.tracking.timeline import MOST_FRAMES, Timeline, TimelineConfig, bounds

ANGER, JOY = np.array([0.9, 0.1], np.float32), np.array([0.1, 0.9], np.float32)


def frame(motion, found=None):
    """A step of a face of which so much moves; None before there is motion."""
    projections = None if motion is None else np.full((2, 10), motion, np.float32)
    return Step(None, None, None, projections, found)


def played(motions, answers=(), *, config=None, rests=True, sure_above=None, found=None, step_s=0.1):
    """The decisions of a timeline that decides at every frame and is answered from a list, and the pieces it asked."""
    answers, pieces = iter(answers), []

    def classify(piece):
        pieces.append(piece)
        return next(answers, JOY)

    line = Timeline(config or TimelineConfig(stride_s=0.1, smoothing_s=0), classify, rests=rests, sure_above=sure_above)
    found = found or [True] * len(motions)
    steps = [line.step(step_s * n, frame(*pair)) for n, pair in enumerate(zip(motions, found, strict=True))]
    return [step for step in steps if step is not None], pieces


def test_a_piece_goes_from_the_last_still_frame_to_now_and_back_to_the_apex_once_the_face_relaxes():
    decisions, pieces = played([0.0, 0.01, 0.0, 0.1, 0.3, 0.5, 0.45, 0.2, 0.0])
    assert [decision.state for decision in decisions] == ["still"] * 3 + ["moving"] * 5 + ["still"]
    ends = [(round(piece.times_s[0], 1), round(piece.times_s[-1], 1)) for piece in pieces]
    assert ends == [(0.2, 0.3), (0.2, 0.4), (0.2, 0.5), (0.2, 0.5), (0.2, 0.5)]
    assert [len(piece.projections) for piece in pieces] == [2, 3, 4, 4, 4]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0, 1))
def test_bounds_are_a_slice_that_holds_the_apex(motion, still_share):
    motion = np.array(motion)
    begin, end = bounds(motion, still_share=still_share)
    assert 0 <= begin < end <= len(motion)
    assert motion[begin:end].max() >= 0.95 * motion[begin:].max()
    assert end == len(motion) or motion[end - 1] >= 0.95 * motion[end:].max()


def test_motion_that_knows_no_rest_is_classified_whole():
    _, pieces = played([0.5, 0.0, 0.5], rests=False)
    assert [len(piece.projections) for piece in pieces] == [1, 2, 3]


def test_a_face_that_is_gone_is_not_guessed_at():
    decisions, pieces = played([0.5] * 5, found=[True, None, False, None, True])
    assert [decision.state for decision in decisions] == ["moving", "moving", "no face", "no face", "moving"]
    assert decisions[2][2:] == (None,) * 5
    assert len(pieces) == 3


def test_a_class_is_named_when_it_is_likely_and_kept_until_it_is_not():
    uncertain, low = np.array([0.45, 0.4], np.float32), np.array([0.3, 0.45], np.float32)
    decisions, _ = played([0.5] * 5, [uncertain, ANGER, uncertain, low, JOY])
    assert [decision.label for decision in decisions] == [None, 0, 0, None, 1]


def test_probabilities_are_smoothed_exponentially():
    config = TimelineConfig(stride_s=0.1, smoothing_s=0.1 / np.log(2))
    decisions, _ = played([0.5] * 3, [ANGER, JOY, JOY], config=config)
    np.testing.assert_allclose([decision.smoothed[0] for decision in decisions], [0.9, 0.5, 0.3], rtol=1e-6)


def test_the_sure_moment_is_the_first_and_stays_until_the_face_rests():
    decisions, _ = played([0.5, 0.5, 0.5, 0.0, 0.5], [ANGER * 0.9, ANGER, JOY, JOY], sure_above=0.85)
    assert [(decision.sure, decision.sure_s) for decision in decisions[:3]] == [(None, None), (0, 0.1), (0, 0.1)]
    assert decisions[3].sure is None
    assert (decisions[4].sure, decisions[4].sure_s) == (1, 0.4)


@pytest.mark.parametrize("step_s", [0.01, 1 / 30, 0.05])
def test_decisions_come_at_the_stride_at_any_frame_rate(step_s):
    config = TimelineConfig(stride_s=0.2)
    times = [decision.time_s for decision in played([0.5] * int(3 / step_s), config=config, step_s=step_s)[0]]
    np.testing.assert_allclose(np.diff(times), 0.2, atol=step_s / 2)


def test_a_window_bounds_a_piece_in_time_and_in_frames():
    config = TimelineConfig(window_s=1.0, stride_s=0.1)
    _, pieces = played([0.5] * 50, config=config, rests=False)
    assert max(len(piece.times_s) for piece in pieces) <= 11
    _, pieces = played([0.5] * 1500, config=config, rests=False, step_s=0.001)
    assert max(len(piece.times_s) for piece in pieces) == MOST_FRAMES
