"""The wording of a report: nouns, numbers, and sentences on what a run shows and what it does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ckseq.protocol.leakage import FIRST_FRAME, MEAN_PICTURE
from ckseq.protocol.score import Interval, Scores, wilson_interval
from ckseq.storage.run_record import LeakageRecord, RuleRecord, RunRecord


class Noun(NamedTuple):
    """What one sample of a run is called, and several of them."""

    one: str
    many: str

    def counted(self, n: int) -> str:
        """Return the number with the noun.

        >>> SEQUENCE.counted(1), IMAGE.counted(2)
        ('1 sequence', '2 images')
        """
        return f"{n} {self.one if n == 1 else self.many}"

    def reworded(self, sentence: str) -> str:
        """Return a sentence about sequences with this noun instead; call it before names are filled in.

        >>> IMAGE.reworded("1 sequence of 20 test sequences")
        '1 image of 20 test images'
        """
        return re.sub(r"\bsequence(s?)\b", lambda found: self.many if found[1] else self.one, sentence)


SEQUENCE = Noun("sequence", "sequences")
IMAGE = Noun("image", "images")


def noun_for(*, kind: str, length_frames: int | str) -> Noun:
    """Return the noun for an experiment's samples, from its ``input`` and its ``sequence.length_frames``."""
    return IMAGE if kind in ("crops", "features") and length_frames == 1 else SEQUENCE


def noun_of(run: RunRecord) -> Noun:
    """Return the noun for a run's samples."""
    return noun_for(kind=run.value("input") or "", length_frames=run.value("sequence.length_frames") or "")


def percent(rate: float) -> str:
    """Return a rate in percent.

    >>> percent(0.95)
    '95 %'
    """
    return f"{100 * rate:.4g} %"


def between(interval: Interval) -> str:
    """Return an interval in words.

    >>> between(Interval(0.75, 0.948))
    '0.75 to 0.95'
    """
    return f"{interval.low:.2f} to {interval.high:.2f}"


def counted(scores: Scores, noun: Noun = SEQUENCE) -> str:
    """Return how many predictions were correct, as ``37 of 42 test sequences``, or over how many seeds."""
    if scores.repeats == 1:
        return f"{scores.n_correct} of {scores.n} test {noun.many}"
    return f"{scores.n // scores.repeats} test {noun.many}, mean of {scores.repeats} seeds"


@dataclass(frozen=True)
class Rate:
    """An accuracy to compare with: its name, value, confidence interval where known, and a remark."""

    name: str
    value: float
    interval: Interval | None
    remark: str


def rates(run: RunRecord, scores: Scores) -> tuple[Rate, ...]:
    """Return this run's accuracy, the published one where the recipe names one, and the majority-class baseline."""
    ours = Rate("this run", scores.accuracy, scores.interval, counted(scores, noun_of(run)))
    most = [
        label
        for label, n in zip(scores.labels, scores.per_class.support, strict=True)
        if n / scores.n == scores.majority
    ]
    baseline = Rate("majority-class baseline", scores.majority, None, f"always predicting {most[0]}")
    theirs = _published(run, scores)
    return (ours, theirs, baseline) if theirs else (ours, baseline)


def _published(run: RunRecord, scores: Scores) -> Rate | None:
    published = run.value("published") or {}
    accuracy, n_test = published.get("accuracy"), published.get("n_test")
    if not isinstance(accuracy, int | float) or not 0 <= accuracy <= 1:
        return None
    interval, on = None, ""
    if isinstance(n_test, int) and n_test > 0:
        interval = wilson_interval(round(accuracy * n_test), n_test, confidence=scores.confidence)
        on = f"on {n_test} test {noun_of(run).many}, "
    source = f": {published['source']}" if published.get("source") else ""
    return Rate(
        "published result", float(accuracy), interval, f"{on}reported by others on their data, not reproduced{source}"
    )


def headline(run: RunRecord, scores: Scores) -> str:
    """Return the accuracy beside what it must be compared with: the best pixel-free baseline and shared subjects.

    For example ``accuracy 0.881 (0.75 to 0.95) · best pixel-free baseline 0.319 · 53 % of test sequences show a subject
    seen in training``.
    """
    noun = noun_of(run)
    parts = [f"accuracy {scores.accuracy:.3f} ({between(scores.interval)})"]
    leakage = run.leakage
    if leakage:
        parts.append(f"best pixel-free baseline {leakage.rule(leakage.best_rule).accuracy:.3f}")
        if first := _significant_picture(leakage, FIRST_FRAME):
            parts.append(f"the first frame alone, without any motion, reaches {first.accuracy:.3f}")
    if run.ready_made:
        parts.append("a ready-made model, not trained on these people")
    elif leakage:
        parts.append(
            f"{_share(leakage.test_sequences_of_shared_subjects, leakage.n_test, noun)} show a subject seen in training"
        )
        duplicates = leakage.n_duplicates + leakage.n_near_duplicates
        if duplicates:
            parts.append(f"{_times(duplicates, 'pair')} of near-duplicate test and training {noun.many}")
    elif run.protocol.test_sequences_of_shared_subjects is not None:
        shared = _share(run.protocol.test_sequences_of_shared_subjects, run.protocol.n_test, noun)
        parts.append(f"{shared} show a subject seen in training")
    return " · ".join(parts)


