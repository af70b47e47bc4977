from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckseq.config import read_toml
from ckseq.errors import CallError
from ckseq.experiment.recipe import load_experiment
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.recipes import find_recipe, recipe_names
from ckseq.search.space import load_space

BASE = 'experiment = "motion"\n'


class Asked:
    """Chooses as a test says, and keeps what it was asked for."""

    def __init__(self, **chosen):
        self.chosen, self.asked = chosen, {}

    def suggest_int(self, name, low, high, *, step, log):
        self.asked[name] = ("int", low, high, step, log)
        return self.chosen.get(name, low)

    def suggest_float(self, name, low, high, *, step, log):
        self.asked[name] = ("float", low, high, step, log)
        return self.chosen.get(name, low)

    def suggest_categorical(self, name, choices):
        self.asked[name] = tuple(choices)
        return self.chosen.get(name, choices[0])


def space_of(tmp_path, text, settings=()):
    path = tmp_path / "search_mine.toml"
    path.write_text(text if text.startswith("experiment") else BASE + text)
    return load_space(str(path), settings)


def test_ranges_of_every_kind_reach_the_recipes(tmp_path):
    space = space_of(
        tmp_path,
        """
        [space]
        motion.threshold = {int = [4, 40], step = 4}
        training.learning_rate = {float = [1e-4, 1e-2], log = true}
        model.kernel = {choice = [[3, 5], [1, 3]]}
        input = {choice = ["projections", "blobs"]}
        """,
    )
    asked = Asked(**{"motion.threshold": 12, "training.learning_rate": 0.002, "model.kernel": "[1, 3]"})
    recipes = space.recipes(space.suggest(asked))
    assert asked.asked == {
        "motion.threshold": ("int", 4, 40, 4, False),
        "training.learning_rate": ("float", 1e-4, 1e-2, None, True),
        "model.kernel": ("[3, 5]", "[1, 3]"),
        "input": ("projections", "blobs"),
    }
    assert (recipes.pipeline.motion.threshold, recipes.pipeline.motion.difference) == (12, "signed")
    assert (recipes.experiment.training.learning_rate, recipes.experiment.model.kernel) == (0.002, (1, 3))
    # what is not varied is the recipe's own
    assert space.recipes({}).pipeline == load_pipeline("anchored")
    assert space.recipes({}).experiment == load_experiment("motion")


def test_a_condition_decides_what_is_asked_and_alternatives_have_names_of_their_own(tmp_path):
    space = space_of(
        tmp_path,
        """
        [space]
        motion.threshold = [
            {float = [2.0, 30.0], when = {"motion.threshold_unit" = "gray_levels"}},
            {float = [1.0, 8.0], when = {motion.threshold_unit = ["noise"]}},
        ]
        motion.threshold_unit = {choice = ["gray_levels", "noise"]}
        """,
    )
    for unit, low in (("gray_levels", 2.0), ("noise", 1.0)):
        asked = Asked(**{"motion.threshold_unit": unit})
        assert space.suggest(asked) == {"motion.threshold_unit": unit, "motion.threshold": low}
        assert list(asked.asked) == ["motion.threshold_unit", f"motion.threshold ({unit})"]
    assert space.baseline() == {"motion.threshold_unit": "gray_levels", "motion.threshold (gray_levels)": 4.0}


def test_another_kind_does_not_inherit_the_fields_of_the_recipes_own(tmp_path):
    space = space_of(
        tmp_path,
        """
        [set]
        model.filters = 12
        [space]
        model.kind = {choice = ["conv_time_width", "gru"]}
        model.units = {int = [8, 64], when = {"model.kind" = "gru"}}
        model.pool_time = {int = [1, 2], when = {"model.kind" = "conv_time_width"}}
        """,
    )
    own = space.recipes(space.suggest(Asked())).experiment
    other = space.recipes(space.suggest(Asked(**{"model.kind": "gru", "model.units": 16}))).experiment
    assert (own.model_kind, own.model.filters, own.model.pool_time) == ("conv_time_width", 12, 1)
    assert (other.model_kind, other.model.units) == ("gru", 16)


def test_a_place_in_a_list_is_varied_alone(tmp_path):
    text = "[space]\nmodel.kernel.1 = {int = [1, 9], step = 2}"
    with pytest.raises(CallError, match=r"model.kernel.1 is an item of a list that the recipe does not have; give"):
        space_of(tmp_path, text)
    space = space_of(tmp_path, f"[set]\nmodel.kernel = [3, 5]\n{text}")
    assert space.baseline() == {"model.kernel.1": 5}
    assert space.recipes({"model.kernel.1": 7}).experiment.model.kernel == (3, 7)


