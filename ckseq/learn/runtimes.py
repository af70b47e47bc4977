"""Exported networks, opened with the runtime of their format alone; scripts beside them hold this text, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.redirect import stderr_to_devnull

KEY = "ckseq"
"""Key of the description, JSON, in the metadata of a file."""


class ExportedNetwork(NamedTuple):
    """What predicts with a file, from (n, ...) to (n, n_classes) float32, and the description in its metadata."""

    predict: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    description: dict[str, Any]


def open_onnx(path: Path) -> ExportedNetwork:
    """Open an ONNX file; without its runtime a ModuleNotFoundError is raised, also by `open_litert`."""
    from onnxruntime import InferenceSession

    session = InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def predict(x: NDArray[np.float32]) -> NDArray[np.float32]:
        (predicted,) = session.run(None, {name: x})
        return np.asarray(predicted, np.float32)

    return ExportedNetwork(predict, json.loads(session.get_modelmeta().custom_metadata_map[KEY]))


def open_litert(path: Path) -> ExportedNetwork:
    """Open a LiteRT file, which reads batches of one."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter

    with stderr_to_devnull():
        run = Interpreter(str(path)).get_signature_runner()
    (name,) = run.get_input_details()

    def predict(x: NDArray[np.float32]) -> NDArray[np.float32]:
        with stderr_to_devnull():
            return np.concatenate([next(iter(run(**{name: one[np.newaxis]}).values())) for one in x])

    model: Any = schema.Model.GetRootAs(path.read_bytes(), 0)
    entries = [model.Metadata(number) for number in range(model.MetadataLength())]
    (place,) = [entry.Buffer() for entry in entries if entry.Name() == KEY.encode()]
    return ExportedNetwork(predict, json.loads(model.Buffers(place).DataAsNumpy().tobytes()))
