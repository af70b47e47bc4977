import itertools

import cv2
import numpy as np
import pytest

from ckseq.errors import CallError
from ckseq.signal.align import AlignConfig
from ckseq.signal.faces import Box, FacesConfig
from ckseq.signal.motion import MotionConfig
from ckseq.signal.reduce import project
from ckseq.tracking.alignment import align_crops
from ckseq.tracking.box_tracker import track_face
from ckseq.tracking.motion import motion_blobs
from ckseq.tracking.stream import Stream


def video(n_frames=14, seed=3):
    """A textured square that drifts, grows and changes its light, before another ground; two frames without it."""
    generator = np.random.default_rng(seed)
    ground = np.full((120, 160), 20, np.uint8)
    face = cv2.GaussianBlur(generator.integers(110, 256, (50, 50), dtype=np.uint8), (0, 0), 2)
    for step in range(n_frames):
        image = ground.copy()
        if step not in (0, 6):
            side = 44 + step // 4
            patch = cv2.resize(cv2.convertScaleAbs(face, alpha=1 + 0.01 * step), (side, side))
            patch[20 : 24 + step, 10:20] = 80
            image[30 + step : 30 + step + side, 40 + 2 * step : 40 + 2 * step + side] = patch
        yield image


def bright(image):
    rows, columns = np.where(image > 60)
    if len(rows) == 0:
        return []
    return [Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1, 1.0)]


FACES = [
    FacesConfig(side_px=67),
    FacesConfig(side_px=67, policy="anchor", anchors=1),
    FacesConfig(side_px=67, policy="tracked", stride_frames=3, smoothing_frames=2.0, slack=0.05),
]
ALIGN = [
    AlignConfig(),
    AlignConfig(method="translation"),
    AlignConfig(method="similarity"),
    AlignConfig(method="similarity", renewal_frames=9),
]
MOTION = [
    MotionConfig(),
    MotionConfig(difference="absolute", threshold=9, erosion_px=3),
    *(
        MotionConfig(
            reference=reference, difference="signed", light="equalized", blur_px=1.0, threshold=6, running_frames=5
        )
        for reference in ("previous", "first", "running", "neutral")
    ),
]


@pytest.mark.parametrize(("faces", "align", "motion"), list(itertools.product(FACES, ALIGN, MOTION)))
def test_a_stream_equals_batch_processing(faces, align, motion):
    found = track_face(video(), bright, faces)
    blobs = motion_blobs(align_crops(found.crops, align), motion)
    stream = Stream(faces, align, motion, detector=bright)
    results = [stream.update(image) for image in video()]
    seen = [result for result in results if result.box is not None]
    moving = [result for result in seen if result.projections is not None]
    assert len(seen) == len(found.crops)
    assert [result.box[:4] for result in seen] == [tuple(box) for box in found.boxes]
    assert [{None: -1, True: 1, False: 0}[result.detected] for result in seen] == found.n_found.tolist()
    assert len(moving) == len(seen) - 1
    np.testing.assert_array_equal(np.stack([result.blobs for result in moving]), blobs)
    np.testing.assert_array_equal(np.stack([result.projections for result in moving]), project(blobs))
    assert project(blobs).any()


@pytest.mark.parametrize(
    ("faces", "motion", "message"),
    [
        (
            FacesConfig(policy="anchor", anchors=3),
            MotionConfig(),
            "faces.policy = anchor with several anchors needs the whole",
        ),
        (
            FacesConfig(policy="smoothed"),
            MotionConfig(),
            "faces.policy = smoothed needs the whole sequence; for a stream",
        ),
        (FacesConfig(), MotionConfig(reference="median", difference="signed"), "motion.reference = median needs"),
        (
            FacesConfig(),
            MotionConfig(threshold_unit="noise", difference="signed"),
            "motion.threshold_unit = noise needs",
        ),
    ],
)
def test_configs_that_look_ahead_are_refused_by_name(faces, motion, message):
    with pytest.raises(CallError, match=message):
        Stream(faces, AlignConfig(), motion, detector=bright)
