import cv2
import numpy as np
import pytest
from made_videos import write_video

from ckseq.errors import CallError, DataError
from ckseq.inference.inputs import Input, locate_input
from ckseq.recording import ImageFiles, VideoFile

FRAMES = [np.full((48, 64), 10 * number, np.uint8) for number in range(12)]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "S001" / "001"
    path.mkdir(parents=True)
    for number, frame in enumerate(FRAMES):
        cv2.imwrite(str(path / f"{number:03}.png"), frame)
    return path


@pytest.mark.parametrize(
    ("read_as", "fps", "kind"),
    [("auto", 25, "sequence"), ("auto", 2, "timeline"), ("sequence", 2, "sequence"), ("timeline", 25, "timeline")],
)
def test_long_recordings_are_timelines(folder, read_as, fps, kind):
    video = write_video(folder / "video.avi", FRAMES, fps=fps, codec="MJPG")
    for path in (folder, video):
        assert locate_input(str(path), read_as=read_as, folder_fps=fps).kind == kind


def test_a_sequence_from_a_video_has_times_and_one_from_a_folder_has_none(folder):
    video = write_video(folder / "video.avi", FRAMES, fps=10, codec="MJPG")
    found = locate_input(str(video), read_as="auto", folder_fps=25)
    np.testing.assert_allclose(found.times_s, np.arange(12) / 10, atol=1e-3)
    assert found.n_frames == 12
    found = locate_input(str(folder), read_as="auto", folder_fps=25)
    assert (found.times_s, found.n_frames) == (None, 12)
    frames, fps = found.open(folder_fps=5)
    assert fps == 5
    assert [time_s for time_s, _ in frames] == [number / 5 for number in range(12)]


def test_a_camera_is_a_timeline_and_has_a_number():
    camera = locate_input("camera:front", read_as="sequence", folder_fps=25)
    assert (camera.kind, camera.frames, camera.n_frames) == ("timeline", None, 0)
    with pytest.raises(CallError, match="named by its number"):
        camera.open(folder_fps=25)


def test_an_input_that_does_not_exist(tmp_path):
    with pytest.raises(DataError):
        locate_input(str(tmp_path / "none.mp4"), read_as="auto", folder_fps=25)


def test_output_names_are_unique(tmp_path):
    used = set()
    video = Input("a/clip.mp4", VideoFile(tmp_path), "timeline")
    folder = Input(str(tmp_path / "S001" / "002"), ImageFiles(()), "timeline")
    names = [one.unused_name(used) for one in (video, video, folder, Input("camera:0", None, "timeline"))]
    assert names == ["clip", "clip-2", "S001_002", "camera0"]
