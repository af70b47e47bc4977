import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import made_models
import numpy as np
import pytest
from made_trainings import RECIPE, Listener, make_store

from ckseq import registry
from ckseq.errors import CallError, DataError
from ckseq.experiment import final_model, fold
from ckseq.experiment.recipe import load_experiment
from ckseq.learn.checkpoint import CHECKPOINT
from ckseq.learn.predict import NETWORK, load_trained_model, probabilities
from ckseq.storage.examples import read_examples
from ckseq.storage.history import read_history
from ckseq.storage.predictions import PREDICTIONS, read_predictions
from ckseq.storage.prefix_predictions import as_prefix_probabilities, read_prefix_predictions
from ckseq.storage.run_record import StoreRecord, read_run, write_run
from ckseq.tasks.train import train


@pytest.fixture(scope="module", autouse=True)
def tiny_model():
    """A model among the choices that builds in no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "load", made_models.load)
        yield


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("parts"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "tiny.toml"
    path.write_text(RECIPE)
    return str(path)


@pytest.fixture(scope="module")
def complete(store, recipe, tmp_path_factory):
    """One whole run, what was said, and what was returned; nobody writes into it."""
    out, console = tmp_path_factory.mktemp("runs") / "run", Listener()
    return out, console, train(store, experiment=recipe, out=out, console=console)


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def test_a_run_is_whole(complete):
    out, console, result = complete
    test = read_predictions(out)
    pictures = {f"examples/{example.recording}.npz" for example in read_examples(out)}
    assert len(pictures) == 3
    tables = {"run.json", "history.csv", "predictions.csv", "early.csv"}
    assert files_of(out) == {*tables, "model.keras", "crops.npz", *pictures}
    assert [epoch.epoch for epoch in read_history(out)] == [1, 2, 3, 4]
    assert test.labels == ("anger", "fear", "surprise")
    assert json.loads(json.dumps(result)) == result
    assert result["n_test"] == len(test.rows)
    assert result["accuracy"] == np.mean([row.truth == row.predicted for row in test.rows])
    assert len(console.epochs) == console.total == 4
    assert console.epochs[0].startswith("epoch 1: loss ")


def test_a_run_keeps_what_it_said_of_the_start_of_each_test_sequence(complete):
    out = complete[0]
    labels, rows = read_prefix_predictions(out)
    found = as_prefix_probabilities(labels, rows, out)
    tested = read_predictions(out)
    assert labels == tested.labels
    assert found.subjects == tuple(row.subject for row in tested.rows)
    # after all of a sequence the answer is that of predictions.csv
    np.testing.assert_allclose(found.probabilities[:, -1], [row.probabilities for row in tested.rows], atol=1e-6)
    assert np.ptp(found.probabilities, axis=1).max() > 0.01


def test_a_run_says_how_it_was_made(complete, store, recipe):
    out, console, result = complete
    run = read_run(out)
    assert (run.state, run.epochs_done, run.seeds) == ("complete", 4, (3,))
    assert run.value("training.epochs") == 4
    assert run.value("model") == {"kind": "tiny", "units": 4}
    assert run.value("published") == {"accuracy": 0.9}
    assert run.store == StoreRecord(path=str(store), digest="0123456789abcdef", pipeline={"name": "paper"})
    assert run.model.input_shape == (9, 2, 10, 1)
    assert run.model.n_parameters == (9 * 2 * 10 + 1) * 4 + (4 + 1) * 3
    assert sum(run.protocol.train_counts.values()) == run.protocol.n_train
    assert run.balance_notes == ("8 sequences of each of 3 classes",)
    assert run.command == f"ckseq train {store} --experiment {recipe} --out {out} --seed 3"
    assert list(run.notes) == [
        "made of noise",
        "1 sequence failed in preprocessing and left out",
        "1 sequence of more than 9 frames of motion left out before balancing",
    ]
    assert set(run.notes) | {"no test subject is in training"} <= set(console.said)
    assert result["sentence"] == run.protocol.sentence == "no test subject is in training"
    assert run.seconds > 0


def test_people_are_on_one_side_only(complete):
    run = read_run(complete[0])
    train_ids, test_ids = list(run.train_only), list(run.tested)
    assert len(train_ids) + len(test_ids) == 24
    assert not {id[:4] for id in train_ids} & {id[:4] for id in test_ids}
    assert [row.recording for row in read_predictions(complete[0]).rows] == test_ids
    assert run.protocol.n_test == len(test_ids)


def test_the_kept_network_predicts_what_was_written(complete):
    out = complete[0]
    example = read_examples(out)[0]
    (row,) = [row for row in read_predictions(out).rows if row.recording == example.recording]
    missing = 9 - len(example.projections)
    padded = np.pad(example.projections, (((missing + 1) // 2, missing // 2), (0, 0), (0, 0)))
    np.testing.assert_allclose(
        probabilities(load_trained_model(out), padded[np.newaxis])[0], row.probabilities, rtol=1e-5
    )
    assert row.truth == example.label


def test_another_seed_gives_another_run(complete, store, recipe, tmp_path):
    train(store, experiment=recipe, out=tmp_path / "other", seed=4, console=Listener())
    assert read_predictions(tmp_path / "other") != read_predictions(complete[0])
    assert read_run(tmp_path / "other").seeds == (4,)


def test_ctrl_c_keeps_what_is_there_and_going_on_ends_in_the_same_bytes(complete, store, recipe, tmp_path):
    out, console = tmp_path / "run", Listener(interrupt_after=2)
    with pytest.raises(KeyboardInterrupt):
        train(store, experiment=recipe, out=out, console=console)
    assert console.said[-1] == (
        "interrupted after epoch 2; go on with: "
        f"ckseq train {store} --experiment {recipe} --out {out} --seed 3 --resume"
    )
    assert read_run(out).state == "interrupted"
    assert files_of(out) == {"run.json", "history.csv", CHECKPOINT}
    assert len(read_history(out)) == 2

    (out / f".{CHECKPOINT}.x7.tmp").touch()  # as a killed process leaves it
    (out / f".4711.{NETWORK}").touch()
    run = read_run(out)
    write_run(out, run.changed(versions={**run.versions, "keras": "3.0"}))
    console = Listener()
    result = train(store, experiment=recipe, out=out, resume=True, console=console)
    assert "resuming after epoch 2" in console.said
    assert console.total == len(console.epochs) == 2
    assert (result["state"], result["epochs_done"]) == ("complete", 4)
    assert (out / PREDICTIONS).read_bytes() == (complete[0] / PREDICTIONS).read_bytes()
    assert files_of(out) == files_of(complete[0])
    assert read_run(out).notes[-1] == f"resumed with keras {run.versions['keras']}; begun with 3.0"


@pytest.fixture
def first_is_dead(monkeypatch):
    """The network of the recipe's own seed answers the same for everything, whatever it is trained on."""
    build = fold.trainer_for

    def build_dead(recipe, dataset, *, seed):
        trainer = build(recipe, dataset, seed=seed)
        if seed == 3:
            for layer in trainer.model.layers:
                layer.trainable = False
                layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
        return trainer

    monkeypatch.setattr(fold, "trainer_for", build_dead)


