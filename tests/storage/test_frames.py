import hashlib
import subprocess
import sys
import zipfile

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.errors import DataError
from ckseq.recording import ArchiveMembers, ImageFiles, PixelRow, VideoFile
from ckseq.storage import frames as module
from ckseq.storage.frames import (
    fingerprint,
    fingerprint_of_0_1,
    fingerprints,
    in_memory,
    read_gray,
    read_headers,
    read_rgb,
    stamps,
)

GRAY = np.random.default_rng(1).integers(0, 256, (24, 31), dtype=np.uint8)
COLOR = np.random.default_rng(2).integers(0, 256, (17, 20, 3), dtype=np.uint8)
ENCODED = {suffix: cv2.imencode(suffix, GRAY)[1].tobytes() for suffix in (".png", ".jpg")}


@pytest.fixture
def pictures(tmp_path):
    paths = []
    for name, image in (("a.png", GRAY), ("b.png", COLOR), ("c.jpg", COLOR), ("d.bmp", GRAY)):
        cv2.imwrite(str(tmp_path / name), image)
        paths.append(tmp_path / name)
    alpha = np.dstack([COLOR, np.full(COLOR.shape[:2], 9, np.uint8)])
    cv2.imwrite(str(tmp_path / "e.png"), alpha)
    cv2.imwrite(str(tmp_path / "f.png"), GRAY.astype(np.uint16) * 257)
    return (*paths, tmp_path / "e.png", tmp_path / "f.png")


def zipped(folder, paths):
    archive = folder / "all.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in paths:
            opened.write(path, f"in/{path.name}")
    return ArchiveMembers(archive, tuple(f"in/{path.name}" for path in paths))


def test_images_equal_imread_to_the_bit(pictures):
    read = list(read_gray(ImageFiles(pictures)))
    assert len(read) == len(pictures)
    for image, path in zip(read, pictures, strict=True):
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image, cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def test_colors_are_red_green_blue(pictures):
    for image, path in zip(read_rgb(ImageFiles(pictures)), pictures, strict=True):
        np.testing.assert_array_equal(image[..., ::-1], cv2.imread(str(path), cv2.IMREAD_COLOR))
    np.testing.assert_array_equal(next(read_rgb(ImageFiles(pictures[1:]))), COLOR[..., ::-1])


def test_a_row_of_pixels_is_read_from_its_place(tmp_path):
    image = GRAY[:20, :20]
    path = tmp_path / "all.csv"
    text = " ".join(map(str, image.ravel()))
    path.write_text(f"7,{text},Training\n")
    row = PixelRow(path, 2, len(text), 20)
    np.testing.assert_array_equal(next(read_gray(row)), image)
    np.testing.assert_array_equal(next(read_rgb(row)), np.dstack([image] * 3))
    moved = tmp_path / "moved.csv"
    moved.write_text(text)
    assert fingerprint(PixelRow(moved, 0, len(text), 20)) == fingerprint(row)
    for wrong in (PixelRow(path, 0, len(text), 20), PixelRow(path, 2, len(text), 19), PixelRow(moved, 0, 0, 20)):
        with pytest.raises(DataError, match=r"no longer holds the same pixels; run it again"):
            next(read_gray(wrong))


def test_an_archive_reads_as_its_folder(pictures, tmp_path):
    members = zipped(tmp_path, pictures)
    for ours, theirs in zip(read_gray(members), read_gray(ImageFiles(pictures)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert fingerprint(members) == fingerprint(ImageFiles(pictures))
    assert list(read_headers(members)) == list(read_headers(ImageFiles(pictures)))


def test_frames_are_decoded_one_at_a_time(tmp_path, pictures):
    reading = read_gray(ImageFiles((pictures[0], tmp_path / "missing.png")))
    next(reading)
    with pytest.raises(DataError, match=r"missing\.png: does not exist"):
        next(reading)


def test_an_archive_changed_under_the_same_name_is_read_anew(pictures, tmp_path):
    before = fingerprint(zipped(tmp_path, pictures))
    assert fingerprint(zipped(tmp_path, pictures[::-1])) != before


def test_fingerprint_knows_names_order_and_bytes_but_not_the_place(pictures, tmp_path):
    whole = fingerprint(ImageFiles(pictures))
    assert fingerprint(ImageFiles(pictures[::-1])) != whole
    assert fingerprint(ImageFiles(pictures[:-1])) != whole
    (tmp_path / "elsewhere").mkdir()
    moved = tuple(path.rename(tmp_path / "elsewhere" / path.name) for path in pictures)
    assert fingerprint(ImageFiles(moved)) == whole
    renamed = moved[0].rename(moved[0].with_name("z.png"))
    assert fingerprint(ImageFiles((renamed, *moved[1:]))) != whole


def test_digests_by_hand_and_those_of_version_0_1(tmp_path):
    (tmp_path / "1.png").write_bytes(b"abc")
    (tmp_path / "2.png").write_bytes(b"defg")
    frames = ImageFiles((tmp_path / "1.png", tmp_path / "2.png"))
    contents = [hashlib.sha256(data).digest() for data in (b"abc", b"defg")]
    assert fingerprints(frames) == (
        hashlib.sha256(b"1.png\0" + contents[0] + b"2.png\0" + contents[1]).hexdigest()[:32],
        hashlib.sha256(contents[0] + contents[1]).hexdigest()[:32],
    )
    # computed with version 0.1
    assert fingerprint_of_0_1(frames) == "fe303dcf5ada9c4240015357c5b9af77"


@given(suffix=st.sampled_from([".png", ".jpg"]), data=st.data())
def test_an_image_cut_short_is_never_believed(suffix, data, tmp_path_factory):
    whole = ENCODED[suffix]
    cut = data.draw(st.integers(0, len(whole) - 1))
    path = tmp_path_factory.getbasetemp() / f"cut{suffix}"
    path.write_bytes(whole[:cut])
    with pytest.raises(DataError, match=rf"cut{suffix}: is .*; replace it with an intact copy") as caught:
        list(read_gray(ImageFiles((path,))))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"no image", "is not an image"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "is cut short|is damaged"),
        (ENCODED[".png"][:-12], "is cut short"),
        (ENCODED[".png"][:60] + b"\xff" + ENCODED[".png"][61:], "is damaged"),
        (ENCODED[".jpg"][:-2], "is cut short"),
    ],
)
def test_what_is_not_a_whole_image(content, message, tmp_path):
    path = tmp_path / "S005_001_00000003.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"S005_001_00000003\.png: ({message})"):
        list(read_gray(ImageFiles((path,))))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "S005/001/" + path.name)
    with pytest.raises(DataError, match=rf"a\.zip/S005/001/S005_001_00000003\.png: ({message})"):
        list(read_gray(ArchiveMembers(tmp_path / "a.zip", ("S005/001/" + path.name,))))


