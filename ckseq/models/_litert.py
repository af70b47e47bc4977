"""A network in a .tflite file, run by LiteRT, or by TensorFlow where LiteRT is not installed."""

from __future__ import annotations

import warnings
from functools import lru_cache
from importlib import import_module
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.redirect import stderr_to_devnull


class LiteRTNetwork:
    """From one image to one row of numbers; on one core, so that the same image gives the same bytes.

    Parameters
    ----------
    data : bytes
        A .tflite file with one input, (1, h, w, channels) float32, and one output, (1, n) float32.

    Raises
    ------
    DataError
        It is no such file, or it has operations other than LiteRT's own.
    """

    def __init__(self, data: bytes) -> None:
        try:
            with stderr_to_devnull(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # TensorFlow's, that LiteRT is a package of its own now
                check_operations(data)
                self._interpreter = _interpreter_class()(model_content=data, num_threads=1)
                self._interpreter.allocate_tensors()
            (self._input,) = self._interpreter.get_input_details()
            (self._output,) = self._interpreter.get_output_details()
        except DataError:
            raise
        except Exception as error:  # which one depends on where the file is damaged
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise DataError(f"is no .tflite file of an image network: {reason}") from None
        self.input_shape = tuple(int(n) for n in self._input["shape"][1:])
        self.n_outputs = int(np.prod(self._output["shape"]))
        types = {np.dtype(one["dtype"]) for one in (self._input, self._output)}
        if len(self.input_shape) != 3 or self._input["shape"][0] != 1 or types != {np.dtype(np.float32)}:
            raise DataError(f"the network reads {self._input['shape'].tolist()}, not one image of float32")
        self._lock = Lock()

    def __call__(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the answer (n,) for an image (h, w, channels)."""
        with self._lock:  # an interpreter has one input at a time
            self._interpreter.set_tensor(self._input["index"], image[np.newaxis])
            self._interpreter.invoke()
            return np.array(self._interpreter.get_tensor(self._output["index"]), np.float32).ravel()


@lru_cache(maxsize=4)
def litert_network(data: bytes) -> LiteRTNetwork:
    """Return the network of a file's bytes, which is started once per process."""
    return LiteRTNetwork(data)


def check_operations(data: bytes) -> None:
    """Refuse a file with operations of TensorFlow or of others: some of those read and write files.

    Raises
    ------
    DataError
        It has such operations.
    """
    schema = _one_of("ai_edge_litert.schema_py_generated", "tensorflow.lite.python.schema_py_generated")
    model = schema.Model.GetRootAs(data, 0)
    for number in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(number)
        name = code.CustomCode()
        if name or schema.BuiltinOperator.CUSTOM in (code.BuiltinCode(), code.DeprecatedBuiltinCode()):
            raise DataError(f"has the operation {(name or b'').decode(errors='replace')!r}, which is not LiteRT's own")


def _interpreter_class() -> Any:
    return _one_of("ai_edge_litert.interpreter", "tensorflow.lite.python.interpreter").Interpreter


def _one_of(first: str, second: str) -> ModuleType:
    try:
        return import_module(first)
    except ModuleNotFoundError:
        return import_module(second)