def _share(n_shared: int, n_test: int, noun: Noun) -> str:
    share = 100 * n_shared / max(1, n_test)
    # a few must not be rounded to none
    return f"{'under 1' if 0 < share < 0.5 else f'{share:.0f}'} % of test {noun.many}"


def leak_sentences(leakage: LeakageRecord, noun: Noun = SEQUENCE) -> list[str]:
    """Return sentences on what training and test set share, and on the accuracy that is reached without pixels."""
    n, n_shared = leakage.n_test, leakage.test_sequences_of_shared_subjects
    sentences = [
        f"{n_shared} of {n} test {noun.many} show a subject seen in training"
        if n_shared
        else "no test subject is in training"
    ]
    if sessions := leakage.test_sequences_of_shared_sessions:
        sentences.append(f"{sessions} of {n} test {noun.many} are of a session that is also in training")
    alike = (
        (leakage.n_duplicates, leakage.duplicates, "the same frames"),
        (leakage.n_near_duplicates, leakage.near_duplicates, "nearly the same first and last faces"),
    )
    for count, pairs, what in alike:
        if count:
            first = pairs[0]
            sentences.append(
                f"{_times(count, 'pair')} of a test and a training {noun.one} {_have(count)} {what}, "
                f"such as {first.test} and {first.train}"
            )
    if not leakage.n_duplicates + leakage.n_near_duplicates:
        sentences.append(f"no test {noun.one} is a copy of a training {noun.one}")
    best = leakage.rule(leakage.best_rule)
    prior = next(rule for rule in leakage.rules if rule.p_value is None)
    if _is_significant(best):
        sentences.append(
            f"{best.name} alone ({best.about}) classifies {best.accuracy:.3f} of the test {noun.many} "
            f"correctly, always predicting the most frequent class {prior.accuracy:.3f}: "
            "the data leak information about the class"
        )
    else:
        sentences.append(
            "no pixel-free baseline is significantly better than always predicting the most frequent class "
            f"({prior.accuracy:.3f}); the best is {best.name} ({best.accuracy:.3f})"
        )
    return sentences + _picture_sentences(leakage)


def _picture_sentences(leakage: LeakageRecord) -> list[str]:
    """Return sentences on what is reached without motion, and on how to read it."""
    sentences = []
    for rule in leakage.pictures:
        if not _is_significant(rule):
            sentences.append(
                f"the {rule.name} alone ({rule.accuracy:.3f}) is not significantly better than always predicting the "
                "most frequent class"
            )
        elif rule.name == FIRST_FRAME:
            sentences.append(_tied(rule, leakage))
        else:
            sentences.append(
                f"the {rule.name} alone, without any motion, reaches {rule.accuracy:.3f}: a still picture is enough "
                "for that, and no accuracy up to it shows that motion is used; where the expression is visible in the "
                "picture, this is no leak"
            )
    return sentences + [f"not measured: {reason}; prepare it again to measure it" for reason in leakage.unmeasured]


def _tied(first: RuleRecord, leakage: LeakageRecord) -> str:
    """Return what it means that the first frame is enough: nothing has moved yet, and the class is known."""
    to = "light, place, session" + (", person" if leakage.test_sequences_of_shared_subjects else "")
    return (
        f"the first frame alone, without any motion, reaches {first.accuracy:.3f}: the class is tied to the recording "
        f"({to}) or visible from the start, and no accuracy up to that shows that motion is used"
    )


def _significant_picture(leakage: LeakageRecord | None, name: str) -> RuleRecord | None:
    rule = None if leakage is None else leakage.picture(name)
    return rule if rule is not None and _is_significant(rule) else None


def _is_significant(rule: RuleRecord) -> bool:
    return rule.p_value is not None and rule.p_value < SIGNIFICANT


# a baseline is called better than the class prior where the p-value (McNemar) is below this
SIGNIFICANT = 0.01


