"""The images of a store, written as PNG files."""

import cv2
import numpy as np
import pytest

from ckseq.errors import CallError, DataError
from ckseq.recording import ImageFiles, Recording
from ckseq.storage.store import open_store
from ckseq.storage.store_writer import Prepared, assemble, write_part
from ckseq.tasks.images import images


def store_of(folder, *prepared):
    for one in prepared:
        write_part(folder / "parts", one)
    ids = dict.fromkeys((one.recording.id for one in prepared), "d")
    assemble(folder / "parts", ids, folder / "s.h5", pipeline={"name": "paper"}, digest="0" * 16, notes=[])
    return folder / "s.h5"


def prepared(id, label, **arrays):
    (n,) = {len(array) for array in arrays.values()}
    recording = Recording(id, id.partition("_")[0], id.partition("_")[2], label, ImageFiles(()))
    return Prepared(recording, "d", "s", n + 1, 0, {"projections": np.zeros((n, 2, 9), np.float32), **arrays})


@pytest.fixture
def store(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "parts").mkdir()
    signed = np.zeros((3, 7, 9, 2), bool)
    signed[1, 2, 3, 0] = signed[1, 4, 5, 1] = True
    return store_of(
        tmp_path,
        prepared("S001_001", "anger", blobs=rng.random((4, 7, 9)) > 0.5),
        prepared("S002_001", "../joy", blobs=signed),
        prepared("S003_001", None, blobs=rng.random((2, 7, 9)) > 0.5),
        prepared("S004_001", "anger", crops=rng.integers(0, 256, (2, 6, 6, 3), np.uint8)),
    )


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_blobs_are_in_folders_by_class_and_numbered_by_the_later_frame(store, tmp_path, console):
    found = images(store, what="blobs", out=tmp_path / "binary", console=console)
    assert (found["n_images"], found["labeled"]) == (9, {"../joy": 1, "anger": 1, "unlabeled": 1})
    folder = tmp_path / "binary" / "anger" / "S001_001"
    assert [path.name for path in sorted(folder.iterdir())] == [f"S001_001_{n:08}.png" for n in (2, 3, 4, 5)]
    with open_store(store) as opened:
        blobs = opened.blobs("S001_001")
    np.testing.assert_array_equal(read(folder / "S001_001_00000003.png"), 255 * blobs[1].astype(np.uint8))
    assert [path.name for path in sorted((tmp_path / "binary").iterdir())] == ["..%2Fjoy", "anger", "unlabeled"]
    assert not (tmp_path / "joy").exists()
    color = read(tmp_path / "binary" / "..%2Fjoy" / "S002_001" / "S002_001_00000003.png")
    assert color[2, 3].tolist() == [0, 0, 255]
    assert color[4, 5].tolist() == [255, 0, 0]
    assert color.sum() == 510


def test_the_third_channel_of_the_default_pipeline_is_green(tmp_path, console):
    (tmp_path / "parts").mkdir()
    blobs = np.zeros((1, 4, 5, 3), bool)
    blobs[0, 0, 0, 0] = blobs[0, 1, 1, 1] = blobs[0, 2, 2, 2] = True
    images(
        store_of(tmp_path, prepared("S001_001", "joy", blobs=blobs)), what="blobs", out=tmp_path / "o", console=console
    )
    found = read(tmp_path / "o" / "joy" / "S001_001" / "S001_001_00000002.png")
    # blue, green, red
    assert [found[i, i].tolist() for i in range(3)] == [[0, 0, 255], [255, 0, 0], [0, 255, 0]]


def test_crops_have_their_colors(store, tmp_path, console):
    found = images(store, what="crops", out=tmp_path / "faces", console=console)
    assert found["labeled"] == {"anger": 1}
    with open_store(store) as opened:
        crops = opened.crops("S004_001")
    image = read(tmp_path / "faces" / "anger" / "S004_001" / "S004_001_00000001.png")
    np.testing.assert_array_equal(image[..., ::-1], crops[0])


def test_what_is_not_in_the_store_and_a_folder_in_use_are_refused(store, tmp_path, console):
    (tmp_path / "parts").mkdir(exist_ok=True)
    without = store_of(tmp_path, prepared("S009_001", "anger", blobs=np.zeros((1, 7, 9), bool)))
    with pytest.raises(DataError, match=r"holds no crops.*reduce\.keep_crops=true"):
        images(without, what="crops", out=tmp_path / "out", console=console)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine.txt").touch()
    with pytest.raises(CallError, match="is in use"):
        images(without, what="blobs", out=tmp_path / "used", console=console)
    assert [path.name for path in (tmp_path / "used").iterdir()] == ["mine.txt"]
    assert not (tmp_path / "out").exists()
