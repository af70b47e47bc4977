import json
import math
import stat
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import made_run

from ckseq.config import digest
from ckseq.errors import DataError
from ckseq.storage.examples import Example, read_examples, write_examples
from ckseq.storage.files import write_text
from ckseq.storage.history import Epoch, read_history, write_history
from ckseq.storage.predictions import Prediction, Predictions, read_predictions, write_predictions
from ckseq.storage.run_record import SCHEMA, find_runs, read_run, write_run

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LABELS = st.lists(TEXT, min_size=1, max_size=4, unique=True)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def tables(draw):
    labels = tuple(draw(LABELS))
    rows = []
    for recording in draw(st.lists(TEXT, max_size=4, unique=True)):
        weights = np.array(draw(st.tuples(*[st.floats(0, 1)] * len(labels)))) + 1e-9
        probabilities = tuple((weights / weights.sum()).tolist())
        predicted, truth = labels[int(np.argmax(probabilities))], draw(st.sampled_from(labels))
        rows.append(Prediction(recording, draw(TEXT), draw(st.integers(0, 9)), truth, predicted, probabilities))
    return Predictions(labels, tuple(rows))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,s,0,anger,anger,0.9,0.2", "with a sum of 1"),
        ("a,s,0,anger,anger,5,-4", "from 0 to 1"),
        ("a,s,0,anger,anger,0.25,0.75", "'anger' is predicted, but is not the most probable class"),
        ("a,s,0,anger,anger,0.75,0.25\na,s,0,fear,anger,0.75,0.25", "line 3: a stands there a second time"),
    ],
)
def test_rows_that_contradict_themselves_are_refused(tmp_path, row, message):
    (tmp_path / "predictions.csv").write_text(f"recording,subject,fold,truth,predicted,p_anger,p_fear\n{row}\n")
    with pytest.raises(DataError, match=message):
        read_predictions(tmp_path)


def small_predictions():
    rows = [
        Prediction("S005_001", "S005", 0, "anger", "anger", (0.75, 0.25)),
        Prediction("S006_002", "S006", 0, "happiness", "anger", (0.5, 0.5)),
    ]
    return Predictions(("anger", "happiness"), tuple(rows))


def example(recording="S005_001", label="anger"):
    rng = np.random.default_rng(0)
    return Example(
        recording,
        label,
        rng.integers(0, 256, (2, 9, 9), dtype=np.uint8),
        rng.random((5, 9, 9)) > 0.5,
        rng.random((5, 2, 9), dtype=np.float32),
    )


@given(predictions=tables())
def test_predictions_come_back_as_they_were(tmp_path_factory, predictions):
    folder = tmp_path_factory.mktemp("run")
    write_predictions(folder, predictions)
    assert read_predictions(folder) == predictions


@pytest.mark.parametrize("label", ["a,b", 'say "no"', "línea\nnueva", "\r", "", "怒り", "p_p_"])
def test_odd_labels_come_back(tmp_path, label):
    predictions = Predictions((label, "other"), (Prediction("r", "s", 1, label, "other", (0.1, 0.9)),))
    write_predictions(tmp_path, predictions)
    assert read_predictions(tmp_path) == predictions


def test_predictions_are_a_plain_table(tmp_path):
    write_predictions(tmp_path, small_predictions())
    assert (tmp_path / "predictions.csv").read_text() == (
        "recording,subject,fold,truth,predicted,p_anger,p_happiness\n"
        "S005_001,S005,0,anger,anger,0.75,0.25\n"
        "S006_002,S006,0,happiness,anger,0.5,0.5\n"
    )


