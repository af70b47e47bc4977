"""The checkpoint: the state of a training, in one file of plain arrays that is replaced atomically."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ckseq.errors import DataError
from ckseq.learn.fit import TrainingState
from ckseq.storage.files import write_file
from ckseq.storage.history import Epoch

CHECKPOINT = "checkpoint.npz"


def write_checkpoint(folder: Path, state: TrainingState, *, made_from: str) -> None:
    """Write ``checkpoint.npz``; a process killed meanwhile leaves the previous one.

    Parameters
    ----------
    folder : Path
    state : TrainingState
    made_from : str
        The digest of all that the training follows from.

    Raises
    ------
    DataError
        It cannot be written.
    """
    arrays: dict[str, Any] = {f"best_{i}": array for i, array in enumerate(state.best)}
    arrays["made_from"] = np.array(made_from)
    arrays["epochs"] = np.array(state.epochs, np.float64)
    arrays["restarts"] = np.array(state.restarts)
    write_file(folder / CHECKPOINT, lambda file: np.savez(file, *state.variables, **arrays))


def read_checkpoint(folder: Path, *, made_from: str) -> TrainingState | None:
    """Read ``checkpoint.npz``; None if there is none.

    Raises
    ------
    DataError
        It is cut short, not a checkpoint, or that of another training than ``made_from`` names.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            another = str(arrays["made_from"]) != made_from
            epochs = tuple(Epoch(int(row[0]), *(float(value) for value in row[1:])) for row in arrays["epochs"])
            # savez names positional arrays arr_0, arr_1...
            variables, best = (
                tuple(arrays[f"{kind}_{i}"] for i in range(sum(name.startswith(kind) for name in arrays.files)))
                for kind in ("arr", "best")
            )
            restarts = int(arrays["restarts"]) if "restarts" in arrays else 0
            state = TrainingState(epochs, variables, best, restarts)
    except Exception as error:  # zipfile and numpy raise a dozen types, depending on which byte is damaged
        raise DataError(f"is cut short or not a checkpoint: {error}", path, "train again with --overwrite") from None
    if another:
        raise DataError("is that of another training: recipe, data or folds differ", path, "train with --overwrite")
    return state


def remove_checkpoint(folder: Path) -> None:
    """Remove ``checkpoint.npz``, and temporary files that a killed process left."""
    for path in [folder / CHECKPOINT, *folder.glob(f".{CHECKPOINT}.*")]:
        path.unlink(missing_ok=True)
