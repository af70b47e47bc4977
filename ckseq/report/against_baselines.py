"""Whether a model is better than baselines without pixels or motion, by the paired test that decides everywhere."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ckseq.defaults import PERMUTATIONS
from ckseq.grammar import agreeing
from ckseq.protocol.comparison import Difference, compare
from ckseq.protocol.leakage import MEAN_PICTURE
from ckseq.protocol.score import Scores
from ckseq.recording import known_subjects
from ckseq.report.uncertainty import named_test
from ckseq.report.wording import Noun
from ckseq.storage.predictions import Predictions, share_correct
from ckseq.storage.run_record import RuleRecord, RunRecord


class AsGood(NamedTuple):
    """A baseline that the model is not significantly better than.

    ``difference`` is that of the model to it; None where the record, of an earlier version, lacks its predictions.
    """

    baseline: RuleRecord
    difference: Difference | None


def as_good_baselines(run: RunRecord, predictions: Predictions, scores: Scores) -> tuple[AsGood, ...]:
    """Return the baselines without pixels or motion that are as good as the model, the best first.

    The model has to be better than each of them, so the p-values need no correction for their number (an
    intersection-union test; Berger 1982, Technometrics 24). Where a record lacks the predictions of a baseline, it
    counts as equally good if its accuracy is within the interval of the model's, or above it.

    Parameters
    ----------
    run : RunRecord
    predictions : Predictions
        Of that run.
    scores : Scores
        Of these predictions.
    """
    if run.leakage is None:
        return ()
    found = []
    for baseline in (*run.leakage.rules, *run.leakage.pictures):
        difference = _difference(run, predictions, baseline, scores.confidence)
        if difference is None:
            better = baseline.accuracy < scores.interval.low
        else:
            better = difference.difference > 0 and difference.p_value < 1 - scores.confidence
        if not better:
            found.append(AsGood(baseline, difference))
    return tuple(sorted(found, key=lambda one: -one.baseline.accuracy))


def _difference(run: RunRecord, predictions: Predictions, baseline: RuleRecord, confidence: float) -> Difference | None:
    """Compare the predictions of the model with those of a baseline on the same sequences."""
    tested, answers = [id for fold in run.folds for id in fold.test], predictions.by_recording()
    if len(baseline.hits) != len(tested) or set(tested) != set(answers):
        return None
    return compare(
        np.array([hit == "1" for hit in baseline.hits], float),
        np.array([share_correct(answers[id]) for id in tested]),
        known_subjects((answers[id][0].subject, id) for id in tested),
        n_draws=PERMUTATIONS,
        confidence=confidence,
        rng=np.random.default_rng(0),
    )


def banner(as_good: tuple[AsGood, ...], scores: Scores, noun: Noun) -> str:
    """Return what a reader must know first where a baseline is as good as the model; empty where none is."""
    if not as_good:
        return ""
    # a mean picture may show the expression, so it says nothing against the classes, but all against motion
    others = [one for one in as_good if one.baseline.name != MEAN_PICTURE]
    one = (others or list(as_good))[0]
    about = "" if others else " about motion"
    more = [f"{other.baseline.name} ({other.baseline.accuracy:.3f})" for other in as_good if other is not one]
    also = f" As good as the model {agreeing(len(more), 'is', 'are')} also {', '.join(more)}." if more else ""
    return (
        f"This result shows nothing yet{about}: a baseline without {'pixels or motion' if others else 'motion'}, "
        f"{one.baseline.name} ({one.baseline.about}), reaches {one.baseline.accuracy:.3f} on the same test "
        f"{noun.many}, the model {scores.accuracy:.3f}: {_tested(one)}.{also}"
    )


def _tested(one: AsGood) -> str:
    if one.difference is None:
        return "within the confidence interval of the model or above it"
    difference = one.difference
    if difference.difference <= 0:
        return "the model is not better"
    return f"the model is not significantly better ({named_test(difference)})"
