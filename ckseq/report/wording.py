"""The wording of a report: nouns, numbers, and sentences on what a run shows and what it does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ckseq.grammar import agreeing, counted
from ckseq.protocol.intervals import LEAST_SUBJECTS, Interval, is_known, wilson_interval
from ckseq.protocol.leakage import FIRST_FRAME, MEAN_PICTURE
from ckseq.protocol.score import Scores
from ckseq.report.data_parts import swapped_parts
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
        return counted(n, self.one, self.many)

    def form(self, n: int) -> str:
        """Return the noun alone, in the form that agrees with a number."""
        return agreeing(n, self.one, self.many)

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
    """Return an interval in words; a dash where there is none.

    >>> between(Interval(0.75, 0.948)), between(Interval(float("nan"), 1))
    ('0.75 to 0.95', '–')
    """
    return f"{interval.low:.2f} to {interval.high:.2f}" if is_known(interval) else "–"


def as_sentence(text: str) -> str:
    """Return a remark as a sentence, with a capital letter and a full stop.

    >>> as_sentence("no subject is shared")
    'No subject is shared.'
    """
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def n_correct(scores: Scores, noun: Noun = SEQUENCE) -> str:
    """Return how many predictions were correct, as ``37 of 42 test sequences``, or over how many seeds."""
    n = scores.n // scores.repeats
    tested = f"{n} test {noun.form(n)}"
    return f"{scores.n_correct} of {tested}" if scores.repeats == 1 else f"{tested}, mean of {scores.repeats} seeds"


@dataclass(frozen=True)
class Rate:
    """An accuracy to compare with: its name, value, confidence interval where known, and a remark."""

    name: str
    value: float
    interval: Interval | None
    remark: str


def rates(run: RunRecord, scores: Scores) -> tuple[Rate, ...]:
    """Return this run's accuracy, the published one where the recipe names one, and the majority-class baseline."""
    found = [Rate("this run", scores.accuracy, scores.interval, n_correct(scores, noun_of(run)))]
    # a recipe that declares the published set-up has the published accuracy beside every deviation from it
    if (theirs := published(run, scores)) and not (run.value("published") or {}).get("setup"):
        found.append(theirs)
    if scores.majority is not None:
        remark = "always predicting the class that is most frequent in training"
        found.append(Rate("majority-class baseline", scores.majority, None, remark))
    return tuple(found)


def published(run: RunRecord, scores: Scores) -> Rate | None:
    """Return the published accuracy with its Wilson interval, None where the recipe names no number."""
    said = run.value("published") or {}
    accuracy, n_test = said.get("accuracy"), said.get("n_test")
    if not isinstance(accuracy, int | float) or not 0 <= accuracy <= 1:
        return None
    interval, on = None, ""
    if isinstance(n_test, int) and n_test > 0:
        interval = wilson_interval(round(accuracy * n_test), n_test, confidence=scores.confidence)
        on = f"on {n_test} test {noun_of(run).many}, "
    source = f": {said['source']}" if said.get("source") else ""
    return Rate(
        "published result", float(accuracy), interval, f"{on}reported by others on their data, not reproduced{source}"
    )


def headline(run: RunRecord, scores: Scores) -> str:
    """Return the accuracy beside what it must be compared with: the best pixel-free baseline and shared subjects.

    For example ``accuracy 0.881 (0.75 to 0.95, Wilson) · best pixel-free baseline 0.319 · 53 % of test sequences show
    a subject seen in training``.
    """
    noun = noun_of(run)
    parts = [f"accuracy {scores.accuracy:.3f} ({between(scores.interval)}, {scores.method.short})"]
    leakage = run.leakage
    if leakage:
        parts.append(f"best pixel-free baseline {leakage.rule(leakage.best_rule).accuracy:.3f}")
        if first := _significant_picture(leakage, FIRST_FRAME):
            parts.append(f"the first frame alone, without any motion, reaches {first.accuracy:.3f}")
    if run.ready_made:
        parts.append("a ready-made model, not trained on these people")
    else:
        parts.append(shared_share(run, noun))
        if leakage and (duplicates := leakage.n_duplicates + leakage.n_near_duplicates):
            parts.append(f"{counted(duplicates, 'pair')} of near-duplicate test and training {noun.many}")
    return " · ".join(filter(None, parts))