def test_settings_change_the_recipes_and_the_search(tmp_path):
    space = space_of(
        tmp_path,
        "[space]\nmotion.blur_px = {float = [0.0, 4.0]}",
        [
            "search.folds=5",
            "search.sampler=forest",
            "training.epochs=3",
            "align.method=none",
            "protocol.test_share=0.2",
        ],
    )
    recipes = space.recipes({})
    assert (space.config.folds, space.config.sampler) == (5, "forest")
    assert (recipes.experiment.training.epochs, recipes.pipeline.align.method) == (3, "none")
    assert recipes.experiment.protocol.test_share == 0.2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "[space] names no hyperparameter"),
        ("[space]\nmotion.threshold = 4", "[space] motion.threshold is not a range; write {int"),
        ("[space]\nmotion = 4", "[space] motion is not a range"),
        ("[space]\nmotion.threshold = {int = [40, 4]}", "int = [40, 4] is not a lower and an upper limit"),
        ("[space]\nmotion.threshold = {int = [4.0, 40]}", "is not a lower and an upper limit"),
        ("[space]\nmotion.threshold = {int = [4, 40], log = true, step = 2}", "log needs numbers above zero"),
        ("[space]\nmotion.blur_px = {float = [0.0, 4.0], log = true}", "log needs numbers above zero and no step"),
        ("[space]\nmotion.blur_px = {float = [0.0, 4.0], step = 5.0}", "step = 5.0 does not fit"),
        (
            "[space]\nmotion.blur_px = {float = [0.0, 4.0], stop = 5.0}",
            "'stop' is not a known key; did you mean 'step'? allowed: ",
        ),
        ("[space]\nmotion.blur_px = {choice = []}", "there are no choices"),
        (
            "[space]\nmotoin.blur_px = {float = [0.0, 4.0]}",
            "motoin.blur_px is not a field of a pipeline or an experiment",
        ),
        ("[space]\nmotoin.blur_px = {float = [0.0, 4.0]}", "did you mean 'motion'? searchable are "),
        ("[space]\ninptu = {choice = ['blobs']}", "did you mean 'input'? searchable are "),
        (
            "[set.motoin]\nblur_px = 1.0\n[space]\nmotion.blur_px = {float = [0.0, 4.0]}",
            "did you mean 'motion'? allowed: ",
        ),
        (
            "[set.motion]\nblur = 1.0\n[space]\nmotion.blur_px = {float = [0.0, 4.0]}",
            "did you mean 'blur_px'? allowed: ",
        ),
        ("[space]\nmodel.kernl = {choice = [[1, 3]]}", "did you mean 'kernel'? allowed: "),
        (
            "objectvies = ['error']\n[space]\nmotion.blur_px = {float = [0.0, 4.0]}",
            "did you mean 'objectives'? allowed",
        ),
        ("[space]\nprotocol.folds = {int = [2, 9]}", "protocol.folds is part of the question, and cannot be searched"),
        ("[space]\nclasses = {choice = [[], []]}", "classes is part of the question"),
        ("[space]\nmotion.thresold = {int = [4, 40]}", "motion.thresold = "),
        ("[space]\nmotion.thresold = {int = [4, 40]}", "did you mean 'threshold'? allowed: "),
        ("[space]\nmotion.threshold = {int = [-4, 40]}", "contains an impossible recipe, motion.threshold = -4"),
        (
            '[space]\nmotion.difference = {choice = ["wrapped", "signed"]}',
            "wrapped is the paper's arithmetic and needs",
        ),
        ('[space]\nmodel.kind = {choice = ["gru", "gruu"]}', "there is no 'gruu' in models"),
        (
            '[space]\nmotion.blur_px = {float = [0.0, 4.0], when = {"motion.light" = "as_is"}}',
            "which is not searched; searched are motion.blur_px",
        ),
        (
            "[space]\nmotion.light = {choice = ['as_is']}\n"
            "motion.blur_px = {float = [0.0, 4.0], when = {motion.lihgt = 'as_is'}}",
            "depends on motion.lihgt, which is not searched; did you mean 'motion.light'?",
        ),
        (
            "[space]\nmotion.blur_px = {float = [0.0, 4.0], when = {align.method = 'none'}}\n"
            "align.method = {choice = ['none'], when = {motion.blur_px = 1.0}}",
            "are circular",
        ),
        (
            "[space]\nmotion.blur_px = [{float = [0.0, 4.0]}, {float = [5.0, 6.0]}]",
            "two ranges of motion.blur_px apply at once",
        ),
        ("folds = 1\n[space]\nmotion.blur_px = {float = [0.0, 4.0]}", "folds = 1: input should be greater"),
        ('sampler = "annealing"\n[space]\nmotion.blur_px = {float = [0.0, 4.0]}', "sampler = 'annealing'"),
        ('experiment = "defualt"\n[space]\nmotion.blur_px = {float = [0.0, 4.0]}', "did you mean 'default'?"),
    ],
)
def test_a_wrong_space_is_one_clear_line(tmp_path, text, says):
    with pytest.raises(CallError) as caught:
        space_of(tmp_path, text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@cache
def shipped(name):
    """Return a search that ships, and its baseline."""
    space = load_space(name)
    return space, space.recipes({})


@pytest.mark.parametrize("name", recipe_names("searches"))
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_every_point_of_the_searches_that_ship_makes_recipes(name, data):
    space, baseline = shipped(name)

    class Drawn:
        def suggest_int(self, name, low, high, *, step, log):
            return data.draw(st.integers(0, (high - low) // step)) * step + low

        def suggest_float(self, name, low, high, *, step, log):
            return data.draw(st.floats(low, high))

        def suggest_categorical(self, name, choices):
            return data.draw(st.sampled_from(choices))

    recipes = space.recipes(space.suggest(Drawn()))
    assert recipes.experiment.protocol == baseline.experiment.protocol


def test_searches_are_no_experiments():
    assert "sequences" in recipe_names("searches")
    assert not any(name.startswith("search") for name in recipe_names("experiments"))
    assert "space" in read_toml(find_recipe("searches", "sequences"))


def test_a_grid_holds_every_value(tmp_path):
    space = space_of(
        tmp_path,
        "[space]\nmotion.threshold = {int = [4, 10], step = 3}\nmotion.blur_px = {float = [0.0, 1.0], step = 0.5}\n"
        "model.kernel = {choice = [[1, 3], [3, 5]]}",
    )
    assert space.grid() == {
        "motion.threshold": [4, 7, 10],
        "motion.blur_px": [0.0, 0.5, 1.0],
        "model.kernel": ["[1, 3]", "[3, 5]"],
    }
    with pytest.raises(CallError, match="learning_rate has no grid; give it a step"):
        space_of(tmp_path, "[space]\ntraining.learning_rate = {float = [1e-4, 1e-2], log = true}").grid()
