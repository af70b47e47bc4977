"""The folds that a cross-validation of an experiment has, and whether a store has enough people for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ckseq.errors import CkseqError
from ckseq.experiment.dataset import choose, divide
from ckseq.experiment.recipe import Experiment, load_experiment
from ckseq.protocol.holdout import HOLDOUTS
from ckseq.storage.store import open_store

_BY_PERSON = "protocol.kind=leave_one_subject_out"


def cross_validated(recipe: Experiment) -> tuple[Experiment, list[str]]:
    """Return an experiment with a protocol that has folds: in place of a holdout five that keep people apart.

    A note says so where the experiment's own does not keep people apart.
    """
    protocol = recipe.protocol
    notes: list[str] = []
    if protocol.kind not in HOLDOUTS:
        return recipe, notes
    if protocol.kind != "subject_holdout":
        notes.append(
            f"the experiment's protocol, {protocol.kind}, tests on one part only: "
            f"cross-validated over {protocol.folds} folds that keep people apart"
        )
    return recipe.model_copy(update={"protocol": protocol.model_copy(update={"kind": "subject_k_fold"})}), notes


def settings_for_folds(store: Path, experiment: str, settings: Sequence[str]) -> list[str] | None:
    """Return the settings with which 'ckseq crossval' can divide a store, without reading any tensor.

    Parameters
    ----------
    store : Path
    experiment : str
        An experiment's name or path.
    settings : sequence of str
        ``section.key=value`` of it.

    Returns
    -------
    list of str or None
        The settings given; where these name no protocol and there are fewer people than folds, also that each person is
        a fold; None where neither works.
    """
    named = any(setting.startswith("protocol.") for setting in settings)
    for more in [[]] if named else [[], [_BY_PERSON]]:
        try:
            recipe, _ = cross_validated(load_experiment(experiment, [*settings, *more]))
            with open_store(store) as opened:
                chosen = choose(opened, recipe)
                divide(chosen.entries, chosen.labels, recipe)
        except CkseqError:
            continue
        return [*settings, *more]
    return None
