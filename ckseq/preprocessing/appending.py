"""Which recordings of a data set a store lacks, and whether those that it has are still the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ckseq.errors import CallError
from ckseq.preprocessing.one_recording import digest_of
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.recording import ImageFiles, Part, Recording
from ckseq.storage.store import Store
from ckseq.storage.store_entry import Entry
from ckseq.storage.store_growth import check_appendable


def lacking(store: Store, recipe: Pipeline, recordings: Sequence[Recording]) -> list[Recording]:
    """Return the recordings that a store does not have; no frame is read.

    Those that it has are compared in everything but their frames, which would all have to be read.

    Raises
    ------
    CallError
        The store was made with another pipeline or by another version, or has a recording of the same id with another
        subject, session, label or other metadata.
    """
    check_appendable(store, recipe)
    # data that share no recording with the store tell nothing of the version that made it
    if recipe.landmarks.kind != "ckplus" and _differs(store, recipe, _as_recording(store.entries[0])):
        what = "was made by another version of ckseq, whose pipelines give other data"
        raise CallError(what, store.path, "choose another --out, or prepare all with --overwrite")
    left = []
    for recording in recordings:
        if store.made_from(recording.id) is None:
            left.append(recording)
        elif _differs(store, recipe, recording):
            what = f"has {recording.id} with another subject, session, label or other metadata than the data set"
            raise CallError(what, store.path, "choose another --out, or prepare all with --overwrite")
    return left


def _differs(store: Store, recipe: Pipeline, recording: Recording) -> bool:
    made_from = store.made_from(recording.id)
    assert made_from is not None
    held, source_digest = made_from
    return digest_of(recording, recipe, source_digest)[0] != held


def _as_recording(entry: Entry) -> Recording:
    """Return a recording with the metadata of an entry, and without its frames."""
    return Recording(
        entry.id,
        entry.subject,
        entry.session,
        entry.label,
        ImageFiles(()),
        part=cast("Part | None", entry.part),
        neutral=entry.neutral,
        action_units=entry.action_units,
    )
