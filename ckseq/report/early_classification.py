"""How early an answer can be given: the picture, and what to say of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ckseq.protocol.early_classification import (
    PrefixProbabilities,
    Stops,
    accuracy_by_share,
    measured,
    stop_threshold,
    wrong_scores,
)
from ckseq.protocol.score import wilson_interval
from ckseq.report.style import ACCENT, FAINT, LINE, SOFT, WARM, house_style, png

ERROR_RATES = (0.05, 0.1, 0.2)


class Rule(NamedTuple):
    """A stop rule: the rate of errors it promises, its threshold, and what was measured of it, person by person."""

    error_rate: float
    threshold: float
    measured: Stops


def rules_of(prefix_predictions: PrefixProbabilities) -> tuple[Rule, ...]:
    """Return the rule for each of `ERROR_RATES`; the same prefix_predictions, the same figures."""
    scores = wrong_scores(prefix_predictions)
    return tuple(
        Rule(
            rate,
            stop_threshold(scores, prefix_predictions.subjects, error_rate=rate),
            measured(prefix_predictions, error_rate=rate),
        )
        for rate in ERROR_RATES
    )


def sentences(prefix_predictions: PrefixProbabilities, rules: Sequence[Rule]) -> list[str]:
    """Say in plain words how early the answers come and what the rules promise."""
    accuracy = accuracy_by_share(prefix_predictions)
    final = accuracy[-1]
    enough = float(prefix_predictions.shares[np.argmax(accuracy >= 0.95 * final)])
    said = [
        f"After {_percent(enough)} of a sequence the accuracy is {accuracy[np.argmax(accuracy >= 0.95 * final)]:.2f}, "
        f"at the end {final:.2f}."
    ]
    for rule in rules:
        if math.isinf(rule.threshold):
            n = len(set(prefix_predictions.subjects))
            said.append(f"At {_percent(rule.error_rate)} errors no rule can be given: {n} people are too few to tell.")
            continue
        found = rule.measured
        said.append(
            f"Stop above a probability of {rule.threshold:.3f}: wrong for at most {_percent(rule.error_rate)} of "
            f"sequences of new people. Measured on each person by the rule of the others: {_percent(found.wrong)} "
            f"stopped wrongly, {_percent(found.stopped)} stopped at all, {_percent(found.seen)} of a sequence seen."
        )
    return said


def draw_early(
    prefix_predictions: PrefixProbabilities, rules: Sequence[Rule], *, confidence: float, repeats: int
) -> bytes:
    """Draw the accuracy over the share seen, with Wilson intervals, above when each rule would have stopped.

    Parameters
    ----------
    prefix_predictions : PrefixProbabilities
    rules : sequence of Rule
    confidence : float
        Of the intervals.
    repeats : int
        How often each sequence was answered for; an interval counts it once.

    Returns
    -------
    bytes
        A PNG file.
    """
    accuracy, n = accuracy_by_share(prefix_predictions), len(prefix_predictions.truth) / repeats
    with house_style():
        figure = Figure(figsize=(5.6, 4.6))
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.5), gridspec_kw={"hspace": 0.14})
        ends = np.array([wilson_interval(value * n, n, confidence=confidence) for value in accuracy])
        axes.fill_between(prefix_predictions.shares, *ends.T, color=ACCENT, alpha=0.15, linewidth=0)
        axes.plot(prefix_predictions.shares, accuracy, "o-", color=ACCENT, markersize=4, linewidth=1.4)
        axes.axhline(1 / len(prefix_predictions.labels), color=FAINT, linewidth=1, linestyle=(0, (3, 2)))
        axes.text(
            0.995, 1 / len(prefix_predictions.labels) + 0.015, "chance", color=SOFT, fontsize=8, ha="right", va="bottom"
        )
        axes.set(ylim=(0, 1.02), xlim=(0, 1.02))
        axes.set_ylabel("named rightly")
        axes.set_title("How early the answer is right, and sure", weight="bold", fontsize=11)
        axes.grid(color=LINE, linewidth=0.6)
        for rule, color in zip(rules, (WARM, ACCENT, SOFT), strict=False):
            if not math.isinf(rule.threshold):
                stopped = _stopped_by(prefix_predictions, rule.threshold)
                label = f"at most {_percent(rule.error_rate)} errors"
                below.step(prefix_predictions.shares, stopped, where="post", color=color, linewidth=1.4, label=label)
        below.set(ylim=(0, 1.02))
        below.set_ylabel("sure by then")
        below.set_xlabel("share of the sequence seen")
        below.grid(color=LINE, linewidth=0.6)
        below.xaxis.set_major_formatter(PercentFormatter(1))
        if below.get_lines():
            below.legend(frameon=False, fontsize=8, loc="upper left")
        else:
            below.text(0.5, 0.5, "too few people for a rule", color=SOFT, ha="center", va="center")
        figure.align_ylabels()
        return png(figure)


def _stopped_by(prefix_predictions: PrefixProbabilities, threshold: float) -> list[float]:
    """Return the share of sequences at which a rule has stopped after each share seen."""
    above = prefix_predictions.probabilities.max(axis=2) > threshold
    stopped: list[float] = np.logical_or.accumulate(above, axis=1).mean(axis=0).tolist()
    return stopped


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