def shared_share(run: RunRecord, noun: Noun) -> str:
    """Return the share of test sequences of people seen in training; empty where the run records nothing of it."""
    n_shared, n_test = run.protocol.test_sequences_of_shared_subjects, run.protocol.n_test
    unknown = run.leakage.sequences_of_unknown_subjects if run.leakage else 0
    if run.leakage:
        n_shared, n_test = run.leakage.test_sequences_of_shared_subjects, run.leakage.n_test
    if n_shared is None:
        return "subjects unknown: people may be in training and test" if unknown else ""
    share = 100 * n_shared / max(1, n_test)
    # a few must not be rounded to none
    rounded = "under 1" if 0 < share < 0.5 else f"{share:.0f}"
    return f"{'at least ' if unknown else ''}{rounded} % of test {noun.many} show a subject seen in training"


def leak_sentences(leakage: LeakageRecord, noun: Noun = SEQUENCE) -> list[str]:
    """Return sentences on what training and test set share, and on the accuracy that is reached without pixels."""
    n = leakage.n_test
    sentences = [_shared_sentence(leakage, noun)]
    if sessions := leakage.test_sequences_of_shared_sessions:
        are = agreeing(sessions, "is", "are")
        sentences.append(f"{sessions} of {n} test {noun.form(n)} {are} of a session that is also in training")
    alike = (
        (leakage.n_duplicates, leakage.duplicates, "the same frames"),
        (leakage.n_near_duplicates, leakage.near_duplicates, "nearly the same first and last faces"),
    )
    for count, pairs, what in alike:
        if count:
            first = pairs[0]
            sentences.append(
                f"{counted(count, 'pair')} of a test and a training {noun.one} "
                f"{agreeing(count, 'has', 'have')} {what}, such as {first.test} and {first.train}"
            )
    if not leakage.n_duplicates + leakage.n_near_duplicates:
        sentences.append(f"no test {noun.one} is a copy of a training {noun.one}")
    best = leakage.rule(leakage.best_rule)
    prior = leakage.prior
    if noun == IMAGE and len(leakage.rules) == 1:
        why = "no other pixel-free baseline applies: the subjects are unknown, and single images have no length"
        sentences.append(f"always predicting the most frequent class reaches {prior.accuracy:.3f}; {why}")
    elif _is_significant(best):
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


def _shared_sentence(leakage: LeakageRecord, noun: Noun) -> str:
    n_shared, n_unknown = leakage.test_sequences_of_shared_subjects, leakage.sequences_of_unknown_subjects
    unknown = f"the {agreeing(n_unknown, 'subject', 'subjects')} of {noun.counted(n_unknown)} "
    unknown += agreeing(n_unknown, "is", "are") + " unknown"
    if n_shared is None:
        return f"whether test subjects are also in training is unknown: {unknown}"
    if not n_shared:
        return "no test subject is in training"
    tested = f"{leakage.n_test} test {noun.form(leakage.n_test)}"
    shared = f"{n_shared} of {tested} {agreeing(n_shared, 'shows', 'show')} "
    shared += "a subject seen in training"
    return f"at least {shared}; {unknown}" if n_unknown else shared


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


def shares_subjects(run: RunRecord) -> bool:
    """Return whether some test subject is also in training; nobody is where the model is ready-made."""
    return bool(run.protocol.shared_subjects) and not run.ready_made


def subject_independent(run: RunRecord) -> bool | None:
    """Return whether no test subject is in training, or None where the run does not record it."""
    n_shared = run.protocol.test_sequences_of_shared_subjects
    return None if n_shared is None else n_shared == 0


