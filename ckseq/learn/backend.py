"""TensorFlow, started quietly and repeatably."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError
from ckseq.redirect import stderr_to_devnull


def load_keras() -> ModuleType:
    """Import Keras on TensorFlow without TensorFlow's talk about machines that have no GPU."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with stderr_to_devnull():
            import keras
            import tensorflow as tf
        # it warns of functions traced anew, as every fold's are
        tf.get_logger().setLevel("ERROR")
    import keras

    return keras


def start(seed: int) -> None:
    """Make what follows repeatable to the bit on one machine; call it before a network is built.

    Keras draws initial weights and the seeds of dropout from global state only, which is why this sets it.

    Parameters
    ----------
    seed : int
        From 0 to 2**32 - 1.

    Raises
    ------
    CallError
        The seed is out of range.
    """
    check_seed(seed)
    keras = load_keras()
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def release() -> None:
    """Forget the networks that nobody uses any more; Keras keeps hold of what it built until it is told."""
    if "keras" in sys.modules:
        load_keras().utils.clear_session()


def check_seed(seed: int) -> None:
    """Refuse a seed that Keras or scikit-learn would refuse.

    Raises
    ------
    CallError
        The seed is out of range.
    """
    if not 0 <= seed < 2**32:
        raise CallError(f"the seed {seed} is out of range", fix="choose one from 0 to 4294967295")


def device() -> str:
    """Say in words what is computed on: the first GPU that TensorFlow, if it was started, sees, or the CPU."""
    if "keras" not in sys.modules:
        return f"CPU, {os.cpu_count()} cores"
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"CPU, {os.cpu_count()} cores"
    return f"GPU, {tf.config.experimental.get_device_details(gpus[0]).get('device_name', 'unnamed')}"


def versions() -> dict[str, str]:
    """Return the versions of all that a result depends on."""
    packages = ("numpy", "tensorflow", "keras", "scikit-learn")
    return {"python": sys.version.split()[0]} | {package: version(package) for package in packages}


def network_input(sequences: NDArray[Any]) -> NDArray[np.float32]:
    """Return sequences as networks read them: float32, with an axis for channels.

    Parameters
    ----------
    sequences : (n, t, h, w) or (n, t, h, w, channels) array

    Returns
    -------
    (n, t, h, w, channels) float32
    """
    arrays = sequences.astype(np.float32, copy=False)
    return arrays[..., np.newaxis] if arrays.ndim == 4 else arrays
