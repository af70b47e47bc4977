"""Class-balanced subsets: n sequences per class, drawn at random or with matching mean lengths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from ckseq.config import Config
from ckseq.errors import DataError
from ckseq.grammar import agreeing, counted
from ckseq.labels import in_order


class BalanceConfig(Config):
    """How many sequences of each class are used, and which."""

    per_class: Annotated[int, Field(ge=1)] | Literal["most", "all"] = Field(
        "most",
        description="sequences per class; most: as many as the smallest class has; all: every sequence, unbalanced",
    )
    at_most: int | None = Field(None, ge=1, description="upper bound where per_class is most")
    choose: Literal["seed", "mean_length"] = Field(
        "seed",
        description="selection: seed draws at random; mean_length so that the mean length of each class is mean_frames",
    )
    mean_frames: float | None = Field(
        None,
        gt=0,
        validate_default=True,
        description="mean length per class where choose is mean_length, motion frames",
    )

    @field_validator("mean_frames")
    @classmethod
    def _mean_frames_is_given(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is None and info.data.get("choose") == "mean_length":
            raise ValueError("choose = mean_length requires a length, for example mean_frames = 20.0")
        return value


class Candidate(NamedTuple):
    """A sequence that may be chosen; ``n_frames`` is its length."""

    id: str
    label: str
    n_frames: int


class Selection(NamedTuple):
    """The selected ids, sorted, and notes on the selection."""

    ids: tuple[str, ...]
    notes: tuple[str, ...]


def balance(candidates: Iterable[Candidate], config: BalanceConfig, *, rng: np.random.Generator) -> Selection:
    """Select sequences so that all classes have the requested number.

    Parameters
    ----------
    candidates : iterable of Candidate
        At least one; their order has no effect.
    config : BalanceConfig
    rng : numpy.random.Generator
        For the random selection.

    Returns
    -------
    Selection

    Raises
    ------
    DataError
        A class has fewer sequences than requested; the message lists the counts of all classes.
    """
    classes: dict[str, list[Candidate]] = {}
    for candidate in sorted(candidates):
        classes.setdefault(candidate.label, []).append(candidate)
    classes = {label: classes[label] for label in in_order(classes)}
    if config.per_class == "all":
        ids = sorted(candidate.id for members in classes.values() for candidate in members)
        return Selection(tuple(ids), (f"all sequences, not balanced: {_counts(classes)}",))
    n, note = _how_many(classes, config)
    chosen = {label: _choose(members, n, config, rng) for label, members in classes.items()}
    notes = [note]
    if config.choose == "mean_length":
        means = (f"{label} {np.mean([one.n_frames for one in members]):.1f}" for label, members in chosen.items())
        notes.append(f"chosen for a mean length of {config.mean_frames:g} frames of motion: {', '.join(means)}")
    return Selection(tuple(sorted(one.id for members in chosen.values() for one in members)), tuple(notes))


def _how_many(classes: dict[str, list[Candidate]], config: BalanceConfig) -> tuple[int, str]:
    smallest = min(classes, key=lambda label: len(classes[label]))
    available = len(classes[smallest])
    of_each = f"of each of {len(classes)} classes"
    if isinstance(config.per_class, str):
        if config.at_most is not None and config.at_most <= available:
            return config.at_most, f"{counted(config.at_most, 'sequence')} {of_each}, as requested"
        requested = "" if config.at_most is None else f" ({config.at_most} were requested)"
        return available, f"{counted(available, 'sequence')} {of_each}: all available of {smallest}{requested}"
    if available < config.per_class:
        are = agreeing(config.per_class, "is", "are")
        raise DataError(
            f"{counted(config.per_class, 'sequence')} of each class {are} asked for, but there are {_counts(classes)}",
            fix=f"set balance.per_class to {available} or less, or to most",
        )
    return config.per_class, f"{counted(config.per_class, 'sequence')} {of_each}"


def _counts(classes: dict[str, list[Candidate]]) -> str:
    return ", ".join(f"{label} {len(members)}" for label, members in classes.items())


def _choose(members: list[Candidate], n: int, config: BalanceConfig, rng: np.random.Generator) -> list[Candidate]:
    inside = np.zeros(len(members), bool)
    inside[rng.choice(len(members), size=n, replace=False)] = True
    if config.choose == "mean_length" and config.mean_frames is not None:
        lengths = np.array([one.n_frames for one in members])
        inside = match_mean(lengths, inside, mean_frames=config.mean_frames)
    return [one for one, kept in zip(members, inside, strict=True) if kept]


def match_mean(lengths: NDArray[np.int_], inside: NDArray[np.bool_], *, mean_frames: float) -> NDArray[np.bool_]:
    """Swap members of a subset for others, best swap first, while its mean length gets closer to the target.

    Parameters
    ----------
    lengths : (n,) int
        Lengths of all sequences, frames.
    inside : (n,) bool
        The initial subset.
    mean_frames : float
        The target mean length, frames.

    Returns
    -------
    (n,) bool
        A subset of the same size with a mean at least as close to the target.

    >>> match_mean(np.array([10, 20, 30, 31]), np.array([True, True, False, False]), mean_frames=20.5)
    array([ True, False, False,  True])
    """
    inside = inside.copy()
    target = mean_frames * inside.sum()
    while not inside.all():
        members, others = np.flatnonzero(inside), np.flatnonzero(~inside)
        distance = abs(lengths[inside].sum() - target)
        after = abs(lengths[inside].sum() - lengths[members][:, None] + lengths[others] - target)
        leaves, enters = np.unravel_index(after.argmin(), after.shape)
        if after[leaves, enters] >= distance:
            break
        inside[members[leaves]], inside[others[enters]] = False, True
    return inside
