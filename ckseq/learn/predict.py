"""A trained model, network or estimator: saved, loaded, applied."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from numpy.typing import NDArray

from ckseq import plugins, registry
from ckseq.errors import CallError, DataError
from ckseq.learn.backend import load_keras
from ckseq.learn.fit import Sequences
from ckseq.models._estimators import ONE_PER_LABEL_TYPE, check_trees

if TYPE_CHECKING:
    import keras

NETWORK = "model.keras"
ESTIMATOR = "model.skops"

_BATCH_SIZE = 32
# of an estimator that is asked for many sequences, numbers that are read at once
_ESTIMATOR_NUMBERS = 2**26
# limit on the numbers in a layer's output, to limit memory; a recurrent layer holds some sixteen such arrays
_BATCH_NUMBERS = 2**24


def is_network(model: Any) -> bool:
    """Whether a model is a network of Keras; does not import Keras."""
    return "keras" in sys.modules and isinstance(model, load_keras().Model)


def probabilities(model: Any, sequences: Sequences) -> NDArray[np.float32]:
    """Return the predicted probabilities of sequences, of classes or of labels that do not exclude each other.

    Parameters
    ----------
    model : keras.Model or sklearn.pipeline.Pipeline
        Of an estimator without ``predict_proba``, the probabilities are a softmax of its decision function: their order
        is meaningful, but they are not calibrated.
    sequences : (n, t, h, w) or (n, t, h, w, channels) array, or an object that is read as one
        Or images, (n, h, w, channels). Of the length, height and width that the model was built for; read batch by
        batch.

    Returns
    -------
    (n, n_classes) float32
        Of each class, and every row sums to 1; or of each label by itself.

    Raises
    ------
    DataError
        The sequences have another shape than the model reads, or its answer is not finite.
    """
    network = is_network(model)
    wanted = input_shape(model)
    shape = tuple(sequences.shape[1:])
    shape = shape if len(shape) in (4, len(wanted)) else (*shape, 1)
    if shape != wanted:
        raise DataError(
            f"sequences of shape {shape} do not fit a {'network' if network else 'model'} that reads {wanted}",
            fix="prepare them with the pipeline it was trained with",
        )
    size = _batch_size(model) if network else max(1, _ESTIMATOR_NUMBERS // math.prod(wanted))
    rows = [slice(i, i + size) for i in range(0, len(sequences), size)]
    batches = (np.asarray(sequences[some], np.float32).reshape(-1, *wanted) for some in rows)
    answer = network_outputs(model) if network else partial(_of_estimator, model)
    return _finite(np.concatenate([np.asarray(answer(batch), np.float32) for batch in batches]))


def network_outputs(network: keras.Model) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return the function that computes the outputs of a batch; it is traced once for batches of any size.

    Keras alone traces the first size, and everything again for a last batch that is smaller, which takes seconds.
    """
    if network.predict_function is None:
        import tensorflow as tf

        network.make_predict_function()
        traced: Any = network.predict_function
        traced.get_concrete_function([(tf.TensorSpec((None, *network.input_shape[1:])),)])
    return network.predict_on_batch


def _finite(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(rows).all():
        raise DataError(
            "the model's probabilities are not finite numbers", fix="its weights are damaged: train it again"
        )
    return rows


def _batch_size(network: keras.Model) -> int:
    """Return the batch size: smaller for full frames, to limit memory."""
    largest = max(math.prod(layer.output.shape[1:]) for layer in network.layers)
    return max(1, min(_BATCH_SIZE, _BATCH_NUMBERS // largest))


def input_shape(model: Any) -> tuple[int, ...]:
    """Return the input shape of a model: (t, h, w, channels) of a sequence, (h, w, channels) of an image."""
    if is_network(model):
        return tuple(model.input_shape[1:])
    first = model[0]  # ours know their shape, others learn it, as `ckseq.Projections`
    return tuple(first.input_shape if hasattr(first, "input_shape") else first.input_shape_)


def _of_estimator(estimator: Any, x: NDArray[Any]) -> NDArray[np.float32]:
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(x), np.float32)
    scores = np.asarray(estimator.decision_function(x), np.float64)
    if scores.ndim == 1:  # of two classes, the second's
        scores = np.stack([-scores, scores], axis=1)
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


def save_network(folder: Path, network: keras.Model) -> None:
    """Write ``model.keras`` atomically; ``network`` is made of plain Keras layers.

    Raises
    ------
    DataError
        It cannot be written.
    """
    save_whole(folder / NETWORK, network.save)


def save_estimator(folder: Path, estimator: Any) -> None:
    """Write ``model.skops`` atomically; errors as of `save_network`."""
    import skops.io

    save_whole(folder / ESTIMATOR, lambda path: skops.io.dump(estimator, path))


def save_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file atomically; ``write`` is called with a temporary path of the same suffix.

    Raises
    ------
    DataError
        It cannot be written.
    """
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    for left in path.parent.glob(f".[0-9]*.{path.name}"):
        if not psutil.pid_exists(int(left.name[1:].partition(".")[0])):  # of a process that was killed
            left.unlink(missing_ok=True)
    try:
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", path, "free some space") from None
    finally:
        temporary.unlink(missing_ok=True)


def load_trained_model(folder: Path) -> Any:
    """Load ``model.keras`` or ``model.skops`` of a run folder; no code in it is executed.

    Returns
    -------
    keras.Model or sklearn.pipeline.Pipeline

    Raises
    ------
    CallError
        A package that the estimator needs is not installed.
    DataError
        There is none, or it is damaged, or it contains types that are not trusted.
    """
    if (folder / ESTIMATOR).is_file():
        return _load_estimator(folder / ESTIMATOR)
    path = folder / NETWORK
    if not path.is_file():
        raise DataError(
            f"there is no {NETWORK} and no {ESTIMATOR}",
            folder,
            "name a complete run; resume an interrupted one with 'ckseq train --resume'",
        )
    return load_keras_file(path)


def load_keras_file(path: Path) -> Any:
    """Load a network of plain Keras layers; no code in it is executed.

    Raises
    ------
    DataError
        It is damaged, or contains code.
    """
    keras = load_keras()
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # which exception Keras raises depends on where the file is damaged
        raise _unloadable(path, error) from None


def _load_estimator(path: Path) -> Any:
    import skops.io

    try:
        estimator = skops.io.load(path, trusted=_trusted_types())
        check_trees(estimator)
        return estimator
    except ModuleNotFoundError as error:
        raise CallError(f"needs the package {error.name}", path, f"pip install {error.name}") from None
    except Exception as error:  # as above
        raise _unloadable(path, error) from None


def _trusted_types() -> list[str]:
    """Return the types that saved estimators may contain beyond those that skops trusts, as their specs name them."""
    specs = [registry.load("models", name).SPEC for name in registry.names("models")]
    specs += [plugin.module.SPEC for plugin in plugins.all_admitted("models")]
    return sorted({ONE_PER_LABEL_TYPE, *(name for spec in specs for name in spec.trusted_types)})


def _unloadable(path: Path, error: Exception) -> DataError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return DataError(f"cannot be loaded: {reason}", path, "train again, into a new folder")
