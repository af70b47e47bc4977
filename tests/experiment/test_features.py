"""Features of crops by a backbone: computed once, read by any model, of images and of sequences."""

import cv2
import keras
import numpy as np
import pytest
from made_stills import made_image, write_fer2013

from ckseq.errors import CallError, DataError
from ckseq.experiment.dataset import gather
from ckseq.experiment.recipe import load_experiment
from ckseq.experiment.trainer import trainer_for
from ckseq.learn.extract import as_sequence, extract, load_extractor
from ckseq.learn.predict import load_trained_model, probabilities
from ckseq.storage.features import features_path, read_features, write_features
from ckseq.storage.run_record import read_run
from ckseq.storage.store import open_store
from ckseq.tasks.predict import predict
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.train import train

LINEAR = ['model={kind = "dense_net", hidden = [], dropout = 0.0}']


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((48, 48, 1)), keras.layers.Rescaling(1 / 255)]
    layers += [keras.layers.Conv2D(6, 9, strides=9, activation="relu", name="maps"), keras.layers.Flatten()]
    path = tmp_path_factory.mktemp("b") / "small.keras"
    keras.Sequential([*layers, keras.layers.Dense(2)]).save(path)
    return f'features={{backbone = "{path}", weights = "own", cut_after = "maps"}}'


@pytest.fixture
def stills(tmp_path, console):
    data = write_fer2013(tmp_path / "f.csv", codes=(0, 3), per_class=12)
    preprocess(data, pipeline="still_48_gray", out=tmp_path / "s.h5", jobs=1, console=console)
    return tmp_path / "s.h5"


@pytest.fixture
def sequences(tmp_path, console):
    """Eight people, two expressions, some frames of each."""
    lines = ["path,subject,session,label"]
    for person in range(8):
        for code, label in ((0, "anger"), (3, "happiness")):
            folder = tmp_path / "frames" / f"P{person}_{label}"
            folder.mkdir(parents=True)
            for step in range(2 + person % 3):
                cv2.imwrite(str(folder / f"{step}.png"), made_image(code, 10 * person + step))
            lines.append(f"frames/P{person}_{label},P{person},{label},{label}")
    (tmp_path / "m.csv").write_text("\n".join(lines) + "\n")
    preprocess(tmp_path / "m.csv", pipeline="still_48_gray", out=tmp_path / "q.h5", jobs=1, console=console)
    return tmp_path / "q.h5"


def recipe(backbone, *settings):
    return load_experiment("fer2013_small_balanced", ["input=features", backbone, *LINEAR, *settings])


def test_features_of_images_are_computed_once(stills, backbone, console, monkeypatch):
    with open_store(stills) as store:
        first = gather(store, recipe(backbone), console).x
        monkeypatch.setattr("ckseq.learn.extract.extract", None)  # whoever computes again, fails
        again = gather(store, recipe(backbone), console).x
    assert (first.shape, first.dtype) == ((24, 1, 1, 6, 1), np.float32)
    np.testing.assert_array_equal(first, again)


def test_another_cut_is_another_file_and_maps_are_images(stills, backbone, console):
    with open_store(stills) as store:
        gather(store, recipe(backbone), console)
        maps = gather(store, recipe(backbone, "features.pool=none"), console).x
    assert maps.shape == (24, 5, 5, 6)
    assert len(list(features_path(stills, "x").parent.iterdir())) == 2


def test_a_damaged_cache_is_made_again(stills, backbone, console):
    with open_store(stills) as store:
        first = gather(store, recipe(backbone), console).x
        (kept,) = features_path(stills, "x").parent.iterdir()
        kept.write_bytes(kept.read_bytes()[:100])
        np.testing.assert_array_equal(gather(store, recipe(backbone), console).x, first)
    assert read_features(kept) is not None


@pytest.mark.parametrize("model", ["dense_net", "ridge", "svm"])
def test_any_model_learns_from_features_of_images(tmp_path, stills, backbone, console, model):
    settings = ["input=features", backbone, *LINEAR, "training.epochs=60", "training.learning_rate=0.05"]
    settings += [] if model == "dense_net" else [f'model={{kind = "{model}", root = false, pool = 1, parts = 1}}']
    run = tmp_path / "run"
    train(stills, experiment="fer2013_small_balanced", out=run, settings=settings, console=console)
    made = read_run(run)
    assert made.model.input_shape == (1, 1, 6, 1)
    with open_store(stills) as store:
        x = gather(store, recipe(backbone), console).x
        crops = store.crops(store.entries[0].id)
    # the run has what makes the same features of a new image
    np.testing.assert_array_equal(as_sequence(extract(load_extractor(run), crops)), x[0])
    cv2.imwrite(str(tmp_path / "a.png"), crops[0])
    cv2.imwrite(str(tmp_path / "b.png"), np.full_like(crops[0], 9))
    said = predict(run, inputs=[tmp_path / "a.png", tmp_path / "b.png"], detector="whole_frame", console=console)
    assert said["failed"] == {}
    answers = [item["faces"][0]["emotion"] for item in said["predictions"]]
    expected = probabilities(load_trained_model(run), x[:1])[0]
    assert list(answers[0].values()) == pytest.approx(100 * expected, abs=1e-2)
    assert answers[0] != answers[1]


