from collections import Counter

import numpy as np
import pytest
from made_stores import RIDGE, made_recordings, make_recipe, make_store

from ckseq.experiment.dataset import gather
from ckseq.experiment.recipe import load_experiment
from ckseq.experiment.shuffled_labels import with_shuffled_labels
from ckseq.storage.store import open_store


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    with open_store(make_store(folder, made_recordings())) as store:
        return gather(store, load_experiment(make_recipe(folder, RIDGE)))


def test_labels_change_places_among_training_sequences_alone(dataset):
    fold = dataset.folds[1]
    shuffled = with_shuffled_labels(dataset, fold, rng=np.random.default_rng(0))
    before, after = ({entry.id: entry.label for entry in one.entries} for one in (dataset, shuffled))
    assert {id: before[id] for id in fold.test} == {id: after[id] for id in fold.test}
    assert Counter(before[id] for id in fold.train) == Counter(after[id] for id in fold.train)
    assert sum(before[id] != after[id] for id in fold.train) > len(fold.train) / 3
    entries, labeled = shuffled.side(fold.train)
    assert [shuffled.labels[code] for code in labeled.codes] == [entry.label for entry in entries]
    again = with_shuffled_labels(dataset, fold, rng=np.random.default_rng(0))
    assert shuffled.entries == again.entries
    np.testing.assert_array_equal(shuffled.codes, again.codes)
