"""What every model must do, whatever it is: one test over all files of the room."""

import keras
import pytest
from made_litert import make_litert, sha256_of

from ckseq import registry
from ckseq.contracts.check import run_checks
from ckseq.contracts.models import IMAGE_SHAPE, LABELS, ModelContract
from ckseq.models._spec import ModelSpec

MODELS = registry.names("models")


def spec_of(name):
    return registry.load("models", name).SPEC


def contract(name, *, small=True):
    spec = spec_of(name)
    config = spec.config(**CONFIGS[name]) if small and name in CONFIGS else None
    return ModelContract(spec, config, registry.load("models", name).__doc__)


@pytest.fixture(scope="module", autouse=True)
def backbone(tmp_path_factory):
    """Small networks in files, that transfer and peer_fer stand on: nothing is fetched in a test."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input(IMAGE_SHAPE), keras.layers.Rescaling(1 / 255)]
    layers += [keras.layers.Conv2D(8, 5, strides=3, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(2)]
    path = tmp_path_factory.mktemp("backbone") / "small.keras"
    keras.Sequential(layers).save(path)
    CONFIGS["transfer"] = {"backbone": str(path), "weights": "own", "hidden": (16,)}
    tiny = make_litert(path.with_name("tiny.tflite"))
    CONFIGS["peer_fer"] = {"file": str(tiny), "sha256": sha256_of(tiny)}


# small models learn what there is to learn; `test_the_size_of_real_projections_fits` and others build the default ones
CONFIGS = {
    "cnn_five_blocks": {
        "blocks": ({"filters": 8, "kernels_px": (5,)}, {"filters": 8, "kernels_px": (3, 2)}),
        "momentum": 0.8,
        "dropout": 0.1,
    },
    "conv_lstm": {"filters": 8, "dense": 20},
    "random_forest": {"trees": 40},
    "gradient_boosting": {"rounds": 30},
    "minirocket": {"kernels": 840},
}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    """The contract of a model, which trains it once for all its checks."""
    return contract(request.param)


@pytest.mark.parametrize("check", [check.__name__ for check in contract("ridge").checks])
def test_a_model_keeps_its_contract(model, check):
    (found,) = run_checks([getattr(model, check)])
    assert found == (found.what, "")


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_a_spec_of_its_name_and_a_card(name):
    spec = spec_of(name)
    assert isinstance(spec, ModelSpec)
    assert spec.name == name
    for heading in ("Idea", "Source", "Input", "Parameters", "Cost"):
        assert f"\n{heading}\n" in registry.load("models", name).__doc__


def test_a_ready_made_model_says_so(model):
    spec = model.spec
    if spec.ready_made:
        assert "a ready-made model, not trained on these people" in spec.ready_made(model._config, LABELS)[0]


@pytest.mark.parametrize(
    "name",
    [name for name in MODELS if spec_of(name).reads != "images" and spec_of(name).inputs != ("crops",)],
)
def test_the_size_of_real_projections_fits(name):
    width = 267 + 147 + 256 if spec_of(name).inputs == ("fused",) else 267
    seven = tuple(f"class {number}" for number in range(7))
    model = contract(name, small=False).trainer(input_shape=(24, 2, width, 2), labels=seven).model
    if isinstance(model, keras.Model):
        assert model.input_shape == (None, 24, 2, 267, 2)
        assert model.output_shape == (None, 7)
