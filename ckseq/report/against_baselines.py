"""Whether a model is better than baselines without motion: one rule for the console, the page and JSON.

Of the baselines some see no pixel (pixel-free: the most frequent class, the length of a sequence), others a single
picture of a sequence. None sees motion.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from ckseq.defaults import CONFIDENCE, PERMUTATIONS
from ckseq.grammar import agreeing, counted
from ckseq.protocol.comparison import Difference, compare, least_p_value
from ckseq.protocol.leakage import FIRST_FRAME, MEAN_PICTURE, PRIOR
from ckseq.protocol.score import Scores
from ckseq.recording import known_subjects
from ckseq.report.uncertainty import named_test
from ckseq.report.wording import IMAGE, Noun
from ckseq.storage.predictions import Predictions, share_correct
from ckseq.storage.run_record import RuleRecord, RunRecord

Outcome = Literal["better", "as_good", "cannot_tell"]
"""The model is better than every baseline; one is as good; or there are too few people for any test to tell."""


class Against(NamedTuple):
    """A baseline, and the difference of the model to it; None where an earlier record lacks its predictions."""

    baseline: RuleRecord
    difference: Difference | None


class Verdict(NamedTuple):
    """What a run shows against its baselines.

    Parameters
    ----------
    outcome : str
    baselines : tuple of Against
        Those that the model is not shown to be better than, the best first.
    n_units : int
        Number of people that were tested, or of sequences where people are unknown.
    by_people : bool
        Whether that is of people.
    """

    outcome: Outcome
    baselines: tuple[Against, ...]
    n_units: int
    by_people: bool

    @property
    def as_good(self) -> tuple[str, ...]:
        """The names of the baselines that are as good as the model."""
        return tuple(one.baseline.name for one in self.baselines) if self.outcome == "as_good" else ()


def too_few(n_units: int, *, confidence: float) -> bool:
    """Return whether a paired test over so many people or sequences cannot be significant, whatever its data.

    >>> too_few(5, confidence=0.95), too_few(6, confidence=0.95)
    (True, False)
    """
    return least_p_value(n_units) >= 1 - confidence


def judged(run: RunRecord, predictions: Predictions, scores: Scores) -> Verdict | None:
    """Compare a model with its baselines; None where the run records none.

    It cannot be told where `too_few` people were tested. Else the model has to be better than each baseline by the
    paired test, so the p-values need no correction for their number (an intersection-union test; Berger 1982,
    Technometrics 24). Where a record lacks the predictions of a baseline, it counts as equally good if its accuracy is
    within the interval of the model's, or above it.

    Parameters
    ----------
    run : RunRecord
    predictions : Predictions
        Of that run.
    scores : Scores
        Of these predictions.
    """
    if run.leakage is None:
        return None
    subjects = predictions.subjects
    n_units = scores.n // scores.repeats if subjects is None else len(set(subjects))
    blind = too_few(n_units, confidence=scores.confidence)
    found = []
    for baseline in (*run.leakage.rules, *run.leakage.pictures):
        difference = _difference(run, predictions, baseline, scores.confidence)
        if difference is None:
            better = baseline.accuracy < scores.interval.low
        else:
            better = difference.difference > 0 and difference.p_value < 1 - scores.confidence
        if blind or not better:
            found.append(Against(baseline, difference))
    outcome: Outcome = "cannot_tell" if blind else "as_good" if found else "better"
    ordered = tuple(sorted(found, key=lambda one: -one.baseline.accuracy))
    return Verdict(outcome, ordered, n_units, subjects is not None)


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


def no_doubts(verdict: Verdict | None) -> str:
    """Return why a model's doubts of labels say nothing: it is not shown to be better than the class prior."""
    if verdict is None or PRIOR not in [one.baseline.name for one in verdict.baselines]:
        return ""
    how = "cannot be told to be" if verdict.outcome == "cannot_tell" else "is not"
    return (
        f"Not looked for: the model {how} better than the class prior, so where it contradicts a label, "
        "the error is most likely its own."
    )


def kind_of(name: str) -> str:
    """Return what a baseline is: one of a single picture sees pixels, but no motion.

    >>> kind_of("sequence length"), kind_of("first frame")
    ('pixel-free baseline', 'baseline without motion')
    """
    return "baseline without motion" if name in (FIRST_FRAME, MEAN_PICTURE) else "pixel-free baseline"


def named(name: str) -> str:
    """Return the name of a baseline in a sentence.

    >>> named("sequence length"), named("first frame")
    ('sequence length', 'first frame alone')
    """
    return f"{name} alone" if name in (FIRST_FRAME, MEAN_PICTURE) else name


def all_kinds(noun: Noun, *, many: bool = False) -> str:
    """Return what all baselines of a run are, one or many: of images, which do not move, those without pixels.

    >>> all_kinds(IMAGE, many=True)
    'pixel-free baselines'
    """
    kind = "pixel-free baseline" if noun == IMAGE else "baseline without motion"
    return kind.replace("baseline", "baselines") if many else kind


def banner(verdict: Verdict | None, scores: Scores, noun: Noun) -> str:
    """Return what a reader must know first unless the model is better than every baseline; else empty."""
    if verdict is None or not verdict.baselines:
        return ""
    # a mean picture may show the expression, so it says nothing against the classes, but all against motion
    others = [one for one in verdict.baselines if one.baseline.name != MEAN_PICTURE]
    one = (others or list(verdict.baselines))[0]
    name = one.baseline.name
    reached = (
        f"{named(name)} ({one.baseline.about}), reaches {one.baseline.accuracy:.3f} on the same test {noun.many}, "
        f"the model {scores.accuracy:.3f}"
    )
    if verdict.outcome == "cannot_tell":
        nothing = cannot_tell(verdict.n_units, noun, by_people=verdict.by_people, kind=all_kinds(noun))
        return f"{nothing} The best, {reached}."
    about = "" if others else " about motion"
    more = [f"{named(o.baseline.name)} ({o.baseline.accuracy:.3f})" for o in verdict.baselines if o is not one]
    also = f" As good as the model {agreeing(len(more), 'is', 'are')} also {', '.join(more)}." if more else ""
    return f"This result shows nothing yet{about}: a {kind_of(name)}, {reached}: {_tested(one)}.{also}"


def cannot_tell(n_units: int, noun: Noun, *, by_people: bool, kind: str) -> str:
    """Return that so few people or sequences cannot tell whether a model is better than a kind of baselines.

    >>> print(cannot_tell(2, IMAGE, by_people=True, kind="pixel-free baseline"))
    Whether the model is better than a pixel-free baseline cannot be told: 2 people were tested, and with fewer than 6 \
no paired test reaches p < 0.05.
    """
    who = counted(n_units, "person", "people") if by_people else noun.counted(n_units)
    least = next(n for n in range(1, 99) if not too_few(n, confidence=CONFIDENCE))
    return (
        f"Whether the model is better than a {kind} cannot be told: {who} {agreeing(n_units, 'was', 'were')} tested, "
        f"and with fewer than {least} no paired test reaches p < {1 - CONFIDENCE:.2f}."
    )


def _tested(one: Against) -> str:
    if one.difference is None:
        return "within the confidence interval of the model or above it"
    difference = one.difference
    if difference.difference <= 0:
        return "the model is not better"
    return f"the model is not significantly better ({named_test(difference)})"
