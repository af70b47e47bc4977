"""What a run shows and what it does not, in plain sentences that follow from its figures."""

from __future__ import annotations

from dataclasses import dataclass

from ckseq.protocol.score import Interval, Scores, wilson_interval
from ckseq.report.nouns import SEQUENCE, Noun, noun_of
from ckseq.report.tables import between, counted, percent
from ckseq.storage.run_record import LeakageRecord, RunRecord


@dataclass(frozen=True)
class Rate:
    """An accuracy to compare: what it is, how high, and how sure, where that is known."""

    name: str
    value: float
    interval: Interval | None
    remark: str


def rates(run: RunRecord, scores: Scores) -> tuple[Rate, ...]:
    """Return this run's accuracy, the published one where the recipe names one, and the most frequent class's rate."""
    ours = Rate("this run", scores.accuracy, scores.interval, counted(scores, noun_of(run)))
    most = [
        label
        for label, n in zip(scores.labels, scores.per_class.support, strict=True)
        if n / scores.n == scores.majority
    ]
    always = Rate(
        "always the most frequent class", scores.majority, None, f"as if every {noun_of(run).one} were {most[0]}"
    )
    theirs = _published(run, scores)
    return (ours, theirs, always) if theirs else (ours, always)


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
        "published by others", float(accuracy), interval, f"{on}their figure on their data, not measured here{source}"
    )


def headline(run: RunRecord, scores: Scores) -> str:
    """Return the accuracy beside what it has to be held against: the best rule without pixels, and known people.

    For example ``accuracy 0.881 (0.75 to 0.95) · best pixel-free rule 0.319 · 53 % of test sequences show a subject
    seen in training``.
    """
    noun = noun_of(run)
    parts = [f"accuracy {scores.accuracy:.3f} ({between(scores.interval)})"]
    leakage = run.leakage
    if leakage:
        parts.append(f"best pixel-free rule {leakage.rule(leakage.best_rule).accuracy:.3f}")
        parts.append(
            f"{_share(leakage.test_sequences_of_shared_subjects, leakage.n_test, noun)} show a subject seen in training"
        )
        alike = leakage.n_duplicates + leakage.n_near_duplicates
        if alike:
            parts.append(f"{_times(alike, 'pair')} of test and training {noun.many} {_are(alike)} nearly the same")
    elif run.protocol.test_sequences_of_shared_subjects is not None:
        shared = _share(run.protocol.test_sequences_of_shared_subjects, run.protocol.n_test, noun)
        parts.append(f"{shared} show a subject seen in training")
    return " · ".join(parts)


def _share(n_shared: int, n_test: int, noun: Noun) -> str:
    share = 100 * n_shared / max(1, n_test)
    # a few are not none
    return f"{'under 1' if 0 < share < 0.5 else f'{share:.0f}'} % of test {noun.many}"


def leak_sentences(leakage: LeakageRecord, noun: Noun = SEQUENCE) -> list[str]:
    """Return in plain words what training and test share, and how far one comes without a pixel."""
    n, people = leakage.n_test, leakage.test_sequences_of_shared_subjects
    sentences = [
        f"{people} of {n} test {noun.many} show a subject seen in training"
        if people
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
                f"as {first.test} and {first.train}"
            )
    if not leakage.n_duplicates + leakage.n_near_duplicates:
        sentences.append(f"no test {noun.one} is a copy of a training {noun.one}")
    best = leakage.rule(leakage.best_rule)
    prior = next(rule for rule in leakage.rules if rule.p_value is None)
    if best.p_value is not None and best.p_value < SURE:
        sentences.append(
            f"{best.name} alone ({best.about}) names {best.accuracy:.3f} of the test {noun.many} rightly, "
            f"where always answering the most frequent class gives {prior.accuracy:.3f}: the data give classes away"
        )
    else:
        sentences.append(
            f"no rule without pixels is surely better than always answering the most frequent class "
            f"({prior.accuracy:.3f}); the best is {best.name} ({best.accuracy:.3f})"
        )
    return sentences


