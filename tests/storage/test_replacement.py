import pytest

from ckseq.errors import DataError
from ckseq.storage import replacement
from ckseq.storage.replacement import beside, exchange, recover
from ckseq.storage.run_record import read_run


def fill(folder, text):
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(text)
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_replacement_takes_the_place_and_nothing_is_left_of_the_old_one(tmp_path):
    target = fill(tmp_path / "run", "old")
    fill(beside(target), "new")
    assert (target / "run.json").read_text() == "old"
    exchange(target)
    assert ((target / "run.json").read_text(), names(tmp_path)) == ("new", ["run"])


def test_who_reads_in_the_middle_of_an_exchange_learns_where_the_run_is(tmp_path):
    target = fill(tmp_path / "run", "old")
    fill(beside(target), "new")
    target.rename(tmp_path / ".run.old")  # and killed
    with pytest.raises(DataError, match=r"its replacement was cut off; .*--overwrite, or rename \.run\.old to run"):
        read_run(target)
    recover(target)
    assert replacement.interrupted(target) is None


def test_without_an_old_one_it_is_only_renamed(tmp_path):
    fill(beside(tmp_path / "run"), "new")
    exchange(tmp_path / "run")
    assert names(tmp_path) == ["run"]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", ["before the second rename", "before the old one is removed"])
def test_whoever_is_killed_on_the_way_loses_nothing(tmp_path, monkeypatch, step):
    target = fill(tmp_path / "run", "old")
    new = fill(beside(target), "new")

    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        if step == "before the second rename":
            rename = type(new).rename
            patch.setattr(type(new), "rename", lambda path, to: killed() if path == new else rename(path, to))
        else:
            patch.setattr(replacement.shutil, "rmtree", killed)
        with pytest.raises(Killed):
            exchange(target)
    recover(target)
    if step == "before the second rename":
        assert ((target / "run.json").read_text(), (new / "run.json").read_text()) == ("old", "new")
        exchange(target)
    assert ((target / "run.json").read_text(), names(tmp_path)) == ("new", ["run"])
