"""A trained network: kept, loaded, asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.learn.backend import load_keras, network_input

if TYPE_CHECKING:
    import keras

NETWORK = "model.keras"

# enough to keep the processor busy, little enough for any memory
_BATCH_SIZE = 32


def probabilities(network: keras.Model, sequences: NDArray[Any]) -> NDArray[np.float32]:
    """Ask a network about sequences.

    Parameters
    ----------
    network : keras.Model
    sequences : (n, t, h, w) or (n, t, h, w, channels) array
        Of the length, height and width that the network was built for.

    Returns
    -------
    (n, n_classes) float32
        Of each class; every row sums to 1.

    Raises
    ------
    DataError
        The sequences have another shape than the network reads.
    """
    x = network_input(sequences)
    wanted = tuple(network.input_shape[1:])
    if x.shape[1:] != wanted:
        raise DataError(
            f"sequences of shape {x.shape[1:]} do not fit a network that reads {wanted}",
            fix="prepare them with the pipeline the network was trained with",
        )
    parts = [network.predict_on_batch(x[i : i + _BATCH_SIZE]) for i in range(0, len(x), _BATCH_SIZE)]
    return np.concatenate([np.asarray(part, np.float32) for part in parts])


def save_network(folder: Path, network: keras.Model) -> None:
    """Write ``model.keras`` whole or not at all; ``network`` is made of plain Keras layers.

    Raises
    ------
    DataError
        It cannot be written.
    """
    path = folder / NETWORK
    temporary = folder / f".{os.getpid()}.{NETWORK}"
    try:
        network.save(temporary)
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", path, "free some space") from None
    finally:
        temporary.unlink(missing_ok=True)


def load_network(folder: Path) -> keras.Model:
    """Load ``model.keras`` of a run folder; nothing in it is executed.

    Raises
    ------
    DataError
        There is none, or it is cut short, or it asks for code of its own.
    """
    path = folder / NETWORK
    if not path.is_file():
        raise DataError(
            f"there is no {NETWORK}",
            folder,
            "name a complete run; an interrupted one goes on with 'ckseq train --resume'",
        )
    keras = load_keras()
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # what Keras raises on a damaged file depends on where the damage is
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"cannot be loaded: {reason}", path, "train again, into a new folder") from None
