import json

import numpy as np
import pytest

from ckseq.errors import DataError
from ckseq.storage.safetensors import read_safetensors

VALUES = np.arange(6, dtype="<f4").reshape(2, 3)
DATA = VALUES.tobytes()
ENTRY = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


def write(path, header, data=DATA):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def test_arrays_are_read_by_name_and_type(tmp_path):
    count = np.array(7, "<i8")
    header = {
        "__metadata__": {"format": "pt"},
        "a": ENTRY,
        "n": {"dtype": "I64", "shape": [], "data_offsets": [24, 32]},
    }
    found = read_safetensors(write(tmp_path / "w.safetensors", header, VALUES.tobytes() + count.tobytes()))
    assert list(found) == ["a", "n"]
    np.testing.assert_array_equal(found["a"], VALUES)
    assert found["n"] == 7


@pytest.mark.parametrize(
    ("header", "data", "says"),
    [
        (b"", b"", "is not a complete safetensors file"),
        (b"{", b"", "is not a complete safetensors file"),
        (b"[1]", b"", "its header does not describe its data"),
        ({"a": 3}, b"", "its header does not describe its data"),
        ({"a": ENTRY}, DATA[:20], "its header does not describe its data"),
        ({"a": {**ENTRY, "shape": [2, 4]}}, None, "its header does not describe its data"),
        ({"a": {**ENTRY, "shape": [-2, -3]}}, None, "its header does not describe its data"),
        ({"a": {**ENTRY, "shape": ["2", 3]}}, None, "its header does not describe its data"),
        ({"a": {**ENTRY, "data_offsets": [-24, 0]}}, None, "its header does not describe its data"),
        ({"a": {**ENTRY, "data_offsets": ["a", "b"]}}, None, "its header does not describe its data"),
        ({"a": {**ENTRY, "dtype": "BF16"}}, None, "numbers of type BF16; .*save the weights as 32-bit floats"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, header, data, says):
    path = write(tmp_path / "w.safetensors", header, DATA if data is None else data)
    with pytest.raises(DataError, match=says) as caught:
        read_safetensors(path)
    assert str(path) in str(caught.value)


def test_a_header_longer_than_the_file_and_no_file(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"\xff" * 9)
    with pytest.raises(DataError, match="is not a complete safetensors file"):
        read_safetensors(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_safetensors(tmp_path / "none.safetensors")
