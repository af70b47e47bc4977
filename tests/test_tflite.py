"""Networks in .tflite files."""

import numpy as np
import pytest
from made_litert import answers, make_litert, sha256_of

from ckseq.errors import DataError
from ckseq.tflite import TFLiteNetwork, read_tflite


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_litert(tmp_path_factory.mktemp("tiny") / "tiny.tflite")


def test_a_network_answers_as_its_arithmetic_says(tiny):
    network = read_tflite(tiny, sha256=sha256_of(tiny))
    assert (network.input_shape, network.output_shapes) == ((8, 8, 1), [(1, 7)])
    (row,) = network(np.full((8, 8, 1), 70 / 127.5 - 1, np.float32))
    np.testing.assert_allclose(row, answers([70]), atol=1e-6)
    assert read_tflite(tiny, sha256=sha256_of(tiny)) is network  # of the same bytes


def test_operations_that_may_touch_files_are_refused(tiny):
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = schema.ModelT.InitFromPackedBuf(tiny.read_bytes(), 0)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = b"FlexWriteFile"
    model.operatorCodes.append(code)
    with pytest.raises(DataError, match=r"the operation 'FlexWriteFile', which is not LiteRT's own"):
        TFLiteNetwork(bytes(flatbuffer_utils.convert_object_to_bytearray(model)))


@pytest.mark.parametrize("keep", [0, 3, 400])
def test_a_damaged_file_is_one_line(keep, tiny):
    with pytest.raises(DataError, match=r"is no \.tflite file of an image network") as caught:
        TFLiteNetwork(tiny.read_bytes()[:keep])
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.tflite.*cannot be read|cannot be read.*none\.tflite"):
        read_tflite(tmp_path / "none.tflite", sha256="0")
