"""Progress on plain lines, as logs and pipes get it."""

import pytest

from ckseq import console as module
from ckseq.console import Console


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
