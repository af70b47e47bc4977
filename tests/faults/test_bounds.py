"""What is bounded: names, loops, gaps in time, pixels, bytes held at once."""

import os
import struct
import time
import zipfile

import cv2
import numpy as np
import pytest
from made_videos import write_video

from ckseq.config import read_toml
from ckseq.errors import CkseqError, DataError
from ckseq.recording import ImageFiles, VideoFile
from ckseq.regular_file import open_regular
from ckseq.signal.faces import Box, FacesConfig
from ckseq.sources._trees import ArchiveTree, FolderTree
from ckseq.storage.frames import fingerprint, read_gray
from ckseq.storage.video import Video
from ckseq.storage.video_writer import VideoWriter
from ckseq.tracking import box_tracker

posix = pytest.mark.skipif(os.name != "posix", reason="FIFOs and links are POSIX's")


def whole(image):
    return [Box(0, 0, image.shape[1], image.shape[0], 1.0)]


@posix
def test_a_fifo_or_a_device_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo.png")
    start = time.monotonic()
    for path in (tmp_path / "fifo.png", "/dev/zero", tmp_path):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(path)
    with pytest.raises(DataError, match="not a regular file"):
        list(read_gray(ImageFiles((tmp_path / "fifo.png",))))
    for refused in (
        lambda: Video(tmp_path / "fifo.png"),
        lambda: read_toml(tmp_path / "fifo.png"),
        lambda: fingerprint(VideoFile(tmp_path / "fifo.png")),
        lambda: ArchiveTree(tmp_path / "fifo.png"),
        lambda: FolderTree(tmp_path).text("fifo.png"),
    ):
        with pytest.raises(CkseqError, match="not a regular file"):
            refused()
    assert time.monotonic() - start < 5


@posix
def test_loops_of_links_end(tmp_path):
    for number in range(12):
        (tmp_path / f"loop{number}").symlink_to(tmp_path)
    (tmp_path / "own").symlink_to("own")
    (tmp_path / "a.txt").write_text("1")
    assert FolderTree(tmp_path).files == ("a.txt", "own")


def test_an_archive_whose_directory_lost_a_member_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("a.txt", "1")
        opened.writestr("b.txt", "2")
    data = path.read_bytes()
    start = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", start + 1)
    end = data.index(b"PK\x05\x06")
    # a directory of the second member alone, and its end
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, end - second, start, 0)
    path.write_bytes(data[:start] + data[second:end] + tail)
    assert zipfile.ZipFile(path).namelist() == ["b.txt"]
    with pytest.raises(DataError, match=r"a member before 'b\.txt' that the directory does not name"):
        ArchiveTree(path)


def test_archives_of_every_kind_are_read(tmp_path):
    path = tmp_path / "a.zip"
    for options in ({}, {"compression": zipfile.ZIP_DEFLATED}):
        with path.open("wb") as file, zipfile.ZipFile(_Unseekable(file), "w", **options) as opened:
            opened.writestr("ä/a.txt", "1" * 100)
            with opened.open("b.txt", "w", force_zip64=True) as member:
                member.write(b"2" * 100)
        assert ArchiveTree(path).files == ("b.txt", "ä/a.txt")
        with zipfile.ZipFile(path, "w", **options) as opened:
            opened.writestr("a.txt", "1")
            with opened.open("b.txt", "w", force_zip64=True) as member:
                member.write(b"2" * 100)
            opened.comment = b"PK\x03\x04 is no member here"
        path.write_bytes(b"a program in front" + path.read_bytes())
        assert ArchiveTree(path).files == ("a.txt", "b.txt")


class _Unseekable:
    """A stream that an archive is written to with data descriptors."""

    def __init__(self, file):
        self._file = file

    def write(self, data):
        return self._file.write(data)

    def flush(self):
        self._file.flush()


@pytest.mark.parametrize("ending", [".tiff", ".webp", ".bmp", ".png", ".jpg"])
def test_every_format_is_read_as_ever(ending, tmp_path):
    image = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    path = tmp_path / f"a{ending}"
    cv2.imwrite(str(path), image)
    (gray,) = read_gray(ImageFiles((path,)))
    assert np.array_equal(gray, cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def test_the_limit_of_pixels_holds_for_every_format_before_decoding(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("was decoded"))
    tags = [(256, 4, 1, 60_000), (257, 4, 1, 60_000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    bmp = struct.pack("<2sIIIIiiHH24x", b"BM", 54, 0, 54, 40, 9000, 9000, 1, 24)
    for data in (tiff, bmp):
        path = tmp_path / "a.png"
        path.write_bytes(data)
        with pytest.raises(DataError, match="too many for a frame"):
            list(read_gray(ImageFiles((path,))))


def test_a_jpeg_broken_in_its_middle_is_damaged(tmp_path):
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (240, 320), dtype=np.uint8), (0, 0), 3)
    data = bytearray(cv2.imencode(".jpg", image)[1].tobytes())
    middle = len(data) // 2
    data[middle : middle + 100] = bytes(100)
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(DataError, match="is damaged: "):
        list(read_gray(ImageFiles((path,))))


def test_a_sequence_held_whole_has_a_budget(monkeypatch):
    monkeypatch.setattr(box_tracker, "MAX_BYTES", 10_000)
    frames = [np.tile(np.arange(0, 250, 5, dtype=np.uint8), (50, 1))] * 5
    with pytest.raises(DataError, match="policy to tracked or smoothed"):
        box_tracker.track_face(frames, whole, FacesConfig(policy="anchor", side_px=8))
    assert len(box_tracker.track_face(frames, whole, FacesConfig(policy="smoothed", side_px=8)).crops) == 5
    for policy in ("every_frame", "tracked", "smoothed"):
        with pytest.raises(DataError, match="cut it into shorter sequences"):
            box_tracker.track_face([*frames] * 2, whole, FacesConfig(policy=policy, side_px=40))


def test_large_frames_are_searched_reduced(monkeypatch):
    monkeypatch.setattr(box_tracker, "MAX_SEARCHED_PIXELS", 2500)
    seen = []

    def detect(image):
        seen.append(image.shape)
        return whole(image)

    (box,) = box_tracker.limited(detect)(np.zeros((100, 100), np.uint8))
    assert seen == [(50, 50)]
    assert box[:4] == (0, 0, 100, 100)


def test_a_gap_in_the_times_of_a_video_is_written_bounded(tmp_path):
    path = tmp_path / "a.mp4"
    frame = np.zeros((32, 32, 3), np.uint8)
    with VideoWriter(path, fps=25) as writer:
        for seconds in (0.0, 0.04, 40_000.0, 40_000.04):
            writer.write(seconds, frame)
    assert sum(1 for _ in Video(path).frames()) <= 30


def test_a_video_of_huge_frames_is_refused_before_decoding(tmp_path, monkeypatch):
    from ckseq.storage import video

    path = write_video(tmp_path / "a.avi", [np.zeros((64, 64), np.uint8)] * 3, codec="MJPG")
    monkeypatch.setattr(video, "MAX_VIDEO_PIXELS", 64 * 63)
    with pytest.raises(DataError, match="has frames of 64x64 pixels"):
        Video(path)
    assert sum(1 for _ in _frames_of(path, monkeypatch, video)) == 3


def _frames_of(path, monkeypatch, video):
    monkeypatch.setattr(video, "MAX_VIDEO_PIXELS", 64 * 64)
    return Video(path).frames()
