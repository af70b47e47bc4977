"""``ckseq explain``: where and when a run's models see their evidence, and how well that agrees with FACS."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.table import Table
from rich.text import Text

from ckseq.console import Console
from ckseq.errors import CallError, CkseqError, DataError
from ckseq.executors.choice import executor_for
from ckseq.executors.work import Executor
from ckseq.experiment.targets import check_classes
from ckseq.explain.maps import OcclusionConfig
from ckseq.grammar import counted
from ckseq.inference.explained_recording import ReadRecording, recipe_of, sample_of
from ckseq.inference.explanations import Task, explain_run, notes_of
from ckseq.report.explanations import (
    draw_explained_classes,
    draw_explanation,
    how_to_explain,
    sentences,
    why_unexplained,
)
from ckseq.report.face_rights import FaceRights, rights_of
from ckseq.sources import ckplus
from ckseq.storage.explanations import (
    EXPLANATION,
    EXPLANATIONS,
    ExplainedRecording,
    ExplanationFile,
    read_explanations,
    write_explanations,
)
from ckseq.storage.files import write_bytes
from ckseq.storage.landmark_files import read_ends
from ckseq.storage.replacement import whole_folder
from ckseq.storage.run_record import RunRecord, read_run
from ckseq.storage.store import open_store

CLASSES = "classes.png"
SEQUENCES_PER_CLASS = 4
"""So many of each class are explained after a training: enough to see where it looks, and a fraction of its time."""
_MOST_LISTED = 40


def explain(
    run: Path,
    *,
    recordings: Sequence[str],
    store: Path | None,
    data: Path | None,
    sanity: bool,
    seed: int,
    faces: bool,
    all_faces: bool = False,
    on: str | None = None,
    console: Console,
) -> dict[str, Any]:
    """Explain the test sequences of a run, and write figures and ``explanation.json`` into its folder.

    Explanations of other recordings that are there already, by the same models and seed, are kept.

    Parameters
    ----------
    run : Path
        A complete run of sequences; a cross-validation that kept its models.
    recordings : sequence of str
        Their ids; all test sequences if empty.
    store : Path, optional
        The store, if it was moved.
    data : Path, optional
        A data set in CK+'s layout, whose Landmarks say which parts moved.
    sanity : bool
        Also explain models trained on shuffled labels.
    seed : int
        Of random places, random orders and intervals.
    faces : bool
        Whether figures show faces.
    all_faces : bool
        Whether they also show faces of CK+ that may not be published.
    on : str, optional
        Compute the maps on a cluster, see `ckseq.executors.choice.executor_for`.
    console : Console

    Returns
    -------
    dict
        ``folder``, ``n``, ``agreement`` and ``figures`` as in the file, ``recordings``: where and when of each.

    Raises
    ------
    CallError
        The run is not on sequences, a recording is unknown, or all faces are asked for and none.
    DataError
        The run keeps no models, or its store is missing or another one.
    """
    if all_faces and not faces:
        raise CallError("all faces and no faces contradict each other", fix="drop --no-faces or --all-faces")
    record = read_run(run)
    rights = rights_of(record, faces=faces, everybody=all_faces)
    recipe = recipe_of(run, record)
    check_classes(recipe, "explain")
    where = store or Path(record.store.path if record.store else "")
    if not where.is_file():
        raise DataError(f"its store {where} is missing", run, "give its new path with --store")
    recordings_of_data = [] if data is None else ckplus.scan(data)
    points = {one.id: read_ends(one.landmarks) for one in recordings_of_data if one.landmarks is not None}
    with open_store(where, digest=record.store_digest) as opened:
        if unknown := sorted(set(recordings) - {entry.id for entry in opened.entries}):
            raise CallError(f"there is no recording {unknown[0]}", where, "name recordings of predictions.csv")
        task = Task(run, record, recipe, opened, points, OcclusionConfig(), seed)
        with nullcontext() if on is None else executor_for(on, jobs=-1, console=console) as cluster:
            folder = run / EXPLANATIONS
            found, kept = _explain_into(
                folder, task, recordings, rights, sanity=sanity, cluster=cluster, console=console
            )
    console.say(_table(found))
    # of some that were named the overlap is no figure of the run
    for line in (*(() if recordings else sentences(kept)), *kept.notes):
        console.say(line)
    console.say(f"Figures and explanation.json: {run / EXPLANATIONS}; 'ckseq report {run}' shows them")
    return {
        "schema": 1,
        "folder": str(run / EXPLANATIONS),
        "n": len(found.recordings),
        "agreement": [one.model_dump(mode="json") for one in found.agreement],
        "figures": [one.model_dump(mode="json") for one in found.figures],
        "notes": list(found.notes),
        "recordings": [
            one.model_dump(mode="json", include={"recording", "truth", "predicted", "probability", "where", "when"})
            for one in found.recordings
        ],
    }


def explain_sample(run: Path, *, console: Console) -> int:
    """Explain some test sequences of each class of a run that was just trained, and say so in one line.

    Nothing is done where the run cannot be explained (`ckseq.report.explanations.why_unexplained`), keeps no model, or
    is explained already. What stands against it is a warning: the run itself is complete.

    Parameters
    ----------
    run : Path
    console : Console

    Returns
    -------
    int
        How many sequences were explained.
    """
    record = read_run(run)
    if record.predicts_units or why_unexplained(record) or (run / EXPLANATIONS / EXPLANATION).is_file():
        return 0
    try:
        n = _explain_sample(run, record, console)
    except CkseqError as error:
        console.warn(f"not explained: {error}")
        return 0
    if n:
        console.say(_explained_line(n, how_to_explain(record, str(run))))
    return n


def _explain_sample(run: Path, record: RunRecord, console: Console) -> int:
    assert record.store is not None
    with open_store(Path(record.store.path), digest=record.store_digest) as opened:
        ids = sample_of(run, record, opened.entries, per_class=SEQUENCES_PER_CLASS)
        if not ids:
            return 0
        first = record.changed(seeds=record.seeds[:1])
        task = Task(run, first, recipe_of(run, record), opened, {}, OcclusionConfig(), 0)
        rights = rights_of(record, faces=True, everybody=False)
        _explain_into(run / EXPLANATIONS, task, ids, rights, sanity=False, console=console)
    return len(ids)


def _explained_line(n: int, how: str) -> str:
    what = counted(n, "test sequence")
    return f"Explained {what}, up to {SEQUENCES_PER_CLASS} of each class (--no-explain skips it); all: {how}"


def _explain_into(
    folder: Path,
    task: Task,
    recordings: Sequence[str],
    rights: FaceRights,
    *,
    sanity: bool,
    cluster: Executor | None = None,
    console: Console,
) -> tuple[ExplanationFile, ExplanationFile]:
    """Write explanations into a folder, beside those that it holds; return the new ones, and all."""
    n = len(recordings or task.record.tested) * (len(task.record.seeds) + sanity)
    with whole_folder(folder, lambda: None) as partial, console.progress("explanations", n) as bar:

        def draw(one: ExplainedRecording, recording: ReadRecording) -> str:
            name = f"{quote(one.recording, safe='')}.png"
            write_bytes(partial / name, draw_explanation(one, recording.face if rights.shows(one.subject) else None))
            return name

        found = explain_run(task, recordings, sanity=sanity, bar=bar, on_explained=draw, cluster=cluster)
        kept = _beside_earlier(found, task, sanity=sanity)
        for picture in {one.picture for one in kept.recordings} - {one.picture for one in found.recordings}:
            if (folder / picture).is_file():
                write_bytes(partial / picture, (folder / picture).read_bytes())
        write_explanations(partial, kept)
        write_bytes(partial / CLASSES, draw_explained_classes(kept))
    return found, kept


def _beside_earlier(found: ExplanationFile, task: Task, *, sanity: bool) -> ExplanationFile:
    """Return explanations with those of other recordings that the run has already.

    What is said of all is what was said of more of them: overlap and figures need all maps at once.
    """
    try:
        earlier = read_explanations(task.run)
    except DataError:  # damaged, or of another version: replaced
        return found
    alike = ("run", "store_digest", "seed", "input", "labels", "regions", "cells", "occlusion")
    if earlier is None or any(getattr(earlier, name) != getattr(found, name) for name in alike):
        return found
    new = {one.recording for one in found.recordings}
    others = [one for one in earlier.recordings if one.recording not in new]
    judged = earlier if len(earlier.recordings) > len(new) and not sanity else found
    recordings = tuple(sorted((*others, *found.recordings), key=lambda one: one.recording))
    return found.model_copy(
        update={
            "recordings": recordings,
            "agreement": judged.agreement,
            "figures": judged.figures,
            "notes": notes_of(recordings, task),
        }
    )


def _table(found: ExplanationFile) -> Table:
    table = Table("sequence", "true", "predicted", "probability", "where", "when, steps", "action units", box=None)
    for one in found.recordings[:_MOST_LISTED]:
        units = "" if one.action_units is None else "+".join(unit for unit, _ in one.action_units)
        table.add_row(
            Text(one.recording),
            Text(one.truth or ""),
            Text(one.predicted, "" if one.predicted == one.truth else "bold"),
            f"{one.probability:.2f}",
            one.where,
            f"{one.when[0] + 1} to {one.when[1] + 1} of {one.n_steps}",
            units,
        )
    if len(found.recordings) > _MOST_LISTED:
        table.caption = f"the first {_MOST_LISTED} of {len(found.recordings)}; explanation.json holds all"
    return table
