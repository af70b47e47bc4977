"""A network that reads its sequences batch by batch, and one that holds them in memory."""

import numpy as np
import pytest
from made_stores import RIDGE, made_recordings, make_recipe, make_store
from made_trainings import Listener

from ckseq.experiment import dataset
from ckseq.storage.predictions import read_predictions
from ckseq.storage.streaming import Streamed
from ckseq.tasks.crossval import crossval

pytestmark = pytest.mark.slow

NETWORK = (
    RIDGE.replace('kind = "ridge"', 'kind = "gru"\nunits = 4').replace("folds = 3", "folds = 2")
    + """
[training]
epochs = 1
batch_size = 4
"""
)
AUGMENTED = "[augmentation]\nshift_px = 1.0\nnoise = 0.02\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("made"), made_recordings())


@pytest.fixture
def read(monkeypatch):
    """The numbers of rows that were read from the disk at once."""
    seen, as_array = [], Streamed.__array__

    def counted(self, *rest, **more):
        seen.append(len(self))
        return as_array(self, *rest, **more)

    monkeypatch.setattr(Streamed, "__array__", counted)
    return seen


def probabilities(store, recipe, out):
    crossval(store, experiment=recipe, out=out, console=Listener())
    return np.array([row.probabilities for row in read_predictions(out).rows])


def test_what_is_more_than_memory_holds_is_read_by_batches_and_predicts_the_same(store, tmp_path, monkeypatch, read):
    recipe = make_recipe(tmp_path, NETWORK)
    in_memory = probabilities(store, recipe, tmp_path / "memory")
    assert max(read) == 27
    read.clear()
    monkeypatch.setattr(dataset, "MOST_BYTES", 0)
    np.testing.assert_array_equal(probabilities(store, recipe, tmp_path / "disk"), in_memory)
    assert max(read) < 27


def test_what_is_read_by_batches_is_augmented_and_follows_the_seed(store, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "MOST_BYTES", 0)
    recipe = make_recipe(tmp_path, NETWORK + AUGMENTED)
    once, again = (probabilities(store, recipe, tmp_path / name) for name in ("once", "again"))
    np.testing.assert_array_equal(once, again)
    # another size of the noise draws the same random numbers
    louder = make_recipe(tmp_path, NETWORK + AUGMENTED.replace("0.02", "0.2"), "louder")
    assert (probabilities(store, louder, tmp_path / "louder") != once).any()
