"""Arguments as people give them: what is obvious is accepted, and for the rest a remedy is named."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ckseq.errors import CallError
from ckseq.recording import ImagesInMemory, Recording
from ckseq.storage.frames import frames_of
from ckseq.storage.store import Store

_SCORE = "score arrays with scikit-learn: cross_val_score(estimator, {}, cv=GroupKFold())"
# of what the interface returns, what to do with it instead of giving it as a path, by the name of its class
_INSTEAD = {
    "DataSet": "prepare it first: ckseq.preprocess(data.path, out='STORE.h5')",
    "Recording": "prepare the data set first: ckseq.preprocess(PATH, out='STORE.h5')",
    "Prepared": "these arrays are in memory only: write a store with ckseq.preprocess(PATH, out='STORE.h5')",
    "XY": _SCORE.format("xy.X, xy.y, groups=xy.groups"),
    "ndarray": _SCORE.format("X, y, groups=groups"),
    "Run": "name its store: run.record.store.path",
    "Store": "name its path: store.path",
}


def kind_of(value: Any) -> str:
    """Return what a value is, for a message.

    >>> kind_of(None), kind_of([]), kind_of(3)
    ('None', 'a list', 'an int')
    """
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOUX' else 'a'} {name}"


def as_path(value: Any, name: str, *, fix: str = "give a path, as text or pathlib.Path") -> Path:
    """Return a path.

    Parameters
    ----------
    value : path
    name : str
        Of the argument, for the message.
    fix : str
        What to give.

    Raises
    ------
    CallError
        It is something else.
    """
    if not isinstance(value, str | PathLike) or isinstance(value, bytes):
        raise CallError(f"{name} is {kind_of(value)}, not a path", fix=fix)
    return Path(value)


def as_store_path(store: Any) -> Path:
    """Return the path of a store that is open or named by its path.

    Raises
    ------
    CallError
        It is something else; the remedy depends on what.
    """
    if isinstance(store, Store):
        return store.path
    fix = _INSTEAD.get(type(store).__name__, "give the path of a store that ckseq.preprocess made")
    return as_path(store, "store", fix=fix)


def as_name(value: Any, name: str) -> str:
    """Return the name or path of a recipe or source as text.

    Raises
    ------
    CallError
        It is something else.
    """
    if not isinstance(value, str | PathLike):
        raise CallError(f"{name} is {kind_of(value)}", fix="give a name, or the path of a file")
    return str(value)


def as_recordings(data: Any) -> list[Recording] | None:
    """Return recordings as a list; None where the first is something else, such as a frame.

    Raises
    ------
    CallError
        It is a path or no sequence; or some, but not all, are recordings.
    """
    if isinstance(data, str | PathLike):
        raise CallError("is a path, not recordings", str(data), "scan it: ckseq.prepare(ckseq.scan(PATH))")
    if isinstance(data, np.ndarray):
        return None
    try:
        items = list(data)
    except TypeError:
        raise CallError(f"data is {kind_of(data)}", fix="give recordings, or the frames of one sequence") from None
    if not items:
        raise CallError("there is nothing to prepare", fix="give recordings, or the frames of one sequence")
    n_recordings = sum(isinstance(item, Recording) for item in items)
    if n_recordings not in (0, len(items)):
        first = next(item for item in items if not isinstance(item, Recording))
        raise CallError(f"data holds recordings and {kind_of(first)}", fix="give one or the other")
    if not n_recordings and any(isinstance(item, str | PathLike) for item in items):
        raise CallError("data holds paths", fix="scan them: ckseq.prepare(ckseq.scan(PATH))")
    return items if n_recordings else None


def as_frames(source: Any) -> ImagesInMemory:
    """Return the frames of one sequence, given as arrays of pixels.

    Raises
    ------
    CallError
        It is something else; see `ckseq.storage.frames.frames_of`.
    """
    if not isinstance(source, np.ndarray | Sequence):
        raise CallError(f"source is {kind_of(source)}", fix="give a path, a recording, or an array of frames")
    return frames_of(source)


def check_count(value: Any, name: str, *, least: int = 0) -> None:
    """Refuse what is no whole number, or too small a one.

    Raises
    ------
    CallError
        It is.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise CallError(f"{name} = {value!r}", fix=f"give a whole number from {least} on")


def check_training(seed: Any, progress: Any, *, seeds: Any = 1, jobs: Any = 1) -> None:
    """Refuse a seed, of which None is the experiment's own, and numbers of seeds and processes that are none.

    Raises
    ------
    CallError
        One of them is none.
    """
    if seed is not None:
        check_count(seed, "seed")
    check_count(seeds, "seeds", least=1)
    check_jobs(jobs)
    check_progress(progress)


def check_jobs(jobs: Any) -> None:
    """Refuse what is no number of processes.

    Raises
    ------
    CallError
        It is neither -1 nor a whole number from 1 on.
    """
    if isinstance(jobs, bool) or not isinstance(jobs, int | np.integer) or (jobs != -1 and jobs < 1):
        raise CallError(f"jobs = {jobs!r}", fix="give a number of processes, or -1 for one per core")


def check_choice(value: Any, name: str, choices: Any) -> None:
    """Refuse what is none of the choices of a ``Literal``.

    Raises
    ------
    CallError
        It is none.
    """
    known: Sequence[str] = get_args(choices)
    if value not in known:
        raise CallError(f"{name} = {value!r} is not known", fix=f"allowed: {', '.join(known)}")


def check_progress(progress: Any) -> None:
    """Refuse a progress that cannot be called.

    Raises
    ------
    CallError
        It is one.
    """
    if progress is not None and not callable(progress):
        raise CallError(
            f"progress is {kind_of(progress)}",
            fix="give a function of what is counted, how many are done and of how many",
        )
