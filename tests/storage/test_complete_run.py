import csv
import io
import json

import pytest
from made_runs import made_history, made_predictions, made_run, write_made_run

from ckseq.errors import DataError
from ckseq.storage.complete_run import checked_history, digests_of, read_complete_run
from ckseq.storage.history import HISTORY, write_history
from ckseq.storage.predictions import write_predictions
from ckseq.storage.prefix_predictions import (
    EARLY,
    PrefixPrediction,
    prefix_probabilities_of,
    write_prefix_predictions,
)
from ckseq.storage.run_record import read_run, write_run


@pytest.fixture
def run(tmp_path):
    folder = write_made_run(tmp_path / "run", history=False, examples=False, crops=False)
    return folder


def rows_changed(change):
    def spoil(folder):
        path = folder / "predictions.csv"
        table = list(csv.reader(io.StringIO(path.read_text())))
        change(table)
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows(table)
        path.write_text(buffer.getvalue())

    return spoil


def exchange_columns(table):
    for row in table:
        row[-1], row[-2] = row[-2], row[-1]


def rename(table):
    table[3][0] = "S999_001"


def other_fold(table):
    table[3][2] = "7"


def labels_reversed(folder):
    record = read_run(folder)
    write_run(folder, record.changed(labels=record.labels[::-1]))


SPOILED = {
    "a row twice": (rows_changed(lambda table: table.append(table[1])), "stands there a second time"),
    "a row lost": (rows_changed(lambda table: table.pop(1)), "1 test recordings are missing"),
    "a foreign row": (rows_changed(rename), "1 test recordings are missing"),
    "another fold": (rows_changed(other_fold), "1 test recordings are missing"),
    "exchanged columns": (rows_changed(exchange_columns), "has other classes than the run"),
    "reversed labels": (labels_reversed, "has other classes than the run"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_predictions_that_are_not_the_runs_are_refused(run, name):
    spoil, message = SPOILED[name]
    read_complete_run(run)
    spoil(run)
    with pytest.raises(DataError, match=message):
        read_complete_run(run)


def test_a_changed_figure_is_found_by_the_checksum(run):
    write_run(run, read_run(run).changed(files=digests_of(run, ["predictions.csv", "nothing"])))
    assert list(read_run(run).files) == ["predictions.csv"]
    read_complete_run(run)
    path = run / "predictions.csv"
    # still a table that could be
    path.write_text(path.read_text().replace("S000_000,S000", "S000_000,S001", 1))
    with pytest.raises(DataError, match=r"predictions\.csv: was changed after the run wrote it"):
        read_complete_run(run)


def test_a_changed_history_or_table_of_starts_is_found_by_its_checksum(run):
    labels = read_run(run).labels
    write_history(run, made_history())
    starts = [PrefixPrediction("S000_000", "S000", 0, None, labels[0], 1.0, (0.7, 0.1, 0.1, 0.1))]
    write_prefix_predictions(run, labels, starts)
    record = read_run(run).changed(files=digests_of(run, [HISTORY, EARLY]))
    assert checked_history(run, record) == made_history()
    assert prefix_probabilities_of(run, record) is not None
    write_history(run, made_history(epochs=11))
    with pytest.raises(DataError, match=r"history\.csv: was changed after the run wrote it"):
        checked_history(run, record)
    write_prefix_predictions(run, labels, [starts[0]._replace(probabilities=(0.1, 0.7, 0.1, 0.1))])
    with pytest.raises(DataError, match=r"early\.csv: was changed after the run wrote it"):
        prefix_probabilities_of(run, record)


@pytest.mark.parametrize("change", [{"labels": ["surprise", "anger"]}, {"state": "interrupted"}, {"mine": 1}])
def test_an_edited_record_is_refused(run, change):
    path = run / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DataError, match=r"run\.json: was changed after ckseq wrote it: its checksum differs"):
        read_run(run)


def test_rows_of_every_seed(tmp_path):
    once = made_predictions()
    rows = tuple(row._replace(seed=seed) for seed in (1, 2) for row in once.rows)
    write_run(tmp_path, made_run(once, kind="cross_validation", seeds=[1, 2]))
    write_predictions(tmp_path, type(once)(once.labels, rows))
    assert len(read_complete_run(tmp_path).predictions.rows) == 84
    write_predictions(tmp_path, type(once)(once.labels, rows[:-1]))
    with pytest.raises(DataError, match="1 test recordings are missing"):
        read_complete_run(tmp_path)


def test_a_record_of_an_earlier_version_claims_nothing_of_unknown_subjects(tmp_path):
    known = made_predictions()
    rows = tuple(row._replace(subject=row.recording) for row in known.rows)
    prior = {"name": "class prior", "accuracy": 0.25, "p_value": None}
    predictions = type(known)(known.labels, rows)
    write_made_run(tmp_path, predictions, leakage={"rules": [prior]}, history=False, examples=False, crops=False)
    record = read_complete_run(tmp_path).record
    assert record.leakage.test_sequences_of_shared_subjects is None
    assert record.protocol.test_sequences_of_shared_subjects is None
    assert record.leakage.sequences_of_unknown_subjects == 42
    assert "unknown" in record.protocol.sentence
