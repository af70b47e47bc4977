import wave

import cv2
import numpy as np
import pytest
from made_videos import turned, with_durations, write_video

from ckseq.errors import DataError
from ckseq.storage.video import Video, VideoWriter


def pictures(n=20, size=(48, 64)):
    """Frames that are bright above, dark below, and of a light of their own in the middle."""
    frames = np.zeros((n, *size, 3), np.uint8)
    frames[:, : size[0] // 4] = 220
    frames[:, size[0] // 4 : size[0] // 2] = np.linspace(40, 200, n).astype(np.uint8)[:, None, None, None]
    return frames


def test_frames_come_with_their_times(tmp_path):
    path = write_video(tmp_path / "video.mp4", pictures(), fps=10)
    times, lights = zip(*((seconds, image[18].mean()) for seconds, image in Video(path).frames()), strict=True)
    np.testing.assert_allclose(times, np.arange(20) / 10, atol=1e-3)
    np.testing.assert_allclose(lights, np.linspace(40, 200, 20), atol=6)
    assert (Video(path).fps, Video(path).n_announced) == (10, 20)


def test_uneven_times_are_those_of_the_file(tmp_path):
    path = with_durations(write_video(tmp_path / "video.mp4", pictures(), fps=10), [1] * 10 + [3] * 10)
    expected = np.cumsum([0, *[0.1] * 10, *[0.3] * 9])
    np.testing.assert_allclose([seconds for seconds, _ in Video(path).frames()], expected, atol=1e-3)
    np.testing.assert_allclose(Video(path).times_s(at_most_s=np.inf), expected, atol=1e-3)
    # the first time beyond what was asked for tells that there is more
    np.testing.assert_allclose(Video(path).times_s(at_most_s=0.55), expected[:7], atol=1e-3)


@pytest.mark.parametrize(("degrees", "bright"), [(0, "top"), (90, "right"), (180, "bottom"), (270, "left")])
def test_a_rotated_video_is_turned_upright(degrees, bright, tmp_path):
    path = turned(write_video(tmp_path / "video.mp4", pictures(4)), degrees)
    _, image = next(Video(path).frames())
    assert image.shape[:2] == ((48, 64) if degrees in (0, 180) else (64, 48))
    edges = {"top": image[:8], "bottom": image[-8:], "left": image[:, :8], "right": image[:, -8:]}
    assert max(edges, key=lambda name: edges[name].mean()) == bright


def sound(path):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
        (lambda path: path.write_bytes(b"a text under another name\n" * 99), "is not a video that can be decoded"),
        (sound, "is not a video that can be decoded: it gave no frame; audio files"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: None, "does not exist"),
    ],
    ids=["empty", "text", "sound", "folder", "missing"],
)
def test_a_file_that_is_no_video_is_an_error_of_one_line(make, message, tmp_path):
    make(tmp_path / "video.mp4")
    with pytest.raises(DataError, match=rf"video\.mp4: {message}") as caught:
        list(Video(tmp_path / "video.mp4").frames())
    assert "\n" not in str(caught.value)


def test_a_truncated_video_gives_its_frames_and_then_an_error(tmp_path):
    path = write_video(tmp_path / "video.avi", pictures(60), codec="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    seen = []
    with pytest.raises(DataError, match=r"video\.avi: is cut short or damaged: it ends after \d\.\d of about 2\.4 s"):
        seen.extend(Video(path).frames())
    assert 20 < len(seen) < 40


def test_a_video_with_fewer_frames_than_its_rate_announces_is_complete(tmp_path):
    path = with_durations(write_video(tmp_path / "video.mp4", pictures(20), fps=10), [1] * 10 + [8] * 10)
    video = Video(path)
    # as a container says that knows its duration and the rate at which most frames come
    video.fps, video.n_announced = 10.0, 90
    assert len(list(video.frames())) == 20


def test_a_written_video_keeps_time_though_frames_come_at_uneven_times(tmp_path):
    times = [0.0, 0.1, 0.5, 0.52, 1.0]
    with VideoWriter(tmp_path / "out.mp4", fps=10) as writer:
        for seconds, image in zip(times, pictures(5, (49, 65)), strict=True):
            writer.write(seconds, image)
    lights = [image[18].mean() for _, image in Video(tmp_path / "out.mp4").frames()]
    assert len(lights) == 11
    np.testing.assert_allclose(np.array(lights)[[0, 1, 5, 10]], np.linspace(40, 200, 5)[[0, 1, 2, 4]], atol=8)


def test_a_video_that_cannot_be_written(tmp_path):
    with VideoWriter(tmp_path / "none" / "out.mp4", fps=10) as writer, pytest.raises(DataError, match="cannot be writ"):
        writer.write(0.0, pictures(1)[0])


def test_no_times_become_even_ones(tmp_path, monkeypatch):
    path = write_video(tmp_path / "video.mp4", pictures(5), fps=10)

    class Untimed:
        def __init__(self, *args):
            self.capture = real(*args)

        def __getattr__(self, name):
            return getattr(self.capture, name)

        def get(self, what):
            return float("nan") if what == cv2.CAP_PROP_POS_MSEC else self.capture.get(what)

    real = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", Untimed)
    np.testing.assert_allclose(Video(path).times_s(at_most_s=9), np.arange(5) / 10)
