"""What an experiment on action units takes from a store, and how it is divided."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_stores import RIDGE
from made_units import UNITS, make_unit_store

from ckseq.errors import CallError, DataError
from ckseq.experiment.dataset import gather
from ckseq.experiment.recipe import experiment_of
from ckseq.experiment.targets import check_classes, truth_of
from ckseq.protocol.folds import make_folds
from ckseq.protocol.holdout import Case, ProtocolConfig
from ckseq.recipes import with_settings
from ckseq.storage.store import open_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_unit_store(tmp_path_factory.mktemp("units"))


def recipe(*settings):
    import tomllib

    return experiment_of(with_settings(tomllib.loads(RIDGE), ("task=action_units", *settings)), where="made")


def test_all_recordings_with_codes_take_part_labeled_or_not(store):
    with open_store(store) as opened:
        dataset = gather(opened, recipe())
    assert dataset.labels == UNITS
    assert len(dataset.entries) == 40
    assert sum(entry.label is None for entry in dataset.entries) == 24
    assert dataset.codes.tolist() == [
        [int(unit in {one.unit for one in entry.action_units}) for unit in UNITS] for entry in dataset.entries
    ]
    assert any("shown by fewer than 10 sequences, by one subject or by all: 27 (2)" in note for note in dataset.notes)
    assert truth_of(dataset.entries[0], UNITS, recipe()) in ("0", "1", "4", "12", "1+4", "1+12", "4+12", "1+4+12")
    people = [{entry.subject for entry in dataset.side(fold.test)[0]} for fold in dataset.folds]
    assert sum(map(len, people)) == len(set().union(*people)) == 8


def test_the_least_number_of_sequences_can_be_chosen(store):
    with open_store(store) as opened:
        assert gather(opened, recipe("min_positives=2")).labels == (*UNITS, "27")
        with pytest.raises(DataError, match="no action unit is shown by 40 sequences or more"):
            gather(opened, recipe("min_positives=40"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('classes=["joy"]', "classes are labels"),
        ("balance.per_class=most", "uses all sequences"),
        ("training.class_weights=balanced", "weighs classes"),
        ("protocol.kind=stratified_k_fold", "one class per sequence"),
    ],
)
def test_what_does_not_suit_units_is_refused(setting, message):
    with pytest.raises(CallError, match=message):
        recipe(setting)


def test_a_ready_made_model_knows_no_units():
    with pytest.raises(CallError, match="peer_fer is ready-made and knows no action units"):
        recipe("input=crops", "model.kind=peer_fer")


def test_commands_on_classes_say_so():
    with pytest.raises(CallError, match="'ckseq audit' works on classes"):
        check_classes(recipe(), "audit")


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.sets(st.sampled_from("abc"))), min_size=20, max_size=60).filter(
        lambda rows: any(own for _, own in rows)
    )
)
def test_folds_of_several_labels_keep_people_apart_and_train_every_label(rows):
    cases = [Case(f"{n:03}", f"S{person}", tuple(sorted(own))) for n, (person, own) in enumerate(rows)]
    try:
        folds = make_folds(cases, ProtocolConfig(kind="subject_k_fold", folds=3))
    except DataError:  # such as a label of one person alone
        return
    subject = {case.id: case.subject for case in cases}
    labels = {case.id: set(case.labels) for case in cases}
    assert sorted(id for fold in folds for id in fold.test) == [case.id for case in cases]
    for fold in folds:
        assert not {subject[id] for id in fold.train} & {subject[id] for id in fold.test}
        assert set().union(*(labels[id] for id in fold.train)) == set().union(*labels.values())


def test_folds_share_out_every_label():
    shown = np.random.default_rng(0).random((200, 3)) < (0.1, 0.4, 0.7)
    names = np.array(list("abc"))
    cases = [Case(f"{n:03}", f"S{n // 5}", tuple(names[row].tolist())) for n, row in enumerate(shown)]
    folds = make_folds(cases, ProtocolConfig(kind="subject_k_fold", folds=5))
    labels = {case.id: case.labels for case in cases}
    for label in "abc":
        counts = [sum(label in labels[id] for id in fold.test) for fold in folds]
        assert max(counts) - min(counts) <= 4