def _times(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _have(n: int) -> str:
    return "has" if n == 1 else "have"


def shares_subjects(run: RunRecord) -> bool:
    """Return whether some test subject is also in training; nobody is where the model is ready-made."""
    return bool(run.protocol.shared_subjects) and not run.ready_made


def subject_independent(run: RunRecord) -> bool | None:
    """Return whether no test subject is in training, or None where the run does not record it."""
    n_shared = run.protocol.test_sequences_of_shared_subjects
    return None if n_shared is None else n_shared == 0


def shows(scores: Scores, noun: Noun = SEQUENCE, *, ready_made: bool = False) -> list[str]:
    """Return what may be concluded from the scores; a ready-made model learned nothing in the run."""
    n = scores.n // scores.repeats
    what = f"test {noun.many}"
    what = what if scores.repeats == 1 else f"predictions, {scores.repeats} for each of {n} {what}"
    sentences = [
        f"{scores.n_correct} of {scores.n} {what} are correct. With {n} {noun.many}, the true accuracy on {noun.many} "
        f"like these may lie anywhere from {between(scores.interval)} "
        f"({percent(scores.confidence)} confidence interval)."
    ]
    if scores.interval.low > scores.majority:
        sentences.append(
            f"The accuracy is higher than that of always predicting the most frequent class ({scores.majority:.2f}): "
            + (
                "what the ready-made model knows carries over to these data."
                if ready_made
                else "the model learned something that generalizes to the test set."
            )
        )
    else:
        sentences.append(
            "The interval includes the accuracy of always predicting the most frequent class "
            f"({scores.majority:.2f}): these results do not show that the model "
            + ("tells these classes apart." if ready_made else "learned anything.")
        )
    sentences += _weakest(scores)
    return sentences


def _weakest(scores: Scores) -> list[str]:
    tested = [i for i, support in enumerate(scores.per_class.support) if support]
    i = min(tested, key=lambda i: scores.per_class.recall[i])
    n_correct, support = int(scores.matrix[i, i]), int(scores.per_class.support[i])
    if n_correct == support:
        return []
    mistakes = scores.matrix[i].copy()
    mistakes[i] = 0
    other = scores.labels[int(mistakes.argmax())]
    return [
        f"The class with the lowest recall is {scores.labels[i]}: {n_correct} of {support} correct, "
        f"{'most often ' if mistakes.sum() > 1 else ''}confused with {other}."
    ]


def does_not_show(run: RunRecord, scores: Scores) -> list[str]:
    """Return what must not be concluded from the scores."""
    sentences = []
    if run.ready_made:
        sentences.append(
            "How well a model does that is trained on such data, nor whether these people are among those on whom "
            "others trained this one."
        )
    if shares_subjects(run):
        sentences.append(
            "How well the model does on people it has never seen: the split is subject-dependent, and a network can "
            "recognize a person instead of an expression. A subject-independent split answers that."
        )
    mean = _significant_picture(run.leakage, MEAN_PICTURE)
    if mean and mean.accuracy >= scores.accuracy:
        sentences.append(
            "That motion was used: a linear model of the mean picture of each sequence, which shows no motion, reaches "
            f"{mean.accuracy:.2f}."
        )
    if run.protocol.n_folds > 1 and not run.ready_made:
        seeds = "" if scores.repeats > 1 else " and this seed"
        sentences.append(f"How much the result depends on these folds{seeds}: others give other results.")
    elif not run.ready_made:
        sentences.append(
            "How much the result depends on this split and this seed: other splits and other seeds give others."
        )
    if run.value("training.validation") == "test" and not run.ready_made:
        sentences.append(
            "Which epoch is best: the learning curves of the test set are shown for information only; choosing an "
            f"epoch by them requires new test {noun_of(run).many}."
        )
    if any(rate.name == "published result" for rate in rates(run, scores)):
        sentences.append("Whether this is better or worse than the published result: data, split and subjects differ.")
    published = run.value("published") or {}
    if isinstance(published.get("accuracy"), str):
        sentences.append(f"Whether others did better: they published no accuracy, but {published['accuracy']!r}.")
    sentences.append(
        "What anybody felt: the classes are expressions as they were acted or labeled. Nothing here supports judging "
        "people at work, in school or anywhere else."
    )
    return sentences


def warnings(run: RunRecord) -> list[str]:
    """Return what a reader must see before the scores: an unfinished training, a leak, doubtful data, every note."""
    found: list[str] = []
    if run.state != "complete":
        epochs = run.epochs_done
        after = f" after {epochs} epochs" if epochs else ""
        found.append(f"The run was interrupted{after}: these results are not final.")
    if run.leakage and (first := _significant_picture(run.leakage, FIRST_FRAME)):
        found.append(_tied(first, run.leakage))
    if doubtful := tuple(dict.fromkeys(doubt.recording for doubt in run.doubts)):
        noun = noun_of(run)
        n, are = noun.counted(len(doubtful)), "is" if len(doubtful) == 1 else "are"
        doubt = run.doubts[0]
        found.append(f"{n} {are} doubtful, such as {doubt.recording} ({doubt.what}); the report lists all")
    return [*found, *dict.fromkeys(run.notes)]
