import pytest

from ckseq.console import Console
from ckseq.storage.store import open_store
from ckseq.tasks.bench_store import USES, bench_store, generate


def test_a_generated_index_is_read_like_any_other(tmp_path):
    generate(tmp_path / "s.h5", 25, per_file=10)
    with open_store(tmp_path / "s.h5") as store:
        assert [entry.id for entry in store.entries][::12] == ["S000000_000", "S000001_002", "S000002_004"]
        assert [shard.n for shard in store.shards.table] == [10, 10, 5]


@pytest.mark.slow
def test_every_use_is_measured_in_a_process_of_its_own(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    found = bench_store(tmp_path, console=Console(), sizes=(200,))
    measured = found["sizes"]["200"]
    assert set(measured) == {"bytes", *USES}
    assert all(measured[use]["own_bytes"] <= measured[use]["peak_bytes"] for use in USES)
    assert "5 folds by subject" in capsys.readouterr().out
    assert not any(tmp_path.iterdir())
