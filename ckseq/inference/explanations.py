"""All test recordings of a run explained, and the explanations judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.console import Bar
from ckseq.defaults import CONFIDENCE
from ckseq.executors.work import Executor
from ckseq.experiment.dataset import Dataset, gather
from ckseq.experiment.recipe import Experiment
from ckseq.experiment.shuffled_labels import train_on_shuffled_labels
from ckseq.explain.agreement import Case, agreements, by_name, evidence_in_moved
from ckseq.explain.curves import delete_and_insert
from ckseq.explain.displacement import face_displacement
from ckseq.explain.maps import OcclusionConfig, When, Where
from ckseq.explain.occlusion import Predict
from ckseq.explain.overlap import SHARE_OF_LARGEST, ratio_of_means
from ckseq.explain.regions import region_labels
from ckseq.inference.explained_recording import (
    Model,
    ReadRecording,
    asked,
    explain_recording,
    models_of,
    read_recording,
)
from ckseq.inference.explanation_notes import explanation_notes
from ckseq.inference.explanation_work import Explained, Maps, maps_of
from ckseq.protocol.intervals import Interval, is_known
from ckseq.storage.explanations import AgreementRecord, ClassEvidence, ExplainedRecording, ExplanationFile, FigureRecord
from ckseq.storage.run_record import RunRecord
from ckseq.storage.store import Store

MODEL, SHUFFLED = "the run's models", "models trained on shuffled labels"
_DRAWS = 2000
_RANDOM_ORDERS = 4
_DIGITS = 4

OnExplained = Callable[[ExplainedRecording, ReadRecording], str]
"""Is given each explanation and its recording, and returns the name of the picture that it drew, or ""."""


class Task(NamedTuple):
    """What is explained: a run and its record, recipe and store.

    ``points`` are those of the first and the last frame of recordings, by id, see
    `ckseq.storage.landmark_files.read_ends`.
    """

    run: Path
    record: RunRecord
    recipe: Experiment
    store: Store
    points: Mapping[str, NDArray[np.float32]]
    config: OcclusionConfig
    seed: int


def explain_run(
    task: Task,
    wanted: Sequence[str],
    *,
    sanity: bool,
    bar: Bar,
    on_explained: OnExplained,
    cluster: Executor | None = None,
) -> ExplanationFile:
    """Explain recordings of a run and judge the explanations.

    Parameters
    ----------
    task : Task
    wanted : sequence of str
        Ids; all test recordings where empty.
    sanity : bool
        Also train every fold again on shuffled labels, and explain with those models.
    bar : Bar
        Advances with every recording.
    on_explained : callable
    cluster : Executor, optional
        Where the maps of the run's models are computed.

    Raises
    ------
    CallError
        A wanted recording cannot be explained by the run.
    DataError
        The run keeps no models, or the store holds too little.
    """
    rng = np.random.default_rng(task.seed)
    found = _Found([], [], [], [], [], [])
    first: dict[str, NDArray[np.float64]] = {}
    seeds = task.record.seeds
    maps: Maps = {}
    if cluster is not None:
        what = Explained(task.run, task.record, task.recipe, task.store.path, task.config)
        maps = maps_of(what, wanted, cluster, bar)
    for model in models_of(task.run, task.record, wanted):
        predict = _asked(task, model.load())
        for recording in _recordings(task, model):
            again = model.seed != seeds[0]
            if cluster is None:
                where, when = explain_recording(recording, predict, task.config, also_when=not again)
                bar.advance(text=recording.entry.id)
            else:
                where, when = maps.pop((model.seed, recording.entry.id))
            if again:
                _add_correlation(found, recording, first.get(recording.entry.id), _regional(task, recording, where))
                continue
            first[recording.entry.id] = _regional(task, recording, where)
            assert when is not None
            explained = _explained(task, model, recording, where, when)
            found.recordings.append(explained.model_copy(update={"picture": on_explained(explained, recording)}))
            _add_case(found.cases, task, recording, where)
            _add_gains(found, task, recording, predict, where, rng)
    if sanity:
        dataset = gather(task.store, task.recipe)
        for model in models_of(task.run, task.record, wanted):
            if model.seed == seeds[0]:
                _explain_shuffled(found, task, model, dataset, bar)
    return _file(task, found, rng)


Value = tuple[str, str, float]
"""Of which subject and which recording a value is, and that."""


class _Found(NamedTuple):
    recordings: list[ExplainedRecording]
    cases: list[Case]
    shuffled: list[Case]
    gains: list[tuple[str, str, float, float]]
    correlations: list[Value]
    shuffled_everything: list[Value]


def _asked(task: Task, model: Any) -> Predict:
    assert task.record.model is not None
    return asked(model, task.recipe, length_frames=task.record.model.input_shape[0])


def _recordings(task: Task, model: Model) -> Any:
    entries = {entry.id: entry for entry in task.store.entries}
    return (read_recording(task.store, entries[id], task.recipe) for id in model.ids)


def _code(task: Task, recording: ReadRecording, where: Where) -> int:
    """Return the class that is judged: the true one, or the predicted one where the recording has no label."""
    label = recording.entry.label
    return task.record.labels.index(label) if label in task.record.labels else int(where.probabilities.argmax())


def _regional(task: Task, recording: ReadRecording, where: Where) -> NDArray[np.float64]:
    drops = where.face if where.face is not None else where.regions
    return np.zeros(0) if drops is None else drops[..., _code(task, recording, where)].ravel()


def _add_correlation(
    found: _Found, recording: ReadRecording, first: NDArray[np.float64] | None, again: NDArray[np.float64]
) -> None:
    if first is not None and first.size and first.std() > 0 and again.std() > 0:
        entry = recording.entry
        found.correlations.append((entry.subject, entry.id, float(np.corrcoef(first, again)[0, 1])))


def _add_case(cases: list[Case], task: Task, recording: ReadRecording, where: Where) -> None:
    entry = recording.entry
    if entry.label not in task.record.labels:
        return
    code = task.record.labels.index(entry.label)
    ends = task.points.get(entry.id)
    cases.append(
        Case(
            entry.id,
            entry.subject,
            entry.label,
            None if where.face is None else where.face[..., code],
            {} if where.regions is None else by_name(where.regions[:, code], recording.regions),
            None if ends is None else face_displacement(ends[0], ends[1], recording.box, cells=task.config.cells),
            None if entry.action_units is None else tuple(unit.unit for unit in entry.action_units),
        )
    )


def _add_gains(
    found: _Found, task: Task, recording: ReadRecording, predict: Predict, where: Where, rng: np.random.Generator
) -> None:
    if where.regions is None:
        return
    code = _code(task, recording, where)
    n = len(recording.areas)
    own = np.argsort(-where.regions[:, code], kind="stable").tolist()
    orders = [own, *(rng.permutation(n).tolist() for _ in range(_RANDOM_ORDERS))]
    curves = delete_and_insert(recording.parts, predict, recording.areas, orders, code=code)
    entry = recording.entry
    found.gains.append((entry.subject, entry.id, curves[0].gain, float(np.mean([curve.gain for curve in curves[1:]]))))


def _explain_shuffled(found: _Found, task: Task, model: Model, dataset: Dataset, bar: Bar) -> None:
    fold = next(fold for fold in dataset.folds if fold.number == model.fold)
    trained = train_on_shuffled_labels(
        dataset, fold, task.recipe, seed=model.seed, store=task.store.path, store_digest=task.store.digest
    )
    predict = _asked(task, trained)
    for recording in _recordings(task, model):
        where, _ = explain_recording(recording, predict, task.config, also_when=False)
        _add_case(found.shuffled, task, recording, where)
        code = _code(task, recording, where)
        entry = recording.entry
        found.shuffled_everything.append((entry.subject, entry.id, float(where.groups["everything"][code])))
        bar.advance(text=f"{recording.entry.id}, shuffled labels")


def _explained(task: Task, model: Model, recording: ReadRecording, where: Where, when: When) -> ExplainedRecording:
    entry, labels = recording.entry, task.record.labels
    code = int(where.probabilities.argmax())
    codes = dict.fromkeys([code, labels.index(entry.label) if entry.label in labels else code])
    return ExplainedRecording(
        recording=entry.id,
        subject=entry.subject,
        seed=model.seed,
        fold=model.fold,
        held_out=model.held_out,
        truth=entry.label,
        predicted=labels[code],
        probability=round(float(where.probabilities[code]), _DIGITS),
        n_steps=len(when.time),
        onset=recording.onset,
        apex=recording.apex,
        action_units=None if entry.action_units is None else tuple((u.unit, u.intensity) for u in entry.action_units),
        placed_by="landmarks" if recording.by_landmarks else "fixed fractions of the face box",
        where=_most_relevant(recording, where, when, code),
        when=_relevant_span(when.time[:, code]),
        classes={labels[one]: _evidence(where, when, one) for one in codes},
    )


def _evidence(where: Where, when: When, code: int) -> ClassEvidence:
    def plain(values: NDArray[np.float64] | None) -> Any:
        return None if values is None else _tuples(values[..., code].round(_DIGITS).tolist())

    return ClassEvidence(
        groups={name: round(float(drops[code]), _DIGITS) for name, drops in where.groups.items()},
        time=plain(when.time),
        rows=plain(when.rows),
        columns=plain(when.columns),
        face=plain(where.face),
        region=plain(where.regions),
        region_time=plain(when.regions),
    )


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _most_relevant(recording: ReadRecording, where: Where, when: When, code: int) -> str:
    """Return the name of the region, or of the band of rows, that matters most."""
    if where.regions is not None:
        return recording.regions[int(where.regions[:, code].argmax())].label
    if when.rows is None:
        return "everything"
    rows = when.rows[..., code].sum(axis=1)
    share = (int(rows.argmax()) + 0.5) / len(rows)
    return f"rows around {share:.0%} of the face"


def _relevant_span(time: NDArray[np.float64]) -> tuple[int, int]:
    """Return the first and the last step around the largest drop that have at least half of it."""
    most = int(time.argmax())
    enough = time >= SHARE_OF_LARGEST * time[most]
    first = last = most
    while first > 0 and enough[first - 1]:
        first -= 1
    while last + 1 < len(time) and enough[last + 1]:
        last += 1
    return first, last


def notes_of(recordings: Sequence[ExplainedRecording], task: Task) -> tuple[str, ...]:
    """Return what a reader of explanations must know, see `ckseq.inference.explanation_notes`."""
    some = next(iter(recordings[0].classes.values()))
    return explanation_notes(
        recordings,
        task.record,
        has_film=some.face is not None,
        has_bands=some.rows is not None,
        has_landmarks=task.recipe.input in ("landmarks", "fused"),
    )


def _file(task: Task, found: _Found, rng: np.random.Generator) -> ExplanationFile:
    return ExplanationFile(
        run=task.run.resolve().name,
        store_digest=task.store.digest,
        seed=task.seed,
        input=task.recipe.input,
        labels=task.record.labels,
        regions=region_labels(),
        cells=task.config.cells,
        occlusion=task.config.model_dump(),
        notes=notes_of(found.recordings, task),
        recordings=tuple(found.recordings),
        agreement=(*_judged(found.cases, MODEL, rng), *_judged(found.shuffled, SHUFFLED, rng)),
        figures=_figures(found, rng),
    )


def _judged(cases: Sequence[Case], of: str, rng: np.random.Generator) -> list[AgreementRecord]:
    return [
        AgreementRecord(
            against=one.against,
            of=of,
            label=one.label,
            n=one.evidence.n,
            n_subjects=one.evidence.n_subjects,
            iou=one.evidence.explained,
            random_iou=one.evidence.random,
            ratio=one.evidence.ratio,
            ratio_interval=_pair(one.evidence.interval),
            net_ratio=one.net.ratio,
            net_ratio_interval=_pair(one.net.interval),
            precision=one.precision,
            recall=one.recall,
            resampled=one.evidence.resampled,
        )
        for one in agreements(cases, n_draws=_DRAWS, confidence=CONFIDENCE, rng=rng)
    ]


def _pair(interval: Interval) -> tuple[float, float] | None:
    return (interval.low, interval.high) if is_known(interval) else None


def _figures(found: _Found, rng: np.random.Generator) -> tuple[FigureRecord, ...]:
    named: list[tuple[str, str, list[Value]]] = [
        (f"drop of the true class's log-odds without {what}, nats", MODEL, _without(found, group))
        for group, what in (
            ("everything", "any motion"),
            ("motion", "projections"),
            ("landmarks", "landmarks"),
            ("gradients", "gradients"),
        )
    ]
    named += [
        ("drop without any motion, nats", SHUFFLED, found.shuffled_everything),
        ("net share of the evidence where the face moved", MODEL, list(evidence_in_moved(found.cases))),
        ("net share of the evidence where the face moved", SHUFFLED, list(evidence_in_moved(found.shuffled))),
        ("insertion less deletion, regions by relevance", MODEL, [(s, i, own) for s, i, own, _ in found.gains]),
        (
            "insertion less deletion, regions in random orders",
            MODEL,
            [(s, i, one) for s, i, _, one in found.gains],
        ),
        ("correlation of maps between seeds of training", MODEL, found.correlations),
    ]
    records = []
    for name, of, some in named:
        if some:
            subjects, recordings, values = zip(*some, strict=True)
            ones = [1.0] * len(values)
            mean = ratio_of_means(values, ones, subjects, recordings, n_draws=_DRAWS, confidence=CONFIDENCE, rng=rng)
            records.append(
                FigureRecord(
                    name=name,
                    of=of,
                    value=mean.explained,
                    interval=_pair(mean.interval),
                    n=mean.n,
                    resampled=mean.resampled,
                )
            )
    return tuple(records)


def _without(found: _Found, group: str) -> list[Value]:
    """Return the drop of the true class of each recording without a group of the input, where there is such a group."""
    drops = [
        (one.subject, one.recording, one.classes[one.truth or one.predicted].groups.get(group))
        for one in found.recordings
        if (one.truth or one.predicted) in one.classes
    ]
    return [(subject, id, drop) for subject, id, drop in drops if drop is not None]
