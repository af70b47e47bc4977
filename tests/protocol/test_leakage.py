import cv2
import numpy as np
import pytest
from scipy.stats import binomtest

from ckseq.errors import DataError
from ckseq.protocol.folds import make_folds
from ckseq.protocol.holdout import Case, Fold, ProtocolConfig
from ckseq.protocol.leakage import NEAR, SequenceFacts, measure

FOUR = ("anger", "disgust", "happiness", "surprise")


def crop(seed, n=64):
    noise = np.random.default_rng(seed).integers(0, 256, (n, n), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


def traces_of(n_subjects=20, labels=FOUR, seed=0, crops=True):
    """Every person shows two or three of the expressions, once each; neither length nor faces tell which."""
    rng = np.random.default_rng(seed)
    found = []
    for subject in range(n_subjects):
        for i, label in enumerate(rng.permutation(labels)[: rng.integers(2, 4)]):
            n = int(rng.integers(10, 30))
            pair = np.stack([crop(7 * subject), crop(1000 * subject + i + 1)]) if crops else None
            id = f"S{subject:03}_{i:03}"
            found.append(SequenceFacts(id, f"S{subject:03}", f"{i:03}", str(label), n, n - 1, f"digest of {id}", pair))
    return found


def divided(traces, kind="subject_k_fold", **fields):
    return make_folds([Case(t.id, t.subject, t.label) for t in traces], ProtocolConfig(kind=kind, **fields))


def measured(traces, folds=None):
    return measure(traces, folds or divided(traces), confidence=0.95)


def rule(leakage, name):
    return next(rule for rule in leakage.rules if rule.name == name)


def changed(trace, **fields):
    return SequenceFacts(**{**trace.__dict__, **fields})


def test_where_nothing_leaks_nothing_is_reported():
    traces = traces_of()
    found = measured(traces)
    assert (found.shared_subjects, found.test_sequences_of_shared_subjects) == (0, 0)
    assert found.test_sequences_of_shared_sessions == 0
    assert found.duplicates == found.near_duplicates == ()
    assert all(not rule.p_value < 0.01 for rule in found.rules)
    assert (found.n_folds, found.n_test) == (5, len(traces))


def test_a_planted_overlap_of_people_is_counted():
    traces = traces_of()
    fold = divided(traces, "subject_holdout")[0]
    moved = fold.test[0]
    planted = fold._replace(train=(*fold.train, moved), test=fold.test[1:])
    who = next(t.subject for t in traces if t.id == moved)
    others = [id for id in planted.test if id.startswith(who)]
    assert others
    found = measured(traces, [planted])
    assert (found.shared_subjects, found.test_sequences_of_shared_subjects) == (1, len(others))
    assert found.test_sequences_of_shared_sessions == 0


def test_a_session_on_both_sides_is_counted():
    traces = [changed(t, session="001") for t in traces_of()]
    random = divided(traces, "stratified_k_fold")
    found = measured(traces, random)
    assert found.test_sequences_of_shared_sessions == found.test_sequences_of_shared_subjects > 0


SAVED_AGAIN = {
    "the same bytes": lambda crop: crop,
    "another JPEG": lambda crop: cv2.imdecode(cv2.imencode(".jpg", crop, [1, 80])[1], cv2.IMREAD_GRAYSCALE),
    "noise": lambda crop: np.clip(crop + np.random.default_rng(0).normal(0, 2, crop.shape), 0, 255).astype(np.uint8),
}


@pytest.mark.parametrize("how", SAVED_AGAIN)
def test_a_planted_duplicate_is_found_under_another_name(how):
    traces = traces_of()
    first = divided(traces)[0].test[0]
    original = next(t for t in traces if t.id == first)
    crops = np.stack([SAVED_AGAIN[how](crop) for crop in original.crops])
    copy = changed(original, id="T900_001", subject="T900", source_digest="other", crops=crops)
    two = [*traces, copy]
    everything = [*divided(traces)]
    everything[0] = everything[0]._replace(train=(*everything[0].train, copy.id))
    found = measured(two, everything)
    pairs = found.duplicates if how == "the same bytes" else found.near_duplicates
    assert [(pair.test, pair.train, pair.fold) for pair in pairs] == [(first, copy.id, 0)]
    assert NEAR <= pairs[0].correlation <= 1
    assert len(found.duplicates) + len(found.near_duplicates) == 1


def test_equal_sources_are_duplicates_without_any_crop():
    traces = traces_of(crops=False)
    fold = divided(traces, "subject_holdout")[0]
    copied = {fold.test[0], fold.train[0]}
    planted = [changed(t, source_digest="one") if t.id in copied else t for t in traces]
    found = measured(planted, [fold])
    assert [pair[:3] for pair in found.duplicates] == [(fold.test[0], fold.train[0], 0)]
    unknown = measured([changed(t, source_digest="") for t in traces], [fold])
    assert unknown.duplicates == ()


def test_expressions_of_one_face_are_no_duplicates():
    """The first crop is the same photograph, the last is not."""
    traces = traces_of()
    assert measured(traces, divided(traces, "stratified_k_fold")).near_duplicates == ()


@pytest.mark.parametrize(("field", "name"), [("n_frames", "sequence length"), ("n_found", "frames with a face")])
def test_a_planted_length_leak_is_found(field, name):
    traces = [changed(t, **{field: 10 + 6 * FOUR.index(t.label)}) for t in traces_of()]
    found = measured(traces)
    assert found.best_rule.name == name
    assert found.best_rule.accuracy > 0.95
    assert found.best_rule.p_value < 1e-6
    assert rule(found, "identity exclusion").accuracy < 0.6


def test_identity_says_what_is_used_up():
    """Where everybody shows everything once, a random split tells the last class of each person."""
    labels = FOUR
    traces = [
        SequenceFacts(f"S{s:03}_{i}", f"S{s:03}", str(i), label, 10, 10, "", None)
        for s in range(12)
        for i, label in enumerate(labels)
    ]
    tested = [f"S{s:03}_{s % 4}" for s in range(12)]
    rest = [t.id for t in traces if t.id not in tested]
    found = measured(traces, [Fold("from_file", 0, tuple(rest), tuple(tested), "")])
    assert rule(found, "identity exclusion").accuracy == 1
    apart = measured(traces, divided(traces, "subject_k_fold", folds=4))
    assert rule(apart, "identity exclusion").accuracy == rule(apart, "class prior").accuracy


def test_the_prior_and_the_test_of_a_rule_by_hand():
    traces = [
        SequenceFacts(f"a{i}", f"a{i}", "1", "x" if i < 6 else "y", 10 if i < 6 else 20, 10, "", None)
        for i in range(10)
    ]
    train, test = [t.id for t in traces], []
    for i in range(10):
        traces.append(SequenceFacts(f"b{i}", f"b{i}", "1", "x" if i < 4 else "y", 10 if i < 4 else 20, 10, "", None))
        test.append(f"b{i}")
    found = measured(traces, [Fold("from_file", 0, tuple(train), tuple(test), "")])
    prior, length = rule(found, "class prior"), rule(found, "sequence length")
    assert (prior.n_correct, prior.n) == (4, 10)
    assert np.isnan(prior.p_value)
    assert length.n_correct == 4  # ten sequences do not fill two leaves of five with both lengths apart
    assert rule(found, "frames with a face").p_value == 1


def test_the_test_of_a_rule_is_scipys():
    traces = [changed(t, n_frames=10 + 6 * FOUR.index(t.label)) for t in traces_of()]
    found = measured(traces)
    prior, length = rule(found, "class prior"), rule(found, "sequence length")
    won = length.n_correct - prior.n_correct  # the rule is right wherever the prior is
    assert length.p_value == pytest.approx(binomtest(won, won, 0.5, alternative="greater").pvalue, abs=1e-12)


def test_a_split_of_strangers_is_refused():
    with pytest.raises(DataError, match="eve is unknown"):
        measured(traces_of(3), [Fold("from_file", 0, ("eve",), ("adam",), "")])


def lit(traces, *, first=None, mean=None, noise=12, seed=3):
    """Faces whose light says the class, in the first crop or in the mean picture, as far as asked for."""
    rng = np.random.default_rng(seed)
    found = []
    for trace in traces:
        side = np.linspace(0, 60, 64) * FOUR.index(trace.label)
        shown = {}
        for name, tells in (("first", first), ("mean", mean)):
            level = 40 + rng.normal(0, noise, (64, 64)) + side * bool(tells)
            shown[name] = level.clip(0, 255).astype(np.uint8)
        found.append(changed(trace, crops=np.stack([shown["first"], crop(1)]), mean_face=shown["mean"]))
    return found


def picture(leakage, name):
    return next(rule for rule in leakage.pictures if rule.name == name)


@pytest.mark.parametrize(("first", "mean"), [(False, False), (True, False), (False, True)])
def test_a_picture_that_says_the_class_is_found_for_people_not_seen(first, mean):
    found = measured(lit(traces_of(), first=first, mean=mean))
    assert [rule.name for rule in found.pictures] == ["first frame", "mean picture"]
    assert found.unmeasured == ()
    for name, tells in (("first frame", first), ("mean picture", mean)):
        rule_found = picture(found, name)
        assert (rule_found.p_value < 1e-6) == tells
        assert rule_found.accuracy > 0.95 if tells else rule_found.p_value > 0.01
        assert rule_found.n == found.n_test
    assert found.best_rule.name not in ("first frame", "mean picture")


def test_black_frames_at_the_start_of_one_class_are_found():
    traces = [
        changed(trace, crops=trace.crops * np.uint8(trace.label != "anger")) for trace in traces_of(labels=FOUR[:2])
    ]
    found = picture(measured(traces), "first frame")
    assert found.accuracy > 0.95
    assert found.p_value < 1e-6


def test_pictures_that_are_not_stored_are_not_measured():
    traces = traces_of()
    assert measured(traces).unmeasured == (
        f"mean picture: the store lacks that of {len(traces)} of {len(traces)} sequences",
    )
    without = [changed(traces[0], crops=None), *traces[1:]]
    found = measured(without)
    assert found.pictures == ()
    assert found.unmeasured[0] == f"first frame: the store lacks that of 1 of {len(traces)} sequences"


def test_single_images_have_no_motion_that_could_be_left_out():
    found = measured([changed(trace, n_frames=1) for trace in traces_of()])
    assert (found.pictures, found.unmeasured) == ((), ())


def test_of_single_images_of_unknown_people_only_the_class_prior_is_a_baseline():
    # each image counts as a subject of its own
    images = [changed(t, n_frames=1, n_found=1, subject=t.id) for t in traces_of()]
    assert [one.name for one in measured(images).rules] == ["class prior"]
    known = [changed(t, n_frames=1, n_found=1) for t in traces_of()]
    assert [one.name for one in measured(known).rules] == ["class prior", "identity exclusion"]
    lost = [changed(t, n_found=number % 2) for number, t in enumerate(images)]
    assert [one.name for one in measured(lost).rules] == ["class prior", "frames with a face"]
