"""Sequences of a common length: policies for shorter and for longer ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.errors import DataError

Overflow = Literal["error", "drop", "cut_start", "cut_end", "resample"]
Short = Literal["pad", "stretch"]

_FIX = "name a policy: sequence.overflow = drop, cut_start, cut_end or resample"


class SequenceConfig(Config):
    """How sequences are brought to a common length."""

    length_frames: Annotated[int, Field(ge=1)] | Literal["longest"] = Field(
        "longest",
        description="common length, frames of motion (one fewer than images), or longest",
    )
    overflow: Overflow = Field(
        "error",
        description="longer sequences: error; drop, before balancing; cut_start or cut_end, which remove the first or "
        "the last frames; resample, linear interpolation",
    )
    short: Short = Field(
        "pad",
        description="shorter sequences: pad with frames without motion on both sides (the paper), or stretch by linear "
        "interpolation",
    )


def overflow_of_new(config: SequenceConfig) -> Overflow:
    """Return the policy for longer sequences that are to be predicted, not trained on: none is refused or left out.

    >>> overflow_of_new(SequenceConfig(overflow="drop"))
    'resample'
    """
    return "resample" if config.overflow in ("drop", "error") else config.overflow


def pad(sequence: NDArray[Any], *, length_frames: int) -> NDArray[Any]:
    """Zero-pad a sequence on both sides, with the extra frame in front where their number is odd.

    Parameters
    ----------
    sequence : (t, ...) array
    length_frames : int
        At least t.

    Returns
    -------
    (length_frames, ...) array
        Of the same dtype.

    >>> pad(np.array([7, 8]), length_frames=5)
    array([0, 0, 7, 8, 0])
    """
    missing = length_frames - len(sequence)
    if missing < 0:
        raise ValueError(f"a sequence of {len(sequence)} frames does not fit into {length_frames}")
    padded = np.zeros((length_frames, *sequence.shape[1:]), sequence.dtype)
    before = (missing + 1) // 2
    padded[before : before + len(sequence)] = sequence
    return padded


def resample(sequence: NDArray[Any], *, length_frames: int, times_s: NDArray[np.float64] | None = None) -> NDArray[Any]:
    """Interpolate linearly along time; the first and the last frame do not change.

    Parameters
    ----------
    sequence : (t, ...) array
        t at least 1.
    length_frames : int
        At least 1; a length of 1 gives the first frame.
    times_s : (t,) float64, optional
        Time of each frame, increasing; evenly spaced if not given. The result is evenly spaced.

    Returns
    -------
    (length_frames, ...) array
        Floating point; float32 stays float32.

    >>> resample(np.array([0.0, 10.0, 20.0, 30.0, 60.0]), length_frames=3)
    array([ 0., 20., 60.])
    """
    at = np.linspace(0, len(sequence) - 1, length_frames)
    if times_s is not None:
        at = np.interp(np.linspace(times_s[0], times_s[-1], length_frames), times_s, np.arange(len(sequence)))
    before = np.floor(at).astype(int)
    after = np.minimum(before + 1, len(sequence) - 1)
    share = (at - before).reshape(-1, *[1] * (sequence.ndim - 1))
    mixed = sequence[before] * (1 - share) + sequence[after] * share
    return mixed.astype(np.result_type(sequence.dtype, np.float32), copy=False)


def fit_length(
    sequence: NDArray[Any],
    *,
    length_frames: int,
    overflow: Overflow,
    short: Short,
    times_s: NDArray[np.float64] | None = None,
) -> NDArray[Any]:
    """Bring a sequence to a length by the policies ``short`` and ``overflow``.

    Parameters
    ----------
    sequence : (t, ...) array
    length_frames : int
    overflow : str
        ``cut_start`` removes the first frames, ``cut_end`` the last, ``resample`` interpolates; ``error`` and ``drop``
        raise an error.
    short : str
        ``pad`` adds frames of zeros on both sides, ``stretch`` interpolates.
    times_s : (t,) float64, optional
        As for `resample`; padding and cutting ignore it.

    Returns
    -------
    (length_frames, ...) array

    Raises
    ------
    DataError
        The sequence is longer and the policy is ``error`` or ``drop``.

    >>> fit_length(np.array([1, 2, 3, 4]), length_frames=3, overflow="cut_start", short="pad")
    array([2, 3, 4])
    >>> fit_length(np.array([1, 2, 3, 4]), length_frames=3, overflow="cut_end", short="pad")
    array([1, 2, 3])
    """
    surplus = len(sequence) - length_frames
    if surplus < 0 and short == "stretch":
        return resample(sequence, length_frames=length_frames, times_s=times_s)
    if surplus <= 0:
        return pad(sequence, length_frames=length_frames)
    match overflow:
        case "cut_start":
            return sequence[surplus:].copy()
        case "cut_end":
            return sequence[:length_frames].copy()
        case "resample":
            return resample(sequence, length_frames=length_frames, times_s=times_s)
        case "error" | "drop":
            raise DataError(f"{len(sequence)} frames of motion do not fit into {length_frames}", fix=_FIX)


def length_of(n_frames: Sequence[int], config: SequenceConfig) -> int:
    """Return the common length, frames.

    Parameters
    ----------
    n_frames : sequence of int
        The lengths of all sequences; at least one.
    config : SequenceConfig

    Examples
    --------
    >>> length_of([6, 39, 20], SequenceConfig(length_frames="longest"))
    39
    """
    return max(n_frames) if config.length_frames == "longest" else config.length_frames


def too_long(n_frames: Sequence[int], config: SequenceConfig) -> list[int]:
    """Return the indices of the sequences that are longer than the common length.

    >>> too_long([6, 71, 39, 40], SequenceConfig(length_frames=39))
    [1, 3]
    """
    if config.length_frames == "longest":
        return []
    return [place for place, n in enumerate(n_frames) if n > config.length_frames]
