import numpy as np
import pytest
from made_runs import made_run

from ckseq.errors import DataError
from ckseq.storage.prefix_predictions import (
    EARLY,
    PrefixPrediction,
    as_prefix_probabilities,
    prefix_probabilities_of,
    read_prefix_predictions,
    write_prefix_predictions,
)

LABELS = ("anger", "joy")


def rows(seeds=(None,)):
    return tuple(
        PrefixPrediction(f"S{person}_001", f"S{person}", 0, seed, LABELS[person % 2], share, (1 - share / 2, share / 2))
        for seed in seeds
        for person in range(3)
        for share in (0.5, 1.0)
    )


def test_what_is_written_is_read(tmp_path):
    for seeds in ((None,), (1, 2)):
        write_prefix_predictions(tmp_path, LABELS, rows(seeds))
        assert read_prefix_predictions(tmp_path) == (LABELS, rows(seeds))


def test_as_arrays_each_sequence_stands_once_for_each_seed(tmp_path):
    found = as_prefix_probabilities(LABELS, rows((1, 2)), tmp_path)
    assert found.probabilities.shape == (6, 2, 2)
    assert found.truth.tolist() == [0, 1, 0] * 2
    assert found.subjects == ("S0", "S1", "S2") * 2
    np.testing.assert_allclose(found.probabilities[4, :, 1], [0.25, 0.5])
    with pytest.raises(DataError, match="S1_001 lacks some of the shares"):
        as_prefix_probabilities(LABELS, [row for row in rows() if row[:1] + row[5:6] != ("S1_001", 0.5)], tmp_path)


def test_people_who_were_trained_on_tell_nothing(tmp_path):
    assert prefix_probabilities_of(tmp_path, made_run()) is None
    write_prefix_predictions(tmp_path, LABELS, rows())
    assert prefix_probabilities_of(tmp_path, made_run()) is not None
    assert prefix_probabilities_of(tmp_path, made_run(protocol={"shared_subjects": 3})) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("S1,0,,joy", "S1,0,,fear", "line 4: 'fear' is not one of the classes: anger, joy"),
        ("S1,0,,joy,0.5", "S1,0,,joy,half", "line 4: a fold, a seed, a share or a probability is not a number"),
        ("0.75,0.25\nS0", "nan,0.25\nS0", "line 2: a fold, a seed, a share or a probability"),
        ("share,", "part,", "has other columns than recording, subject, fold, seed, truth, share"),
    ],
)
def test_a_damaged_table_names_the_line(old, new, message, tmp_path):
    write_prefix_predictions(tmp_path, LABELS, rows())
    text = (tmp_path / EARLY).read_text()
    assert old in text
    (tmp_path / EARLY).write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        read_prefix_predictions(tmp_path)
