import pytest

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.experiment.recipe import load_experiment
from ckseq.storage.run_record import read_run
from ckseq.tasks.bench import bench
from ckseq.tasks.bench_stills import bench_stills
from ckseq.twin.tree import TwinConfig, plan


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """All of it with two people a set and one epoch."""
    folder = tmp_path_factory.mktemp("stills")
    found = bench_stills(
        folder, jobs=1, console=Console(quiet=True), n_people=2, n_others=2, settings=["training.epochs=1"]
    )
    return folder, found


def test_every_network_is_tested_on_the_same_people_it_never_saw(few):
    folder, found = few
    runs = [read_run(folder / f"run_{number}") for number in range(len(found["networks"]))]
    assert len({run.folds for run in runs}) == 1
    assert {run.protocol.shared_subjects for run in runs} == {0}
    assert (found["n_train"] + found["n_test"], found["chance"]) == (14, 0.143)
    for network in found["networks"].values():
        if network["interval"] is None:  # all wrong, all right, or always one class
            assert network["balanced_accuracy"] in (0, 1, found["chance"])
        else:
            low, high = network["interval"]
            assert 0 <= low <= network["balanced_accuracy"] <= high <= 1
            assert low < high
        assert network["seconds"] > 0


def test_each_network_is_what_the_table_says(few):
    folder, found = few
    b, regularized, small, at_rest = (read_run(folder / f"run_{number}").experiment for number in range(4))
    assert list(found["networks"]) == [
        "cnn_five_blocks",
        "cnn_five_blocks, adversarial",
        "cnn_small",
        "frozen backbone",
    ]
    assert found["networks"]["cnn_five_blocks"]["n_parameters"] == 3_400_871
    assert (b["model"]["width"], b["model"]["kind"]) == (1.0, "cnn_five_blocks")
    assert regularized["model"] == b["model"]
    multipliers = [one["training"]["adversarial_multiplier"] for one in (b, regularized)]
    assert multipliers == [0, load_experiment("fer2013_adversarial").training.adversarial_multiplier]
    assert small["model"]["filters"] == [32, 64, 64]
    assert (at_rest["model"]["weights"], at_rest["model"]["fine_tune"]) == ("own", "none")
    assert at_rest["model"]["backbone"] == str(folder / "backbone" / "model.keras")


def test_the_backbone_learnt_from_other_faces():
    """People are drawn from the seed, so two seeds have none in common."""
    seeds = [plan(TwinConfig(seed=seed, n_subjects=1))[0].units for seed in (9, 10)]
    assert seeds[0] != seeds[1]


def test_it_makes_its_own_data(tmp_path):
    with pytest.raises(CallError, match="bench stills generates its own data"):
        bench("stills", data=tmp_path, frames=4, jobs=1, console=Console(quiet=True))
