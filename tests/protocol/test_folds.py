import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold

from ckseq.errors import CallError, DataError
from ckseq.protocol.folds import Listed, folds_digest, make_folds
from ckseq.protocol.holdout import Case, ProtocolConfig, holdout

SUBJECT_KINDS = ("subject_holdout", "subject_k_fold", "leave_one_subject_out")


@st.composite
def stores(draw):
    """Any store: subjects with any number of sequences of any class."""
    n_subjects = draw(st.integers(1, 14))
    cases = []
    for subject in range(n_subjects):
        for i, label in enumerate(draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5))):
            cases.append(Case(f"S{subject:02}_{i}", f"S{subject:02}", label))
    return cases


@settings(deadline=None, max_examples=60)
@given(stores(), st.sampled_from(SUBJECT_KINDS), st.integers(2, 8), st.integers(0, 9))
def test_no_fold_of_a_subject_protocol_shares_a_subject(cases, kind, n, seed):
    config = ProtocolConfig(kind=kind, folds=n, random_state=seed)
    subject = {case.id: case.subject for case in cases}
    try:
        parts = make_folds(cases, config)
    except DataError:
        return
    for part in parts:
        assert part.test
        assert part.train
        assert not {subject[id] for id in part.train} & {subject[id] for id in part.test}
        assert {case.label for case in cases if case.id in part.train} == {case.label for case in cases}
        assert sorted(part.train + part.test) == sorted(subject)
    if kind != "subject_holdout":
        assert sorted(id for part in parts for id in part.test) == sorted(subject)
        assert [part.number for part in parts] == list(range(len(parts)))
    shuffled = random.Random(seed).sample(cases, len(cases))
    assert make_folds(shuffled, config) == parts


@settings(deadline=None, max_examples=60)
@given(stores(), st.integers(2, 8))
def test_subject_folds_are_refused_only_for_a_reason(cases, n):
    """Where two people or more show every class, leaving one out always works, and k folds up to the people do too."""
    holders = {label: {c.subject for c in cases if c.label == label} for label in {c.label for c in cases}}
    people = {case.subject for case in cases}
    possible = len(people) > 1 and all(len(who) > 1 for who in holders.values())
    for kind in ("leave_one_subject_out", "subject_k_fold"):
        config = ProtocolConfig(kind=kind, folds=len(people) if len(people) > 1 else 2)
        if possible:
            assert len(make_folds(cases, config)) == len(people)
        else:
            with pytest.raises(DataError, match=r"one subject|1 sequence"):
                make_folds(cases, config)


