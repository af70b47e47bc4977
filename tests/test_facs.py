"""FACS codes: how they are written, and what emotions are made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.errors import DataError
from ckseq.facs import PROTOTYPES, REGIONS, UNITS, ActionUnit, contradiction, parse_codes
from ckseq.labels import EMOTIONS
from ckseq.twin.action_units import EXPRESSIONS, NUMBERS

CODES = st.dictionaries(st.integers(1, 99), st.none() | st.integers(1, 5), min_size=1)


@given(CODES, st.sampled_from(["+", " ", ", "]), st.randoms())
def test_codes_in_any_order_and_with_any_separator_are_the_same(codes, separator, random):
    parts = [f"{unit}{'ABCDE'[level - 1] if level else ''}" for unit, level in codes.items()]
    random.shuffle(parts)
    expected = tuple(ActionUnit(str(unit), codes[unit]) for unit in sorted(codes))
    assert parse_codes(separator.join(parts), "") == expected


def test_sides_are_dropped_and_a_neutral_face_has_no_units():
    assert parse_codes("L14B+R14d", "") == (ActionUnit("14", 4),)
    assert parse_codes("0", "") == ()


@pytest.mark.parametrize("text", ["smile", "12F", "1++2x", "123", "-4"])
def test_what_is_no_code_is_named(text):
    with pytest.raises(DataError, match=r"table line 3: '.*' is no action unit; write FACS codes such as"):
        parse_codes(text, "table line 3")


def test_the_table_is_complete():
    assert {emotion.name for emotion in EMOTIONS[1:]} == set(PROTOTYPES) == set(EXPRESSIONS)
    for prototype in PROTOTYPES.values():
        assert set(prototype.units) | set().union(*prototype.cores) <= set(UNITS)
    assert {str(number) for number in NUMBERS} <= set(UNITS)
    for facts in UNITS.values():
        assert facts.regions
        assert set(facts.regions) <= set(REGIONS)


@pytest.mark.parametrize("emotion", PROTOTYPES)
def test_a_prototype_never_contradicts_its_emotion(emotion):
    assert contradiction(emotion, set(PROTOTYPES[emotion].units)) == ""
    for core in PROTOTYPES[emotion].cores:
        assert contradiction(emotion, core) == ""
    assert contradiction(emotion, set()).startswith(f"{emotion} without AU ")
