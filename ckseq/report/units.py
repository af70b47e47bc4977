"""Action units of a run: their scores, as a table, as CSV and JSON, and as a figure."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ckseq.facs import UNITS
from ckseq.grammar import agreeing, counted
from ckseq.protocol.intervals import LEAST_CLUSTERS, LEAST_SUBJECTS, N_DRAWS, NO_INTERVAL, Interval, is_known
from ckseq.protocol.leakage import FIRST_FRAME, MEAN_PICTURE
from ckseq.protocol.unit_scores import (
    LEAST_OF_EACH,
    IntensityScore,
    UnitScore,
    UnitScores,
    score_intensities,
    score_units,
)
from ckseq.report.against_baselines import all_kinds, kind_of, named
from ckseq.report.style import ACCENT, FAINT, INK, LINE, SOFT, house_style, png
from ckseq.report.uncertainty import drawn_by, told_interval
from ckseq.report.wording import SEQUENCE, between, percent
from ckseq.storage.facs_codes import Codes
from ckseq.storage.files import csv_text
from ckseq.storage.predictions import Predictions, by_unit
from ckseq.storage.run_record import UnitBaselineRecord, UnitBaselinesRecord

_CHANCE = 0.5


def unit_scores(predictions: Predictions, *, confidence: float) -> UnitScores:
    """Score action units; the same predictions give the same intervals."""
    arrays = by_unit(predictions)
    return score_units(
        predictions.labels,
        arrays.shown,
        arrays.probabilities,
        arrays.subjects,
        folds=arrays.folds,
        n_draws=N_DRAWS,
        confidence=confidence,
        rng=np.random.default_rng(0),
    )


def intensity_scores(predictions: Predictions, codes: Codes, *, confidence: float) -> tuple[IntensityScore, ...]:
    """Score the units by their coded intensity; empty where none is coded."""
    arrays = by_unit(predictions)
    levels = [{one.unit: one.intensity or 0 for one in codes.get(id, ())} for id in arrays.recordings]
    return score_intensities(
        np.array([[own.get(unit, 0) for unit in predictions.labels] for own in levels], int),
        arrays.shown,
        arrays.probabilities,
        arrays.subjects,
        folds=arrays.folds,
        n_draws=N_DRAWS,
        confidence=confidence,
        rng=np.random.default_rng(0),
    )


def unit_name(unit: str) -> str:
    """Return what FACS calls a unit; empty where the table does not know it."""
    return UNITS[unit].name if unit in UNITS else ""


def units_headline(scores: UnitScores, found: UnitBaselinesRecord | None = None) -> str:
    """Return the mean AUC in one line, beside that of the best baseline where there are some."""
    measured = [] if found is None else [one for one in found.baselines if one.mean_auc is not None]
    best = max(measured, key=_mean_auc, default=None)
    beside = "" if best is None else f"; best baseline without motion: {best.name} {best.mean_auc:.3f}"
    by, n_measured = drawn_by(scores.resampled), len(scores.units) - len(scores.unmeasured)
    mean = "–" if math.isnan(scores.mean_auc) else f"{scores.mean_auc:.3f}"
    ends = f"{percent(scores.confidence)} interval {between(scores.interval)}, {by}"
    return (
        f"Mean AUC {mean} ({ends if is_known(scores.interval) else why_no_interval(scores)}) "
        f"of {counted(n_measured, 'action unit')}, {scores.n} test sequences of {scores.n_subjects} subjects{beside}"
    )


def unmeasured_sentence(scores: UnitScores) -> str:
    """Return which units have no AUC and why; empty where all have one."""
    if not (names := scores.unmeasured):
        return ""
    return (
        f"no AUC of {agreeing(len(names), 'action unit', 'action units')} {', '.join(names)}: fewer than "
        f"{LEAST_OF_EACH} test sequences show {agreeing(len(names), 'it', 'them')}, or do not, or no fold tests both"
    )


def unit_baseline_sentences(found: UnitBaselinesRecord | None) -> list[str]:
    """Return what is reached without pixels, and without motion; empty where a record has no baselines."""
    measured = [] if found is None else [one for one in found.baselines if one.mean_auc is not None]
    lines = []
    for names, what in ((False, "pixel-free baseline"), (True, "baseline of a single picture")):
        some = [one for one in measured if (one.name in (FIRST_FRAME, MEAN_PICTURE)) is names]
        if some:
            best = max(some, key=_mean_auc)
            lines.append(
                f"the best {what} is {best.name} ({best.about}): mean AUC {best.mean_auc:.3f} "
                f"({told_interval(best.interval, best.resampled)}), {_against_chance(best)}"
            )
    return lines + ([] if found is None else [f"not measured: {one}" for one in found.unmeasured])


def _against_chance(one: UnitBaselineRecord) -> str:
    """Return whether a baseline is above chance, which only an interval over enough people can tell."""
    if _mean_auc(one) <= _CHANCE:
        return f"not better than chance ({_CHANCE})"
    if one.resampled != "subject" or one.interval is None:
        few = one.resampled == "sequence" and one.n_subjects is not None
        of = f" from {counted(one.n_subjects or 0, 'person', 'people')}" if few else ""
        return f"whether that is above chance ({_CHANCE}) cannot be told{of}"
    return f"{'above' if one.interval[0] > _CHANCE else 'not better than'} chance ({_CHANCE})"


def baseline_interval(one: UnitBaselineRecord) -> Interval:
    """Return the interval of a baseline; none where it is from a record that does not say what was drawn."""
    return NO_INTERVAL if one.interval is None or one.resampled is None else Interval(*one.interval)


def why_no_interval(scores: UnitScores) -> str:
    """Return why the mean AUC has no interval."""
    if math.isnan(scores.mean_auc):
        return "not defined"
    if scores.n >= LEAST_CLUSTERS:
        return "no interval: all resamples give the same"
    return f"no interval: too few, {SEQUENCE.counted(scores.n)} of {counted(scores.n_subjects, 'person', 'people')}"


def units_banner(scores: UnitScores, found: UnitBaselinesRecord | None) -> str:
    """Return what a reader must know first where a baseline reaches the interval of the model; else empty.

    Where there are too few people for an interval about new ones, that is it.
    """
    measured = [] if found is None else [one for one in found.baselines if one.mean_auc is not None]
    if measured and scores.resampled == "sequence":
        best = max(measured, key=_mean_auc)
        who = f"{counted(scores.n_subjects, 'person', 'people')} {agreeing(scores.n_subjects, 'was', 'were')}"
        return (
            f"Whether the model is better than a {all_kinds(SEQUENCE)} cannot be told: {who} tested, and with fewer "
            f"than {LEAST_SUBJECTS} no interval is about new people. The best, {named(best.name)} "
            f"({best.about}), reaches a mean AUC of {best.mean_auc:.3f}, the model {scores.mean_auc:.3f}."
        )
    # without an interval all resamples give this same mean
    low = scores.interval.low if is_known(scores.interval) else scores.mean_auc
    as_good = [one for one in measured if not _mean_auc(one) < low]
    if not as_good:
        return ""
    # a mean picture may show the units, so it says nothing against the model, but all against motion
    others = [one for one in as_good if one.name != MEAN_PICTURE]
    best = max(others or as_good, key=_mean_auc)
    return (
        f"This result shows nothing yet{'' if others else ' about motion'}: a {kind_of(best.name)}, "
        f"{named(best.name)} ({best.about}), reaches a mean AUC of "
        f"{best.mean_auc:.3f} on the same test sequences, the model {scores.mean_auc:.3f}: within the confidence "
        "interval of the model or above it."
    )


def _mean_auc(one: UnitBaselineRecord) -> float:
    return 0.0 if one.mean_auc is None else one.mean_auc


def units_csv(scores: UnitScores) -> str:
    """Return the table of units as the text of a CSV file."""
    columns = ("unit", "name", "positives", "prevalence", "auc", "low", "high", "f1", "f1_always")
    rows = (
        (one.unit, unit_name(one.unit), one.n_positives, one.prevalence, one.auc, *one.interval, one.f1, one.f1_always)
        for one in scores.units
    )
    return csv_text(columns, rows)


def units_tree(
    scores: UnitScores, intensities: Sequence[IntensityScore], found: UnitBaselinesRecord | None = None
) -> dict[str, Any]:
    """Return the scores, and those of baselines, as plain values, ready for JSON; one that is not defined is None."""
    return {
        "mean_auc": _known(scores.mean_auc),
        "mean_auc_interval": {
            "confidence": scores.confidence,
            "method": f"bootstrap by {scores.resampled}",
            "about_new_people": scores.resampled == "subject",
            "low": _known(scores.interval.low),
            "high": _known(scores.interval.high),
        },
        "mean_f1": _known(scores.mean_f1),
        "n_test": scores.n,
        "n_subjects": scores.n_subjects,
        "seeds": scores.n_seeds,
        "units": {one.unit: _tree(one) for one in scores.units},
        "baselines": [] if found is None else [one.model_dump(mode="json") for one in found.baselines],
        "intensities": [{**one._asdict(), "interval": list(map(_known, one.interval))} for one in intensities],
    }


def units_json(
    scores: UnitScores, intensities: Sequence[IntensityScore], found: UnitBaselinesRecord | None = None
) -> str:
    """Return `units_tree` as the text of a JSON file."""
    return json.dumps(units_tree(scores, intensities, found), indent=2) + "\n"


def _tree(one: UnitScore) -> dict[str, Any]:
    return {
        "name": unit_name(one.unit),
        "positives": one.n_positives,
        "prevalence": one.prevalence,
        "auc": _known(one.auc),
        "auc_interval": {"low": _known(one.interval.low), "high": _known(one.interval.high)},
        "f1": one.f1,
        "f1_always": one.f1_always,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def draw_units(scores: UnitScores) -> bytes:
    """Draw the AUC of each unit with its interval, and beside it F1 and the F1 of always predicting the unit.

    Returns
    -------
    bytes
        A PNG file.
    """
    k = len(scores.units)
    places = np.arange(k)
    with house_style():
        figure = Figure(figsize=(9.2, 1.3 + 0.27 * k))
        left, right = figure.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.08, "width_ratios": (3, 2)})
        for place, one in zip(places, scores.units, strict=True):
            left.plot(one.interval, (place, place), color=ACCENT, linewidth=2, alpha=0.45, solid_capstyle="round")
        left.plot([one.auc for one in scores.units], places, "o", color=ACCENT, markersize=5)
        left.axvline(0.5, color=SOFT, linewidth=0.8)
        left.axvline(scores.mean_auc, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        lowest = min([0.5, *(one.interval.low for one in scores.units if not math.isnan(one.interval.low))])
        left.set_xlim(max(0.0, lowest - 0.05), 1.02)
        ends = f"{percent(scores.confidence)} interval by {scores.resampled}"
        left.set_title(f"AUC, {ends}; mean {scores.mean_auc:.2f}")
        left.set_xlabel("0.5 is chance; dashed: the mean")
        left.set_yticks(places, [f"AU {one.unit}  {unit_name(one.unit)} ({one.n_positives})" for one in scores.units])
        left.set_ylim(k - 0.5, -0.5)
        right.barh(places, [one.f1 for one in scores.units], height=0.5, color=ACCENT)
        always = [one.f1_always for one in scores.units]
        right.plot(always, places, "|", color=INK, markersize=11, markeredgewidth=1.4)
        right.set_xlim(0, 1)
        right.set_title("F1 at probability 0.5")
        right.set_xlabel("line: F1 of always predicting the unit")
        right.tick_params(left=False)
        for axes in (left, right):
            axes.grid(axis="x", color=LINE, linewidth=0.6)
            axes.set_axisbelow(True)
            axes.spines["left"].set_color(FAINT)
        return png(figure)
