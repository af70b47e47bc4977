import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from ckseq.errors import DataError
from ckseq.protocol.holdout import Case, Fold, ProtocolConfig, holdout, overlap


def cases_of(n_subjects, labels, seed=0):
    """Like CK+: every subject shows some of the emotions, once each."""
    rng = np.random.default_rng(seed)
    return [
        Case(f"S{subject:03}_{i:03}", f"S{subject:03}", str(label))
        for subject in range(n_subjects)
        for i, label in enumerate(rng.permutation(labels)[: rng.integers(1, len(labels) + 1)])
    ]


FOUR = ["anger", "disgust", "happiness", "surprise"]
PAPER = ProtocolConfig(kind="paper_split", test_share=0.3, random_state=1)
HOLDOUT = ProtocolConfig(kind="subject_holdout", test_share=0.3, random_state=1)


@pytest.mark.parametrize("n_subjects", [20, 45, 118])
def test_the_papers_split_is_scikit_learns_to_the_element(n_subjects):
    cases = cases_of(n_subjects, FOUR)
    train, test = train_test_split(sorted(case.id for case in cases), test_size=0.3, random_state=1, shuffle=True)
    result = holdout(cases[::-1], PAPER)
    assert result.train == tuple(sorted(train))
    assert result.test == tuple(sorted(test))
    assert (result.kind, result.number) == ("paper_split", 0)


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 40), st.integers(1, 5), st.integers(0, 99), st.floats(0.1, 0.6), st.randoms())
def test_a_holdout_keeps_people_apart_and_every_class_in_training(n_subjects, n_labels, seed, share, random):
    cases = cases_of(n_subjects, list("abcde"[:n_labels]), seed)
    config = ProtocolConfig(kind="subject_holdout", test_share=share, random_state=seed)
    try:
        result = holdout(cases, config)
    except DataError as error:
        assume("one subject alone shows" not in str(error))
        raise
    subject = {case.id: case.subject for case in cases}
    label = {case.id: case.label for case in cases}
    assert sorted(result.train + result.test) == sorted(subject)
    assert not {subject[id] for id in result.train} & {subject[id] for id in result.test}
    assert result.test
    assert {label[id] for id in result.train} == {case.label for case in cases}
    random.shuffle(cases)
    assert holdout(cases, config) == result


def test_a_holdout_comes_near_the_share_of_every_class():
    cases = cases_of(118, ["anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise"])
    label = {case.id: case.label for case in cases}
    result = holdout(cases, HOLDOUT)
    assert len(result.test) / len(cases) == pytest.approx(0.3, abs=0.01)
    for one in set(label.values()):
        total = sum(case.label == one for case in cases)
        assert sum(label[id] == one for id in result.test) == pytest.approx(0.3 * total, abs=3)


def test_the_draw_depends_on_its_seed_and_has_a_digest():
    cases = cases_of(40, FOUR)
    other = holdout(cases, HOLDOUT.model_copy(update={"random_state": 2}))
    assert holdout(cases, HOLDOUT) == holdout(cases, HOLDOUT)
    assert other.test != holdout(cases, HOLDOUT).test
    assert other.digest != holdout(cases, HOLDOUT).digest
    assert len(other.digest) == 16


def test_one_subject_cannot_be_held_out():
    cases = [Case(f"S001_{i}", "S001", FOUR[i % 4]) for i in range(20)]
    with pytest.raises(DataError, match=r"all sequences show one subject, S001.*paper_split"):
        holdout(cases, HOLDOUT)
    assert len(holdout(cases, PAPER).test) == 6


def test_a_class_of_one_subject_stays_in_training():
    cases = [*cases_of(20, ["anger", "joy"]), Case("S099_1", "S099", "fear"), Case("S099_2", "S099", "fear")]
    assert {"S099_1", "S099_2"} <= set(holdout(cases, HOLDOUT).train)


def test_classes_that_cannot_be_trained_on_are_named():
    cases = [Case("a1", "a", "anger"), Case("b1", "b", "fear"), Case("b2", "b", "anger")]
    assert holdout(cases, HOLDOUT).test == ("a1",)
    with pytest.raises(DataError, match="one subject alone shows anger, fear"):
        holdout([case for case in cases if case.id != "b2"], HOLDOUT)


def test_the_papers_split_may_not_take_a_whole_class():
    cases = [*cases_of(8, ["anger"]), Case("S900", "S900", "fear")]
    share = next(i for i in range(1, 99) if "S900" in _tested(cases, i / 100))
    with pytest.raises(DataError, match="no sequence of fear to train on"):
        holdout(cases, PAPER.model_copy(update={"test_share": share / 100}))


