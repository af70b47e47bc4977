import pytest

from ckseq.defaults import SHARED_CACHE_GB
from ckseq.errors import CallError
from ckseq.storage.cache_place import PLACE, cache_folder, limit_gb, set_limit, shared_cache


def test_the_cache_is_where_the_variable_says_or_else_where_the_platform_keeps_caches(tmp_path, monkeypatch):
    monkeypatch.setenv(PLACE, str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(PLACE, "~/crops")
    assert cache_folder() == tmp_path / "crops"
    monkeypatch.setenv(PLACE, "")
    assert cache_folder().name in ("ckseq", "Cache")
    assert tmp_path in cache_folder().parents


def test_the_limit_is_kept_in_the_folder_and_0_turns_the_cache_off(tmp_path, monkeypatch):
    folder = tmp_path / "new" / "cache"
    monkeypatch.setenv(PLACE, str(folder))
    assert shared_cache() == (folder, SHARED_CACHE_GB * 1e9)
    set_limit(folder, 0.5)
    assert shared_cache() == (folder, 500_000_000)
    set_limit(folder, 0)
    assert shared_cache() is None


@pytest.mark.parametrize("text", ["", "much", "nan", "-1", "inf"])
def test_a_limit_that_is_no_size_is_the_default(tmp_path, text):
    (tmp_path / "limit_gb").write_text(text)
    assert limit_gb(tmp_path) == SHARED_CACHE_GB


def test_a_lower_limit_removes_at_once_what_is_beyond_it_and_nothing_else(tmp_path):
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "a-b.cached").write_bytes(bytes(2000))
    (tmp_path / "other.bin").write_bytes(bytes(2000))
    set_limit(tmp_path, 1e-6)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["limit_gb", "other.bin"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CallError, match=r"file/cache: the limit cannot be kept: .*CKSEQ_CACHE"):
        set_limit(tmp_path / "file" / "cache", 3)
