from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckseq.errors import DataError
from ckseq.facs import ActionUnit
from ckseq.storage import store_index
from ckseq.storage.store_entry import Entry
from ckseq.storage.store_index import Entries, Held, Index, IndexBuilder, Texts, columns_of_texts, write_columns
from ckseq.tracking.quality import Quality

# lone surrogates are no text that a file can hold
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
MAYBE = st.none() | TEXT
COUNT = st.integers(0, 2**31 - 1)
REAL = st.floats(allow_nan=False)
UNITS = st.none() | st.lists(
    st.builds(ActionUnit, st.from_regex(r"[1-9][0-9]?", fullmatch=True), st.none() | st.integers(1, 5)), max_size=3
).map(tuple)
QUALITY = st.none() | st.builds(Quality, COUNT, COUNT, COUNT, st.booleans(), REAL, REAL)
ENTRY = st.builds(
    Entry, TEXT, TEXT, TEXT, MAYBE, COUNT, COUNT, MAYBE, TEXT, MAYBE, COUNT, QUALITY, st.booleans(), UNITS
)
HELD = st.lists(
    st.builds(Held, ENTRY, TEXT, TEXT), min_size=1, max_size=6, unique_by=lambda held: held.entry.id
)  # fmt: skip


def written(builder):
    """Return the index that a builder makes, written and read; the file stays open in memory."""
    file = h5py.File("index", "w", driver="core", backing_store=False)
    file.attrs["n"] = builder.n
    write_columns(file, builder.columns())
    return Index(file, Path("store.h5"))


@settings(deadline=None, max_examples=15)
@given(HELD, st.data())
def test_what_goes_in_comes_out_sorted_whatever_the_order_and_the_files(held, data):
    builder, files = IndexBuilder(), {}
    cut = data.draw(st.integers(0, len(held)))
    for number, part in enumerate((held[:cut], held[cut:])):
        builder.add(part, number)
        files |= {one.entry.id: number for one in part}
    index = written(builder)
    expected = sorted(held, key=lambda one: one.entry.id)
    entries = Entries(index)
    assert list(entries) == [one.entry for one in expected]
    assert [entries[place] for place in range(len(entries))] == list(entries)
    assert entries[1:] == tuple(entries)[1:]
    assert entries[-1] == expected[-1].entry
    assert [one for found, _ in index.held(3) for one in found] == expected
    for place, one in enumerate(expected):
        assert index.find(one.entry.id) == place
        assert index.shard(place) == files[one.entry.id]
    for strange in data.draw(st.lists(TEXT, max_size=5)):
        assert (index.find(strange) is None) == (strange not in files)
    assert builder.digests() == [one.digest for one in expected]


@settings(deadline=None, max_examples=10)
@given(HELD, st.randoms(use_true_random=False))
def test_the_columns_are_the_same_whatever_was_added_first(held, random):
    shuffled = random.sample(held, len(held))
    columns = []
    for order in (held, shuffled):
        builder = IndexBuilder()
        for one in order:
            builder.add([one], 0)
        columns.append({name: (array.tobytes(), array.dtype) for name, array in builder.columns().items()})
    assert columns[0] == columns[1]


@settings(deadline=None, max_examples=50)
@given(st.lists(TEXT, min_size=1, max_size=8))
def test_texts_are_read_as_they_were(texts):
    columns = columns_of_texts("x", texts)
    data, ends = columns["x"], columns.get("x.ends")
    read = Texts(data, len(data) // len(texts) if ends is None else ends)
    assert read.read(0, len(texts)) == texts
    assert read.read(1, len(texts)) == texts[1:]
    assert [read.bytes_at(place).decode() for place in range(len(texts))] == texts


def test_every_field_of_a_recording_has_a_column():
    there = {*store_index._TEXTS, *store_index._REPEATED, *store_index._NUMBERS, "quality"}
    assert {field.name for field in fields(Entry)} <= there
    assert [field.name for field in fields(Quality)] == list(store_index._QUALITY)


def test_an_id_that_is_there_twice_is_refused():
    builder = IndexBuilder()
    for shard in range(2):
        builder.add([Held(Entry("a", "S", "1", None, 2, 1, None), "d", "c")], shard)
    with pytest.raises(DataError, match="a is there twice"):
        builder.columns()


def example():
    builder = IndexBuilder()
    quality = Quality(0, 5, 5, True, 0.1, 0.2)
    for number in range(40):
        label = None if number % 7 == 0 else "anger"
        entry = Entry(f"r{number:0{2 + number % 3}d}", f"S{number % 9}", "1", label, 5, 4, None, "s", quality=quality)
        builder.add([Held(entry, "d", "c")], number // 10)
    return builder


@pytest.mark.parametrize("name", list(example().columns()))
def test_every_changed_column_is_a_named_error(name):
    builder = example()
    columns = builder.columns()
    file = h5py.File("index", "w", driver="core", backing_store=False)
    file.attrs["n"] = builder.n
    write_columns(file, columns)
    dataset = file["columns"][name]
    array = dataset[...]
    if not array.size:
        return
    array.view(np.uint8)[-1] ^= 1
    dataset[...] = array
    index = Index(file, Path("store.h5"))
    with pytest.raises(DataError, match=f"store.h5: its index was changed after it was written: {name}"):
        # the whole of it: what verify reads
        [held for held, _ in index.held(100)]
    del file["columns"][name]
    with pytest.raises(DataError, match="its index is damaged"):
        [held for held, _ in Index(file, Path("store.h5")).held(100)]
