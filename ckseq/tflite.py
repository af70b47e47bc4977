"""Networks in LiteRT's file format (.tflite)."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.redirect import stderr_to_devnull


class TFLiteNetwork:
    """From one image to the outputs of a network; on one core, so that the same image gives the same bytes.

    Parameters
    ----------
    data : bytes
        A .tflite file with one input, (1, h, w, channels) float32.

    Raises
    ------
    DataError
        It is no such file, or it has operations other than LiteRT's own.
    """

    def __init__(self, data: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            with stderr_to_devnull():
                check_operations(data)
                self._interpreter = Interpreter(model_content=data, num_threads=1)
                self._interpreter.allocate_tensors()
            (self._input,) = self._interpreter.get_input_details()
            self._outputs = self._interpreter.get_output_details()
        except DataError:
            raise
        except Exception as error:  # which one depends on where the file is damaged
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise DataError(f"is no .tflite file of an image network: {reason}") from None
        self.input_shape = tuple(int(n) for n in self._input["shape"][1:])
        self.output_shapes = [tuple(int(n) for n in output["shape"]) for output in self._outputs]
        types = {np.dtype(one["dtype"]) for one in (self._input, *self._outputs)}
        if len(self.input_shape) != 3 or self._input["shape"][0] != 1 or types != {np.dtype(np.float32)}:
            raise DataError(f"the network reads {self._input['shape'].tolist()}, not one image of float32")
        self._lock = Lock()

    def __call__(self, image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the outputs for an image (h, w, channels), in the order of the file."""
        with self._lock:  # an interpreter has one input at a time
            self._interpreter.set_tensor(self._input["index"], image[np.newaxis])
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(output["index"]) for output in self._outputs]


@lru_cache(maxsize=4)
def tflite_network(data: bytes) -> TFLiteNetwork:
    """Return the network of a file's bytes, which is started once per process."""
    return TFLiteNetwork(data)


def read_tflite(path: Path, *, sha256: str) -> TFLiteNetwork:
    """Return the network of a file with a known digest, so that a recipe that names both means one network.

    Errors as of `TFLiteNetwork`, with the path, and where the file cannot be read or has another digest.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", path, "name another file") from None
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise DataError(f"its SHA-256 is {found}, not {sha256 or 'given'}", path, "set sha256 beside file to it")
    try:
        return tflite_network(data)
    except DataError as error:
        raise DataError(str(error), path, "name another file") from None


def check_operations(data: bytes) -> None:
    """Refuse a file with operations of TensorFlow or of others: some of those read and write files.

    Raises
    ------
    DataError
        It has such operations.
    """
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.Model.GetRootAs(data, 0)
    for number in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(number)
        name = code.CustomCode()
        if name or schema.BuiltinOperator.CUSTOM in (code.BuiltinCode(), code.DeprecatedBuiltinCode()):
            raise DataError(f"has the operation {(name or b'').decode(errors='replace')!r}, which is not LiteRT's own")
