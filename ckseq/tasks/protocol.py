"""``ckseq protocol export`` and ``verify``: the folds of a protocol as a file that can be shared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.experiment.dataset import choose, divide
from ckseq.grammar import agreeing, counted
from ckseq.protocol.folds import Listed, folds_digest, make_folds
from ckseq.protocol.holdout import Case, ProtocolConfig, overlap
from ckseq.storage.fold_files import FoldFile, read_fold_file, write_fold_file
from ckseq.storage.store import open_store
from ckseq.tasks.audit import recipe_for

_APART = ("subject_holdout", "subject_k_fold", "leave_one_subject_out")


def protocol_export(
    store: Path, *, experiment: str | None, out: Path, settings: Sequence[str], overwrite: bool, console: Console
) -> dict[str, Any]:
    """Write the test recordings of each fold to a JSON file of ids.

    Parameters
    ----------
    store : Path
        The prepared recordings.
    experiment : str, optional
        An experiment's name or path; without it all labeled sequences are used.
    out : Path
        The file.
    settings : sequence of str
        ``section.key=value`` for the experiment's fields.
    overwrite : bool
        Replace a file at ``out``.
    console : Console

    Returns
    -------
    dict
        ``file``, ``kind``, ``digest``, ``folds`` (their sizes), ``n_sequences``.

    Raises
    ------
    CallError
        ``out`` exists already, or a setting is wrong.
    DataError
        The protocol cannot be applied to the store.
    """
    if out.exists() and not overwrite:
        raise CallError("exists already", out, "--overwrite replaces it")
    recipe = recipe_for(experiment, settings)
    with open_store(store) as opened:
        entries = choose(opened, recipe).entries
        folds = divide(entries, recipe.protocol)
    tested = {id for fold in folds for id in fold.test}
    always = tuple(entry.id for entry in entries if entry.id not in tested)
    digest = folds_digest(folds)
    listed = Listed(tuple(fold.test for fold in folds), always)
    write_fold_file(out, FoldFile(listed, recipe.protocol.kind, digest), config=recipe.protocol.model_dump(mode="json"))
    sizes = [len(fold.test) for fold in folds]
    console.say(
        f"{recipe.protocol.kind} {digest}: {len(sizes)} folds of {min(sizes)} to {max(sizes)} sequences in {out}"
    )
    return {
        "schema": 1,
        "file": str(out),
        "kind": recipe.protocol.kind,
        "digest": digest,
        "folds": sizes,
        "n_sequences": len(entries),
    }


def protocol_verify(file: Path, store: Path, *, console: Console) -> dict[str, Any]:
    """Check that folds fit a store and their digest, and are subject-independent where their protocol is.

    Parameters
    ----------
    file : Path
        A file of ``ckseq protocol export``, or a list of folds written by hand.
    store : Path
    console : Console

    Returns
    -------
    dict
        ``kind``, ``digest``, ``folds``, ``n_sequences``, ``test_sequences_of_shared_subjects``.

    Raises
    ------
    DataError
        A recording is not in the store or has no label, the digest differs, or a subject is in training and test.
    """
    fold_file = read_fold_file(file)
    with open_store(store) as opened:
        known = {entry.id: entry for entry in opened.entries if entry.label is not None and entry.error is None}
    ids = [id for part in (*fold_file.listed.folds, fold_file.listed.always_train) for id in part]
    if missing := sorted(set(ids) - known.keys()):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DataError(
            f"lists {missing[0]}{more}, which {store} does not contain with a label",
            file,
            "use the store it was made with",
        )
    cases = [Case(id, known[id].subject, str(known[id].label), known[id].part) for id in dict.fromkeys(ids)]
    try:
        folds = make_folds(cases, ProtocolConfig(kind="from_file", file=str(file)), listed=fold_file.listed)
    except DataError as error:
        raise DataError(error.what, file, error.fix) from None
    digest = folds_digest(folds)
    if fold_file.digest and digest != fold_file.digest:
        raise DataError(
            f"was changed: its digest is {digest}, recorded is {fold_file.digest}", file, "export or download it again"
        )
    subjects = {case.id: case.subject for case in cases}
    counts = [overlap(fold, subjects).test_sequences_of_shared_subjects for fold in folds]
    shared = None if None in counts and not any(counts) else sum(count or 0 for count in counts)
    if shared and fold_file.kind in _APART:
        raise DataError(
            f"says {fold_file.kind}, but {shared} test sequences show a subject seen in training",
            file,
            "export it again",
        )
    known_as = f"digest {digest} verified" if fold_file.digest else f"digest {digest}"
    sharing = "no test subject is in training"
    if shared is None:
        sharing = "subjects are unknown, and may be in training and test"
    elif shared:
        sharing = f"{counted(shared, 'test sequence')} {agreeing(shared, 'shows', 'show')} a subject seen in training"
    console.say(
        f"{file} fits {store}: {counted(len(folds), 'fold')}, {counted(len(cases), 'sequence')}; {known_as}; {sharing}"
    )
    return {
        "schema": 1,
        "file": str(file),
        "kind": fold_file.kind,
        "digest": digest,
        "folds": len(folds),
        "n_sequences": len(cases),
        "test_sequences_of_shared_subjects": shared,
    }
