"""``ckseq cache`` shows, limits and empties the shared cache."""

import numpy as np
import pytest

from ckseq.console import Console
from ckseq.storage.cache import StageCache
from ckseq.storage.cache_place import PLACE, shared_cache
from ckseq.tasks.cache import clear, limit, show


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(PLACE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_it_is_shown_limited_and_emptied(folder, capsys):
    console = Console()
    assert show(console=console) == {"folder": str(folder), "n_entries": 0, "gigabytes": 0.0, "limit_gb": 5.0}
    assert "0 entries, 0.00 GB; at most 5 GB" in capsys.readouterr().out
    StageCache(shared_cache()).fetch("faces", "ab-1", lambda: {"crops": np.zeros(10_000_000, np.uint8)})
    show(console=console)
    assert f"{folder}: 1 entry, 0.01 GB; at most 5 GB" in capsys.readouterr().out
    assert limit(0.02, console=console)["n_entries"] == 1
    assert clear(console=console)["n_removed"] == 1
    assert "1 entry removed" in capsys.readouterr().out
    assert limit(0, console=console)["n_entries"] == 0
    assert "0 entries, 0.00 GB; turned off" in capsys.readouterr().out
    assert shared_cache() is None
