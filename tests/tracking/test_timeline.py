from types import SimpleNamespace

import numpy as np
import pytest

from ckseq.tracking.stream import FrameResult
from ckseq.tracking.timeline import MOST_FRAMES, Timeline, TimelineConfig

ANGER, JOY = np.array([0.9, 0.1], np.float32), np.array([0.1, 0.9], np.float32)


def frame(motion, found=None):
    """The result of a frame in which this share of the face moves; None before there is motion."""
    projections = None if motion is None else np.full((2, 10), motion, np.float32)
    return FrameResult(None, None, None, projections, found)


class Classifier:
    """Gives answers in turn, and remembers the windows that it classified: projections and times."""

    def __init__(self, answers, *, has_neutral, measures_motion=True, single_frame=False):
        self.has_neutral, self.measures_motion, self.single_frame = has_neutral, measures_motion, single_frame
        self.answers, self.windows = iter(answers), []

    def keep(self, frame):
        return frame.projections

    def classify(self, kept, times_s):
        self.windows.append(SimpleNamespace(projections=kept, times_s=times_s))
        return next(self.answers, JOY)


def played(motions, answers=(), *, config=None, has_neutral=True, sure_above=None, found=None, step_s=0.1, **traits):
    """The decisions of a timeline that decides at every frame, with given answers, and the windows it classified."""
    classifier = Classifier(answers, has_neutral=has_neutral, **traits)
    line = Timeline(config or TimelineConfig(stride_s=0.1, smoothing_s=0), classifier, sure_above=sure_above)
    found = found or [True] * len(motions)
    decisions = [line.update(step_s * n, frame(*pair)) for n, pair in enumerate(zip(motions, found, strict=True))]
    return [decision for decision in decisions if decision is not None], classifier.windows


def test_a_window_goes_from_the_last_still_frame_to_now_and_to_the_apex_once_the_face_relaxes():
    decisions, windows = played([0.0, 0.01, 0.0, 0.1, 0.3, 0.5, 0.45, 0.2, 0.0])
    assert [decision.state for decision in decisions] == ["still"] * 3 + ["moving"] * 5 + ["still"]
    ends = [(round(window.times_s[0], 1), round(window.times_s[-1], 1)) for window in windows]
    assert ends == [(0.2, 0.3), (0.2, 0.4), (0.2, 0.5), (0.2, 0.5), (0.2, 0.5)]
    assert [len(window.projections) for window in windows] == [2, 3, 4, 4, 4]


def test_without_a_neutral_reference_all_frames_are_classified():
    _, windows = played([0.5, 0.0, 0.5], has_neutral=False)
    assert [len(window.projections) for window in windows] == [1, 2, 3]


def test_of_single_frames_the_latest_is_classified_and_no_face_is_still():
    decisions, windows = played([0.0, 0.5, 0.0], has_neutral=False, measures_motion=False, single_frame=True)
    assert [decision.state for decision in decisions] == ["visible"] * 3
    assert [window.times_s.tolist() for window in windows] == [[0.0], [0.1], [0.2]]


def test_a_face_that_is_gone_is_not_guessed_at():
    decisions, windows = played([0.5] * 5, found=[True, None, False, None, True])
    assert [decision.state for decision in decisions] == ["moving", "moving", "no face", "no face", "moving"]
    assert decisions[2][2:] == (*(None,) * 5, ())
    assert len(windows) == 3


def test_a_class_is_assigned_with_hysteresis():
    uncertain, low = np.array([0.45, 0.4], np.float32), np.array([0.3, 0.45], np.float32)
    decisions, _ = played([0.5] * 5, [uncertain, ANGER, uncertain, low, JOY])
    assert [decision.label for decision in decisions] == [None, 0, 0, None, 1]


def test_probabilities_are_smoothed_exponentially():
    config = TimelineConfig(stride_s=0.1, smoothing_s=0.1 / np.log(2))
    decisions, _ = played([0.5] * 3, [ANGER, JOY, JOY], config=config)
    np.testing.assert_allclose([decision.smoothed[0] for decision in decisions], [0.9, 0.5, 0.3], rtol=1e-6)


def test_an_early_decision_is_the_first_and_stays_until_the_face_is_still():
    decisions, _ = played([0.5, 0.5, 0.5, 0.0, 0.5], [ANGER * 0.9, ANGER, JOY, JOY], sure_above=0.85)
    assert [(decision.sure, decision.sure_s) for decision in decisions[:3]] == [(None, None), (0, 0.1), (0, 0.1)]
    assert decisions[3].sure is None
    assert (decisions[4].sure, decisions[4].sure_s) == (1, 0.4)


@pytest.mark.parametrize("step_s", [0.01, 1 / 30, 0.05])
def test_decisions_come_at_the_stride_at_any_frame_rate(step_s):
    config = TimelineConfig(stride_s=0.2)
    times = [decision.time_s for decision in played([0.5] * int(3 / step_s), config=config, step_s=step_s)[0]]
    np.testing.assert_allclose(np.diff(times), 0.2, atol=step_s / 2)


def test_a_window_is_bounded_in_time_and_in_frames():
    config = TimelineConfig(window_s=1.0, stride_s=0.1)
    _, windows = played([0.5] * 50, config=config, has_neutral=False)
    assert max(len(window.times_s) for window in windows) <= 11
    _, windows = played([0.5] * 1500, config=config, has_neutral=False, step_s=0.001)
    assert max(len(window.times_s) for window in windows) == MOST_FRAMES


def test_action_units_come_and_go_each_by_itself():
    answers = [np.array(p, np.float32) for p in ([0.6, 0.6], [0.45, 0.9], [0.3, 0.4], [0.1, 0.2])]
    classifier = Classifier(answers, has_neutral=True)
    config = TimelineConfig(stride_s=0.1, smoothing_s=0, enter=0.5, leave=0.35)
    line = Timeline(config, classifier, sure_above=0.1, multi_label=True)
    decisions = [line.update(0.1 * n, frame(0.5, True)) for n in range(4)]
    assert [decision.active for decision in decisions] == [(0, 1), (0, 1), (1,), ()]
    assert [decision.assigned(("6", "12")) for decision in decisions] == ["6+12", "6+12", "12", None]
    assert all(decision.label is None and decision.sure is None for decision in decisions)
    still = line.update(0.4, frame(0.0, True))
    assert (still.state, still.active) == ("still", ())