@pytest.mark.usefixtures("first_is_dead")
def test_a_network_that_did_not_learn_is_noted(store, recipe, tmp_path):
    console = Listener()
    train(store, experiment=recipe, out=tmp_path / "run", console=console)
    run = read_run(tmp_path / "run")
    assert (run.trainings[0].at_chance, run.trainings[0].restarts) == (True, 0)
    assert run.notes[-1] == console.warned[-1]
    assert run.notes[-1].startswith("the network did not learn: training ended at a loss of 1.0")
    assert "--set training.restarts=3" in run.notes[-1]


def test_a_final_model_that_did_not_learn_is_noted(store, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(final_model, "at_chance", lambda epochs, codes, weights: weights.tolist() == [1, 1, 1])
    console = Listener()
    run = final_model.train_final(
        store, load_experiment(recipe), out=tmp_path / "run", command=["ckseq"], console=console
    )
    assert run == read_run(tmp_path / "run")
    assert run.trainings[0].at_chance
    assert run.notes[-1] == console.warned[-1]
    assert run.notes[-1].startswith(
        f"the network did not learn: training ended at a loss of {read_history(tmp_path / 'run')[-1].loss:.3f}"
    )


@pytest.mark.usefixtures("first_is_dead")
def test_it_is_trained_again_from_other_weights_and_going_on_ends_in_the_same_bytes(store, recipe, tmp_path):
    def restarted(out, **options):
        train(store, experiment=recipe, settings=["training.restarts=2"], out=out, **options)
        return read_run(out), (out / PREDICTIONS).read_bytes()

    run, whole = restarted(tmp_path / "whole", console=Listener())
    assert (run.trainings[0].at_chance, run.trainings[0].restarts, run.trainings[0].seed) == (False, 1, 3)
    assert not any("did not learn" in note for note in run.notes)
    with pytest.raises(KeyboardInterrupt):  # in the second epoch after the restart
        restarted(tmp_path / "cut", console=Listener(interrupt_after=6))
    run, cut = restarted(tmp_path / "cut", console=Listener(), resume=True)
    assert run.trainings[0].restarts == 1
    assert cut == whole


def test_frames_are_streamed_in_parts_and_going_on_ends_in_the_same_bytes(store, recipe, tmp_path):
    settings = ("input=blobs", "training.micro_batch_size=3")
    for out, after in ((tmp_path / "whole", None), (tmp_path / "torn", 2)):
        with nullcontext() if after is None else pytest.raises(KeyboardInterrupt):
            train(store, experiment=recipe, out=out, settings=settings, console=Listener(interrupt_after=after))
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    train(store, experiment=recipe, out=torn, settings=settings, resume=True, console=Listener())
    assert read_run(whole).model.input_shape == (9, 10, 10, 1)
    assert (torn / PREDICTIONS).read_bytes() == (whole / PREDICTIONS).read_bytes()


def test_a_complete_run_is_not_trained_again(complete, store, recipe):
    out, _, result = complete
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    console = Listener()
    assert train(store, experiment=recipe, out=out, resume=True, console=console) == result
    assert console.said[0] == f"{out} is complete already: 4 epochs"
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_an_existing_run_is_safe(complete, store, recipe):
    with pytest.raises(CallError, match="and it is complete; --overwrite replaces it; or name another --out"):
        train(store, experiment=recipe, out=complete[0], console=Listener())
    assert (complete[0] / NETWORK).is_file()


@pytest.mark.parametrize(
    ("settings", "seed", "named"),
    [
        (["training.epochs=5"], None, "experiment.training.epochs is 4 there and 5 here"),
        (["model.units=5", "sequence.overflow=cut_end"], None, "experiment.model.units is 4 there and 5 here"),
        ([], 9, "experiment.seed is 3 there and 9 here"),
    ],
)
def test_going_on_otherwise_is_refused_and_says_what_differs(complete, store, recipe, settings, seed, named):
    with pytest.raises(CallError, match="made otherwise") as caught:
        train(store, experiment=recipe, out=complete[0], settings=settings, seed=seed, resume=True, console=Listener())
    assert named in str(caught.value)


def test_going_on_with_another_store_is_refused(complete, recipe, tmp_path):
    other = make_store(tmp_path, digest="feedfeedfeedfeed")
    with pytest.raises(CallError, match="made otherwise: the store has changed;"):
        train(other, experiment=recipe, out=complete[0], resume=True, console=Listener())


def test_overwriting_replaces_a_run_and_nothing_but_a_run(store, recipe, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(store, experiment=recipe, out=tmp_path / "run", console=Listener(interrupt_after=1))
    settings = ["training.epochs=1", "protocol.kind=paper_split", "pipeline=fine"]
    console = Listener()
    result = train(store, experiment=recipe, out=tmp_path / "run", settings=settings, overwrite=True, console=console)
    assert result["epochs_done"] == 1
    assert "people who are also in training" in result["sentence"]
    assert result["sentence"] in console.said
    assert "the experiment asks for the pipeline fine, the store was made with paper" in console.said
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "dear.jpg").touch()
    with pytest.raises(CallError, match="is in use, and not by a run"):
        train(store, experiment=recipe, out=tmp_path / "photos", overwrite=True, console=Listener())
    assert files_of(tmp_path / "photos") == {"dear.jpg"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ["balance.per_class=13"],
            r"asked for, but there are anger 12, fear 12, surprise 12; set balance.per_class to 12",
        ),
        (["sequence.overflow=error", "balance.per_class=all"], r"longer than 9 frames of motion: S500_002 \(10\); set"),
        (["classes=['anger', 'disgust']"], "shows disgust; the classes there are: anger"),
        (["classes=['anger']"], "two classes are the least; those there are: anger"),
    ],
)
def test_too_little_or_too_long_is_told_and_leaves_nothing(store, recipe, tmp_path, settings, message):
    with pytest.raises(DataError, match=message):
        train(store, experiment=recipe, out=tmp_path / "run", settings=settings, console=Listener())
    assert not (tmp_path / "run").exists()


