"""A journal whose lock was left behind by a killed process."""

import threading

import pytest

pytest.importorskip("optuna")

from optuna.storages.journal import JournalFileBackend

from ckseq.search import study_storage
from ckseq.search.journal_lock import JournalLock


def test_of_two_processes_that_find_a_lock_left_behind_none_fails(tmp_path):
    path = str(tmp_path / "study.log")
    (tmp_path / "study.log.lock").touch()
    errors = []

    def write(name):
        try:
            backend = JournalFileBackend(path, JournalLock(path, grace_s=3))
            for i in range(20):
                backend.append_logs([{"process": name, "line": i}])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    lines = list(JournalFileBackend(path).read_logs(0))
    assert sorted((line["process"], line["line"]) for line in lines) == [(p, i) for p in range(4) for i in range(20)]
    assert [path.name for path in tmp_path.iterdir()] == ["study.log"]


def test_a_journal_at_a_relative_path_does_not_wait_without_end_for_a_lock_left_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "study.log.lock").symlink_to("out/study.log")
    storage = study_storage.open_storage("journal:///out/study.log")
    done = []
    thread = threading.Thread(target=lambda: done.append(storage.create_new_study([])), daemon=True)
    thread.start()
    thread.join(timeout=30)
    assert done == [0]
