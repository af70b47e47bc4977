import pytest

pytest.importorskip("optuna")

from ckseq.errors import CallError, DataError
from ckseq.search.study_storage import open_storage


@pytest.mark.parametrize("url", ["sqlite:///{}/a/study.db", "{}/study.db", "journal:///{}/b/study.log", "{}/study.log"])
def test_a_missing_file_is_created(tmp_path, url):
    storage = open_storage(url.format(tmp_path))
    number = storage.create_new_study(directions(1), "s")
    assert open_storage(url.format(tmp_path)).get_study_name_from_id(number) == "s"


def directions(n):
    from optuna.study import StudyDirection

    return [StudyDirection.MINIMIZE] * n


@pytest.mark.parametrize("url", ["study", "ftp://host/study", "redis://host", "mysql://host/study", "sqlite:"])
def test_a_storage_that_is_not_known(url):
    with pytest.raises(CallError, match="is not a known storage; name an SQLite file"):
        open_storage(url)


def test_a_database_out_of_reach_is_one_line_without_the_password(tmp_path):
    with pytest.raises(DataError) as caught:
        open_storage(f"postgresql://ann:secret@/studies?host={tmp_path}&connect_timeout=2")
    text = str(caught.value)
    assert "the storage cannot be reached" in text
    assert "check that it runs" in text
    assert "secret" not in text
    assert "\n" not in text


def test_a_folder_that_cannot_be_created(tmp_path):
    (tmp_path / "a").write_text("a file")
    with pytest.raises(DataError, match=r"the storage cannot be .*; name another with --storage"):
        open_storage(f"sqlite:///{tmp_path}/a/b/study.db")
    with pytest.raises(DataError, match=r"the storage cannot be .*; name another with --storage"):
        open_storage(f"journal:///{tmp_path}/a/b/study.log")


def test_a_file_that_is_something_else(tmp_path):
    path = tmp_path / "study.db"
    path.write_bytes(b"this is no database, and long enough to be seen as none" * 20)
    with pytest.raises(DataError, match="cannot be reached: file is not a database"):
        open_storage(str(path))
    journal = tmp_path / "study.log"
    journal.write_text("not a journal\nbut a text\n")
    with pytest.raises(DataError, match="cannot be opened"):
        open_storage(str(journal))
