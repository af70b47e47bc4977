import pytest
from made_runs import made_predictions, made_run, write_made_run

from ckseq.errors import CallError, DataError
from ckseq.storage.run_record import write_run
from ckseq.tasks.runs import runs


@pytest.fixture
def folder(tmp_path):
    worse = (("anger", "anger", 5), ("anger", "surprise", 5), ("disgust", "disgust", 5), ("surprise", "surprise", 5))
    protocol = {"kind": "subject_k_fold"}
    write_made_run(tmp_path / "a", history=False, examples=False)
    write_made_run(
        tmp_path / "deep" / "b",
        made_predictions(outcomes=worse),
        history=False,
        examples=False,
        model={"kind": "gru"},
        protocol=protocol,
        created="2025-11-03T14:31:07+00:00",
    )
    write_run(tmp_path / "c", made_run(state="interrupted", created="2025-11-01T14:31:07+00:00"))
    write_run(tmp_path / "a" / "folds" / "seed1_fold0", made_run())
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "run.json").write_text("{")
    return tmp_path


def names(found):
    return [entry["run"].rpartition("/")[2] for entry in found["runs"]]


def test_runs_are_listed_with_what_matters(folder, console, capsys):
    found = runs(folder, sort="accuracy", only=(), console=console)
    assert names(found) == ["a", "b", "c"]
    first, second, unfinished = found["runs"]
    assert first["accuracy"] == pytest.approx(37 / 42)
    assert first["interval"] == pytest.approx([0.75, 0.948], abs=1e-3)
    assert (second["model"], second["protocol"], second["accuracy"]) == ("gru", "subject_k_fold", 0.75)
    assert (unfinished["state"], unfinished["accuracy"]) == ("interrupted", None)
    assert first["age_hours"] > 0
    assert len(found["unreadable"]) == 1
    assert "not JSON" in capsys.readouterr().err


def test_runs_are_sorted_and_chosen(folder, console):
    assert names(runs(folder, sort="age", only=(), console=console)) == ["b", "a", "c"]
    assert names(runs(folder, sort="model", only=(), console=console)) == ["a", "c", "b"]
    assert names(runs(folder, sort="run", only=("model=gru",), console=console)) == ["b"]
    assert names(runs(folder, sort="run", only=("model=gru", "protocol=paper_split"), console=console)) == []


def test_what_cannot_be_listed_is_refused(folder, console):
    with pytest.raises(CallError, match="not of the form key=value"):
        runs(folder, sort="run", only=("gru",), console=console)
    with pytest.raises(CallError, match="a run has no 'color'"):
        runs(folder, sort="run", only=("color=red",), console=console)
    with pytest.raises(DataError, match="no such folder"):
        runs(folder / "none", sort="run", only=(), console=console)
