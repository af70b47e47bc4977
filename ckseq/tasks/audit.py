"""``ckseq audit``: the leak meter, before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from ckseq.config import with_settings
from ckseq.errors import CallError
from ckseq.protocol.folds import division_digest
from ckseq.protocol.leakage import NEAR, Leakage, Trace, measure
from ckseq.protocol.split import Split
from ckseq.report.words import leak_sentences
from ckseq.storage.store import Entry, Store, open_store
from ckseq.tasks.console import Console
from ckseq.tasks.material import choose, divide, noun_in
from ckseq.tasks.recipes import Experiment, experiment_of, load_experiment

CONFIDENCE = 0.95
# so many pairs are named, the others counted
_NAMED = 20


def audit(store: Path, *, experiment: str | None, settings: Sequence[str], console: Console) -> dict[str, Any]:
    """Measure what training and test of a protocol share, and what rules that look at no pixel reach.

    Parameters
    ----------
    store : Path
        The prepared recordings.
    experiment : str, optional
        An experiment's name or path; without it every labelled sequence takes part.
    settings : sequence of str
        ``section.key=value``, as ``protocol.kind=stratified_k_fold``.
    console : Console

    Returns
    -------
    dict
        ``protocol`` (kind, digest, folds), everything in `leak_facts`, and ``sentences`` that say it plainly.

    Raises
    ------
    CallError
        A setting is wrong.
    DataError
        The store cannot be divided so.
    """
    recipe = recipe_for(experiment, settings)
    with open_store(store) as opened:
        chosen = choose(opened, recipe)
        splits = divide(chosen.entries, recipe.protocol)
        leakage = leakage_of(opened, chosen.entries, splits)
    facts = leak_facts(leakage)
    noun = noun_in(recipe)
    sentences = leak_sentences(facts, noun)
    folds = "1 fold" if len(splits) == 1 else f"{len(splits)} folds"
    console.say(f"{recipe.protocol.kind}, {folds}, {leakage.n_test} test {noun.many} of {len(chosen.entries)}")
    console.say(_table(leakage))
    for sentence in sentences:
        console.say(sentence)
    return {
        "schema": 1,
        "store": str(store),
        "protocol": {"kind": recipe.protocol.kind, "digest": division_digest(splits), "folds": len(splits)},
        "n_sequences": len(chosen.entries),
        **facts,
        "sentences": sentences,
    }


def recipe_for(experiment: str | None, settings: Sequence[str]) -> Experiment:
    """Load an experiment, or make one that takes every labelled sequence, of which only the protocol matters."""
    if experiment is not None:
        return load_experiment(experiment, settings)
    if strange := [setting for setting in settings if not setting.startswith("protocol.")]:
        raise CallError(
            f"without an experiment there is no {strange[0].partition('=')[0]}", fix="name one with --experiment"
        )
    everything = {"pipeline": "", "model": {"kind": "conv_lstm"}, "balance": {"per_class": "all"}}
    return experiment_of(with_settings(everything, settings), where="--set", name="all labelled sequences")


def leakage_of(store: Store, entries: Sequence[Entry], splits: Sequence[Split]) -> Leakage:
    """Measure the leakage of some folds over entries of a store."""
    return measure([_trace(store, entry) for entry in entries], splits, confidence=CONFIDENCE)


def _trace(store: Store, entry: Entry) -> Trace:
    return Trace(
        id=entry.id,
        subject=entry.subject,
        session=entry.session,
        label=str(entry.label),
        n_frames=entry.n_frames,
        # a store of another tool may not know; then every frame that gave a step showed a face
        n_found=store.n_found(entry.id) if store.has(entry.id, "n_found") else entry.n_steps + 1,
        source_digest=entry.source_digest,
        crops=store.faces(entry.id) if store.has(entry.id, "faces") else None,
    )


def leak_facts(leakage: Leakage) -> dict[str, Any]:
    """Return a leakage as plain values, as ``run.json`` keeps it; at most 20 pairs of duplicates are named."""
    return {
        "n_folds": leakage.n_folds,
        "n_test": leakage.n_test,
        "shared_subjects": leakage.shared_subjects,
        "test_sequences_of_shared_subjects": leakage.test_sequences_of_shared_subjects,
        "test_sequences_of_shared_sessions": leakage.test_sequences_of_shared_sessions,
        "n_duplicates": len(leakage.duplicates),
        "n_near_duplicates": len(leakage.near_duplicates),
        "duplicates": [pair._asdict() for pair in leakage.duplicates[:_NAMED]],
        "near_duplicates": [pair._asdict() for pair in leakage.near_duplicates[:_NAMED]],
        "near_duplicate_correlation": NEAR,
        "best_rule": leakage.best_rule.name,
        "rules": [
            {
                "name": rule.name,
                "about": rule.about,
                "n_correct": rule.n_correct,
                "n": rule.n,
                "accuracy": rule.accuracy,
                "interval": list(rule.interval),
                "p_value": None if math.isnan(rule.p_value) else rule.p_value,
            }
            for rule in leakage.rules
        ],
    }


def _table(leakage: Leakage) -> Table:
    table = Table(title="rules that look at no pixel", title_justify="left", title_style="dim", box=None)
    table.add_column("rule")
    table.add_column("right", justify="right")
    table.add_column("accuracy", justify="right")
    table.add_column("95 % interval")
    table.add_column("better than the prior")
    for rule in leakage.rules:
        known = "" if math.isnan(rule.p_value) else f"p = {rule.p_value:.2g}"
        ends = f"{rule.interval.low:.2f} to {rule.interval.high:.2f}"
        table.add_row(rule.name, f"{rule.n_correct} of {rule.n}", f"{rule.accuracy:.3f}", ends, known)
    return table
