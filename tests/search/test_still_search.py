"""The search of Borroni et al. (2020) over networks on feature maps: its space, and from images to a final model."""

import keras
import pytest
from made_stills import write_folders

from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.inference.live_session import LiveSession
from ckseq.inference.predictor import load_predictor
from ckseq.models import cnn_small
from ckseq.search.space import load_space
from ckseq.tasks.export import export
from ckseq.tasks.predict import predict
from ckseq.tasks.tune import tune
from ckseq.tasks.tune_export import tune_export


def test_the_space_is_the_published_one():
    space = load_space("still_e")
    config, base = space.config, space.recipes({}).experiment
    assert (config.sampler, config.folds, config.trials, config.objectives) == ("forest", 3, 100, ("error",))
    assert (base.input, base.features.backbone, base.features.pool, base.model_kind) == (
        "features", "SENet50", "none", "cnn_small",
    )  # fmt: skip
    found = {one.path: one.choices or (one.low, one.high, one.step, one.log) for one in space.dimensions}
    assert found == {
        "model.activation": ("relu", "leaky_relu"),
        "model.filters.0": (32, 256, None, False),
        "model.kernel_px": (1, 5, None, False),
        "model.dense": (21, 490, None, False),
        "model.dropout": (0.0, 0.9, 0.1, False),
        "training.optimizer": ("adam", "rmsprop", "nadam"),
        "training.learning_rate": (1e-6, 1e-2, None, True),
    }


def test_the_number_of_layers_is_a_hyperparameter():
    space = load_space("still_layers")
    assert space.baseline()["model.filters.length"] == 1
    three = {"model.filters.length": 3, "model.filters.0": 40, "model.filters.2": 50, "model.kernel_px": 5}
    assert space.recipes(three).experiment.model.filters == (40, 64, 50)
    assert space.recipes({"model.filters.length": 1}).experiment.model.filters == (64,)
    second, third = (one for one in space.dimensions if one.path in ("model.filters.1", "model.filters.2"))
    applies = [[one.applies({"model.filters.length": n}) for n in (1, 2, 3)] for one in (second, third)]
    assert applies == [[False, True, True], [False, False, True]]
    # the last feature maps of SENet50 have 7x7 values: enough for three padded convolutions
    model = cnn_small.build(space.recipes(three).experiment.model, input_shape=(7, 7, 2048), n_classes=7)
    assert [layer.filters for layer in model.layers if type(layer).__name__ == "Conv2D"] == [40, 64, 50]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("d") / "faces", codes=(0, 2), per_class=8)


@pytest.mark.parametrize("name", ["still_e", "still_layers"])
def test_without_the_weights_nothing_is_tried(name, data, tmp_path, console):
    with pytest.raises(DataError, match=r"senet50\.h5: there is no such file.*--set features.weights=FILE") as caught:
        tune(data, search=name, out=tmp_path / "out", storage=None, study=None, trials=10, jobs=1, heartbeat_s=5.0,
             settings=[], console=console)  # fmt: skip
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_from_images_to_a_final_model_that_predicts(data, tmp_path):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((32, 32, 3)), keras.layers.Rescaling(1 / 255)]
    layers += [keras.layers.AveragePooling2D(4, name="maps"), keras.layers.Flatten(), keras.layers.Dense(2)]
    keras.Sequential(layers).save(tmp_path / "small.keras")
    settings = [
        "detector.kind=whole_frame", "faces.side_px=32", f"features.backbone={tmp_path / 'small.keras'}",
        "features.weights=own", "features.preprocessing=own", "features.cut_after=maps", "training.epochs=2",
        "image_augmentation.passes=1", "search.folds=2", "search.finalists=0",
    ]  # fmt: skip
    console = Console(quiet=True)
    result = tune(data, search="still_layers", out=tmp_path / "out", storage=None, study=None, trials=3, jobs=1,
                  heartbeat_s=5.0, settings=settings, console=console)  # fmt: skip
    assert (result["complete"], result["failed_trials"]) == (3, 0)
    run = tune_export(
        "still_layers", storage=None, out=tmp_path / "out", data=data, final=True, jobs=1, console=console
    )
    folder = tmp_path / "out" / "still_layers_final" / "run"
    assert run["run"] == str(folder)
    assert (folder / "extractor.keras").is_file()
    photo = next((data / "anger").iterdir())
    said = predict(folder, inputs=[photo], detector="whole_frame", console=console)
    assert said["failed"] == {}
    assert sum(said["predictions"][0]["faces"][0]["emotion"].values()) == pytest.approx(100, abs=0.01)
    assert not LiveSession(load_predictor(folder)).measures_motion
    assert export(folder, format="keras", out=None, overwrite=False, console=console)["largest_difference"] < 1e-4
