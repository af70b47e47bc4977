"""``ckseq audit``: measure data leakage before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from ckseq.config import with_settings
from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.experiment.dataset import Chosen, choose, divide, noun_in
from ckseq.experiment.leakage import leakage_of, unit_baselines_of
from ckseq.experiment.recipe import Experiment, experiment_of, load_experiment
from ckseq.experiment.record import leakage_record, shared_subjects, unit_baselines_record
from ckseq.grammar import counted
from ckseq.protocol.folds import folds_digest
from ckseq.protocol.holdout import Fold
from ckseq.protocol.leakage import Leakage
from ckseq.report.uncertainty import told_interval
from ckseq.report.units import unit_baseline_sentences
from ckseq.report.wording import leak_sentences
from ckseq.storage.store import Store, open_store

_TITLE = "baselines without motion"
# at most this many pairs are listed
_NAMED = 20
# of single sequences, which a run needs and a reader does not
_HITS = {"__all__": {"hits"}}


def audit(store: Path, *, experiment: str | None, settings: Sequence[str], console: Console) -> dict[str, Any]:
    """Measure what training and test set of a protocol share, and the accuracy of baselines without motion.

    Parameters
    ----------
    store : Path
        The prepared recordings.
    experiment : str, optional
        An experiment's name or path; without it all labeled sequences are used.
    settings : sequence of str
        ``section.key=value``, as ``protocol.kind=stratified_k_fold``.
    console : Console

    Returns
    -------
    dict
        ``protocol`` (kind, digest, folds), everything in `LeakageRecord`, or of action units in `UnitBaselinesRecord`,
        and ``sentences`` that summarize it.

    Raises
    ------
    CallError
        A setting is wrong.
    DataError
        The protocol cannot be applied to the store.
    """
    recipe = recipe_for(experiment, settings)
    with open_store(store) as opened:
        chosen = choose(opened, recipe)
        folds = divide(chosen.entries, chosen.labels, recipe)
        if recipe.predicts_units:
            return _audit_units(opened, chosen, folds, recipe, console)
        leakage = leakage_of(opened, chosen.entries, folds)
    facts = leakage_record(leakage)
    noun = noun_in(recipe)
    sentences = leak_sentences(facts, noun)
    tested = f"{leakage.n_test} test {noun.form(leakage.n_test)} of {len(chosen.entries)}"
    console.say(f"{recipe.protocol.kind}, {counted(len(folds), 'fold')}, {tested}")
    console.say(_table(leakage))
    for sentence in sentences:
        console.say(sentence)
    return {
        "schema": 1,
        "store": str(store),
        "protocol": {"kind": recipe.protocol.kind, "digest": folds_digest(folds), "folds": len(folds)},
        "n_sequences": len(chosen.entries),
        **facts.model_dump(mode="json", exclude={"rules": _HITS, "pictures": _HITS}),
        "sentences": sentences,
    }


def _audit_units(
    store: Store, chosen: Chosen, folds: Sequence[Fold], recipe: Experiment, console: Console
) -> dict[str, Any]:
    """Measure what predicts action units without motion, and who is on both sides."""
    found = unit_baselines_record(*unit_baselines_of(store, chosen.entries, chosen.labels, folds))
    shared = shared_subjects(folds, {entry.id: entry.subject for entry in chosen.entries})
    sentences = [shared.sentence, *unit_baseline_sentences(found)]
    n_tested = sum(len(fold.test) for fold in folds)
    noun = noun_in(recipe)
    tested = f"{n_tested} test {noun.form(n_tested)} of {len(chosen.entries)}"
    console.say(f"{recipe.protocol.kind}, {counted(len(folds), 'fold')}, {tested}; {len(chosen.labels)} action units")
    table = Table(title=_TITLE, title_justify="left", title_style="dim", box=None)
    for name in ("baseline", "mean AUC", "95 % interval", "what it does"):
        table.add_column(name, justify="right" if name == "mean AUC" else "left")
    for one in found.baselines:
        mean = "undefined" if one.mean_auc is None else f"{one.mean_auc:.3f}"
        table.add_row(one.name, mean, told_interval(one.interval, one.resampled), one.about)
    console.say(table)
    for sentence in sentences:
        console.say(sentence)
    return {
        "schema": 1,
        "store": str(store.path),
        "protocol": {"kind": recipe.protocol.kind, "digest": folds_digest(folds), "folds": len(folds)},
        "n_sequences": len(chosen.entries),
        "units": list(chosen.labels),
        **found.model_dump(mode="json"),
        "sentences": sentences,
    }


def recipe_for(experiment: str | None, settings: Sequence[str]) -> Experiment:
    """Load an experiment, or make one with all labeled sequences, of which only the protocol is used."""
    if experiment is not None:
        return load_experiment(experiment, settings)
    if strange := [setting for setting in settings if not setting.startswith("protocol.")]:
        raise CallError(
            f"without an experiment there is no {strange[0].partition('=')[0]}", fix="name one by --experiment"
        )
    everything = {"pipeline": "", "model": {"kind": "conv_lstm"}, "balance": {"per_class": "all"}}
    return experiment_of(with_settings(everything, settings), where="--set", name="all labeled sequences")


def _table(leakage: Leakage) -> Table:
    table = Table(title=_TITLE, title_justify="left", title_style="dim", box=None)
    table.add_column("baseline")
    table.add_column("correct", justify="right")
    table.add_column("accuracy", justify="right")
    table.add_column("95 % interval")
    table.add_column("by")
    table.add_column("better than the class prior")
    for rule in (*leakage.rules, *leakage.pictures):
        known = "" if math.isnan(rule.p_value) else f"p = {rule.p_value:.2g}"
        ends = f"{rule.interval.low:.2f} to {rule.interval.high:.2f}"
        table.add_row(rule.name, f"{rule.n_correct} of {rule.n}", f"{rule.accuracy:.3f}", ends, rule.method.word, known)
    return table
