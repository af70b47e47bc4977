"""What ``ckseq experiment`` works on: a data set or a store; a success stands in the test of a light install."""

import pytest

from ckseq.errors import CkseqError
from ckseq.tasks.experiment import experiment


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "nothing to work on; name a data set with --data, or a store with --store"),
        ({"data": "d", "store": "s.h5"}, "two things to work on are named; drop --data"),
        ({"store": "s.h5", "settings": ["motion.threshold=30"]}, r"s\.h5: is prepared already, and --set motion\.thr"),
        ({"store": "s.h5"}, r"s\.h5: there is no such"),
    ],
)
def test_one_thing_to_work_on_is_named(given, said, tmp_path, console, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = {name: tmp_path / given[name] for name in ("data", "store") if name in given}
    with pytest.raises(CkseqError, match=said):
        experiment("default", out=tmp_path / "out", settings=given.get("settings", ()), console=console, **paths)
    assert not (tmp_path / "out").exists()
