"""TensorFlow, started without its messages and with reproducible random numbers."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import ModuleType

from ckseq.errors import CallError
from ckseq.redirect import stderr_to_devnull


def load_keras() -> ModuleType:
    """Import Keras on TensorFlow without TensorFlow's messages about missing GPUs.

    Raises
    ------
    CallError
        They are not installed.
    """
    if "keras" not in sys.modules:
        check_networks_installed()
        os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with stderr_to_devnull():
            import keras
            import tensorflow as tf
        # it warns of functions traced again, as in every fold
        tf.get_logger().setLevel("ERROR")
    import keras

    return keras


def check_networks_installed() -> None:
    """Refuse to go on where TensorFlow is not installed; nothing is imported.

    Raises
    ------
    CallError
        It is not installed.
    """
    if find_spec("tensorflow") is None or find_spec("keras") is None:
        raise CallError(
            "neural networks need TensorFlow, which is not installed",
            fix="pip install 'ckseq[networks]' (2 GB); the experiment default and all preprocessing do without",
        )


def start(seed: int) -> None:
    """Make what follows reproducible to the bit on one machine; call it before a network is built.

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


@contextmanager
def own_seeds(seed: int) -> Iterator[None]:
    """Build layers with the seeds that follow ``start(seed)``, whatever other threads draw meanwhile.

    Keras draws the seeds of layers from Python's own generator, from which the threads of a cluster's worker draw too.
    """
    from keras.src.random import seed_generator

    seed_generator.python_random = random.Random(seed)
    try:
        yield
    finally:
        seed_generator.python_random = random


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Build layers that compute with other numbers: a Keras dtype policy, such as ``mixed_bfloat16``."""
    keras = load_keras()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def release() -> None:
    """Free the memory of networks that are no longer used; Keras holds on to them otherwise."""
    if "keras" in sys.modules:
        load_keras().utils.clear_session()


def check_seed(seed: int) -> None:
    """Raise an error for a seed that Keras or scikit-learn would not accept.

    Raises
    ------
    CallError
        The seed is out of range.
    """
    if not 0 <= seed < 2**32:
        raise CallError(f"the seed {seed} is out of range", fix="choose one from 0 to 4294967295")


def device() -> str:
    """Return a description of the device: the first GPU that TensorFlow, if it was started, finds, or the CPU."""
    if "keras" not in sys.modules:
        return f"CPU, {os.cpu_count()} cores"
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"CPU, {os.cpu_count()} cores"
    return f"GPU, {tf.config.experimental.get_device_details(gpus[0]).get('device_name', 'unnamed')}"


def versions() -> dict[str, str]:
    """Return the versions of the packages that a result depends on, of those that are installed."""
    found = {"python": sys.version.split()[0]}
    for package in ("numpy", "tensorflow", "keras", "scikit-learn"):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
