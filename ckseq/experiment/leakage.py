"""The leakage between training and test sides of an experiment's folds, and its baselines, measured on a store."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ckseq.defaults import CONFIDENCE
from ckseq.protocol.holdout import Fold
from ckseq.protocol.leakage import Leakage, SequenceFacts, measure
from ckseq.protocol.unit_baselines import UnitBaseline, measure_unit_baselines
from ckseq.storage.store import Store
from ckseq.storage.store_entry import Entry

_DRAWS = 2000


def leakage_of(store: Store, entries: Sequence[Entry], folds: Sequence[Fold]) -> Leakage:
    """Measure the leakage of some folds over entries of a store."""
    return measure([_facts(store, entry) for entry in entries], folds, confidence=CONFIDENCE)


def unit_baselines_of(
    store: Store, entries: Sequence[Entry], units: Sequence[str], folds: Sequence[Fold]
) -> tuple[tuple[UnitBaseline, ...], tuple[str, ...]]:
    """Measure the baselines of action units, as `ckseq.protocol.unit_baselines.measure_unit_baselines`."""
    coded = [{one.unit for one in entry.action_units or ()} for entry in entries]
    shown = np.array([[unit in own for unit in units] for own in coded], bool)
    facts = [_facts(store, entry) for entry in entries]
    return measure_unit_baselines(facts, shown, units, folds, n_draws=_DRAWS, confidence=CONFIDENCE)


def _facts(store: Store, entry: Entry) -> SequenceFacts:
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
        mean_face=store.mean_face(entry.id) if store.has(entry.id, "mean_face") else None,
    )
