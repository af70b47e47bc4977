"""The record of a run before its trainings: what was asked for, of which data, tested how."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import ckseq
from ckseq import plugins, registry
from ckseq.config import differences
from ckseq.experiment.dataset import Dataset, noun_in
from ckseq.experiment.features import crop_shape
from ckseq.experiment.leakage import leakage_of, unit_baselines_of
from ckseq.experiment.recipe import Experiment
from ckseq.experiment.targets import case_of
from ckseq.learn import backend
from ckseq.models._backbones import BackboneConfig, announcement
from ckseq.models._spec import ModelSpec
from ckseq.protocol.folds import folds_digest
from ckseq.protocol.holdout import Fold, overlap
from ckseq.protocol.intervals import is_known
from ckseq.protocol.leakage import NEAR, Leakage, Rule
from ckseq.protocol.unit_baselines import UnitBaseline
from ckseq.report.wording import leak_sentences
from ckseq.storage.run_record import (
    DoubtRecord,
    FoldRecord,
    LeakageRecord,
    PairRecord,
    ProtocolRecord,
    RuleRecord,
    RunRecord,
    StoreRecord,
    UnitBaselineRecord,
    UnitBaselinesRecord,
)
from ckseq.storage.store import Store
from ckseq.storage.store_entry import Entry
from ckseq.storage.streaming import n_steps
from ckseq.tracking.quality import doubts

# so many pairs are named, the others counted
_NAMED = 20


def record_of(
    store: Store,
    dataset: Dataset,
    recipe: Experiment,
    *,
    kind: Literal["training", "cross_validation", "final"],
    seeds: Sequence[int],
) -> RunRecord:
    """Return the record of a run that has not trained yet.

    Parameters
    ----------
    store : Store
    dataset : Dataset
        Of that store.
    recipe : Experiment
        As it will be trained.
    kind : str
    seeds : sequence of int
    """
    leakage = unit_baselines = None
    if dataset.folds and recipe.predicts_units:
        found = unit_baselines_of(store, dataset.entries, dataset.labels, dataset.folds)
        unit_baselines = unit_baselines_record(*found)
    elif dataset.folds:
        leakage = leakage_record(leakage_of(store, dataset.entries, dataset.folds))
    tested = {id for fold in dataset.folds for id in fold.test}
    validation = {id for fold in dataset.folds for id in fold.validation}
    return RunRecord(
        kind=kind,
        ckseq_version=ckseq.__version__,
        created=now(),
        experiment_name=recipe.name,
        experiment=recipe.model_dump(mode="json"),
        store=_store_record(store, dataset),
        labels=dataset.labels,
        protocol=_protocol_record(dataset, recipe, leakage),
        folds=tuple(FoldRecord(number=one.number, test=one.test, validation=one.validation) for one in dataset.folds),
        train_only=tuple(entry.id for entry in dataset.entries if entry.id not in tested | validation),
        least_frames=_least_frames(dataset, recipe),
        seeds=tuple(seeds),
        leakage=leakage,
        unit_baselines=unit_baselines,
        versions={"ckseq": ckseq.__version__, **backend.versions(), **_plugin_versions(recipe)},
        balance_notes=dataset.balance_notes,
        doubts=_doubts(dataset.entries),
        notes=(*dataset.notes, *_announcements(recipe, dataset.labels), *_plugin_notes(store, recipe)),
    )


def _least_frames(dataset: Dataset, recipe: Experiment) -> int | None:
    """Return how many frames the shortest sequence has of those that are trained on in some fold."""
    never = set.intersection(*(set(fold.test) for fold in dataset.folds)) if dataset.folds else set()
    steps = [n_steps(entry, recipe.input) for entry in dataset.entries if entry.id not in never]
    if not steps or max(steps) == 1:
        return None
    return min(steps) + (recipe.input not in ("crops", "features"))  # motion begins with the second frame


def now() -> str:
    """Return the time in ISO 8601, to the second, with the time zone."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _store_record(store: Store, dataset: Dataset) -> StoreRecord:
    first = dataset.entries[0]
    return StoreRecord(
        path=str(store.path),
        digest=store.digest,
        pipeline=store.pipeline,
        crop_shape=tuple(crop_shape(store, first)) if first.n_crops else None,
        origin=store.origin,
    )