@given(values=st.lists(st.tuples(*[st.floats(allow_infinity=True)] * 5), max_size=4))
def test_history_comes_back_to_the_bit(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("run")
    epochs = [Epoch(number, *row) for number, row in enumerate(values, start=1)]
    write_history(folder, epochs)
    np.testing.assert_array_equal(np.array(read_history(folder)), np.array(epochs))


def test_what_was_not_measured_is_an_empty_cell(tmp_path):
    write_history(tmp_path, [Epoch(1, 0.5, 0.25, math.nan, math.nan, 2.0)])
    assert (tmp_path / "history.csv").read_text().splitlines()[1] == "1,0.5,0.25,,,2.0"


def test_run_comes_back_with_its_schema(tmp_path):
    run = made_run(command="ckseq train é", leakage={"rules": [{"name": "class prior", "accuracy": 0.25}]})
    write_run(tmp_path / "new" / "folder", run)
    assert read_run(tmp_path / "new" / "folder") == run
    assert json.loads((tmp_path / "new" / "folder" / "run.json").read_text())["schema"] == SCHEMA == 2


def test_examples_come_back_sorted_and_replace_those_before(tmp_path):
    written = [example("S006_002", "fear, a lot"), example("S005_001")]
    write_examples(tmp_path, [example("S001_001")])
    write_examples(tmp_path, written)
    read = read_examples(tmp_path)
    assert [e.recording for e in read] == ["S005_001", "S006_002"]
    assert read[1].label == "fear, a lot"
    for before, after in zip(reversed(written), read, strict=True):
        for a, b in zip(before[2:], after[2:], strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def test_examples_of_a_run_without_any():
    assert read_examples(Path("nowhere")) == ()


def test_an_id_cannot_climb_out_of_the_folder(tmp_path):
    write_examples(tmp_path / "run", [example("../../climbed")])
    assert [path.parent for path in tmp_path.rglob("*.npz")] == [tmp_path / "run" / "examples"]
    assert read_examples(tmp_path / "run")[0].recording == "../../climbed"


def test_the_same_example_gives_the_same_bytes(tmp_path):
    for name in "ab":
        write_examples(tmp_path / name, [example()])
    assert (tmp_path / "a/examples/S005_001.npz").read_bytes() == (tmp_path / "b/examples/S005_001.npz").read_bytes()


def test_writing_leaves_nothing_but_the_file(tmp_path):
    write_text(tmp_path / "a.txt", "one")
    write_text(tmp_path / "a.txt", "two")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "two")]
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) & stat.S_IRUSR


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match=r"a\.txt: cannot be written: No space left on device; free some space"):
        write_text(target, "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_target_below_a_file_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_text(tmp_path / "file" / "a.txt", "text")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 1, "lab', "is cut short or not JSON"),
        ("", "is cut short or not JSON"),
        ("[]", "is not a ckseq run"),
        ("{}", "names no schema"),
        ('{"schema": true}', "names no schema"),
        (json.dumps({"schema": 3, "ckseq_version": "9.0"}), r"newer ckseq \(9\.0\): schema 3, this one reads 2"),
        ('{"schema": 0}', "names no schema"),
        ('{"schema": 1, "protocol": null}', "is not a complete record of a run"),
        ('{"schema": 2}', "was changed after ckseq wrote it"),
        (
            json.dumps({"schema": 2, "checksum": digest({"schema": 2})}),
            "is not a complete record of a run: kind: field",
        ),
        ("[" * 100_000, "is cut short or not JSON"),
        ('{"schema": 2, "seeds": ' + "9" * 5000 + "}", "is cut short or not JSON"),
        (b"\xff\xfe", "is not text in UTF-8"),
    ],
)
def test_a_run_that_cannot_be_read(tmp_path, content, message):
    (tmp_path / "run.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message) as caught:
        read_run(tmp_path)
    assert str(tmp_path / "run.json") in str(caught.value)
    assert caught.value.fix
    assert "\n" not in str(caught.value)


def test_no_folder_and_no_run(tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        read_run(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"is not a run: it holds no run\.json"):
        read_run(tmp_path)


def test_of_a_folder_that_holds_runs_the_error_names_them(tmp_path):
    write_run(tmp_path / "run", made_run())
    with pytest.raises(DataError) as caught:
        read_run(tmp_path)
    assert caught.value.fix == f"name the run in it: {tmp_path / 'run'}"
    write_run(tmp_path / "another", made_run())
    with pytest.raises(DataError) as caught:
        read_run(tmp_path)
    assert caught.value.fix == f"name the run in it: {tmp_path / 'another'} (or another of the 2 runs in it)"


HEADER = "recording,subject,fold,truth,predicted,p_anger,p_fear\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is cut short"),
        ("\n", "has other columns"),
        ("id,truth\n", "has other columns"),
        (HEADER + "S005_001,S005,0,anger\n", "line 2: is cut short: 4 columns instead of 7"),
        (HEADER + "S005_001,S005,0,anger,fear,0.2,0.", "is cut short: its last line does not end"),
        (HEADER + 'S005_001,S005,0,anger,fear,0.2,"0.8\n', "is not a table"),
        (HEADER + "S005_001,S005,0,joy,fear,0.2,0.8\n", "line 2: 'joy' is not one of the classes: anger, fear"),
        (HEADER + "S005_001,S005,x,anger,fear,0.2,0.8\n", "line 2: a fold, a seed or a probability is not a number"),
        (HEADER + "S005_001,S005,0,anger,fear,nan,0.8\n", "line 2: probabilities are not from 0 to 1"),
    ],
)
def test_predictions_that_cannot_be_read(tmp_path, content, message):
    (tmp_path / "predictions.csv").write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_predictions(tmp_path)
    assert "predictions.csv" in str(caught.value)
    assert caught.value.fix