def _tested(cases, share):
    return train_test_split(sorted(case.id for case in cases), test_size=share, random_state=1)[1]


@pytest.mark.parametrize("config", [PAPER, HOLDOUT])
def test_one_sequence_cannot_be_split(config):
    with pytest.raises(DataError, match="1 sequence cannot be split"):
        holdout([Case("a", "a", "anger")], config)


def test_sharing_is_told_in_plain_words():
    subjects = {f"{name}{i}": name for name in ("ann", "bob", "cy", "di") for i in range(4)}
    both = Fold("paper_split", 0, train=("ann0", "bob0"), test=("ann1", "ann2", "bob1", "cy0", "di0", "di1"), digest="")
    counted = overlap(both, subjects)
    assert counted[:3] == (4, 2, 3)
    assert counted.sentence == "3 of 6 test sequences (50 %) show one of 2 people who are also in training"
    apart = overlap(both._replace(train=("bob0",), test=("ann1", "cy0")), subjects)
    assert apart == (2, 0, 0, "no test subject is in training")


def test_sharing_of_unknown_subjects_is_unknown():
    fold = Fold("paper_split", 0, train=("a", "ann0", "b"), test=("c", "ann1", "di0"), digest="")
    known = {"ann0": "ann", "ann1": "ann", "di0": "di"}
    some = overlap(fold, {"a": "a", "b": "b", "c": "c", **known})
    assert some[:3] == (3, 1, 1)
    assert some.sentence == (
        "at least 1 of 3 test sequences (33 %) shows a person who is also in training; "
        "the subjects of 3 of 6 sequences are unknown"
    )
    none = overlap(fold._replace(test=("c", "di0")), {"a": "a", "b": "b", "c": "c", **known})
    assert none[:3] == (2, None, None)
    assert none.sentence.startswith("whether test subjects are also in training is unknown")


def test_a_holdout_may_name_its_people():
    cases = cases_of(12, FOUR)
    named = HOLDOUT.model_copy(update={"test_subjects": ("S003", "S007", "nobody")})
    result = holdout(cases, named)
    assert result.test == tuple(sorted(case.id for case in cases if case.subject in ("S003", "S007")))
    assert len(result.train) + len(result.test) == len(cases)
    with pytest.raises(DataError, match="no sequence shows a subject of"):
        holdout(cases, HOLDOUT.model_copy(update={"test_subjects": ("nobody",)}))
    with pytest.raises(DataError, match="every sequence shows"):
        holdout(cases, HOLDOUT.model_copy(update={"test_subjects": tuple({case.subject for case in cases})}))


def given_cases(parts):
    return [Case(f"r{n:03}", f"r{n:03}", "ab"[n % 2], part) for n, part in enumerate(parts)]


def test_the_sets_own_division_is_taken_as_it_is():
    parts = ["train", "train", "validation", "test", "train", "train", "test", None]
    result = holdout(given_cases(parts)[::-1], ProtocolConfig(kind="given"))
    assert (result.train, result.test) == (("r000", "r001", "r004", "r005"), ("r003", "r006"))
    assert result.validation == ("r002",)


def test_without_a_test_part_validation_is_tested_on():
    result = holdout(given_cases(["train", "train", "validation", "validation"]), ProtocolConfig(kind="given"))
    assert (result.test, result.validation) == (("r002", "r003"), ())


def test_the_validation_part_may_be_the_test_set():
    parts = ["train", "train", "validation", "test"]
    swapped = ProtocolConfig(kind="given", test_part="validation")
    result, usual = holdout(given_cases(parts), swapped), holdout(given_cases(parts), ProtocolConfig(kind="given"))
    assert (result.train, result.test, result.validation) == (("r000", "r001"), ("r002",), ("r003",))
    assert result.digest != usual.digest
    assert holdout(given_cases(["train", "train", "test", "test"]), swapped).test == ("r002", "r003")


@pytest.mark.parametrize("parts", [[None] * 4, ["train"] * 4, ["test"] * 4])
def test_a_set_that_is_not_divided(parts):
    with pytest.raises(DataError, match="no training and test set of its own; its parts: "):
        holdout(given_cases(parts), ProtocolConfig(kind="given"))


def test_a_class_that_the_given_division_does_not_train_on():
    with pytest.raises(DataError, match="no sequence of b to train on"):
        holdout(given_cases(["train", "test", "train", "test"]), ProtocolConfig(kind="given"))
