import numpy as np
import pytest
from made_stills import LABELS, made_image, row, write_fer2013

from ckseq.errors import DataError
from ckseq.recording import PixelRow
from ckseq.sources import fer2013, manifest
from ckseq.storage.frames import read_gray

GOOD = made_image(3, 0)


@pytest.fixture
def table(tmp_path):
    return write_fer2013(tmp_path / "fer2013.csv")


def test_rows_become_recordings_of_one_frame(table):
    found = fer2013.scan(table)
    assert len(found) == 42
    first, last = found[0], found[-1]
    assert (first.id, first.label, first.part, first.n_frames) == ("fer2013_00001", "anger", "train", 1)
    assert (last.id, last.label, last.part) == ("fer2013_00042", "neutral", "test")
    assert {recording.subject for recording in found} == {recording.id for recording in found}
    parts = [recording.part for recording in found]
    assert [parts.count(part) for part in ("train", "validation", "test")] == [28, 7, 7]


def test_pixels_are_those_of_the_row(table):
    for number, recording in enumerate(fer2013.scan(table)):
        (image,) = read_gray(recording.frames)
        np.testing.assert_array_equal(image, made_image(number % 7, number // 7))


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("Usage,emotion,pixels", (2, 0, 1)),
        ("emotion, Usage, pixels", (0, 2, 1)),
        ('"pixels","Usage","emotion"', (1, 2, 0)),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_in_any_order_quoted_or_not(tmp_path, header, order, end):
    cells = row(3, GOOD, "PublicTest").split(",")
    quote = '"' if '"' in header else ""
    line = ",".join(f"{quote}{cells[place]}{quote}" for place in order)
    path = tmp_path / "any.csv"
    path.write_bytes(f"\ufeff{header}{end}{line}{end}".encode())
    (only,) = fer2013.scan(path)
    assert (only.label, only.part) == ("happiness", "validation")
    np.testing.assert_array_equal(next(read_gray(only.frames)), GOOD)


BAD = {
    "holds 2303 pixels instead of 2304": row(0, GOOD.ravel()[:-1], "Training"),
    "holds 0 pixels instead of 2304": "0,,Training",
    "a pixel is 256, beyond 0 to 255": row(0, np.where(np.arange(2304) == 7, 256, 1), "Training"),
    "a pixel is -1, beyond 0 to 255": row(0, np.where(np.arange(2304) == 7, -1, 1), "Training"),
    "a pixel is not a whole number": row(0, GOOD, "Training").replace(" ", " 1.5 ", 1).replace(" 1.5 ", " 1.5x", 1),
    "the Usage 'Traning' is none of Training, PublicTest, PrivateTest": row(0, GOOD, "Traning"),
    "the Usage '' is none of": row(0, GOOD, ""),
    "the emotion '7' is not one of 0 to 6": row(7, GOOD, "Training"),
    "the emotion 'happy' is not one of 0 to 6": row("happy", GOOD, "Training"),
    "the emotion '-1' is not one of 0 to 6": row(-1, GOOD, "Training"),
    "has 2 cells instead of 3": "0,1 2 3",
    "has 1 cells instead of 3": "\x00\xff\x00",
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_row_is_counted_listed_and_skipped(tmp_path, what):
    path = write_fer2013(tmp_path / "bad.csv", extra=[BAD[what], row(6, GOOD, "PrivateTest")])
    found = fer2013.scan(path)
    assert len(found) == 43
    assert found[-1].id == "fer2013_00044"  # as it is numbered in the file
    fault = fer2013.problems(path)[0]
    assert what in fault.what
    assert (fault.where, fault.left_out) == (f"{path} line 44", 1)


def test_other_columns_are_not_read(tmp_path):
    path = tmp_path / "more.csv"
    path.write_text(f"id,emotion,pixels,Usage,note\n7,{row(3, GOOD, 'Training')},hello\n")
    (only,) = fer2013.scan(path)
    np.testing.assert_array_equal(next(read_gray(only.frames)), GOOD)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("emotion,pixels", "line 1: the column Usage is missing"),
        ("pixels", "line 1: the column emotion is missing"),
        ("emotion,pixels,Usage,usage", "line 1: the column Usage is there twice"),
    ],
)
def test_a_column_that_is_missing_or_there_twice_is_named(tmp_path, header, message):
    path = tmp_path / "train.csv"
    path.write_text(f"{header}\n{row(3, GOOD, 'Training')}\n")
    assert fer2013.recognizes(path)
    assert not manifest.recognizes(path)
    with pytest.raises(DataError, match=message):
        fer2013.scan(path)


def test_the_whole_table_is_found_beside_its_parts(table):
    (table.parent / "train.csv").write_text(f"emotion,pixels\n{row(3, GOOD, 'Training').rpartition(',')[0]}\n")
    assert len(fer2013.scan(table.parent)) == 42


def test_that_nobody_knows_who_is_shown_matters(table):
    (only,) = fer2013.problems(table)
    assert only.matters
    assert not only.left_out


def test_a_file_without_a_good_row(tmp_path):
    path = tmp_path / "none.csv"
    path.write_text("emotion,pixels,Usage\n0,1 2,Training\n")
    with pytest.raises(DataError, match=r"no usable row; .*line 2: holds 2 pixels"):
        fer2013.scan(path)
    path.write_text("emotion,pixels,Usage\n")
    with pytest.raises(DataError, match="only a header"):
        fer2013.scan(path)


def test_it_is_no_manifest_and_a_manifest_is_no_fer2013(table, tmp_path):
    assert not manifest.recognizes(table)
    assert fer2013.recognizes(table.parent)
    other = tmp_path / "m" / "manifest.csv"
    other.parent.mkdir()
    other.write_text("path,subject\n")
    assert not fer2013.recognizes(other)
    assert manifest.recognizes(other)


def test_a_file_that_changed_since_is_told(table):
    recording = fer2013.scan(table)[0]
    table.write_text("emotion,pixels,Usage\n")
    assert isinstance(recording.frames, PixelRow)
    with pytest.raises(DataError, match="no longer holds the same pixels"):
        list(read_gray(recording.frames))


def test_labels_are_in_the_order_of_fer2013():
    assert fer2013.LABELS == LABELS
