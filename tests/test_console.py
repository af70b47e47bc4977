"""Progress on plain lines, as logs and pipes get it; tables that fit the terminal."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console as RichConsole
from rich.table import Column, Table
from rich.text import Text

from ckseq import console as module
from ckseq.console import Console, fitting


@pytest.fixture
def clock(monkeypatch):
    """Every look at the clock is ten seconds later."""
    times = iter(range(0, 10_000, 10))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(times))


def lines_of(capsys, total, *steps):
    with Console().progress("frames", total) as bar:
        for step in steps:
            bar.advance(step, text="clip")
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("clock")
def test_what_is_left_is_told_where_the_total_is_known(capsys):
    assert lines_of(capsys, 30, 10, 20) == [
        "frames 10/30  1.0/s  0:20 left  clip",
        "frames 30/30  1.5/s  0:00 left  clip",
    ]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("total", [0, 30])
def test_nothing_is_left_of_an_unknown_total_or_of_one_that_was_wrong(capsys, total):
    assert lines_of(capsys, total, 600) == ["frames 600  60.0/s  clip"]


def test_work_whose_units_take_long_is_shown_before_the_first_is_done(capsys):
    with Console().progress("folds", 3) as bar:
        bar.begin("seed 1, fold 0")
    assert capsys.readouterr().out == "folds 0/3  seed 1, fold 0\n"


WORDS = st.text(alphabet="abcdefghij_", min_size=1, max_size=18)


@given(
    rows=st.lists(st.lists(WORDS, min_size=4, max_size=4), min_size=1, max_size=5),
    width=st.integers(40, 120),
    box=st.booleans(),
)
def test_no_word_of_a_table_is_cut(rows, width, box):
    console = RichConsole(file=io.StringIO(), width=width)
    table = Table(*(f"column_of_{n}" for n in range(4)), title="title", **({} if box else {"box": None}))
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(fitting(table, console))
    printed = console.file.getvalue()
    assert "…" not in printed
    for word in {"title", *(f"column_of_{n}" for n in range(4)), *(word for row in rows for word in row)}:
        assert word in printed
    assert max(map(len, printed.splitlines())) <= width


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (60, ["true class → one → other", "one 7 12", "other 3 40"]),
        (25, ["true class one other", "→ one 7 3", "→ other 12 40"]),
        (19, ["true class one", "→ one 7", "→ other 12", "", "true class other", "→ one 3", "→ other 40"]),
    ],
)
def test_a_table_is_turned_and_then_written_as_paragraphs(width, lines):
    console = RichConsole(file=io.StringIO(), width=width)
    table = Table(*(Column(Text(name, no_wrap=True)) for name in ("true class", "→ one", "→ other")), box=None)
    table.add_row("one", "7", "12")
    table.add_row("other", "3", "40")
    console.print(fitting(table, console))
    assert [" ".join(line.split()) for line in console.file.getvalue().splitlines()] == lines