def test_predictions_not_made_yet(tmp_path):
    with pytest.raises(DataError, match=r"no predictions yet.*; go on with the training.*--resume"):
        read_predictions(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epoch,loss\n", "has other columns"),
        (",".join(Epoch._fields) + "\n1,0.5,0.5\n", "line 2: is cut short: 3 columns instead of 6"),
        (",".join(Epoch._fields) + "\n1,0.5,0.5,x,,1\n", "line 2: a value is not a number"),
    ],
)
def test_a_history_that_cannot_be_read(tmp_path, content, message):
    (tmp_path / "history.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        read_history(tmp_path)


def test_an_example_cut_short(tmp_path):
    write_examples(tmp_path, [example()])
    path = tmp_path / "examples" / "S005_001.npz"
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match="is cut short or not an example"):
            read_examples(tmp_path)


def test_an_example_with_broken_bytes(tmp_path):
    write_examples(tmp_path, [example()])
    path = tmp_path / "examples" / "S005_001.npz"
    whole = path.read_bytes()
    for start in range(0, len(whole) - 60, 25):
        path.write_bytes(whole[:start] + bytes(60) + whole[start + 60 :])
        with suppress(DataError):  # a hit between the entries may be harmless; no other error may come
            read_examples(tmp_path)


def test_an_example_of_other_arrays_and_no_pickles(tmp_path):
    (tmp_path / "examples").mkdir()
    path = tmp_path / "examples" / "a.npz"
    np.savez(path, recording="a", label="b", faces=np.zeros(3), blobs=np.zeros(3), projections=np.zeros(3))
    with pytest.raises(DataError, match="other types or shapes"):
        read_examples(tmp_path)
    np.savez(path, recording=np.array({"a": 1}, dtype=object))
    with pytest.raises(DataError, match="is cut short or not an example"):
        read_examples(tmp_path)


def test_seeds_have_a_column_where_there_are_some(tmp_path):
    rows = (
        Prediction("S005_001", "S005", 0, "anger", "fear", (0.2, 0.8), 7),
        Prediction("S005_001", "S005", 0, "anger", "anger", (0.7, 0.3), 8),
    )
    predictions = Predictions(("anger", "fear"), rows)
    write_predictions(tmp_path, predictions)
    assert (tmp_path / "predictions.csv").read_text().splitlines()[0] == (
        "recording,subject,fold,seed,truth,predicted,p_anger,p_fear"
    )
    assert read_predictions(tmp_path) == predictions
    assert predictions.seeds == (7, 8)


def test_runs_are_found_and_the_folds_within_are_not(tmp_path):
    for name in ("b", "a", "a/folds/seed1_fold0", "deep/er/c"):
        write_run(tmp_path / name, made_run())
    assert find_runs(tmp_path) == (tmp_path / "a", tmp_path / "b", tmp_path / "deep/er/c")
    assert find_runs(tmp_path / "a") == (tmp_path / "a",)
    with pytest.raises(DataError, match="no such folder"):
        find_runs(tmp_path / "none")
