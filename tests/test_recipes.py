"""Recipes that extend others, and the paper's four phases, from images to report."""

import cv2
import numpy as np
import pytest

from ckseq.errors import CallError
from ckseq.experiment.recipe import load_experiment
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.recipes import read_recipe
from ckseq.storage.run_record import read_run
from ckseq.storage.store import open_store
from ckseq.tasks.experiment import experiment

# smaller, and without a detector, since nothing here is a face
SMALL = ("faces.side_px=24", "detector.kind=whole_frame", "motion.erosion_px=1")
SHORT = (*SMALL, "model.filters=2", "model.dense=4", "training.epochs=1")
PHASES = {"paper_phase1": (24, 24), "paper_phase2": (3, 3), "paper_phase3": (2, 24), "paper_phase4": (2, 24)}


def test_a_recipe_lays_its_values_over_those_of_another(tmp_path):
    (tmp_path / "base.toml").write_text('question = "a"\nseed = 1\n[model]\nkind = "gru"\nunits = 3\n')
    (tmp_path / "same.toml").write_text('extends = "base.toml"\nseed = 2\n[model]\nunits = 5\n')
    (tmp_path / "kind.toml").write_text('extends = "same.toml"\n[model]\nkind = "svm"\n')
    _, same = read_recipe("experiments", str(tmp_path / "same.toml"))
    assert same == {"question": "a", "seed": 2, "model": {"kind": "gru", "units": 5}}
    assert read_recipe("experiments", str(tmp_path / "kind.toml"))[1] == {**same, "model": {"kind": "svm"}}


def test_recipes_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a.toml").write_text('extends = "b.toml"\n')
    (tmp_path / "b.toml").write_text('extends = "a.toml"\n')
    with pytest.raises(CallError, match="extends a, which extends it"):
        read_recipe("experiments", str(tmp_path / "a.toml"))


def test_the_phases_differ_in_what_the_paper_changed():
    one, two, three, four = (load_experiment(name) for name in PHASES)
    assert [one.input, two.input, three.input, four.input] == ["blobs", "halved", "projections", "projections"]
    assert len(one.classes) == len(two.classes) == len(three.classes) == 7
    assert four.classes == ("anger", "disgust", "happiness", "surprise")
    assert [recipe.balance.at_most for recipe in (one, two, three, four)] == [15, 15, 15, 35]
    assert (three.published["accuracy"], four.published["accuracy"]) == (0.71, 0.88)
    for recipe in (one, two, three, four):
        assert (recipe.model.filters, recipe.model.kernel, recipe.model.dense) == (64, (1, 3), 100)
        assert (recipe.training.batch_size, recipe.training.epochs, recipe.protocol.kind) == (64, 100, "paper_split")
    halved, paper = load_pipeline("paper_halved"), load_pipeline("paper")
    assert halved.model_copy(update={"name": paper.name, "about": paper.about, "reduce": paper.reduce}) == paper


@pytest.mark.parametrize(("former", "name"), [("paper_4class", "paper_phase4"), ("paper_7class", "paper_phase3")])
def test_a_former_name_is_answered_with_the_present_one(former, name):
    with pytest.raises(CallError, match=f"there is no '{former}' .* did you mean '{name}'"):
        load_experiment(former)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Six people, all seven expressions each, as a manifest: a bright square that moves with the expression."""
    root = tmp_path_factory.mktemp("people")
    labels = load_experiment("paper_phase3").classes
    lines = ["path,subject,session,label"]
    rng = np.random.default_rng(0)
    for person in range(6):
        for code, label in enumerate(labels):
            folder = root / f"S{person}_{code}"
            folder.mkdir()
            behind = rng.integers(0, 60, (48, 48), dtype=np.uint8)
            for step in range(4 + person % 3):
                frame = behind.copy()
                frame[5 * code : 5 * code + 9, 3 + 6 * step : 12 + 6 * step] = 200
                cv2.imwrite(str(folder / f"{step:03}.png"), frame)
            lines.append(f"{folder},S{person},{code},{label}")
    (root / "people.csv").write_text("\n".join(lines) + "\n")
    return root / "people.csv"


@pytest.mark.parametrize("name", PHASES)
def test_every_phase_goes_from_images_to_report(people, tmp_path, console, name):
    """One command each."""
    done = experiment(name, data=people, out=tmp_path / "out", settings=SHORT, jobs=1, console=console)
    assert done["failed"] == {}
    assert done["epochs_done"] == 1
    run = read_run(tmp_path / "out" / "run")
    assert run.model.input_shape[1:3] == PHASES[name]
    assert (tmp_path / "out" / "run" / "report.html").stat().st_size > 10_000
    with open_store(tmp_path / "out" / "store.h5") as store:
        assert store.entries[0].n_steps > 2


def test_the_first_phase_learns_of_people_kept_out(people, tmp_path, console):
    """Whole frames from the store, in parts, their steps computed again: a small run, but a complete one."""
    network = ("model.filters=4", "model.dense=32", "sequence.length_frames=6")
    training = ("training.epochs=10", "training.batch_size=6", "training.micro_batch_size=3")
    settings = (*SMALL, *network, *training, "training.learning_rate=0.003", "protocol.kind=subject_holdout")
    done = experiment("paper_phase1", data=people, out=tmp_path / "out", settings=settings, jobs=1, console=console)
    assert (done["epochs_done"], done["n_test"]) == (10, 14)
    assert done["accuracy"] > 0.9  # one class of seven is named by chance
