import pytest

from ckseq.errors import CallError
from ckseq.experiment.recipe import load_experiment
from ckseq.preprocessing.pipeline import load_pipeline


def test_another_detector_does_not_inherit_the_fields_of_the_one_before():
    settings = ["detector.min_face_px=60", "detector.kind=mtcnn", "faces.cut=eyes"]
    for order in (settings, settings[::-1]):
        pipeline = load_pipeline("anchored", order)
        assert pipeline.detector_kind == "mtcnn"
        assert pipeline.detector.min_face_px == 60
        assert (pipeline.faces.cut, pipeline.faces.policy) == ("eyes", "anchor")


def test_the_same_detector_keeps_its_fields():
    assert load_pipeline("anchored", ["detector.kind=dlib_hog"]) == load_pipeline("anchored")
    assert load_pipeline("anchored", ["detector.upsample=2"]).detector.upsample == 2


def test_a_field_of_another_detector_is_refused():
    with pytest.raises(CallError, match="upsample is not a known key"):
        load_pipeline("anchored", ["detector.kind=mtcnn", "detector.upsample=1"])


def test_another_model_does_not_inherit_the_fields_of_the_one_before(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('pipeline = "anchored"\n[model]\nkind = "conv_lstm"\nfilters = 8\n[protocol]\ntest_share = 0.4\n')
    settings = ["model.kind=ridge", "protocol.kind=subject_holdout"]
    changed = load_experiment(str(recipe), settings)
    assert changed.model_kind == "ridge"
    assert changed.protocol.test_share == 0.4  # a kind that is no file keeps what stands beside it
    assert load_experiment(str(recipe)).model.filters == 8


def test_a_setting_that_is_wrong_is_named_and_not_the_file():
    with pytest.raises(CallError, match=r"^--set training.epochs: epochs = 0: input should be greater"):
        load_experiment("motion", ["model.kind=conv_lstm", "training.epochs=0"])
    with pytest.raises(
        CallError, match=r"^--set trainings.epochs: trainings is not a known key; did you mean 'training'"
    ):
        load_experiment("motion", ["trainings.epochs=5"])
    with pytest.raises(CallError, match=r"^--set seed: seed = 'x'"):
        load_experiment("motion", ["seed=x"])


def test_a_value_of_the_file_is_blamed_on_the_file(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('extends = "motion"\n[training]\nepochs = 0\n')
    with pytest.raises(CallError, match=r"^own.toml \[training\]: epochs = 0"):
        load_experiment(str(path), ["seed=5"])
