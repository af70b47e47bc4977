import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.config import parse
from ckseq.errors import CallError, DataError
from ckseq.protocol.balance import BalanceConfig, Candidate, balance, match_mean


def candidates(**counts):
    """Lengths as in CK+: 6 to 71 frames, median 16."""
    rng = np.random.default_rng(7)
    return [
        Candidate(f"S{i:03}_{label}", label, int(np.clip(rng.lognormal(np.log(16), 0.45), 6, 71)))
        for label, count in counts.items()
        for i in range(count)
    ]


CK = candidates(surprise=83, anger=45, contempt=18, disgust=59, fear=25, happiness=69, sadness=28)


def chosen(material, config, seed=1):
    selection = balance(material, config, rng=np.random.default_rng(seed))
    of = {candidate.id: candidate for candidate in material}
    return selection, [of[id] for id in selection.ids]


def per_class(members):
    return {label: sum(one.label == label for one in members) for label in {one.label for one in members}}


def test_so_many_of_each_class_sorted_by_id():
    selection, members = chosen(CK, BalanceConfig(per_class=15))
    assert set(per_class(members).values()) == {15}
    assert len(members) == 105
    assert list(selection.ids) == sorted(selection.ids)
    assert selection.notes == ("15 sequences of each of 7 classes",)


def test_the_draw_depends_on_the_seed_alone():
    config = BalanceConfig(per_class=15)
    assert chosen(CK, config, seed=1) == chosen(CK, config, seed=1)
    assert chosen(CK, config, seed=1)[0] != chosen(CK, config, seed=2)[0]


@given(st.permutations(candidates(anger=7, fear=5, joy=6)), st.sampled_from(["seed", "mean_length"]))
def test_the_order_of_the_input_does_not_matter(material, choose):
    config = BalanceConfig(per_class=4, choose=choose, mean_frames=15.0)
    assert chosen(material, config) == chosen(sorted(material), config)


def test_too_few_is_an_error_that_counts_every_class():
    message = r"26 sequences of each class .* anger 45, contempt 18, disgust 59, fear 25, .*; set .* to 18 or less"
    with pytest.raises(DataError, match=message):
        chosen(CK, BalanceConfig(per_class=26))


@pytest.mark.parametrize(
    ("at_most", "n", "note"),
    [
        (None, 18, "18 sequences of each of 7 classes: all available of contempt"),
        (35, 18, "18 sequences of each of 7 classes: all available of contempt (35 were requested)"),
        (15, 15, "15 sequences of each of 7 classes, as requested"),
    ],
)
def test_as_many_as_the_smallest_class_has(at_most, n, note):
    selection, members = chosen(CK, BalanceConfig(per_class="most", at_most=at_most))
    assert set(per_class(members).values()) == {n}
    assert selection.notes == (note,)


def test_all_means_no_balancing():
    selection, members = chosen(CK, BalanceConfig(per_class="all"))
    assert sorted(members) == sorted(CK)
    assert selection.notes[0].startswith("all sequences, not balanced: anger 45, contempt 18")


def test_mean_lengths_match_where_the_class_allows_it_and_are_told():
    selection, members = chosen(CK, BalanceConfig(per_class=15, choose="mean_length", mean_frames=20.0))
    assert set(per_class(members).values()) == {15}
    for label in per_class(members):
        mean = np.mean([one.n_frames for one in members if one.label == label])
        # where even the 15 longest are too short on average, they come nearest
        longest = sorted(candidate.n_frames for candidate in CK if candidate.label == label)[-15:]
        assert mean == pytest.approx(min(20, np.mean(longest)), abs=0.5 / 15)
        assert f"{label} {mean:.1f}" in selection.notes[1]
    assert selection.notes[1].startswith("chosen for a mean length of 20 frames of motion: anger 20.0, contempt 17.1")


@given(st.lists(st.tuples(st.integers(1, 70), st.booleans()), min_size=1, max_size=40), st.floats(1, 70))
def test_swapping_keeps_the_size_and_never_makes_it_worse(pairs, wanted):
    lengths = np.array([length for length, _ in pairs])
    start = np.array([kept for _, kept in pairs])
    start[0] = True
    before = start.copy()
    after = match_mean(lengths, start, mean_frames=wanted)
    assert after.sum() == start.sum()
    assert abs(lengths[after].mean() - wanted) <= abs(lengths[start].mean() - wanted) + 1e-9
    np.testing.assert_array_equal(start, before)


@given(st.lists(st.integers(1, 70), min_size=2, max_size=8), st.floats(1, 70))
def test_of_single_sequences_the_nearest_is_found(lengths, wanted):
    start = np.arange(len(lengths)) == 0
    after = match_mean(np.array(lengths), start, mean_frames=wanted)
    assert abs(np.array(lengths)[after][0] - wanted) == min(abs(length - wanted) for length in lengths)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"per_class": 0}, "per_class"),
        ({"per_class": "some"}, "per_class"),
        ({"choose": "mean_length"}, "mean_frames .* requires a length"),
        ({"at_most": 0}, "at_most"),
    ],
)
def test_impossible_values_name_the_key(values, key):
    with pytest.raises(CallError, match=key):
        parse(BalanceConfig, values, where="a.toml [balance]")