@pytest.mark.parametrize(
    "model", ['{kind = "mean_frame"}', '{kind = "gru", root = false, pool = 1, units = 4, features = 4}']
)
def test_temporal_networks_learn_from_features_of_frames(tmp_path, sequences, backbone, console, model):
    settings = ["input=features", backbone, f"model={model}", "sequence.length_frames=longest"]
    settings += ["protocol.kind=subject_holdout", "training.epochs=3"]
    out = tmp_path / "r"
    result = train(sequences, experiment="fer2013_small_balanced", out=out, settings=settings, console=console)
    folder = tmp_path / "frames" / "P0_anger"
    (said,) = predict(tmp_path / "r", inputs=[folder], console=console)["predictions"]
    assert sum(said["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert result["n_test"] > 2
    assert read_run(tmp_path / "r").model.input_shape == (4, 1, 6, 1)
    with open_store(sequences) as store:
        chosen = load_experiment("fer2013_small_balanced", settings)
        x = gather(store, chosen, console).x
        short = [place for place, entry in enumerate(store.entries) if entry.n_crops == 2]
    # padded in front and behind with zeros, which count for nothing
    assert not x[short][:, [0, 3]].any()
    assert x[short][:, 1:3].any(axis=(1, 2, 3, 4)).all()


def test_one_frame_of_each_sequence_is_an_image(tmp_path, sequences, console):
    settings = ["sequence.overflow=cut_start", "protocol.kind=subject_holdout"]
    with open_store(sequences) as store:
        x = gather(store, load_experiment("fer2013_small_balanced", settings), console).x
        last = store.crops(store.entries[3].id)[-1]
    assert (x.shape, x.dtype) == ((16, 48, 48, 1), np.uint8)
    np.testing.assert_array_equal(x[3][..., 0], last)


def test_a_store_without_crops_says_what_to_do(tmp_path, backbone, console):
    from made_stores import made_recordings, make_store

    with (
        open_store(make_store(tmp_path / "m", made_recordings())) as store,
        pytest.raises(DataError, match=r"has no crops.*keep_crops = true"),
    ):
        gather(store, recipe(backbone, "protocol.kind=subject_holdout"), console)


def test_features_that_nothing_reads_are_refused(backbone):
    with pytest.raises(CallError, match=r"\[features\] makes features of crops, and input = crops are none"):
        load_experiment("fer2013_small_balanced", [backbone])


def test_features_are_read_as_written(tmp_path):
    found = {"b": np.ones((2, 3), np.float32), "a": np.zeros((1, 3), np.float32)}
    write_features(tmp_path / "f" / "x.npz", found)
    read = read_features(tmp_path / "f" / "x.npz")
    assert read.keys() == found.keys()
    for id, array in found.items():
        np.testing.assert_array_equal(read[id], array)
    assert read_features(tmp_path / "none.npz") is None


AUGMENTED = ["image_augmentation.passes=3", "image_augmentation.mirror=0.5", "image_augmentation.noise_levels=30.0"]


def test_images_are_augmented_before_the_backbone_for_training_only(tmp_path, stills, backbone, console, monkeypatch):
    recipe_ = recipe(backbone, *AUGMENTED)
    with open_store(stills) as store:
        plain, dataset = gather(store, recipe(backbone), console), gather(store, recipe_, console)
        again = gather(store, recipe_, console)
    np.testing.assert_array_equal(dataset.x, plain.x)
    assert dataset.augmented.shape == (24, 3, 1, 1, 6, 1)
    np.testing.assert_array_equal(dataset.augmented, again.augmented)
    assert (dataset.augmented[:, 0] != dataset.augmented[:, 1]).any(axis=(1, 2, 3, 4)).all()
    seen = {}

    def fit(model, *args, train, validation, **rest):
        seen.update(train=train, validation=validation)
        raise KeyboardInterrupt

    monkeypatch.setattr("ckseq.learn.trainer.fit", fit)
    inner = recipe(backbone, *AUGMENTED, "training.validation=inner", "protocol.kind=subject_holdout")
    trainer = trainer_for(inner, dataset)
    people = dataset.side([entry.id for entry in dataset.entries])[1]._replace(subjects=("a",) * 12 + ("b",) * 12)
    codes = np.arange(24) % 2
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(train=people._replace(codes=codes), validation=None)
    train, validation = seen["train"], seen["validation"]
    assert (len(train.x), len(validation.x)) == (36, 12)
    half = slice(0, 12) if train.subjects[0] == "a" else slice(12, 24)
    np.testing.assert_array_equal(train.x, dataset.augmented[half].reshape(36, 1, 1, 6, 1))
    np.testing.assert_array_equal(train.codes, np.repeat(codes[half], 3))
    np.testing.assert_array_equal(validation.x, np.delete(dataset.x, half, axis=0))


def test_an_augmented_run_of_features_trains_and_predicts(tmp_path, stills, backbone, console):
    settings = ["input=features", backbone, *LINEAR, *AUGMENTED, "training.epochs=2"]
    train(stills, experiment="fer2013_small", out=tmp_path / "run", settings=settings, console=console)
    assert read_run(tmp_path / "run").trainings[0].n_train == 16


def test_projections_are_not_augmented_as_images():
    message = r"^motion\.toml: \[image_augmentation\] varies images, and input = projections are none; 'ckseq config'"
    with pytest.raises(CallError, match=message):
        load_experiment("motion", ["image_augmentation.passes=4"])
