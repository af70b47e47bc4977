"""A camera, through a stub of OpenCV's."""

import cv2
import numpy as np
import pytest

from ckseq.errors import DataError
from ckseq.storage.camera import open_camera


class StubCamera:
    """Delivers so many frames, each filled with its number, then none, like an unplugged camera."""

    def __init__(self, n_frames, opened=True):
        self.left, self.given, self.opened, self.released = n_frames, 0, opened, 0

    def isOpened(self):
        return self.opened

    def set(self, *_):
        return True

    def read(self):
        if self.given == self.left:
            return False, None
        self.given += 1
        return True, np.full((4, 6, 3), self.given, np.uint8)

    def release(self):
        self.released += 1


@pytest.fixture
def plug(monkeypatch):
    def plug(*, n_frames, opened=True):
        camera = StubCamera(n_frames, opened)
        monkeypatch.setattr(cv2, "VideoCapture", lambda index: camera)
        return camera

    return plug


def test_frames_come_in_turn_with_times_that_never_decrease(plug):
    camera = plug(n_frames=5)
    frames = open_camera(0)
    delivered = [next(frames) for _ in range(4)]
    assert [int(image[0, 0, 0]) for _, image in delivered] == [1, 2, 3, 4]
    assert delivered[0][0] == 0
    assert delivered == sorted(delivered, key=lambda pair: pair[0])
    assert delivered[0][1].shape == (4, 6, 3)
    frames.close()
    assert camera.released == 1


def test_no_frame_is_read_ahead_of_the_caller(plug):
    camera = plug(n_frames=5)
    frames = open_camera(0)
    next(frames)
    next(frames)
    assert camera.given == 2


def test_an_unplugged_camera_ends_with_one_clear_line(plug):
    camera = plug(n_frames=3)
    seen = []
    with pytest.raises(DataError, match=r"^camera:2: delivered no more frames after \d\.\d s; plug it in") as caught:
        seen.extend(open_camera(2))
    assert len(seen) == 3
    assert camera.released == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("opened", "says"), [(False, "there is no such camera"), (True, "delivers no frames")])
def test_a_missing_camera_is_an_error_at_once(plug, opened, says):
    camera = plug(n_frames=0, opened=opened)
    with pytest.raises(DataError, match=f"camera:7: {says}"):
        open_camera(7)
    assert camera.released == 1


def test_opencv_is_silent_about_a_camera_that_is_not_there(capfd):
    with pytest.raises(DataError):
        open_camera(63)
    assert capfd.readouterr() == ("", "")
