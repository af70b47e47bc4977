"""The leakage between training and test sides of an experiment's folds, measured on a store."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ckseq.protocol.holdout import Split
from ckseq.protocol.leakage import NEAR, Leakage, SequenceFacts, measure
from ckseq.storage.store import Entry, Store

CONFIDENCE = 0.95
# so many pairs are named, the others counted
_NAMED = 20


def leakage_of(store: Store, entries: Sequence[Entry], splits: Sequence[Split]) -> Leakage:
    """Measure the leakage of some folds over entries of a store."""
    return measure([_trace(store, entry) for entry in entries], splits, confidence=CONFIDENCE)


def _trace(store: Store, entry: Entry) -> SequenceFacts:
    return SequenceFacts(
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
