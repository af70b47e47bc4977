import numpy as np
import pytest

from ckseq.protocol.early_classification import SHARES, PrefixProbabilities
from ckseq.report.early_classification import draw_early, rules_of, sentences


def made(n_people):
    """One in ten subjects is misclassified throughout; the others are classified with 0.9 after six tenths."""
    right = np.where(np.arange(1, 11) >= 6, 0.9, 0.4)
    rows = [np.stack([1 - right, right] if person % 10 == 0 else [right, 1 - right], 1) for person in range(n_people)]
    names = tuple(f"S{person}" for person in range(n_people))
    return PrefixProbabilities(("anger", "joy"), np.array(SHARES), np.array(rows), np.zeros(n_people, int), names)


def test_rules_and_their_sentences():
    found = made(40)
    strict, usual, _ = rules = rules_of(found)
    # one in ten is wrong with 0.9: an error rate below one in ten means never to stop
    assert strict.threshold == pytest.approx(0.9)
    assert strict.measured.stopped == 0
    assert usual.threshold == pytest.approx(0.9)
    assert rules[2].threshold == pytest.approx(0.6)
    assert rules[2].measured == pytest.approx((1, 0.1, 0.6))
    lines = sentences(found, rules)
    assert lines[0] == "The accuracy reaches its final 0.90 after 60 % of a sequence."
    assert "an error rate of at most 20 % on sequences of new people" in lines[3]
    assert "10 % of the sequences stopped with a wrong class, 100 % stopped at all" in lines[3]
    assert "60 % of a sequence observed on average" in lines[3]


def test_of_unknown_subjects_nothing_is_promised_of_new_people():
    found = made(40)
    lines = sentences(found, rules_of(found), known_subjects=False)
    assert not any("new people" in line for line in lines)
    assert "like these, if no two are of one person (subjects are unknown)" in lines[3]
    few = made(6)
    assert sentences(few, rules_of(few), known_subjects=False)[1].endswith("6 sequences are too few.")


def test_too_few_subjects():
    found = made(6)
    rules = rules_of(found)
    assert sentences(found, rules)[1] == ("There is no stopping rule for an error rate of 5 %: 6 subjects are too few.")
    assert draw_early(found, rules, confidence=0.95, repeats=1).startswith(b"\x89PNG")


def test_equal_data_give_equal_figures():
    pictures = [draw_early(made(n), rules_of(made(n)), confidence=0.95, repeats=1) for n in (40, 40, 60)]
    assert pictures[0] == pictures[1] != pictures[2]
