import zipfile
from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.errors import DataError
from ckseq.sources.ckplus import scan
from ckseq.storage.landmark_files import parse_points, read_ends

PNG = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes()


def table(points):
    return "".join(f"   {x:.7e}   {y:.7e}\n" for x, y in points).encode()


def points_of(number):
    return np.arange(136.0).reshape(68, 2) + number


def ends(data):
    (recording,) = scan(data)
    return read_ends(recording.landmarks)


@pytest.fixture
def data(tmp_path):
    for number in (1, 2, 10):
        for kind, name, content in (
            ("cohn-kanade-images", f"S005_001_{number:08d}.png", PNG),
            ("Landmarks", f"S005_001_{number:08d}_landmarks.txt", table(points_of(number))),
        ):
            path = tmp_path / "data" / kind / "S005" / "001" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return tmp_path / "data"


def test_the_first_and_the_last_frame_by_number_in_a_folder_and_in_an_archive(data):
    first, last = ends(data)
    assert np.array_equal(first, points_of(1))
    assert np.array_equal(last, points_of(10))
    with zipfile.ZipFile(data / "Landmarks.zip", "w") as archive:
        for path in sorted((data / "Landmarks").rglob("*.txt")):
            archive.write(path, path.relative_to(data))
            path.unlink()
    for folder in sorted((data / "Landmarks").rglob("*"), reverse=True):
        folder.rmdir()
    (data / "Landmarks").rmdir()
    assert np.array_equal(ends(data), np.stack([first, last]))


def test_a_file_of_something_else_is_named(data):
    path = next((data / "Landmarks").rglob("*10_landmarks.txt"))
    path.write_bytes(table(points_of(1)[:67]))
    with pytest.raises(DataError, match="68 points") as caught:
        ends(data)
    assert path.name in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_points_or_a_data_error(content):
    with suppress(DataError):
        assert parse_points(content, "file").shape == (68, 3)