def ck_like(
    n_subjects=118, seed=0, labels=("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
):
    rng = np.random.default_rng(seed)
    return [
        Case(f"S{subject:03}_{i:03}", f"S{subject:03}", str(label))
        for subject in range(n_subjects)
        for i, label in enumerate(rng.permutation(labels)[: rng.integers(1, 5)])
    ]


def test_subject_folds_are_even():
    cases = ck_like()
    label = {case.id: case.label for case in cases}
    parts = make_folds(cases, ProtocolConfig(kind="subject_k_fold"))
    assert len(parts) == 5
    sizes = [len(part.test) for part in parts]
    assert max(sizes) - min(sizes) <= 2
    for one in set(label.values()):
        counts = [sum(label[id] == one for id in part.test) for part in parts]
        assert max(counts) - min(counts) <= 3


def test_stratified_folds_are_scikit_learns():
    cases = ck_like(40)
    ids, labels = np.array([case.id for case in cases]), [case.label for case in cases]
    parts = make_folds(cases[::-1], ProtocolConfig(kind="stratified_k_fold", folds=4, random_state=7))
    theirs = StratifiedKFold(4, shuffle=True, random_state=7).split(ids, labels)
    assert [part.test for part in parts] == [tuple(ids[test]) for _, test in theirs]


def test_leaving_one_subject_out_is_scikit_learns():
    cases = ck_like(20)
    ids, subjects = np.array([case.id for case in cases]), [case.subject for case in cases]
    theirs = LeaveOneGroupOut().split(ids, groups=subjects)
    parts = make_folds(cases, ProtocolConfig(kind="leave_one_subject_out"))
    assert [part.test for part in parts] == [tuple(ids[test]) for _, test in theirs]


ONE = [Case(f"a{i}", "ann", "xy"[i % 2]) for i in range(8)]
FEW = [Case(f"{who}{label}", who, label) for who in ("ann", "bob", "cy") for label in "xy"]
LONELY = [*FEW, Case("ann_z", "ann", "z")]
PAIRS = [
    Case(f"{who}{label}", who, label) for label, pair in zip("xyz", ("ab", "bc", "ca"), strict=True) for who in pair
]


@pytest.mark.parametrize(
    ("cases", "kind", "n", "message"),
    [
        (ONE, "subject_k_fold", 5, "all sequences show one subject, ann: none is left for the test set"),
        (ONE, "leave_one_subject_out", 5, "all sequences show one subject, ann"),
        (ONE, "subject_holdout", 5, "all sequences show one subject, ann"),
        (FEW, "subject_k_fold", 5, "5 folds are asked for, and there are 3 subjects; set protocol.folds to 3 or less"),
        (FEW, "stratified_k_fold", 5, "no class has more than 3 sequences; set protocol.folds to 3 or less"),
        (LONELY, "subject_k_fold", 2, r"one subject alone shows z \(ann\)"),
        (LONELY, "leave_one_subject_out", 2, r"one subject alone shows z \(ann\)"),
        (LONELY, "stratified_k_fold", 2, "leaves no sequence of z to train on: only subject ann shows it"),
        (PAIRS, "subject_k_fold", 2, "no assignment of 3 subjects to 2 folds was found"),
        (FEW[:1], "subject_k_fold", 2, "1 sequence cannot be divided into folds"),
        (FEW, "from_file", 2, "the file lists no fold"),
    ],
)
def test_what_cannot_be_divided_is_refused(cases, kind, n, message):
    with pytest.raises(DataError, match=message) as caught:
        make_folds(cases, ProtocolConfig(kind=kind, folds=n))
    assert caught.value.fix


def test_a_file_is_taken_as_it_is():
    ids = [case.id for case in FEW]
    parts = make_folds(
        FEW, ProtocolConfig(kind="from_file"), listed=Listed((tuple(ids[:2]), tuple(ids[2:4])), tuple(ids[4:]))
    )
    assert [part.test for part in parts] == [tuple(ids[:2]), tuple(ids[2:4])]
    assert parts[0].train == tuple(ids[2:])
    assert Counter(part.kind for part in parts) == {"from_file": 2}


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (Listed((("annx", "anny"), ("annx",))), "annx is in the file twice"),
        (Listed((("annx",), ())), "fold 1 of the file is empty"),
        (Listed((("annx",), ("eve",))), "lists eve, not used by the experiment"),
        (Listed((("annx",), ("anny",))), "are in no fold of the file: bobx and 3 more"),
        (Listed((("annx", "bobx", "cyx"), ("anny", "boby", "cyy"))), "fold 0 leaves no sequence of x to train on"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(listed, message):
    with pytest.raises(DataError, match=message):
        make_folds(FEW, ProtocolConfig(kind="from_file"), listed=listed)


def test_the_digest_names_the_division_and_not_its_name():
    cases = ck_like(30)
    drawn = make_folds(cases, ProtocolConfig(kind="subject_k_fold"))
    listed = Listed(tuple(part.test for part in drawn))
    again = make_folds(cases, ProtocolConfig(kind="from_file"), listed=listed)
    assert folds_digest(drawn) == folds_digest(again)
    assert drawn[0].digest != again[0].digest
    assert folds_digest(drawn) != folds_digest(make_folds(cases, ProtocolConfig(kind="subject_k_fold", random_state=2)))


def test_one_training_has_one_fold():
    with pytest.raises(
        CallError, match="subject_k_fold has several folds, but 'ckseq train' uses one; use 'ckseq crossval'"
    ):
        holdout(FEW, ProtocolConfig(kind="subject_k_fold"))
    config = ProtocolConfig(kind="subject_holdout")
    assert make_folds(FEW, config) == (holdout(FEW, config),)
