import numpy as np
import pytest

from ckseq.capture.clips import ClipCutter, reduce_size
from ckseq.errors import DataError
from ckseq.preprocessing.pipeline import load_pipeline

MOTION = ["motion.reference=first", "motion.difference=absolute", "motion.threshold=20", "motion.erosion_px=1"]


@pytest.fixture(scope="module")
def cutter():
    return ClipCutter(load_pipeline("paper", ["detector.kind=whole_frame", "faces.side_px=32", *MOTION]))


def frames_of(levels):
    """Frames of a ramp, whose lower half is brighter by these levels."""
    frames = np.tile(np.linspace(80, 120, 40).astype(np.uint8), (len(levels), 40, 1))
    frames[:, 20:] += np.array(levels, np.uint8)[:, np.newaxis, np.newaxis]
    return list(frames)


def test_a_clip_goes_from_five_frames_before_the_onset_to_the_apex(cutter):
    frames = frames_of([0] * 12 + [60] * 9)
    clip = cutter.cut(frames, "surprise")
    assert len(clip.frames) == 6
    assert clip.frames[0] is frames[7]
    assert clip.frames[-1] is frames[12]
    assert clip.sheet.ndim == 2


def test_frames_before_the_first_face_are_in_no_clip():
    settings = ["detector.kind=whole_frame", "faces.side_px=32", "faces.policy=anchor", *MOTION]
    frames = [np.zeros((40, 40), np.uint8)] * 4 + frames_of([0] * 12 + [60] * 9)
    clip = ClipCutter(load_pipeline("paper", settings)).cut(frames, "surprise")
    assert clip.frames[0] is frames[4 + 7]
    with pytest.raises(DataError, match="3 frames with a face are too few"):
        ClipCutter(load_pipeline("paper", settings)).cut(frames[:7], "surprise")


@pytest.mark.parametrize(
    ("levels", "message"), [([0] * 5, "5 frames with a face are too few"), ([0] * 20, "hardly any motion")]
)
def test_frames_without_an_expression_are_refused(cutter, levels, message):
    with pytest.raises(DataError, match=message):
        cutter.cut(frames_of(levels), "surprise")


@pytest.mark.parametrize(
    ("shape", "reduced"), [((480, 640), (480, 640)), ((1080, 1920), (360, 640)), ((1920, 1080), (640, 360))]
)
def test_frames_are_no_larger_than_those_of_ckplus(shape, reduced):
    assert reduce_size(np.zeros(shape, np.uint8)).shape == reduced
