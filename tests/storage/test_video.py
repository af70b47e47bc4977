import wave

import cv2
import numpy as np
import pytest
from made_videos import turned, with_durations, write_video

from ckseq.errors import DataError
from ckseq.storage import video_writer
from ckseq.storage.video import Video
from ckseq.storage.video_writer import VideoWriter


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


@pytest.mark.parametrize(("fps", "digits"), [(25, None), (30, 3)])
def test_every_frame_is_written_once_though_its_time_is_rounded(fps, digits, tmp_path):
    assert 29 / 25 * 25 < 29
    with VideoWriter(tmp_path / "out.mp4", fps=fps) as writer:
        for number in range(30):
            seconds = number / fps if digits is None else round(number / fps, digits)
            writer.write(seconds, np.full((64, 64, 3), 8 * number, np.uint8))
    levels = [image.mean() / 8 for _, image in Video(tmp_path / "out.mp4").frames()]
    assert np.allclose(levels, range(30), atol=0.5)


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


def with_sound(path, images, *, fps, tone_hz=440, begin_s=0.0):
    """Write a video with a tone, from ``begin_s`` on silent before."""
    av = pytest.importorskip("av", reason="the extra video is not installed")
    with av.open(str(path), "w") as container:
        video, sound = container.add_stream("mpeg4", rate=fps), container.add_stream("aac", rate=44_100)
        video.height, video.width, video.pix_fmt = *images[0].shape[:2], "yuv420p"
        for image in images:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        times = np.arange(44_100 * len(images) // fps) / 44_100
        tone = (0.5 * np.sin(2 * np.pi * tone_hz * times) * (times >= begin_s)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(tone[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = 44_100
        container.mux(sound.encode(frame))
        for stream in (video, sound):
            container.mux(stream.encode(None))
    return path


def test_a_written_video_is_h264_with_the_sound_of_another(tmp_path):
    images = pictures(50, (48, 64))
    source = with_sound(tmp_path / "source.mp4", images, fps=25, begin_s=1.0)
    import av

    with VideoWriter(tmp_path / "out.mp4", fps=25, sound=source) as writer:
        for seconds, image in Video(source).frames():
            writer.write(seconds, image)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
        heard = np.concatenate([one.to_ndarray()[0] for one in container.decode(audio=0)])
    assert len(heard) / 48_000 == pytest.approx(2.0, abs=0.05)
    first = np.flatnonzero(np.abs(heard) > 0.1)[0] / 48_000
    assert first == pytest.approx(1.0, abs=0.03)
    tone = heard[60_000:84_000]
    strongest = np.abs(np.fft.rfft(tone * np.hanning(len(tone)))).argmax()
    assert strongest * 48_000 / len(tone) == pytest.approx(440, abs=3)
    assert len(list(Video(tmp_path / "out.mp4").frames())) == 50


def test_without_pyav_a_video_is_mpeg4(tmp_path, monkeypatch):
    monkeypatch.setattr(video_writer, "find_spec", lambda name: None)
    with VideoWriter(tmp_path / "out.mp4", fps=25, sound=tmp_path / "none.mp4") as writer:
        for number, image in enumerate(pictures(5, (48, 64))):
            writer.write(number / 25, image)
    assert b"mp4v" in (tmp_path / "out.mp4").read_bytes()
    assert len(list(Video(tmp_path / "out.mp4").frames())) == 5
