"""The replication card: a run beside the published experiment that it repeats, with every deviation from its set-up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from markupsafe import Markup

from ckseq.grammar import agreeing, counted
from ckseq.protocol.score import Scores
from ckseq.report.classes import sample_counts
from ckseq.report.templates import template
from ckseq.report.wording import Rate, between, n_correct, noun_of, published
from ckseq.storage.run_record import RunRecord

# what a reader calls the fields of a published set-up; others are called by their path
_NAMES = {
    "data": "data set",
    "sequences_per_class": "sequences of each class",
    "test_sequences": "test sequences",
    "trainings": "trainings (seeds and folds)",
    "pipeline.detector.kind": "face detector",
    "pipeline.detector.upsample": "up-sampling before detection",
    "pipeline.faces.policy": "face box",
    "pipeline.faces.pick": "of several faces",
    "pipeline.faces.side_px": "side of the face, pixels",
    "pipeline.align.method": "alignment",
    "pipeline.motion.reference": "difference to",
    "pipeline.motion.difference": "difference of frames",
    "pipeline.motion.blur_px": "blur, pixels",
    "pipeline.motion.threshold": "threshold, gray levels",
    "pipeline.motion.erosion_px": "erosion, pixels",
    "pipeline.reduce.halvings": "halvings of the frames",
    "experiment.input": "input",
    "experiment.classes": "classes",
    "experiment.balance.mean_frames": "mean length aimed at, frames",
    "experiment.sequence.length_frames": "length of a sequence, frames",
    "experiment.protocol.kind": "split",
    "experiment.protocol.test_share": "share of the test set",
    "experiment.protocol.random_state": "random state of the split",
    "experiment.model.kind": "network",
    "experiment.model.filters": "filters",
    "experiment.model.kernel": "kernel",
    "experiment.model.activation": "activation",
    "experiment.model.dropout": "dropout",
    "experiment.model.dense": "dense units",
    "experiment.training.epochs": "epochs",
    "experiment.training.batch_size": "batch size",
    "experiment.training.optimizer": "optimizer",
    "experiment.training.learning_rate": "learning rate",
    "experiment.training.schedule": "learning rate schedule",
    "experiment.augmentation": "augmentation",
}


# of a store's origin, as far as it names a data set
_DATA = {"ckplus": "CK+", "synthetic": "synthetic faces", "recorded": "recordings made with ckseq"}


class Setting(NamedTuple):
    """A setting of the published experiment and of this run; ``deviates`` is None where the run does not record it."""

    name: str
    published: str
    here: str
    deviates: bool | None


class Card(NamedTuple):
    """A run beside the published experiment: its settings, those that deviate first.

    ``accuracy`` is the published one; None where none was published, and then ``said`` is what was said instead.
    """

    settings: tuple[Setting, ...]
    accuracy: Rate | None
    said: str
    source: str
    citation: str

    @property
    def deviations(self) -> tuple[Setting, ...]:
        """The settings that deviate."""
        return tuple(one for one in self.settings if one.deviates)

    @property
    def sentence(self) -> str:
        """How close the run is to what was published, in one sentence."""
        known = sum(one.deviates is not None for one in self.settings)
        n = len(self.deviations)
        if not n:
            return (
                f"{counted(known, 'setting')} of the run {agreeing(known, 'is', 'are')} as published, and none deviates"
            )
        named = "; ".join(f"{one.name} {one.here} instead of {one.published}" for one in self.deviations[:4])
        more = f" and {n - 4} more" if n > 4 else ""
        deviate = f"{n} of {counted(known, 'setting')} {agreeing(n, 'deviates', 'deviate')}"
        return f"{deviate} from the published set-up: {named}{more}"


def replication_card(run: RunRecord, scores: Scores) -> Card | None:
    """Return the card of a run whose recipe declares a published set-up (``[published.setup]``), else None."""
    said = run.value("published") or {}
    if not isinstance(said.get("setup"), dict) or not said["setup"]:
        return None
    here = _what_was_done(run, scores)
    settings = [_setting(path, value, here) for path, value in _leaves(said["setup"])]
    accuracy = said.get("accuracy")
    return Card(
        tuple(sorted(settings, key=lambda one: (not one.deviates, one.deviates is False))),
        published(run, scores),
        accuracy if isinstance(accuracy, str) else "",
        str(said.get("source", "")),
        str(said.get("citation", "")),
    )


def _what_was_done(run: RunRecord, scores: Scores) -> dict[str, Any]:
    """Return what the run records, in the shape of a published set-up; of other data sets it records no name."""
    parts = sample_counts(run, scores)
    totals = {label: sum(part.get(label, 0) for part in parts.values()) for label in scores.labels}
    complete = "training" in parts or run.protocol.n_folds > 1
    numbers = sorted(set(totals.values()))
    each: Any = numbers[0] if len(numbers) == 1 else [f"{label} {n}" for label, n in totals.items()]
    return {
        "data": _DATA.get(run.store.origin or "") if run.store else None,
        "sequences_per_class": each if complete else None,
        "test_sequences": scores.n // scores.repeats,
        "trainings": len(run.trainings) or None,
        "pipeline": run.store.pipeline if run.store else {},
        "experiment": run.experiment,
    }


def _leaves(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of nested sections with its path; an empty section is the value that nothing is set."""
    for key, value in tree.items():
        own = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value:
            yield from _leaves(value, own)
        else:
            yield own, value


def _setting(path: str, value: Any, here: dict[str, Any]) -> Setting:
    node: Any = here
    for key in path.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    name = _NAMES.get(path, path)
    if node is None:
        return Setting(name, _shown(value), "not recorded", None)
    return Setting(name, _shown(value), _shown(node), _comparable(node) != _comparable(value))


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):  # a section that sets nothing is as good as an empty one
        return {key: one for key, one in value.items() if one}
    if isinstance(value, list | tuple):
        named = all(isinstance(one, str) for one in value)
        return sorted(value) if named else list(value)
    return value


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(one)}" for key, one in _comparable(value).items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def card_html(card: Card, run: RunRecord, scores: Scores) -> Markup:
    """Return the card as a section of the report's page; all text is escaped."""
    noun = noun_of(run)
    alike = [one for one in card.settings if one.deviates is False]
    html = template("replication.html").render(
        card=card,
        scores=scores,
        data=next((one for one in card.settings if one.name == _NAMES["data"]), None),
        between=between,
        counted=n_correct(scores, noun),
        differing=[one for one in card.settings if one.deviates is not False],
        alike=alike,
        n_alike=counted(len(alike), "setting"),
        n_deviations=counted(len(card.deviations), "deviation"),
    )
    return Markup(html)


def card_tree(card: Card) -> dict[str, Any]:
    """Return the card as plain values for JSON."""
    return {
        "citation": card.citation,
        "published_accuracy": card.accuracy.value if card.accuracy else card.said or None,
        "deviations": [{"setting": one.name, "published": one.published, "here": one.here} for one in card.deviations],
        "n_settings": len(card.settings),
        "not_recorded": [one.name for one in card.settings if one.deviates is None],
    }
