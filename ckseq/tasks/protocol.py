"""``ckseq protocol export`` and ``verify``: the folds of a protocol as a file that can be shared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.experiment.dataset import choose, divide
from ckseq.protocol.folds import Listed, division_digest, folds
from ckseq.protocol.holdout import Case, ProtocolConfig, overlap
from ckseq.storage.fold_files import Division, read_division, write_division
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
        splits = divide(entries, recipe.protocol)
    tested = {id for split in splits for id in split.test}
    always = tuple(entry.id for entry in entries if entry.id not in tested)
    digest = division_digest(splits)
    listed = Listed(tuple(split.test for split in splits), always)
    write_division(out, Division(listed, recipe.protocol.kind, digest), config=recipe.protocol.model_dump(mode="json"))
    sizes = [len(split.test) for split in splits]
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
    division = read_division(file)
    with open_store(store) as opened:
        known = {entry.id: entry for entry in opened.entries if entry.label is not None and entry.error is None}
    ids = [id for part in (*division.listed.folds, division.listed.always_train) for id in part]
    if missing := sorted(set(ids) - known.keys()):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DataError(
            f"lists {missing[0]}{more}, which {store} does not contain with a label",
            file,
            "use the store it was made with",
        )
    cases = [Case(id, known[id].subject, str(known[id].label), known[id].part) for id in dict.fromkeys(ids)]
    try:
        splits = folds(cases, ProtocolConfig(kind="from_file", file=str(file)), listed=division.listed)
    except DataError as error:
        raise DataError(error.what, file, error.fix) from None
    digest = division_digest(splits)
    if division.digest and digest != division.digest:
        raise DataError(
            f"was changed: its digest is {digest}, recorded is {division.digest}", file, "export or download it again"
        )
    shared = sum(
        overlap(split, {case.id: case.subject for case in cases}).test_sequences_of_shared_subjects for split in splits
    )
    if shared and division.kind in _APART:
        raise DataError(
            f"says {division.kind}, but {shared} test sequences show a subject seen in training",
            file,
            "export it again",
        )
    known_as = f"digest {digest} verified" if division.digest else f"digest {digest}"
    sharing = f"{shared} test sequences show a subject seen in training" if shared else "no test subject is in training"
    console.say(f"{file} fits {store}: {len(splits)} folds, {len(cases)} sequences; {known_as}; {sharing}")
    return {
        "schema": 1,
        "file": str(file),
        "kind": division.kind,
        "digest": digest,
        "folds": len(splits),
        "n_sequences": len(cases),
        "test_sequences_of_shared_subjects": shared,
    }
