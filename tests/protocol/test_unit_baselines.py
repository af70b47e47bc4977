"""Baselines of action units, on sequences of which one thing alone tells the units."""

import numpy as np

from ckseq.protocol.holdout import Fold
from ckseq.protocol.leakage import FIRST_FRAME, MEAN_PICTURE, SequenceFacts
from ckseq.protocol.unit_baselines import measure_unit_baselines

UNITS = ("1", "12")


def made(*, by, n_subjects=10, per_subject=6):
    """Return facts and units that are random, but for what they are told by."""
    rng, facts, shown = np.random.default_rng(4), [], []
    for subject in range(n_subjects):
        for number in range(per_subject):
            own = rng.random(2) < 0.5 if by != "identity" else np.array([subject % 2, subject % 3 == 0], bool)
            crops = rng.integers(90, 110, (2, 24, 24)).astype(np.uint8)
            mean = crops.mean(axis=0).astype(np.uint8)
            if by == FIRST_FRAME:
                crops[0, :12] += np.uint8(60 * own[0])
                crops[0, :, :12] += np.uint8(60 * own[1])
            n = 10 + int(20 * own[0]) if by == "sequence length" else int(rng.integers(10, 30))
            facts.append(SequenceFacts(f"{subject}_{number}", f"S{subject}", "1", "", n, 20, "", crops, mean))
            shown.append(own)
    return facts, np.array(shown)


def measured(facts, shown, *, apart=True):
    keys = [one.subject if apart else one.id[-1] for one in facts]
    names = sorted(set(keys))
    sides = [[one.id for one, key in zip(facts, keys, strict=True) if names.index(key) % 2 == side] for side in (0, 1)]
    folds = [Fold("k", number, tuple(sides[1 - number]), tuple(sides[number]), "d") for number in (0, 1)]
    found, unmeasured = measure_unit_baselines(facts, shown, UNITS, folds, n_draws=200, confidence=0.95)
    assert not unmeasured
    return {one.name: one.scores for one in found}


def test_what_tells_the_units_is_found_and_nothing_else():
    by_length = measured(*made(by="sequence length"))
    assert by_length["sequence length"].units[0].auc == 1
    assert by_length["sequence length"].units[1].auc < 0.75
    assert max(one.mean_auc for name, one in by_length.items() if name != "sequence length") < 0.75
    by_picture = measured(*made(by=FIRST_FRAME))
    assert by_picture[FIRST_FRAME].mean_auc > 0.95
    assert by_picture[MEAN_PICTURE].mean_auc < 0.75
    assert not by_picture[FIRST_FRAME].interval.low <= 0.8  # none where every resample is perfect


def test_identity_tells_units_only_where_people_are_on_both_sides():
    facts, shown = made(by="identity")
    assert measured(facts, shown, apart=False)["identity"].mean_auc == 1
    assert measured(facts, shown)["identity"].mean_auc <= 0.6


def test_what_predicts_the_same_within_each_fold_is_chance():
    facts, shown = made(by="identity")
    scores = measured(facts, shown, apart=False)["frames with a face"]  # all have as many
    assert [one.auc for one in scores.units] == [0.5, 0.5]
    assert scores.mean_auc == 0.5
    assert scores.n == len(facts)
    assert measured(facts, shown)["identity"].mean_auc == 0.5


def test_without_pictures_their_baselines_are_named_as_unmeasured():
    facts, shown = made(by="identity")
    bare = [SequenceFacts(*(getattr(one, name) for name in _PLAIN), None) for one in facts]
    half = len(facts) // 2
    ids = tuple(one.id for one in facts)
    folds = [Fold("holdout", 0, ids[:half], ids[half:], "d")]
    found, unmeasured = measure_unit_baselines(bare, shown, UNITS, folds, n_draws=20, confidence=0.95)
    assert [one.name for one in found] == ["sequence length", "frames with a face", "identity"]
    assert [one.split(":")[0] for one in unmeasured] == [FIRST_FRAME, MEAN_PICTURE]


_PLAIN = ("id", "subject", "session", "label", "n_frames", "n_found", "source_digest")