def test_contradictions_and_files_in_the_way_are_refused(store, recipe, tmp_path):
    with pytest.raises(CallError, match="exclude each other"):
        train(store, experiment=recipe, out=tmp_path, overwrite=True, resume=True, console=Listener())
    (tmp_path / "file").touch()
    with pytest.raises(CallError, match="is a file"):
        train(store, experiment=recipe, out=tmp_path / "file", console=Listener())


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))
from ckseq.cli.main import main
words = ["ckseq", *sys.argv[1:]]
for more in ([], ["--fit-memory"]):
    sys.argv = [*words, *more]
    try:
        main()
    except SystemExit as end:
        print(end.code)
"""


def test_a_small_machine_refuses_in_one_line_and_is_not_killed(store, recipe, tmp_path):
    """By a limit of 8 GB; the network's first dense layer alone would take more."""
    large = ["input=blobs", "model.kind=conv_lstm", "model.dense=65536", "model.filters=512"]
    words = ["train", store, "--experiment", recipe, "--out", tmp_path / "run", *(f"--set={one}" for one in large)]
    command = [sys.executable, "-c", LIMITED, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == ["1", "1"]
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert "ckseq: training needs about " in line
        assert "model.filters=" in line
    assert not (tmp_path / "run").exists()


def test_what_makes_it_fit_is_chosen_kept_and_part_of_the_command(store, recipe, tmp_path, monkeypatch):
    arguments = {"experiment": recipe, "settings": ("training.epochs=2",), "fit_memory": True}
    full = train(store, out=tmp_path / "full", console=Listener(), **arguments)
    need = read_run(tmp_path / "full").memory.estimated_bytes["total"]
    monkeypatch.setattr("ckseq.learn.system_memory.used_bytes", lambda: 0)
    monkeypatch.setattr("ckseq.learn.system_memory.free_bytes", lambda: need - 1)
    with pytest.raises(KeyboardInterrupt):
        train(store, out=tmp_path / "tight", console=Listener(interrupt_after=1), **arguments)
    # more is free by now, and what was chosen stays
    monkeypatch.setattr("ckseq.learn.system_memory.free_bytes", lambda: 2 * need)
    tight = train(store, out=tmp_path / "tight", console=Listener(), resume=True, **arguments)
    run = read_run(tmp_path / "tight")
    assert run.memory.chosen == ("training.micro_batch_size=4",)
    assert run.value("training.micro_batch_size") == 4
    assert "--set training.micro_batch_size=4" in run.command
    assert (tight["n_train"], tight["epochs_done"]) == (full["n_train"], 2)
