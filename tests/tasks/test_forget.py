import numpy as np
import pytest
from made_runs import made_run

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.storage.recorded import Clip, add_clip, create_data_set, has_subject
from ckseq.storage.run_record import write_run
from ckseq.storage.store import open_store
from ckseq.tasks.forget import forget
from ckseq.tasks.preprocess import preprocess

FRAMES = [np.full((40, 40), 10 * level, np.uint8) for level in range(8)]


def record_clip(root, subject):
    create_data_set(root)
    clip = Clip(subject, "surprise", FRAMES, "I agree.", "camera:0", np.zeros((4, 4), np.uint8))
    add_clip(root, clip, when="2026-01-02T03:04:05+00:00", version="1")


class Person(Console):
    """A person at a terminal who gives these answers in turn."""

    def __init__(self, *answers):
        super().__init__(quiet=True)
        self.answers = list(answers)

    def ask(self, question, *, option):
        return self.answers.pop(0)


def run_of(folder, store, *, train, test):
    digest = "unknown"
    if store:
        with open_store(store) as opened:
            digest = opened.digest
    folds = [{"number": 0, "test": test}]
    write_run(folder, made_run(folds=folds, train_only=train, store={"path": "s.h5", "digest": digest}))
    return folder


def test_a_subject_is_deleted_and_its_holders_are_listed(tmp_path, console):
    own, store = tmp_path / "p/own", tmp_path / "p/s.h5"
    for subject in ("S001", "S002"):
        record_clip(own, subject)
    fast = tmp_path / "fast.toml"
    fast.write_text('[detector]\nkind = "whole_frame"\n[faces]\nside_px = 32\n[motion]\nerosion_px = 1\n')
    preprocess(own, pipeline=str(fast), out=store, jobs=1, console=console)
    run = run_of(tmp_path / "p/run", store, train=["S002_001"], test=["S001_001"])
    run_of(tmp_path / "p/other", None, train=["S002_001"], test=["S001_001"])
    run_of(tmp_path / "p/without", store, train=["S003_001"], test=["S001_001"])
    person = Person("n", "y")
    with pytest.raises(CallError, match="nothing is deleted"):
        forget("S002", data=own, search=(), unasked=False, console=person)
    assert has_subject(own, "S002")
    result = forget("S002", data=own, search=(), unasked=False, console=person)
    assert (result["n_deleted"], has_subject(own, "S002"), has_subject(own, "S001")) == (1, False, True)
    assert [item["path"] for item in result["stores"]] == [str(store)]
    assert "still holds clips of S002 (1)" in result["stores"][0]["what"]
    holders = {item["path"]: item["what"] for item in result["runs"]}
    assert list(holders) == [str(tmp_path / "p/other"), str(run)]
    assert "its model was trained on clips of S002 (1)" in holders[str(run)]
    assert "may be another person" in holders[str(tmp_path / "p/other")]
    again = forget("S002", data=own, search=(tmp_path / "p",), unasked=True, console=person)
    assert (again["n_deleted"], again["stores"], again["runs"]) == (0, result["stores"], result["runs"])


def test_an_unknown_subject_is_an_error(tmp_path, console):
    record_clip(tmp_path / "own", "S001")
    with pytest.raises(CallError, match="has no subject S007"):
        forget("S007", data=tmp_path / "own", search=(), unasked=True, console=console)
    with pytest.raises(CallError, match="was not recorded with ckseq"):
        forget("S001", data=tmp_path, search=(), unasked=True, console=console)
