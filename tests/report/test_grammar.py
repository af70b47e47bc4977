"""Whatever is counted, the noun and the verb agree with the number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_grammar import agrees
from made_runs import LABELS, made_predictions, made_run

from ckseq.grammar import counted
from ckseq.protocol.comparison import Difference
from ckseq.protocol.early_classification import SHARES, PrefixProbabilities
from ckseq.protocol.holdout import Fold, overlap
from ckseq.protocol.intervals import IntervalMethod
from ckseq.report import uncertainty, wording
from ckseq.report.against_baselines import banner, judged
from ckseq.report.early_classification import rules_of, sentences
from ckseq.report.replication import Card, Setting
from ckseq.report.scores import scores_of

COUNT = st.integers(0, 2)
SOME = st.integers(1, 3)


@pytest.mark.parametrize("text", ["1 people", "1 test sequences", "2 image", "1 sequence are", "2 images has"])
def test_the_check_finds_what_is_wrong(text):
    with pytest.raises(AssertionError):
        agrees(f"There: {text} here")


@given(st.integers(0, 12))
def test_counts_and_nouns(n):
    agrees(counted(n, "person", "people"), wording.SEQUENCE.counted(n), wording.IMAGE.counted(n))


@given(st.integers(0, 2), st.integers(0, 2), st.integers(1, 2), st.booleans())
@settings(deadline=None)
def test_what_a_report_says_of_few_predictions(right, wrong, seeds, known):
    outcomes = [("anger", "anger", right), ("anger", "disgust", wrong)]
    once = made_predictions(LABELS, outcomes)
    if not once.rows:
        return
    rows = [row._replace(seed=seed if seeds > 1 else None) for seed in range(seeds) for row in once.rows]
    rows = rows if known else [row._replace(subject=row.recording) for row in rows]
    predictions = type(once)(LABELS, tuple(rows))
    n = len(once.rows)
    rules = [{"name": "class prior", "accuracy": 0.25, "p_value": None, "hits": "0" * n}]
    rules += [{"name": "sequence length", "accuracy": 1.0, "p_value": 0.5, "hits": "1" * n}]
    fold = {"number": 0, "test": [row.recording for row in once.rows]}
    run = made_run(predictions, leakage={"n_test": n, "rules": rules}, folds=[fold])
    for noun in (wording.SEQUENCE, wording.IMAGE):
        scores = scores_of(run, predictions, confidence=0.95)
        verdict = judged(run, predictions, scores)
        agrees(
            wording.n_correct(scores, noun),
            uncertainty.to_publish(scores, noun),
            uncertainty.interval_method(scores, noun),
            banner(verdict, scores, noun),
            *wording.shows(scores, noun, against=verdict.outcome),
            *wording.does_not_show(run, scores),
            wording.headline(run, scores),
        )


@given(n_test=SOME, shared=COUNT, unknown=COUNT, sessions=COUNT, same=COUNT, near=COUNT)
@settings(deadline=None)
def test_what_is_said_of_leaks(n_test, shared, unknown, sessions, same, near):
    pair = {"test": "a", "train": "b", "fold": 0, "correlation": 1.0}
    none = bool(unknown) and not shared
    run = made_run(
        leakage={
            "n_test": n_test,
            "sequences_of_unknown_subjects": unknown,
            "shared_subjects": None if none else min(shared, n_test),
            "test_sequences_of_shared_subjects": None if none else min(shared, n_test),
            "test_sequences_of_shared_sessions": min(sessions, n_test),
            "n_duplicates": same,
            "n_near_duplicates": near,
            "duplicates": [pair] * same,
            "near_duplicates": [pair] * near,
            "rules": [{"name": "class prior", "accuracy": 0.25, "p_value": None}],
        },
        state="interrupted",
        epochs_done=shared,
        doubts=[{"recording": f"r{n}", "what": "its box jumps", "remedy": "look"} for n in range(unknown)],
    )
    for noun in (wording.SEQUENCE, wording.IMAGE):
        agrees(*wording.leak_sentences(run.leakage, noun), wording.shared_share(run, noun))
    agrees(*wording.warnings(run))
    assert wording.shared_share(run, wording.SEQUENCE).startswith("0 %") is (not shared and not unknown)


@given(n=SOME, n_subjects=st.none() | st.integers(1, 12))
def test_methods_of_intervals(n, n_subjects):
    methods = [IntervalMethod("wilson", n, n_subjects), IntervalMethod("bootstrap_by_subject", 12, 12)]
    agrees(*(text for method in methods for text in (method.name, method.reason)))


@given(test=st.sampled_from(["permutation", "mcnemar"]), n=SOME, n_subjects=st.none() | SOME)
def test_names_of_tests(test, n, n_subjects):
    agrees(uncertainty.named_test(Difference(0.1, None, test, 1.0, 1, 0, 1.0, n, n_subjects)))


@given(st.lists(st.sampled_from(["a", "b", "c", "?"]), min_size=1, max_size=3), st.lists(st.sampled_from("ab?")))
def test_who_is_on_both_sides(tested, trained):
    subjects, ids = {}, {"test": [], "train": []}
    for side, people in (("test", tested), ("train", trained)):
        for number, person in enumerate(people):
            id = f"{side}{number}"
            ids[side].append(id)
            subjects[id] = id if person == "?" else person
    agrees(overlap(Fold("paper_split", 0, tuple(ids["train"]), tuple(ids["test"]), ""), subjects).sentence)


@given(st.lists(st.booleans() | st.none(), max_size=3))
def test_the_replication_card(deviates):
    settings = tuple(Setting("epochs", "100", "12", one) for one in deviates)
    agrees(Card(settings, None, "", "", "").sentence)


@pytest.mark.parametrize("n_subjects", [1, 2])
def test_early_classification_of_few_people(n_subjects):
    right = np.linspace(0.4, 0.9, len(SHARES))
    probabilities = np.stack([np.stack([right, 1 - right], 1)] * n_subjects)
    names = tuple(f"S{n}" for n in range(n_subjects))
    found = PrefixProbabilities(("a", "b"), np.array(SHARES), probabilities, np.zeros(n_subjects, int), names)
    agrees(*sentences(found, rules_of(found)))


def test_where_only_the_end_is_enough_the_sentence_does_not_say_it_twice():
    probabilities = np.full((12, len(SHARES), 2), [0.4, 0.6])
    probabilities[:, -1] = [0.9, 0.1]
    names = tuple(f"S{n}" for n in range(12))
    found = PrefixProbabilities(("a", "b"), np.array(SHARES), probabilities, np.zeros(12, int), names)
    assert sentences(found, rules_of(found))[0] == (
        "The accuracy comes near its final 1.00 only at the end of the sequences."
    )
