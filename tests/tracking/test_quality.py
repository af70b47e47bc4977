import numpy as np
import pytest

from ckseq.tracking.box_tracker import Faces
from ckseq.tracking.quality import Quality, doubts, measure_quality, shows_face

GOOD = {
    "n_dropped": 0,
    "n_searched": 10,
    "n_verified": 5,
    "reference_verified": True,
    "largest_jump": 0.5,
    "on_share": 0.6,
}


def faces_of(n_found, crops=None, jump=0.25):
    ramp = np.tile(np.arange(0, 160, 10, dtype=np.uint8), (len(n_found), 16, 1))
    boxes = np.zeros((len(n_found), 4), np.int32)
    return Faces(ramp if crops is None else crops, boxes, np.array(n_found, np.int32), 2, jump)


def test_quality_by_hand():
    projections = np.zeros((4, 2, 8, 2), np.float32)
    projections[:, :, :4, 1] = 0.5
    found = measure_quality(faces_of([1, -1, 0, 2, -1]), projections)
    assert found == Quality(2, 3, 2, True, 0.25, 0.25)
    assert measure_quality(faces_of([0, 1]), None) == Quality(2, 2, 1, False, 0.25, 0.0)
    assert measure_quality(faces_of([1, 1]), projections[..., 1]).on_share == 0.25


def test_a_detection_in_a_flat_crop_verifies_nothing():
    faces = faces_of([1, 1, -1, 0])
    faces.crops[0] = 17
    assert shows_face(faces).tolist() == [False, True, True, False]
    found = measure_quality(faces, None)
    assert (found.n_searched, found.n_verified, found.reference_verified) == (3, 1, False)


def test_what_is_at_its_limit_is_not_doubtful():
    assert doubts(Quality(**GOOD)) == []


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"reference_verified": False}, "no face was verified in its first crop"),
        ({"n_verified": 4}, "a face was verified in 4 of 10 frames searched"),
        ({"largest_jump": 0.51}, "its box jumps by 0.51 of its side"),
        ({"on_share": 0.93}, "93 % of its motion is on"),
    ],
)
def test_each_doubt_has_a_remedy(changed, what):
    (doubt,) = doubts(Quality(**{**GOOD, **changed}))
    assert doubt.what == what
    assert doubt.remedy