def shows(
    scores: Scores,
    noun: Noun = SEQUENCE,
    *,
    ready_made: bool = False,
    against: str | None = None,
    baselines: str = "baseline without motion",
) -> list[str]:
    """Return what may be concluded from the scores; a ready-made model learned nothing in the run.

    ``against`` is the outcome of `ckseq.report.against_baselines.judged`, None where the run records no baselines;
    ``baselines`` is what these are.
    """
    n = scores.n // scores.repeats
    what = f"test {noun.form(n)}"
    what = what if scores.repeats == 1 else f"predictions, {scores.repeats} for {noun.counted(n)},"
    sentences = [
        f"{scores.n_correct} of {scores.n} {what} {agreeing(scores.n_correct, 'is', 'are')} correct. With "
        f"{noun.counted(n)}, the true accuracy on {noun.many} like these may lie anywhere from "
        f"{between(scores.interval)} ({percent(scores.confidence)} confidence interval)."
    ]
    if against == "better":
        sentences.append(
            f"The model is significantly better than every {baselines}: "
            + (
                "what the ready-made model knows carries over to these data."
                if ready_made
                else "it learned something that generalizes to the test set."
            )
        )
    elif against == "as_good":
        sentences.append(f"Nothing yet: a {baselines} is as good, as the paired test at the top tells.")
    elif against == "cannot_tell":
        sentences.append(f"It is not known whether the model is better than a {baselines}: too few were tested.")
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
    others = [label for label, n in zip(scores.labels, mistakes, strict=True) if n == mistakes.max()]
    most = "most often " if mistakes.sum() > mistakes.max() * len(others) or mistakes.max() > 1 else ""
    return [
        f"The class with the lowest recall is {scores.labels[i]}: {n_correct} of {support} correct, "
        f"{most}confused with {' and '.join(others)}."
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
    if run.leakage and run.leakage.sequences_of_unknown_subjects and not run.ready_made:
        sentences.append(
            "How well the model does on people it has never seen: subjects are unknown, and nothing keeps a person's "
            f"{noun_of(run).many} in one part. A manifest names the subjects."
        )
    sentences += _few_people(scores)
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
    if published(run, scores):
        sentences.append("Whether this is better or worse than the published result: data, split and subjects differ.")
    said = run.value("published") or {}
    if isinstance(said.get("accuracy"), str):
        sentences.append(f"Whether others did better: they published no accuracy, but {said['accuracy']!r}.")
    sentences.append(
        "What anybody felt: the classes are expressions as they were acted or labeled. Nothing here supports judging "
        "people at work, in school or anywhere else."
    )
    return sentences


def _few_people(scores: Scores) -> list[str]:
    n_people = scores.method.n_subjects
    if n_people is None or n_people >= LEAST_SUBJECTS:
        return []
    who = f"{counted(n_people, 'person', 'people')} {agreeing(n_people, 'was', 'were')}"
    return [f"How much it differs from person to person: only {who} tested."]


def warnings(run: RunRecord) -> list[str]:
    """Return what a reader must see before the scores: an unfinished training, a leak, doubtful data, every note."""
    found: list[str] = []
    if run.state != "complete":
        epochs = run.epochs_done
        after = f" after {counted(epochs, 'epoch')}" if epochs else ""
        found.append(f"The run was interrupted{after}: these results are not final.")
    if run.leakage and (first := _significant_picture(run.leakage, FIRST_FRAME)):
        found.append(_tied(first, run.leakage))
    if doubtful := tuple(dict.fromkeys(doubt.recording for doubt in run.doubts)):
        noun = noun_of(run)
        n, are = noun.counted(len(doubtful)), agreeing(len(doubtful), "is", "are")
        doubt = run.doubts[0]
        found.append(f"{n} {are} doubtful, such as {doubt.recording} ({doubt.what}); the report lists all")
    if swapped := swapped_parts(run):
        found.append(swapped)
    return [*found, *dict.fromkeys(run.notes)]
