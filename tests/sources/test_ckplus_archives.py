"""Archives of CK+ that somebody made to do harm, or that are damaged."""

import zipfile

import cv2
import numpy as np
import pytest

from ckseq.errors import DataError
from ckseq.sources import _trees, ckplus

PNG = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes()


def hostile(folder, name, content=PNG, *, attributes=0, compression=zipfile.ZIP_STORED):
    archive = folder / "extended-cohn-kanade-images.zip"
    with zipfile.ZipFile(archive, "w", compression) as opened:
        opened.writestr("cohn-kanade-images/S005/001/S005_001_00000001.png", PNG)
        entry = zipfile.ZipInfo(name)
        entry.external_attr = attributes
        entry.compress_type = compression
        opened.writestr(entry, content)
    return archive


@pytest.mark.parametrize(
    "name", ["../../etc/evil.png", "/etc/evil.png", "a/../../evil.png", "C:/evil.png", "..\\evil.png"]
)
def test_an_entry_outside_its_folder_is_refused(tmp_path, name):
    hostile(tmp_path, name)
    with pytest.raises(DataError, match=r"images\.zip: has an entry outside its folder: .*nothing was read"):
        ckplus.scan(tmp_path)
    with pytest.raises(DataError, match="outside its folder"):
        ckplus.problems(tmp_path)


def test_an_entry_that_is_a_link(tmp_path):
    hostile(tmp_path, "cohn-kanade-images/S005/001/S005_001_00000002.png", b"/etc/passwd", attributes=0o120777 << 16)
    with pytest.raises(DataError, match="has an entry that is a link"):
        ckplus.scan(tmp_path)


def test_bombs(tmp_path, monkeypatch):
    hostile(tmp_path, "cohn-kanade-images/b.png", bytes(5 * 2**20), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match=r"unpacks to \d+ times its size"):
        ckplus.scan(tmp_path)
    hostile(tmp_path, "b.txt", bytes(70_000))
    with pytest.raises(DataError, match="unpacks to 70,000 bytes"):
        ckplus.scan(tmp_path)
    monkeypatch.setattr(_trees, "MAX_MEMBERS", 1)
    with pytest.raises(DataError, match="has 2 entries"):
        ckplus.scan(tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_twice_and_archives_that_are_none(tmp_path):
    archive = hostile(tmp_path, "cohn-kanade-images/S005/001/S005_001_00000001.png")
    with pytest.raises(DataError, match="has an entry twice"):
        ckplus.scan(tmp_path)
    whole = archive.read_bytes()
    for content in (b"", b"no archive", whole[: len(whole) // 2], whole[:-1]):
        archive.write_bytes(content)
        with pytest.raises(DataError, match="is not a complete zip archive"):
            ckplus.scan(tmp_path)
