import numpy as np

from ckseq.tracking.face_tracker import TrackedFace
from ckseq.tracking.segments import Segment, VideoSummarizer
from ckseq.tracking.stream import FrameResult
from ckseq.tracking.timeline import Decision

NOTHING = FrameResult(None, None, None, None, None)
LABELS = ("anger", "joy")


def moving(time_s, label=None, p=0.5, sure=None):
    smoothed = np.array([p, 1 - p], np.float32)
    return Decision(time_s, "moving", smoothed, smoothed, label, sure, None if sure is None else time_s)


def still(time_s):
    return Decision(time_s, "still", None, None, None, None, None)


def test_decisions_of_one_state_and_class_are_one_segment():
    summarizer = VideoSummarizer(LABELS)
    decisions = [still(0.0), moving(0.2), moving(0.4, 0, 0.6), None, moving(0.6, 0, 0.75, sure=0), moving(0.8, 1, 0.25)]
    for number, decision in enumerate(decisions):
        summarizer.update(0.1 * number, [TrackedFace(1, number < 5, NOTHING, decision)])
    summary = summarizer.summary()
    assert summary.segments == [
        Segment(1, 0.0, 0.0, "still", None),
        Segment(1, 0.2, 0.2, "moving", None),
        Segment(1, 0.4, 0.6, "moving", "anger", 0.75, "anger", 0.6),
        Segment(1, 0.8, 0.8, "moving", "joy", 0.75),
    ]
    assert (summary.n_frames, summary.n_without_face, summary.duration_s, summary.faces) == (6, 1, 0.5, 1)


def test_a_face_that_is_gone_and_returns_starts_a_new_segment():
    summarizer = VideoSummarizer(LABELS)
    for time_s, numbers in [(0.0, [1, 2]), (0.2, [2]), (0.4, [1, 2])]:
        summarizer.update(time_s, [TrackedFace(number, True, NOTHING, still(time_s)) for number in numbers])
    assert [(one.face, one.start_s, one.end_s) for one in summarizer.summary().segments] == [
        (1, 0.0, 0.0),
        (2, 0.0, 0.4),
        (1, 0.4, 0.4),
    ]
