"""The section of a report on emotions and action units: do they agree, and which labels are worth a second look."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from ckseq.facs import code_text, contradiction
from ckseq.grammar import counted
from ckseq.protocol.facs_consistency import Consistency, Judged, consistency
from ckseq.protocol.intervals import N_DRAWS
from ckseq.protocol.label_doubts import label_doubts
from ckseq.report.templates import template
from ckseq.report.wording import between, percent
from ckseq.storage.facs_codes import Codes
from ckseq.storage.predictions import Predictions, by_unit

MOST_LISTED = 50
"""The page lists at most this many contradictions and doubts; facs.json holds all."""


class Doubt(NamedTuple):
    """A label worth a second look; ``facs`` is what the action units say against it, where they do."""

    recording: str
    subject: str
    label: str
    suggested: str
    p_label: float
    p_suggested: float
    facs: str


@dataclass(frozen=True)
class FacsFindings:
    """What action units say of the predictions and of the labels of a run.

    ``source`` tells in words where the units are from; ``predictions`` and ``labels`` are None without units.
    ``no_doubts`` is why no doubtful label is told; empty where they are looked for.
    """

    source: str
    units: Mapping[str, Set[str]]
    predictions: Consistency | None
    labels: Consistency | None
    doubts: tuple[Doubt, ...]
    no_doubts: str = ""


def units_of_codes(codes: Codes) -> dict[str, set[str]]:
    """Return the action units of each recording, as coded."""
    return {id: {one.unit for one in own} for id, own in codes.items()}


def units_of_predictions(predictions: Predictions) -> dict[str, set[str]]:
    """Return the action units of each recording that a run predicts, those with a mean probability of at least 0.5."""
    arrays = by_unit(predictions)
    likely = arrays.probabilities.mean(axis=0) >= 0.5
    return {
        id: {unit for unit, yes in zip(predictions.labels, row, strict=True) if yes}
        for id, row in zip(arrays.recordings, likely, strict=True)
    }


def facs_findings(
    predictions: Predictions, units: Mapping[str, Set[str]], *, source: str, confidence: float, no_doubts: str = ""
) -> FacsFindings:
    """Compare emotions with action units, and find doubtful labels.

    Parameters
    ----------
    predictions : Predictions
        Of emotions.
    units : mapping
        The action units of each recording; may be empty.
    source : str
        Where they are from, in words.
    confidence : float
    no_doubts : str
        Why labels are not doubted, as where the model is no better than the class prior.
    """
    labeled = {row.recording: Judged(row.recording, row.subject, row.truth) for row in predictions.rows}
    answers = [Judged(row.recording, row.subject, row.predicted) for row in predictions.rows]
    of_predictions, of_labels = (
        consistency(judged, units, n_draws=N_DRAWS, confidence=confidence, rng=np.random.default_rng(0))
        for judged in (answers, list(labeled.values()))
    )
    doubts = () if no_doubts else _doubts(predictions, units)
    return FacsFindings(source, units, of_predictions, of_labels, doubts, no_doubts)


def _doubts(predictions: Predictions, units: Mapping[str, Set[str]]) -> tuple[Doubt, ...]:
    """Return the doubtful labels, by the mean probabilities of all seeds."""
    rows = {row.recording: row for row in predictions.rows}
    sums: dict[str, list[tuple[float, ...]]] = {}
    for row in predictions.rows:
        sums.setdefault(row.recording, []).append(row.probabilities)
    probabilities = np.array([np.mean(sums[id], axis=0) for id in rows])
    labels = predictions.labels
    truth = np.array([labels.index(row.truth) for row in rows.values()])
    ordered, found = list(rows.values()), []
    for one in label_doubts(truth, probabilities):
        row, label = ordered[one.row], labels[truth[one.row]]
        facs = contradiction(label, units[row.recording]) if row.recording in units else ""
        found.append(
            Doubt(row.recording, row.subject, label, labels[one.suggested], one.p_label, one.p_suggested, facs)
        )
    return tuple(found)


def facs_tree(found: FacsFindings) -> dict[str, Any]:
    """Return the findings as plain values, ready for JSON."""
    return {
        "units": found.source,
        "predictions": _tree(found.predictions),
        "labels": _tree(found.labels),
        "label_doubts": [doubt._asdict() for doubt in found.doubts],
        "no_label_doubts": found.no_doubts,
    }


def _tree(one: Consistency | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        **one._asdict(),
        "interval": list(one.interval),
        "method": one.method.kind,
        "by_emotion": [row._asdict() for row in one.by_emotion],
        "contradictions": [row._asdict() for row in one.contradictions],
    }


def facs_section(found: FacsFindings, *, confidence: float) -> Markup:
    """Return the section as a part of an HTML page; empty where there is nothing to say."""
    if found.predictions is None and not found.doubts and not found.no_doubts:
        return Markup("")
    listed = dict.fromkeys(found.predictions.contradictions if found.predictions else ())
    return Markup(
        template("facs_section.html", between=between, counted=counted).render(
            found=found,
            confidence=percent(confidence),
            contradictions=list(listed)[:MOST_LISTED],
            n_contradictions=len(listed),
            codes={one.recording: code_text(found.units[one.recording]) for one in listed},
            doubts=found.doubts[:MOST_LISTED],
            most_listed=MOST_LISTED,
        )
    )
