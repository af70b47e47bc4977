import numpy as np
import pytest

from ckseq.protocol.early_classification import SHARES, PrefixProbabilities
from ckseq.report.early_classification import draw_early, rules_of, sentences


def made(n_people):
    """One in ten people is taken for another class throughout; the others are sure after six tenths."""
    right = np.where(np.arange(1, 11) >= 6, 0.9, 0.4)
    rows = [np.stack([1 - right, right] if person % 10 == 0 else [right, 1 - right], 1) for person in range(n_people)]
    names = tuple(f"S{person}" for person in range(n_people))
    return PrefixProbabilities(("anger", "joy"), np.array(SHARES), np.array(rows), np.zeros(n_people, int), names)


def test_rules_and_what_is_said_of_them():
    found = made(40)
    strict, usual, _ = rules = rules_of(found)
    # one in ten is wrong with 0.9: to be wrong less often is to say nothing
    assert strict.threshold == pytest.approx(0.9)
    assert strict.measured.stopped == 0
    assert usual.threshold == pytest.approx(0.9)
    assert rules[2].threshold == pytest.approx(0.6)
    assert rules[2].measured == pytest.approx((1, 0.1, 0.6))
    said = sentences(found, rules)
    assert said[0] == "After 60 % of a sequence the accuracy is 0.90, at the end 0.90."
    assert "wrong for at most 20 % of sequences of new people" in said[3]
    assert "10 % stopped wrongly, 100 % stopped at all, 60 % of a sequence seen" in said[3]


def test_too_few_people_are_named():
    found = made(6)
    rules = rules_of(found)
    assert sentences(found, rules)[1] == "At 5 % errors no rule can be given: 6 people are too few to tell."
    assert draw_early(found, rules, confidence=0.95, repeats=1).startswith(b"\x89PNG")


def test_the_picture_is_the_same_for_the_same_figures_and_another_for_others():
    pictures = [draw_early(made(n), rules_of(made(n)), confidence=0.95, repeats=1) for n in (40, 40, 60)]
    assert pictures[0] == pictures[1] != pictures[2]
