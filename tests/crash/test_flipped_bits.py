"""Single bits of a store and of a run are flipped: what is read is what was written, or an error."""

import os
import random
import shutil

import made_models
import numpy as np
import pytest
from made_stores import RIDGE, made_recordings, make_recipe, make_store

from ckseq import registry
from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.experiment.early_classification import stop_rule
from ckseq.storage.complete_run import checked_history, read_complete_run
from ckseq.storage.examples import read_examples
from ckseq.storage.report_crops import read_crops
from ckseq.storage.run_record import read_run
from ckseq.storage.store import open_store
from ckseq.tasks.train import train
from ckseq.tasks.verify import verify

N_FLIPS = int(os.environ.get("CKSEQ_FLIPS", "200"))
SEED = os.environ.get("CKSEQ_SEED", "0")
NETWORK = RIDGE.replace('"subject_k_fold"', '"subject_holdout"').replace('"ridge"', '"tiny"\n[training]\nepochs = 3')


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store and a run of it."""
    folder = tmp_path_factory.mktemp("whole")
    recordings = [one for one in made_recordings() if one.recording.subject < "S004"]
    shutil.move(make_store(folder / "made", recordings), folder / "store.h5")
    shutil.rmtree(folder / "made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "load", made_models.load)
        recipe = make_recipe(folder, NETWORK)
        train(folder / "store.h5", experiment=recipe, out=folder / "run", console=Console(quiet=True))
    return folder


def read_store(folder):
    with open_store(folder / "store.h5") as store:
        arrays = {
            (entry.id, read.__name__): np.asarray(read(entry.id)).tobytes()
            for entry in store.entries
            for read in (store.projections, store.faces, store.blobs, store.n_found)
        }
        return arrays, store.entries, store.pipeline, store.digest, store.notes


def read_record(folder):
    return read_complete_run(folder / "run")


def read_figures(folder):
    return {id: crops.tobytes() for id, crops in read_crops(folder / "run").items()}


def read_sequences(folder):
    return [[np.asarray(part).tobytes() for part in one] for one in read_examples(folder / "run")]


def read_curves(folder):
    return checked_history(folder / "run", read_run(folder / "run"))


def read_rule(folder):
    return stop_rule(folder / "run", error_rate=0.4)


# what is damaged, the share of the flips, and how it is read
READ = {
    "store.h5": (0.5, [read_store]),
    "run/run.json": (0.1, [read_record]),
    "run/predictions.csv": (0.1, [read_record]),
    "run/early.csv": (0.1, [read_rule]),
    "run/history.csv": (0.05, [read_curves]),
    "run/crops.npz": (0.075, [read_figures]),
    "run/examples": (0.075, [read_sequences]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", READ)
def test_a_flipped_bit_is_harmless_or_an_error(folder, name):
    rng = random.Random(f"{SEED} {name}")
    paths = sorted((folder / name).iterdir()) if (folder / name).is_dir() else [folder / name]
    share, readers = READ[name]
    whole = [read(folder) for read in readers]
    n, silent, unexpected, noticed = round(share * N_FLIPS), [], [], 0
    for _ in range(n):
        path = rng.choice(paths)
        data = path.read_bytes()
        bit = rng.randrange(8 * len(data))
        spoiled = bytearray(data)
        spoiled[bit // 8] ^= 1 << bit % 8
        path.write_bytes(spoiled)
        try:
            if [read(folder) for read in readers] != whole:
                silent.append(bit)
        except DataError:
            noticed += 1
        except Exception as error:
            unexpected.append((bit, repr(error)))
        finally:
            path.write_bytes(data)
    print(f"{name}: {n} bits flipped, {noticed} errors, {n - noticed - len(silent) - len(unexpected)} without effect")
    assert (silent, unexpected) == ([], [])
    assert verify([folder], console=Console(quiet=True))["failed"] == 0
