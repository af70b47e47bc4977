import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("optuna")

from ckseq.errors import CallError, DataError
from ckseq.search import study_storage as module
from ckseq.search.study_storage import open_storage, without_password


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
    with pytest.raises(DataError, match="the storage is damaged: its last line is cut short; restore a copy"):
        open_storage(str(journal))


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """A journal of a study of five trials."""
    import optuna

    monkeypatch.setattr(module, "_LINE_S", 0.1)
    path = tmp_path / "study.log"
    study = optuna.create_study(storage=open_storage(str(path)), study_name="s")
    for number in range(5):
        study.tell(study.ask(), number)
    return path


def test_a_journal_cut_anywhere_is_whole_lines_or_refused(journal):
    data = journal.read_bytes()
    for n_bytes in range(1, len(data)):
        journal.write_bytes(data[:n_bytes])
        if data[n_bytes - 1 : n_bytes] == b"\n":
            open_storage(str(journal))
        elif n_bytes % 191 == 0:  # each waits for another process to write on
            with pytest.raises(DataError, match="the storage is damaged: its last line is cut short; restore a copy"):
                open_storage(str(journal))


def test_a_journal_that_another_process_is_writing_is_waited_for(journal, monkeypatch):
    data = journal.read_bytes()
    journal.write_bytes(data[:-9])
    monkeypatch.setattr(module.time, "sleep", lambda _: journal.write_bytes(data))
    assert open_storage(str(journal)).get_all_studies()


@pytest.mark.parametrize("line", ["[]", "3", '{"op_code": 99}', '{"op_code": 4}', "{}", "[" * 10_000, "null", "\0\0"])
@pytest.mark.parametrize("place", [0, 3, -1])
def test_a_journal_with_another_line_is_refused_in_one_line(journal, line, place):
    lines = journal.read_text().splitlines()
    lines[place] = line
    journal.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError) as caught:
        open_storage(str(journal))
    assert "\n" not in str(caught.value)


def test_a_database_that_is_damaged_is_refused(tmp_path):
    import optuna

    path = tmp_path / "study.db"
    study = optuna.create_study(storage=open_storage(str(path)), study_name="s")
    for number in range(5):
        study.tell(study.ask(), number)
    data = path.read_bytes()
    for damaged in (data[: len(data) // 2], data[:-4096], data[:8192] + bytes(4096) + data[12288:], data[:4096] * 3):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"the storage (is damaged|cannot be)"):
            open_storage(str(path))


def test_a_database_of_another_program_is_not_written_to(tmp_path):
    path = tmp_path / "mine.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DataError, match="it is a database of another program; name another"):
        open_storage(f"sqlite:///{path}")
    assert path.read_bytes() == before


@pytest.mark.parametrize("url", ["sqlite:///{}/none.db", "journal:///{}/none.log"])
def test_a_storage_that_is_only_read_is_not_created(tmp_path, url):
    with pytest.raises(DataError, match="there is no such study file"):
        open_storage(url.format(tmp_path), create=False)
    assert not list(tmp_path.iterdir())


_WORDS = st.text(st.characters(codec="ascii", min_codepoint=33, exclude_characters=":/?@&"), min_size=1, max_size=8)


@given(user=_WORDS, password=st.text(st.characters(min_codepoint=33), min_size=4), host=_WORDS, query=st.booleans())
def test_no_part_of_a_password_is_shown(user, password, host, query):
    password = f"<<{password}@>>"
    url = f"postgresql://{user}:{password}@{host}/studies"
    assert without_password(url) == f"postgresql://{user}:***@{host}/studies"
    if query and "&" not in password:
        assert password not in without_password(f"postgresql://{host}/studies?user={user}&password={password}")


def test_a_password_with_a_raw_at_sign_is_refused_without_it():
    with pytest.raises(CallError, match="write that of a password as %40") as caught:
        open_storage("postgresql://ann:sec@ret@localhost/studies")
    assert "ret" not in str(caught.value).partition("write")[0].replace("postgresql", "")
