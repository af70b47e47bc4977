import numpy as np
import pytest

from ckseq.errors import DataError
from ckseq.storage.report_crops import SIDE_PX, read_crops, shrunk, write_crops


@pytest.mark.parametrize("shape", [(1, 48, 48), (2, 96, 96), (1, 64, 64, 3)])
def test_crops_come_back_as_they_were(tmp_path, shape):
    rng = np.random.default_rng(0)
    crops = {id: rng.integers(0, 256, shape, dtype=np.uint8) for id in ("S001_002", "an image ü.png", "S000_001")}
    write_crops(tmp_path, crops)
    found = read_crops(tmp_path)
    assert list(found) == list(crops)
    for id, array in crops.items():
        np.testing.assert_array_equal(found[id], array)
    first = (tmp_path / "crops.npz").read_bytes()
    write_crops(tmp_path, crops)
    assert (tmp_path / "crops.npz").read_bytes() == first


def test_nothing_to_keep_removes_what_was_kept(tmp_path):
    write_crops(tmp_path, {"a": np.zeros((1, 8, 8), np.uint8)})
    write_crops(tmp_path, {})
    assert read_crops(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_large_crops_are_brought_down_by_means_and_small_ones_stay():
    large = np.kron(np.arange(SIDE_PX**2).reshape(SIDE_PX, SIDE_PX) % 250, np.array([[0, 2], [2, 4]]) * 0 + 1)
    crops = np.stack([large, 255 - large]).astype(np.uint8)
    np.testing.assert_array_equal(shrunk(crops), crops[:, ::2, ::2])
    color = np.stack([crops] * 3, axis=-1)
    assert shrunk(color).shape == (2, SIDE_PX, SIDE_PX, 3)
    small = crops[:, :20, :20]
    assert shrunk(small) is small


def save(path, **arrays):
    np.savez_compressed(path, **arrays)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04 and no more"),
        lambda path: path.write_bytes(path.read_bytes()[:-30]),
        lambda path: save(path, recordings=np.array(["a"])),
        lambda path: save(path, recordings=np.array(["a"]), crops=np.zeros((1, 1, 8, 8), np.float32)),
        lambda path: save(path, recordings=np.array(["a"]), crops=np.zeros((2, 1, 8, 8), np.uint8)),
        lambda path: save(path, recordings=np.array(["a"]), crops=np.zeros((1, 1, 8, 9), np.uint8)),
        lambda path: save(path, recordings=np.array(["a"]), crops=np.zeros((1, 1, 8, 8, 4), np.uint8)),
        lambda path: save(path, recordings=np.array([{}], object), crops=np.zeros((1, 1, 8, 8), np.uint8)),
    ],
)
def test_a_spoilt_file_is_one_clear_line(tmp_path, spoil):
    write_crops(tmp_path, {"a": np.zeros((1, 8, 8), np.uint8)})
    spoil(tmp_path / "crops.npz")
    with pytest.raises(DataError, match=r"crops\.npz: (is cut short|holds arrays)") as caught:
        read_crops(tmp_path)
    assert "\n" not in str(caught.value)
