"""Models and detectors of others as choices of a search."""

import made_people
import made_searches
import pytest
from made_plugins import DETECTOR, MODEL, fresh, install, new_process  # noqa: F401  (a fixture)

pytest.importorskip("optuna")

import ckseq
from ckseq.search.space import load_space
from ckseq.search.study import open_study
from ckseq.tasks.experiment import experiment
from ckseq.tasks.tune_export import tune_export

pytestmark = pytest.mark.usefixtures("fresh")
SEARCH = """
experiment = "mine.toml"
sampler = "grid"
trials = 4
pruner = "none"
finalists = 0
folds = 2
[space]
model.kind = {choice = ["ridge", "./scaled.py"]}
model.factor = {choice = [1.0, 3.0], when = {"model.kind" = "./scaled.py"}}
"""


@pytest.fixture
def search(tmp_path):
    (tmp_path / "scaled.py").write_text(MODEL)
    return made_searches.search_file(tmp_path, SEARCH)


@pytest.mark.slow
def test_a_search_over_a_model_by_path_ends_in_a_recipe_that_runs(search, tmp_path, console, monkeypatch):
    data, out = made_people.moving_squares(tmp_path), tmp_path / "out"
    search.write_text(SEARCH.replace('["ridge", "./scaled.py"]', '["./scaled.py"]').replace("[1.0, 3.0]", "[3.0]"))
    monkeypatch.chdir("/")  # the path is relative to the search
    found = made_searches.run(data, search, out, console, trials=1)
    assert (found["complete"], found["failed_trials"]) == (1, 0)
    study = open_study("small", None, out)
    assert study.trials[0].user_attrs["values"] == {"model.kind": "./scaled.py", "model.factor": 3.0}
    assert str(tmp_path) not in str(study.user_attrs["about"]["space"])  # it is the same search on another machine
    with new_process(), pytest.raises(ckseq.CallError, match=r"needs the plug-in scaled\.py 2\.1.*--plugin FILE"):
        tune_export("small", storage=None, out=out, console=console)
    written = tune_export("small", storage=None, out=out, console=console)
    with new_process():
        experiment(written["experiment"], data=data, out=tmp_path / "result", jobs=1, console=console)
        record = ckseq.load_run(tmp_path / "result" / "run").record
    assert record.model_kind == "scaled.py"
    assert record.experiment["model"]["factor"] == 3.0
    (tmp_path / "scaled.py").write_text(MODEL + "# changed\n")
    with pytest.raises(ckseq.DataError, match="about another search: space differs"):
        made_searches.run(data, search, out, console, trials=2)


def test_each_choice_has_its_own_fields(search):
    space = load_space(str(search))
    built_in, own = (space.recipes({"model.kind": kind}).experiment for kind in ("ridge", "./scaled.py"))
    assert (built_in.model_kind, own.model_name, own.model.factor) == ("ridge", "scaled.py", 2.0)
    assert own.model_dump(mode="json")["model"]["plugin"]["name"] == "scaled.py"
    assert space.baseline() == {"model.kind": "ridge"}


def test_the_plug_in_of_the_recipe_itself_is_the_baseline_and_keeps_its_fields(search, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(recipe.read_text().replace('kind = "ridge"', 'kind = "./scaled.py"\nfactor = 3.0'))
    space = load_space(str(search))
    assert space.baseline() == {"model.kind": "./scaled.py", "model.factor": 3.0}
    assert space.recipes({"model.kind": "./scaled.py"}).experiment.model.factor == 3.0
    assert space.recipes({"model.kind": "ridge"}).experiment.model_kind == "ridge"


def test_what_is_set_is_relative_to_the_search_too(search, monkeypatch):
    text = (
        SEARCH[: SEARCH.index("[space]")]
        + '[set.model]\nkind = "./scaled.py"\n[space]\nmodel.factor = {float = [1.0, 2.0]}\n'
    )
    search.write_text(text)
    monkeypatch.chdir("/")
    assert load_space(str(search)).recipes({"model.factor": 1.5}).experiment.model.factor == 1.5


def test_an_installed_one_and_a_detector_are_choices_too(search, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(install(tmp_path / "site", scaled=MODEL, middle=DETECTOR))
    space = (
        '[space]\nmodel.kind = {choice = ["ridge", "scaled"]}\ndetector.kind = {choice = ["whole_frame", "middle"]}\n'
    )
    search.write_text(SEARCH[: SEARCH.index("[space]")] + space)
    found = load_space(str(search)).recipes({"model.kind": "scaled", "detector.kind": "middle"})
    assert (found.experiment.model_kind, found.pipeline.detector_kind) == ("scaled", "middle")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("./nowhere.py", r"nowhere\.py: there is no such plug-in; correct the path in search_small\.toml"),
        ("./middle.py", "its SPEC is a DetectorSpec; a ModelSpec is needed here"),
        ("scalde", "there is no 'scalde' in models"),
    ],
)
def test_a_choice_that_is_no_model_is_refused_before_the_search(choice, message, search, tmp_path):
    (tmp_path / "middle.py").write_text(DETECTOR)
    search.write_text(f'{SEARCH[: SEARCH.index("[space]")]}[space]\nmodel.kind = {{choice = ["ridge", "{choice}"]}}\n')
    with pytest.raises(ckseq.CallError, match=message):
        load_space(str(search))
