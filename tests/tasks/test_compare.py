import numpy as np
import pytest
from made_runs import LABELS, answering, made_predictions, made_run
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.storage.predictions import Predictions, read_predictions, write_predictions
from ckseq.storage.run_record import write_run
from ckseq.tasks.compare import compare


def changed(predictions, n_wrong, seed=0):
    """The same sequences, of which so many others are named wrongly."""
    rng = np.random.default_rng(seed)
    wrong = set(rng.choice(len(predictions.rows), n_wrong, replace=False).tolist())
    rows = []
    for place, row in enumerate(predictions.rows):
        others = [label for label in predictions.labels if label != row.truth]
        rows.append(answering(row, others[0] if place in wrong else row.truth, predictions.labels))
    return Predictions(predictions.labels, tuple(rows))


def write(folder, predictions, **changes):
    write_run(folder, made_run(predictions, **changes))
    write_predictions(folder, predictions)
    return folder


@pytest.fixture
def two(tmp_path):
    first = made_predictions()
    return write(tmp_path / "a", first), write(tmp_path / "b", changed(first, 20))


def test_two_runs_on_the_same_sequences(two, tmp_path, console):
    found = compare(two, anyway=False, picture=tmp_path / "d.png", console=console)
    (pair,) = found["pairs"]
    right = [[row.truth == row.predicted for row in read_predictions(path).rows] for path in two]
    won = sum(b and not a for a, b in zip(*right, strict=True))
    lost = sum(a and not b for a, b in zip(*right, strict=True))
    assert (pair["won"], pair["lost"]) == (won, lost)
    assert pair["mcnemar"] == pytest.approx(reference_mcnemar([[0, won], [lost, 0]], exact=True).pvalue, abs=1e-12)
    assert pair["difference"] == pytest.approx(22 / 42 - 37 / 42)
    assert pair["interval"][0] < pair["difference"] < pair["interval"][1] < 0
    assert pair["sentence"].startswith("a is better than b by 0.357 (95 % interval 0.")
    assert pair["sentence"].endswith("permutation test over 9 subjects)")
    assert (pair["test"], pair["significant"]) == ("permutation", True)
    assert (found["n"], found["n_subjects"]) == (42, 9)
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_verdict_the_interval_includes_no_difference(tmp_path, console):
    first = made_predictions()
    paths = [write(tmp_path / name, changed(first, 6, seed)) for name, seed in (("a", 0), ("b", 1), ("c", 2))]
    found = compare(paths, anyway=False, picture=None, console=console)
    assert len(found["pairs"]) == 3
    for pair in found["pairs"]:
        assert "do not differ significantly" in pair["sentence"]
        assert "corrected for 3 pairs (Holm)" in pair["sentence"]
        assert pair["p_holm"] >= pair["p_value"]
        assert pair["interval"][0] <= 0 <= pair["interval"][1]


def test_the_page_is_written_into_a_folder(two, tmp_path, console):
    found = compare(two, anyway=False, picture=None, out=tmp_path / "new" / "out", console=console)
    page = tmp_path / "new" / "out" / "comparison.html"
    assert found["page"] == str(page)
    assert found["pairs"][0]["sentence"] in page.read_text()
    assert compare(two, anyway=False, picture=None, out=tmp_path / "new" / "out", console=console) == found
    (tmp_path / "file").touch()
    with pytest.raises(CallError, match="is a file; name a folder"):
        compare(two, anyway=False, picture=None, out=tmp_path / "file", console=console)


def test_the_pairs_are_named_and_secondary_tests_called_so(two, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    compare(two, anyway=False, picture=None, console=Console())
    said = capsys.readouterr().out
    assert "\n b − a " in said
    assert "p (McNemar, secondary)" in said
    assert "pairs; permutation test over subjects" in said


def test_of_unknown_subjects_mcnemars_test_decides(tmp_path, console):
    known = made_predictions()
    rows = tuple(row._replace(subject=row.recording) for row in known.rows)
    first = Predictions(known.labels, rows)
    paths = [write(tmp_path / "a", first), write(tmp_path / "b", changed(first, 20))]
    found = compare(paths, anyway=False, picture=None, console=console)
    (pair,) = found["pairs"]
    assert (pair["test"], pair["p_value"], found["n_subjects"]) == ("mcnemar", pair["mcnemar"], None)
    assert [run["interval_method"] for run in found["runs"]] == ["wilson", "wilson"]


def test_seeds_of_one_sequence_are_one_sequence(two, tmp_path, console):
    once = read_predictions(two[1])
    rows = [row._replace(seed=seed) for seed in (1, 2) for row in once.rows]
    seeded = write(tmp_path / "c", Predictions(once.labels, tuple(rows)), kind="cross_validation", seeds=[1, 2])
    found = compare([two[1], seeded], anyway=False, picture=None, console=console)
    (pair,) = found["pairs"]
    assert (pair["difference"], found["n"]) == (0, 42)


PROTOCOL = made_run().protocol.model_dump(exclude_none=True)
OTHERS = {
    "has the protocol paper_split, .* subject_k_fold": {"protocol": {**PROTOCOL, "kind": "subject_k_fold"}},
    "have different folds": {"protocol": {**PROTOCOL, "digest": "another"}},
    "have different classes": {},
}


@pytest.mark.parametrize("message", OTHERS)
def test_runs_of_other_tasks_are_refused_unless_asked_for(two, tmp_path, console, message, capsys):
    labels = LABELS if OTHERS[message] else (*LABELS, "fear")
    other = write(tmp_path / "c", made_predictions(labels), **OTHERS[message])
    with pytest.raises(CallError, match=message + ".*--anyway"):
        compare([two[0], other], anyway=False, picture=None, console=console)
    found = compare([two[0], other], anyway=True, picture=None, console=console)
    assert any("compared on their 42 common sequences" in note for note in found["notes"])
    assert "warning: " in capsys.readouterr().err


def test_other_test_sequences_are_refused(two, tmp_path, console):
    fewer = read_predictions(two[0])
    other = write(tmp_path / "c", Predictions(fewer.labels, fewer.rows[:30]))
    with pytest.raises(CallError, match="12 sequences were tested in only one of"):
        compare([two[0], other], anyway=False, picture=None, console=console)
    assert compare([two[0], other], anyway=True, picture=None, console=console)["n"] == 30


def test_what_cannot_be_compared_is_refused(two, tmp_path, console):
    with pytest.raises(CallError, match="one run cannot be compared"):
        compare(two[:1], anyway=False, picture=None, console=console)
    with pytest.raises(CallError, match="listed twice"):
        compare([two[0], two[0]], anyway=False, picture=None, console=console)
    with pytest.raises(DataError, match="no such folder"):
        compare([two[0], tmp_path / "none"], anyway=False, picture=None, console=console)
