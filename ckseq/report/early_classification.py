"""Early classification: the figure, and the sentences on its stopping rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ckseq.grammar import agreeing, counted
from ckseq.protocol.early_classification import (
    PrefixProbabilities,
    StoppingResult,
    accuracy_by_share,
    correct_by_share,
    cross_validated,
    nonconformity,
    stop_threshold,
)
from ckseq.protocol.intervals import accuracy_interval
from ckseq.report.style import ACCENT, FAINT, LINE, SOFT, WARM, house_style, png

ERROR_RATES = (0.05, 0.1, 0.2)


class Rule(NamedTuple):
    """A stopping rule: its error rate, its probability threshold, and its leave-one-subject-out result."""

    error_rate: float
    threshold: float
    measured: StoppingResult


def rules_of(prefix_predictions: PrefixProbabilities) -> tuple[Rule, ...]:
    """Return the stopping rule for each of `ERROR_RATES`."""
    scores = nonconformity(prefix_predictions)
    return tuple(
        Rule(
            rate,
            stop_threshold(scores, prefix_predictions.subjects, error_rate=rate),
            cross_validated(prefix_predictions, error_rate=rate),
        )
        for rate in ERROR_RATES
    )


def sentences(
    prefix_predictions: PrefixProbabilities, rules: Sequence[Rule], *, known_subjects: bool = True
) -> list[str]:
    """Return sentences on the accuracy over the observed share and on the stopping rules.

    Where subjects are unknown, an error rate holds for other people only if no two sequences are of one person.
    """
    unit = "subject" if known_subjects else "sequence"
    of_whom = "of new people" if known_subjects else "like these, if no two are of one person (subjects are unknown)"
    accuracy = accuracy_by_share(prefix_predictions)
    final = accuracy[-1]
    enough = float(prefix_predictions.shares[np.argmax(accuracy >= 0.95 * final)])
    if enough < 1:
        early = accuracy[np.argmax(accuracy >= 0.95 * final)]
        lines = [f"After {_percent(enough)} of a sequence the accuracy is {early:.2f}, after all of it {final:.2f}."]
        if f"{early:.2f}" == f"{final:.2f}":
            lines = [f"The accuracy reaches its final {final:.2f} after {_percent(enough)} of a sequence."]
    else:
        lines = [f"The accuracy comes near its final {final:.2f} only at the end of the sequences."]
    for rule in rules:
        if math.isinf(rule.threshold):
            n = len(set(prefix_predictions.subjects))
            few = f"{counted(n, unit)} {agreeing(n, 'is', 'are')} too few"
            lines.append(f"There is no stopping rule for an error rate of {_percent(rule.error_rate)}: {few}.")
            continue
        found = rule.measured
        lines.append(
            f"Stopping above a probability of {rule.threshold:.3f} gives an error rate of at most "
            f"{_percent(rule.error_rate)} on sequences {of_whom}. Measured with each {unit} left out in turn: "
            f"{_percent(found.wrong)} of the sequences stopped with a wrong class, {_percent(found.stopped)} stopped "
            f"at all, {_percent(found.seen)} of a sequence observed on average."
        )
    return lines


def draw_early(
    prefix_predictions: PrefixProbabilities,
    rules: Sequence[Rule],
    *,
    confidence: float,
    repeats: int,
    known_subjects: bool = True,
) -> bytes:
    """Draw the accuracy over the observed share, with its intervals, and below it when each rule stops.

    Parameters
    ----------
    prefix_predictions : PrefixProbabilities
    rules : sequence of Rule
    confidence : float
        Confidence level of the intervals.
    repeats : int
        Number of predictions per sequence (seeds); an interval counts a sequence once.
    known_subjects : bool
        Whether the subjects are known; if not, an interval takes every sequence for independent.

    Returns
    -------
    bytes
        A PNG file.
    """
    accuracy = accuracy_by_share(prefix_predictions)
    with house_style():
        figure = Figure(figsize=(5.6, 4.6))
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.5), gridspec_kw={"hspace": 0.14})
        subjects = prefix_predictions.subjects if known_subjects else None
        ends = np.array(
            [
                accuracy_interval(right, subjects, repeats=repeats, confidence=confidence)[0]
                for right in correct_by_share(prefix_predictions).T
            ]
        )
        axes.fill_between(prefix_predictions.shares, *ends.T, color=ACCENT, alpha=0.15, linewidth=0)
        axes.plot(prefix_predictions.shares, accuracy, "o-", color=ACCENT, markersize=4, linewidth=1.4)
        axes.axhline(1 / len(prefix_predictions.labels), color=FAINT, linewidth=1, linestyle=(0, (3, 2)))
        axes.text(
            0.995, 1 / len(prefix_predictions.labels) + 0.015, "chance", color=SOFT, fontsize=8, ha="right", va="bottom"
        )
        axes.set(ylim=(0, 1.02), xlim=(0, 1.02))
        axes.set_ylabel("accuracy")
        axes.set_title("Early classification", weight="bold", fontsize=11)
        axes.grid(color=LINE, linewidth=0.6)
        for rule, color in zip(rules, (WARM, ACCENT, SOFT), strict=False):
            if not math.isinf(rule.threshold):
                stopped = _stopped_by(prefix_predictions, rule.threshold)
                label = f"error rate at most {_percent(rule.error_rate)}"
                below.step(prefix_predictions.shares, stopped, where="post", color=color, linewidth=1.4, label=label)
        below.set(ylim=(0, 1.02))
        below.set_ylabel("stopped")
        below.set_xlabel("observed share of the sequence")
        below.grid(color=LINE, linewidth=0.6)
        below.xaxis.set_major_formatter(PercentFormatter(1))
        if below.get_lines():
            below.legend(frameon=False, fontsize=8, loc="upper left")
        else:
            below.text(0.5, 0.5, "too few subjects for a stopping rule", color=SOFT, ha="center", va="center")
        figure.align_ylabels()
        return png(figure)


def _stopped_by(prefix_predictions: PrefixProbabilities, threshold: float) -> list[float]:
    """Return the share of sequences for which a rule has stopped, by observed share."""
    above = prefix_predictions.probabilities.max(axis=2) > threshold
    stopped: list[float] = np.logical_or.accumulate(above, axis=1).mean(axis=0).tolist()
    return stopped


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