def _protocol_record(dataset: Dataset, recipe: Experiment, leakage: LeakageRecord | None) -> ProtocolRecord:
    if not dataset.folds:
        ids = [entry.id for entry in dataset.entries]
        return ProtocolRecord(kind="all", digest=dataset.digest, n_folds=0, n_train=len(ids), n_test=0)
    subject = {entry.id: entry.subject for entry in dataset.entries}
    shown = {entry.id: case_of(entry, dataset.labels, recipe).labels for entry in dataset.entries}
    noun, shared = noun_in(recipe), leakage or shared_subjects(dataset.folds, subject)
    if len(dataset.folds) == 1:
        fold = dataset.fold
        kind, digest = fold.kind, fold.digest
        counts = {"train_counts": fold.train, "validation_counts": fold.validation}
        sentence = noun.reworded(overlap(fold, subject).sentence)
    else:
        kind, digest, counts = recipe.protocol.kind, folds_digest(dataset.folds), {}
        sentence = shared.sentence if isinstance(shared, Shared) else leak_sentences(shared, noun)[0]
    return ProtocolRecord(
        kind=kind,
        digest=digest,
        n_folds=len(dataset.folds),
        n_train=min(len(fold.train) for fold in dataset.folds),
        n_test=sum(len(fold.test) for fold in dataset.folds),
        **{
            name: _counts([label for id in ids for label in shown[id]], dataset.labels)
            for name, ids in counts.items()
            if ids
        },
        test_subjects=len({subject[id] for fold in dataset.folds for id in fold.test}),
        shared_subjects=shared.shared_subjects,
        test_sequences_of_shared_subjects=shared.test_sequences_of_shared_subjects,
        sentence=sentence,
    )


class Shared(NamedTuple):
    """What training and test sides of all folds share; None where that is unknown."""

    shared_subjects: int | None
    test_sequences_of_shared_subjects: int | None
    sentence: str


def shared_subjects(folds: Sequence[Fold], subject: Mapping[str, str]) -> Shared:
    """Return what training and test sides of folds share; ``subject`` names whom each recording shows."""
    overlaps = [overlap(fold, subject) for fold in folds]
    apart = all(one.shared_subjects == 0 for one in overlaps)
    some = next((one for one in overlaps if one.shared_subjects != 0), overlaps[0])
    sentence = some.sentence if apart or len(folds) == 1 else f"in a fold, {some.sentence}"
    counts = [one.test_sequences_of_shared_subjects for one in overlaps]
    if None in counts:
        return Shared(None, None, sentence)
    people = set().union(*({subject[id] for id in one.test} & {subject[id] for id in one.train} for one in folds))
    return Shared(len(people), sum(count or 0 for count in counts), sentence)


def _doubts(entries: Sequence[Entry]) -> tuple[DoubtRecord, ...]:
    return tuple(
        DoubtRecord(recording=entry.id, what=doubt.what, remedy=doubt.remedy)
        for entry in entries
        if entry.quality is not None
        for doubt in doubts(entry.quality)
    )


def _counts(labels: Sequence[str], known: Sequence[str]) -> dict[str, int]:
    counts = Counter(labels)
    return {label: counts[label] for label in known}


def _announcements(recipe: Experiment, labels: Sequence[str]) -> list[str]:
    """Return what must be known of a ready-made model, or of a pretrained backbone before it is built."""
    spec: ModelSpec = registry.load("models", recipe.model_kind).SPEC
    if spec.ready_made is not None:
        return list(spec.ready_made(recipe.model, labels))
    configs = [recipe.model, recipe.features] if recipe.input == "features" else [recipe.model]
    backbones = [config for config in configs if isinstance(config, BackboneConfig)]
    if backbones:
        backend.load_keras()  # before anybody else does, so that it stays quiet
    return [line for config in backbones for line in announcement(config)]