# a rule is called better than the class prior where that would be a chance of less than this
SURE = 0.01


def _times(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _have(n: int) -> str:
    return "has" if n == 1 else "have"


def shares_subjects(run: RunRecord) -> bool:
    """Return whether some test subject is also in training."""
    return bool(run.protocol.shared_subjects)


def shows(scores: Scores, noun: Noun = SEQUENCE) -> list[str]:
    """Return what may be concluded from the figures."""
    sure = percent(scores.confidence)
    n = scores.n // scores.repeats
    what = f"test {noun.many}"
    what = what if scores.repeats == 1 else f"answers, {scores.repeats} for each of {n} {what}"
    sentences = [
        f"The model named the right class for {scores.n_correct} of {scores.n} {what}. With {n} "
        f"{noun.many}, its true rate on {noun.many} like these may lie anywhere from {between(scores.interval)} "
        f"({sure} interval)."
    ]
    if scores.interval.low > scores.majority:
        sentences.append(
            f"That is more than always answering the most frequent class would give ({scores.majority:.2f}): "
            "it learned something that carries over to the test part."
        )
    else:
        sentences.append(
            "The interval reaches down to what always answering the most frequent class gives "
            f"({scores.majority:.2f}): these figures do not show that anything was learned."
        )
    sentences += _weakest(scores)
    return sentences


def _weakest(scores: Scores) -> list[str]:
    tested = [i for i, support in enumerate(scores.per_class.support) if support]
    i = min(tested, key=lambda i: scores.per_class.recall[i])
    right, support = int(scores.matrix[i, i]), int(scores.per_class.support[i])
    if right == support:
        return []
    mistakes = scores.matrix[i].copy()
    mistakes[i] = 0
    taken_for = scores.labels[int(mistakes.argmax())]
    return [
        f"The weakest class is {scores.labels[i]}: {right} of {support} right, "
        f"mistaken {'most often ' if mistakes.sum() > 1 else ''}for {taken_for}."
    ]


def does_not_show(run: RunRecord, scores: Scores) -> list[str]:
    """Return what must not be concluded from the figures."""
    sentences = []
    if shares_subjects(run):
        sentences.append(
            "How well it does on people it has never seen: some people are in training and in the test part, "
            "and a network can recognize a person instead of an expression. A subject-disjoint split answers that."
        )
    if run.protocol.n_folds > 1:
        seeds = "" if scores.repeats > 1 else " and this seed"
        sentences.append(f"How much the figure owes to this division into folds{seeds}: others give other figures.")
    else:
        sentences.append(
            "How much the figure owes to this split and this seed: other splits and other seeds give others."
        )
    if run.value("training.validation") == "test":
        sentences.append(
            "A choice made with the test curve: it was drawn to be looked at; whoever picks an epoch by it "
            f"needs new test {noun_of(run).many}."
        )
    if any(rate.name == "published by others" for rate in rates(run, scores)):
        sentences.append("Whether this is better or worse than the published figure: data, split and people differ.")
    published = run.value("published") or {}
    if isinstance(published.get("accuracy"), str):
        sentences.append(
            f"Whether others did better: they published no figure for this, but {published['accuracy']!r}."
        )
    sentences.append(
        "What anybody felt: the classes are expressions as they were acted or labeled. Nothing here supports judging "
        "people at work, in school or anywhere else."
    )
    return sentences


def warnings(run: RunRecord) -> list[str]:
    """Return what a reader must see before the figures: an unfinished training, and every note of run and store."""
    found: list[str] = []
    if run.state != "complete":
        epochs = run.epochs_done
        after = f" after {epochs} epochs" if epochs else ""
        found.append(f"The run was stopped before its end{after}: these figures are not its last word.")
    return [*found, *dict.fromkeys(run.notes)]