def test_a_folder_in_the_place_of_an_image(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        list(read_gray(ImageFiles((tmp_path,))))


def test_too_many_bytes_or_pixels(tmp_path, pictures, monkeypatch):
    monkeypatch.setattr(module, "MAX_FRAME_BYTES", 100)
    with pytest.raises(DataError, match="larger than"):
        list(read_gray(ImageFiles(pictures[:1])))
    with pytest.raises(DataError, match="larger than"):
        list(read_gray(zipped(tmp_path, pictures[:1])))
    monkeypatch.undo()
    monkeypatch.setattr(module, "MAX_FRAME_PIXELS", 100)
    with pytest.raises(DataError, match="claims 31x24 pixels"):
        list(read_gray(ImageFiles(pictures[:1])))


def test_a_damaged_archive_is_an_error_of_the_member(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("x.png", ENCODED[".png"])
    content = bytearray(archive.read_bytes())
    content[80] ^= 1
    archive.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.zip/x\.png: cannot be unpacked"):
        list(read_gray(ArchiveMembers(archive, ("x.png",))))
    with pytest.raises(DataError, match="no longer in the archive"):
        list(read_gray(ArchiveMembers(archive, ("y.png",))))
    archive.write_bytes(b"no archive")
    with pytest.raises(DataError):
        list(read_gray(ArchiveMembers(archive, ("x.png",))))


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (64, 48))
    for step in range(7):
        writer.write(np.full((48, 64, 3), 30 * step, np.uint8))
    writer.release()
    return path


def test_a_video_gives_all_its_frames_in_order(video):
    means = [float(image.mean()) for image in read_gray(VideoFile(video))]
    np.testing.assert_allclose(means, [30 * step for step in range(7)], atol=2)
    assert next(read_gray(VideoFile(video))).shape == (48, 64)


def test_the_fingerprint_of_a_video(video, tmp_path):
    copy = tmp_path / "other" / "clip.avi"
    copy.parent.mkdir()
    copy.write_bytes(video.read_bytes())
    assert fingerprint(VideoFile(copy)) == fingerprint(VideoFile(video))
    copy.write_bytes(video.read_bytes() + b"x")
    assert fingerprint(VideoFile(copy)) != fingerprint(VideoFile(video))
    with pytest.raises(DataError, match="does not exist"):
        fingerprint(VideoFile(tmp_path / "none.avi"))


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"no video " * 500, "is not a video")])
def test_what_is_not_a_video_says_so_once(content, message, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"clip\.mp4: {message}"):
        list(read_gray(VideoFile(path)))
    # in a process of its own, as FFmpeg writes past Python's standard error
    code = (
        "import sys; from pathlib import Path; from ckseq.recording import VideoFile\n"
        "from ckseq.storage.frames import read_gray\n"
        "try: list(read_gray(VideoFile(Path(sys.argv[1]))))\nexcept Exception as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert message in done.stdout
    assert done.stderr == ""


def test_a_missing_video(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        list(read_gray(VideoFile(tmp_path / "none.mp4")))


def test_files_in_memory_are_read_once_and_read_as_before(pictures, tmp_path, monkeypatch):
    for frames in (ImageFiles(pictures), zipped(tmp_path, pictures)):
        held = in_memory(frames)
        before = list(read_gray(frames)), list(read_headers(frames)), fingerprints(frames)
        monkeypatch.setattr(module, "open_regular", None)
        for image, expected in zip(read_gray(held), before[0], strict=True):
            np.testing.assert_array_equal(image, expected)
        assert (list(read_headers(held)), fingerprints(held), stamps(held)) == (*before[1:], [])
        monkeypatch.undo()
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.png: is empty"):
        next(read_gray(in_memory(ImageFiles(pictures))))


def test_files_that_are_too_large_or_missing_are_not_held(pictures, monkeypatch):
    frames = ImageFiles(pictures)
    monkeypatch.setattr(module, "MAX_HELD_BYTES", sum(path.stat().st_size for path in pictures) - 1)
    assert in_memory(frames) is frames
    assert in_memory(VideoFile(pictures[0])) == VideoFile(pictures[0])
    monkeypatch.undo()
    pictures[2].unlink()
    assert in_memory(frames) is frames
