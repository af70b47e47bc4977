"""predictions.csv of action units: what was written is read, and what cannot be is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.errors import DataError
from ckseq.facs import code_text
from ckseq.storage.predictions import Prediction, Predictions, by_unit, read_predictions, write_predictions

UNITS = ("1", "4", "12")


def made(shown, probabilities, seeds=(None,)):
    rows = [
        Prediction(
            f"R{number}", f"S{number % 3}", 0, code_text(units),
            code_text([unit for unit, p in zip(UNITS, likely, strict=True) if p >= 0.5]), tuple(likely), seed,
        )
        for seed in seeds
        for number, (units, likely) in enumerate(zip(shown, probabilities, strict=True))
    ]  # fmt: skip
    return Predictions(UNITS, tuple(rows), multi_label=True)


@given(st.lists(st.tuples(st.sets(st.sampled_from(UNITS)), st.tuples(*[st.floats(0, 1)] * 3)), min_size=1, max_size=8))
def test_what_was_written_is_read(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("run")
    predictions = made(*zip(*rows, strict=True), seeds=(1, 2))
    write_predictions(folder, predictions)
    assert read_predictions(folder) == predictions
    arrays = by_unit(predictions)
    assert arrays.shown.tolist() == [[unit in units for unit in UNITS] for units, _ in rows]
    assert arrays.probabilities.shape == (2, len(rows), 3)
    np.testing.assert_array_equal(arrays.probabilities[1], [likely for _, likely in rows])
    right = [np.mean([(unit in units) == (p >= 0.5) for unit, p in zip(UNITS, likely, strict=True)])
             for units, likely in rows]  # fmt: skip
    assert predictions.correct.tolist() == pytest.approx(2 * right)


def test_the_columns_say_that_they_are_of_units(tmp_path):
    write_predictions(tmp_path, made([{"1", "12"}, set()], [(0.9, 0.2, 0.5), (0.0, 0.1, 0.2)]))
    assert (tmp_path / "predictions.csv").read_text().splitlines() == [
        "recording,subject,fold,units,predicted_units,p_1,p_4,p_12",
        "R0,S0,0,1+12,1+12,0.9,0.2,0.5",
        "R1,S1,0,0,0,0.0,0.1,0.2",
    ]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("0.9,", "1.9,", "probabilities are not from 0 to 1"),
        ("0.9,", "0.4,", "those are other units"),
        (",1+12,1", ",1+13,1", "'13' is not one of the classes"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, before, after, message):
    write_predictions(tmp_path, made([{"1", "12"}], [(0.9, 0.2, 0.5)]))
    path = tmp_path / "predictions.csv"
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(DataError, match=f"line 2: .*{message}"):
        read_predictions(tmp_path)