def _plugin_versions(recipe: Experiment) -> dict[str, str]:
    plugin = plugins.admitted("models", recipe.model_kind)
    return {} if plugin is None or not plugin.package else {plugin.package: plugin.version}


def _plugin_notes(store: Store, recipe: Experiment) -> list[str]:
    """Return a line for each plug-in that took part: the recipes in the record name it with its SHA-256."""
    trees = {
        "model": recipe.model_dump(mode="json")["model"],
        "detector": store.pipeline.get("detector", {}),
    }
    return [
        f"the {what} is a plug-in, not part of ckseq: {' '.join(filter(None, (own['name'], own.get('version'))))}, "
        f"SHA-256 {own['sha256'][:12]}..."
        for what, tree in trees.items()
        if (own := tree.get("plugin"))
    ]


def unit_baselines_record(baselines: Sequence[UnitBaseline], unmeasured: Sequence[str]) -> UnitBaselinesRecord:
    """Return the baselines of action units as the record keeps them."""

    def known(value: float) -> float | None:
        return None if math.isnan(value) else value

    return UnitBaselinesRecord(
        baselines=tuple(
            UnitBaselineRecord(
                name=one.name,
                about=one.about,
                mean_auc=known(one.scores.mean_auc),
                interval=(low, high) if is_known(one.scores.interval) else None,
                aucs={unit.unit: known(unit.auc) for unit in one.scores.units},
                resampled=one.scores.resampled,
                n_subjects=one.scores.n_subjects,
            )
            for one in baselines
            for low, high in [one.scores.interval]
        ),
        unmeasured=tuple(unmeasured),
    )


def leakage_record(leakage: Leakage) -> LeakageRecord:
    """Return a leakage as the record keeps it; at most 20 pairs of duplicates are named."""
    return LeakageRecord(
        n_folds=leakage.n_folds,
        n_test=leakage.n_test,
        sequences_of_unknown_subjects=leakage.sequences_of_unknown_subjects,
        shared_subjects=leakage.shared_subjects,
        test_sequences_of_shared_subjects=leakage.test_sequences_of_shared_subjects,
        test_sequences_of_shared_sessions=leakage.test_sequences_of_shared_sessions,
        n_duplicates=len(leakage.duplicates),
        n_near_duplicates=len(leakage.near_duplicates),
        duplicates=tuple(PairRecord(**pair._asdict()) for pair in leakage.duplicates[:_NAMED]),
        near_duplicates=tuple(PairRecord(**pair._asdict()) for pair in leakage.near_duplicates[:_NAMED]),
        near_duplicate_correlation=NEAR,
        best_rule=leakage.best_rule.name,
        rules=tuple(map(_rule_record, leakage.rules)),
        pictures=tuple(map(_rule_record, leakage.pictures)),
        unmeasured=leakage.unmeasured,
    )


def _rule_record(rule: Rule) -> RuleRecord:
    return RuleRecord(
        name=rule.name,
        about=rule.about,
        n_correct=rule.n_correct,
        n=rule.n,
        accuracy=rule.accuracy,
        interval=(rule.interval.low, rule.interval.high),
        interval_method=rule.method.kind,
        p_value=None if math.isnan(rule.p_value) else rule.p_value,
        hits=rule.hits,
    )


def what_differs(earlier: RunRecord, run: RunRecord) -> list[str]:
    """Return a line for everything that makes a run another one than an earlier run, in data, recipe or folds."""
    found = differences(earlier.experiment, run.experiment, "experiment")
    for name in ("labels", "folds", "train_only"):
        if getattr(earlier, name) != getattr(run, name):
            found.append(f"{name} differ")
    if earlier.store_digest != run.store_digest:
        found.insert(0, "the store has changed")
    return found


def notes_of_both(earlier: RunRecord, run: RunRecord) -> tuple[str, ...]:
    """Return the notes of both, and a note on each version that changed meanwhile: it may change the last bits."""
    changed = [name for name in run.versions if earlier.versions.get(name) != run.versions[name]]
    notes = [f"resumed with {name} {run.versions[name]}; begun with {earlier.versions.get(name)}" for name in changed]
    return tuple(dict.fromkeys([*earlier.notes, *run.notes, *notes]))
