import cv2
import numpy as np

from ckseq.tracking.face_tracker import TrackedFace
from ckseq.tracking.identity import IdentityCheck, PersonWatch
from ckseq.tracking.stream import FrameResult


def person(seed):
    """A made-up face: smooth blobs, different for every seed."""
    noise = np.random.default_rng(seed).random((120, 120)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 8), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def moving(face, number):
    """The face, as bright as it may be, with a mouth that opens and shuts."""
    changed = cv2.convertScaleAbs(face, alpha=0.8 + 0.02 * (number % 10), beta=10)
    changed[80 : 80 + number % 12, 45:75] = 0
    return changed


def test_a_face_that_moves_is_still_itself_and_another_is_not():
    check = IdentityCheck()
    assert not any(check.update(number / 10, moving(person(1), number)) for number in range(60))
    answers = [check.update(6 + number / 10, moving(person(2), number)) for number in range(20)]
    # the median of five images or more decides
    assert answers == [False] * 4 + [True] * 16


def test_a_face_that_changes_little_by_little_is_still_itself():
    check, shares = IdentityCheck(), np.clip(np.arange(80) / 40 - 0.5, 0, 1)
    blends = [cv2.addWeighted(person(1), 1 - share, person(2), share, 0) for share in shares]
    assert not any(check.update(number / 10, crop) for number, crop in enumerate(blends))


def test_a_face_that_is_covered_for_a_moment_is_still_itself():
    check = IdentityCheck()
    crops = [person(1)] * 20 + [person(3)] * 3 + [person(1)] * 20
    assert not any(check.update(number / 10, crop) for number, crop in enumerate(crops))


def tracked(number, crop):
    return TrackedFace(number, True, FrameResult(None, crop, None, None, True), None)


def test_a_new_face_is_news_for_some_seconds_and_an_unlike_one_until_it_goes():
    watch, told = PersonWatch(), []
    for number in range(200):
        time_s = number / 10
        shown, face = (1, person(1)) if time_s < 5 else (1, person(2)) if time_s < 10 else (2, person(2))
        one = tracked(shown, face)
        told.append(watch.update(time_s, [one], one))
    assert told[:50] == ["same"] * 50
    assert told[60:100] == ["unlike"] * 40
    assert told[100:139] == ["new"] * 39
    assert told[145:] == ["same"] * 55


def test_a_second_face_that_comes_nearer_does_not_replace_the_first():
    watch, first, second = PersonWatch(), tracked(1, person(1)), tracked(2, person(2))
    watch.update(0.0, [first], first)
    assert {watch.update(number / 10, [first, second], second) for number in range(1, 40)} == {"same"}
    assert watch.update(4.0, [second], None) == "same"
    assert watch.update(4.1, [second], second) == "new"
