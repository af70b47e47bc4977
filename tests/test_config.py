import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.config import toml_text
from ckseq.errors import CallError
from ckseq.preprocessing.pipeline import load_pipeline

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    WORDS,
    st.lists(st.integers(0, 9)),
    st.lists(WORDS),
)
TREES = st.recursive(
    st.dictionaries(WORDS, VALUES, max_size=3),
    lambda inner: st.dictionaries(WORDS, st.one_of(VALUES, inner, st.lists(inner, max_size=2)), max_size=3),
    max_leaves=6,
)


@given(tree=TREES)
def test_what_is_written_reads_back_as_it_was(tree):
    assert tomllib.loads(toml_text(tree)) == tree


def test_what_is_none_is_left_out():
    assert tomllib.loads(toml_text({"a": None, "b": {"c": None, "d": [1, None]}})) == {"b": {"d": [1]}}


def test_nested_tables_read_back_as_they_were():
    by = [{"year": 2015, "odd": ["a\u2028b", "c\x85\n,d"]}, {"year": 2019}]
    tree = {"published": {"accuracy": {"mean": 0.9, "n": 3}, "by": by}, "long": [*["S001"] * 99, "{"], "seed": 1}
    assert tomllib.loads(toml_text(tree)) == tree


def test_a_field_without_its_section_is_recognized():
    for word in ("threshold", "treshold"):
        with pytest.raises(CallError, match=f"{word} is not a known key; did you mean 'motion.threshold'"):
            load_pipeline("paper", [f"{word}=3"])
