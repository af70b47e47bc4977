"""The pictures of single sequences for the report's page, made from the store of a run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.report.explorer import MOST_PICTURE_BYTES, Explorer, SequencePictures
from ckseq.report.face_rights import FaceRights
from ckseq.report.sequence_pictures import Evidence, blob_film, evidence_pictures, face_strip, projection_strips
from ckseq.report.tables import confusions
from ckseq.report.wording import Noun, noun_of
from ckseq.storage.explanations import ExplanationFile
from ckseq.storage.predictions import Predictions
from ckseq.storage.report_crops import shrunk
from ckseq.storage.run_record import RunRecord

if TYPE_CHECKING:
    from ckseq.storage.store import Store


def explorer_of(
    folder: Path,
    run: RunRecord,
    predictions: Predictions,
    rights: FaceRights,
    *,
    store: Path | None,
    explanations: ExplanationFile | None = None,
    console: Console,
) -> Explorer:
    """Return what the page shows of single sequences; where a store has gone or is damaged, the page says so.

    Parameters
    ----------
    folder : Path
        The run folder.
    run : RunRecord
    predictions : Predictions
        Of the run.
    rights : FaceRights
        Whose faces are shown.
    store : Path, optional
        The store; otherwise it is looked for where the run was made from, and beside the run.
    explanations : ExplanationFile, optional
        What 'ckseq explain' found; of several seeds the first is shown.
    console : Console

    Raises
    ------
    CallError
        The store that was named is not that of the run.
    DataError
        The store that was named is damaged.
    """
    from ckseq.storage.store import open_store  # h5py takes a while to load

    noun = noun_of(run)
    explained = {one.recording: one for one in reversed(explanations.recordings)} if explanations else {}
    evidence = {id: evidence_pictures(one) for id, one in explained.items()}
    path = _store_of(folder, run) if store is None else _checked(store, run)
    missing = _missing(folder, run)
    try:
        if path is not None:
            with open_store(path) as opened:
                pictures, n_left = _within_limit(opened, predictions, rights, evidence, noun, console)
                remarks = [*_left_out(len(pictures), n_left, noun), *_not_kept(opened, pictures)]
                return Explorer(rights, pictures, tuple(remarks))
    except DataError as error:
        if store is not None:
            raise
        missing = f"faces, blobs and projections are missing here: {error}"
    console.say(missing)
    return Explorer(rights, {id: SequencePictures(evidence=one) for id, one in evidence.items()}, (missing,))


def _store_of(folder: Path, run: RunRecord) -> Path | None:
    """Return the store of a run where it was, or beside the run; None where neither is it."""
    if run.store is None:
        return None
    path = Path(run.store.path)
    for place in (path, folder.resolve().parent / path.name):
        with suppress(DataError):
            if _digest(place) == run.store_digest:
                return place
    return None


def _checked(store: Path, run: RunRecord) -> Path:
    if _digest(store) != run.store_digest:
        fix = f"name the one with digest {run.store_digest}"
        raise CallError("is another store than that of the run", store, fix)
    return store


def _digest(path: Path) -> str:
    from ckseq.storage.store import open_store

    with open_store(path, listing=False) as opened:
        return opened.digest


def _missing(folder: Path, run: RunRecord) -> str:
    name = Path(run.store.path).name if run.store else "STORE"
    return (
        f"The store {name} was not at hand when this page was written, so faces, blobs and projections are missing "
        f"here; they are added by: ckseq report {folder.resolve().name} --store {name}"
    )


def _within_limit(
    store: Store,
    predictions: Predictions,
    rights: FaceRights,
    evidence: Mapping[str, Evidence],
    noun: Noun,
    console: Console,
) -> tuple[dict[str, SequencePictures], int]:
    """Return the pictures of as many recordings as the page may hold, and how many are left out."""
    subject = {row.recording: row.subject for row in predictions.rows}
    # of more than the page may hold, those are worth most that were misclassified
    in_turn = list(dict.fromkeys([*(one.recording for one in confusions(predictions)), *sorted(subject)]))
    pictures: dict[str, SequencePictures] = {}
    room = MOST_PICTURE_BYTES
    units = {entry.id: entry.action_units for entry in store.entries}
    for id in console.track(in_turn, total=len(in_turn), label=f"pictures of {noun.many}"):
        found = _pictures(store, id, shown=rights.shows(subject[id]), faces=rights.faces)
        found = replace(found, units=units.get(id), evidence=evidence.get(id))
        room -= found.n_bytes
        if room < 0:
            break
        pictures[id] = found
    return pictures, len(in_turn) - len(pictures)


def _pictures(store: Store, id: str, *, shown: bool, faces: bool) -> SequencePictures:
    return SequencePictures(
        faces=face_strip(_faces(store, id)) if shown and store.has(id, "faces") else None,
        film=blob_film(store.blobs(id)) if store.has(id, "blobs") else None,
        strips=projection_strips(store.projections(id)) if store.has(id, "projections") else None,
        hidden=faces and not shown,
    )


def _faces(store: Store, id: str) -> NDArray[np.uint8]:
    """Return the film strip of a sequence, in an older store its first and last crop; of a still image its crop."""
    if store.has(id, "film_strip"):
        return store.film_strip(id)
    if store.has(id, "mean_face"):  # a sequence
        return shrunk(store.faces(id))
    return shrunk(store.crops(id) if store.has(id, "crops") else store.faces(id)[:1])


def _left_out(n: int, n_left: int, noun: Noun) -> list[str]:
    if not n_left:
        return []
    return [
        f"The pictures of {noun.counted(n)} are in this page, those of misclassified ones first; it would be too large "
        f"with those of the other {n_left}, which 'ckseq images STORE' writes as files"
    ]


def _not_kept(store: Store, pictures: dict[str, SequencePictures]) -> list[str]:
    """Return what the store does not keep of sequences, and how to get it."""
    remarks = []
    if any(one.strips and not one.film for one in pictures.values()):
        remarks.append("The store holds no blobs; 'ckseq preprocess --set reduce.keep_blobs=true' keeps them")
    with_faces = [id for id, one in pictures.items() if one.faces]
    if any(store.has(id, "mean_face") and not store.has(id, "film_strip") for id in with_faces):
        remarks.append(
            "The store is of an earlier version, so only the first and the last face of a sequence are shown; "
            "'ckseq preprocess --overwrite' makes it anew"
        )
    return remarks
