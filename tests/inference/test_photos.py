import json
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.experiment.recipe import experiment_of
from ckseq.inference.face_detection import face_detection_for
from ckseq.inference.photos import predict_photos
from ckseq.inference.predictions import as_json
from ckseq.inference.predictor import Predictor
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.storage.store import open_store
from ckseq.tasks.preprocess import preprocess
from ckseq.twin.tree import TwinConfig, draw, plan

LABELS = ("dark", "bright")


class ByLight:
    """Stands for an estimator: how bright the crops are, and which it was given."""

    def __init__(self, shape):
        self.input_shape, self.seen = shape, []

    def __getitem__(self, place):
        return self

    def predict_proba(self, x):
        self.seen.append(x)
        bright = x.reshape(len(x), -1).mean(axis=1) / 255
        return np.stack([1 - bright, bright], axis=1)


def predictor_of(*settings, side=48):
    pipeline = load_pipeline("still_48_gray", ["detector.kind=dlib_hog", *settings])
    experiment = experiment_of(
        {"pipeline": "still_48_gray", "input": "crops", "model": {"kind": "cnn_small"}}, where="test"
    )
    channels = 3 if pipeline.faces.color == "rgb" else 1
    return Predictor(LABELS, pipeline, experiment, side, ByLight((side, side, channels)))


def predicted(inputs, predictor=None, console=None, detector=None, settings=None, **options):
    options = {"out": None, "draw": False, **options}
    paths = [str(path) for path in inputs]
    predictor, console = predictor or predictor_of(), console or Console(quiet=True)
    detection = face_detection_for(predictor, detector, settings)
    found, failed = predict_photos(paths, predictor, detection=detection, console=console, **options)
    return [as_json(one) for one in found], failed


@pytest.fixture(scope="module")
def photo():
    """A drawn face, in color, of 320x245: red, green, blue."""
    frames, _ = draw(plan(TwinConfig(n_subjects=1))[0])
    frame = frames[-1] if frames[-1].ndim == 3 else cv2.cvtColor(frames[-1], cv2.COLOR_GRAY2BGR)
    small = cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)[..., ::-1]
    return (small * [1.0, 0.8, 0.6]).astype(np.uint8)


def save(path, photo, **options):
    Image.fromarray(photo).save(path, **options)
    return path


def test_the_keys_of_a_face_are_those_of_deepface(tmp_path, photo):
    path = save(tmp_path / "anna.png", photo)
    (item,), failed = predicted([path])
    assert failed == {}
    assert (item["input"], item["kind"], item["detector"]) == (str(path), "photo", "dlib_hog")
    assert (item["width"], item["height"]) == (photo.shape[1], photo.shape[0])
    (face,) = item["faces"]
    assert set(face) == {"emotion", "dominant_emotion", "region", "face_confidence"}
    assert sum(face["emotion"].values()) == pytest.approx(100, abs=0.01)
    assert face["dominant_emotion"] == max(face["emotion"], key=face["emotion"].get)
    region = face["region"]
    assert 0 <= region["x"] < region["x"] + region["w"] <= item["width"]
    assert "drawn" not in item


def test_the_points_of_a_detector_that_finds_them_are_in_the_json_and_drawn(tmp_path, photo):
    path = save(tmp_path / "anna.png", photo)
    ((item,), _), ((plain,), _) = (
        predicted([path], detector=name, out=tmp_path / name, draw=True) for name in ("mtcnn", "dlib_hog")
    )
    (face,) = item["faces"]
    region, points = face["region"], {name: np.array(point) for name, point in face["points"].items()}
    assert list(points) == ["eye_left", "eye_right", "nose", "mouth_left", "mouth_right"]
    for x, y in points.values():
        assert region["x"] < x < region["x"] + region["w"]
        assert region["y"] < y < region["y"] + region["h"]
    assert points["eye_left"][0] < points["nose"][0] < points["eye_right"][0]
    assert max(points["eye_left"][1], points["eye_right"][1]) < points["nose"][1] < points["mouth_left"][1]
    assert points["mouth_left"][0] < points["mouth_right"][0]
    assert "points" not in plain["faces"][0]
    assert json.loads((tmp_path / "mtcnn" / "photos.json").read_text()) == json.loads(json.dumps([item]))
    drawn, without = (cv2.imread(one["drawn"]).astype(int) for one in (item, plain))
    factor = drawn.shape[1] // photo.shape[1]
    for x, y in points.values():
        at = round(factor * (y + 0.5)), round(factor * (x + 0.5))
        assert np.abs(drawn[at] - without[at]).max() > 40


@pytest.mark.parametrize("color", ["gray", "rgb"])
def test_a_face_is_prepared_to_the_bit_as_in_training(tmp_path, photo, console, color):
    (tmp_path / "data" / "happiness").mkdir(parents=True)
    path = save(tmp_path / "data" / "happiness" / "anna_1.png", photo)
    settings = ["detector.kind=dlib_hog", f"faces.color={color}"]
    preprocess(tmp_path / "data", pipeline="still_48_gray", settings=settings, out=tmp_path / "s.h5", jobs=1,
               source="class_folders", console=console)  # fmt: skip
    predictor = predictor_of(f"faces.color={color}")
    predicted([path], predictor)
    with open_store(tmp_path / "s.h5") as store:
        trained = store.crops(store.entries[0].id)
    (seen,) = predictor.network.seen
    np.testing.assert_array_equal(seen.reshape(trained.shape), trained)
    if color == "rgb":  # red is the strongest
        assert (np.diff(seen.mean(axis=(0, 1, 2))) < 0).all()


EXIF = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90", 7: "TRANSVERSE",
        8: "ROTATE_270"}  # fmt: skip


@pytest.mark.parametrize(("orientation", "held"), EXIF.items())
def test_a_photo_is_turned_upright(tmp_path, photo, orientation, held):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(photo).transpose(Image.Transpose[held])
    stored.save(tmp_path / "phone.jpg", exif=exif, quality=98, subsampling=0)
    (upright,), _ = predicted([save(tmp_path / "upright.png", photo)])
    (item,), _ = predicted([tmp_path / "phone.jpg"])
    assert (item["width"], item["height"]) == (upright["width"], upright["height"])
    apart = np.subtract(*(list(one["faces"][0]["region"].values()) for one in (item, upright)))
    assert np.abs(apart).max() <= 8


def gray(photo):
    return Image.fromarray(photo).convert("L")


ODD_KINDS = {
    "gray.png": gray,
    "gray.jpg": gray,
    "cmyk.jpg": lambda photo: Image.fromarray(photo).convert("CMYK"),
    "palette.png": lambda photo: Image.fromarray(photo).quantize(200),
    "alpha.png": lambda photo: Image.fromarray(np.dstack([photo, np.full(photo.shape[:2], 130, np.uint8)])),
    "sixteen.png": lambda photo: Image.fromarray(np.asarray(gray(photo)).astype(np.uint16) * 257),
    "photo.webp": Image.fromarray,
    "photo.bmp": Image.fromarray,
}


@pytest.mark.parametrize(("name", "made"), ODD_KINDS.items())
@pytest.mark.parametrize("color", ["gray", "rgb"])
def test_photos_of_any_kind_show_the_same_face(tmp_path, photo, name, made, color):
    predictor = predictor_of(f"faces.color={color}")
    (plain,), _ = predicted([save(tmp_path / "plain.png", photo)], predictor)
    made(photo).save(tmp_path / name)
    (item,), failed = predicted([tmp_path / name], predictor)
    assert failed == {}
    one, other = (found["faces"][0] for found in (plain, item))
    assert np.abs(np.subtract(*(list(face["region"].values()) for face in (one, other)))).max() <= 8
    assert other["emotion"]["bright"] == pytest.approx(one["emotion"]["bright"], abs=3)


SPOILT = {
    "empty.jpg": (b"", "is empty"),
    "text.jpg": (b"this is no picture", "is not an image, or is damaged"),
    "cut.png": (None, "is cut short"),
    "words.txt": (b"words", "is not a photo that can be read; save it as JPEG or PNG"),
    "phone.heic": (b"ftypheic", "is not a photo that can be read; save it as JPEG or PNG"),
    "film.mp4": (b"ftyp", "is a video, and this run's model reads single images"),
}


@pytest.mark.parametrize(("name", "data", "says"), [(name, *rest) for name, rest in SPOILT.items()])
def test_a_file_that_is_no_photo_is_one_warning_and_the_rest_goes_on(tmp_path, photo, capsys, name, data, says):
    good = save(tmp_path / "good.png", photo)
    path = tmp_path / name
    path.write_bytes(good.read_bytes()[:2000] if data is None else data)
    found, failed = predicted([path, good])
    assert [item["input"] for item in found] == [str(good)]
    assert says in failed[str(path)]
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"warning: left out: {path}")


def test_places_without_photos(tmp_path):
    _, failed = predicted([tmp_path, tmp_path / "nowhere.jpg"])
    assert "is a folder without images" in failed[str(tmp_path)]
    assert "does not exist" in failed[str(tmp_path / "nowhere.jpg")]


def test_a_photo_without_a_face_gets_a_warning_and_no_prediction(tmp_path, capsys):
    predictor = predictor_of()
    path = save(tmp_path / "meadow.jpg", np.full((90, 120, 3), (90, 140, 60), np.uint8))
    (item,), failed = predicted([path], predictor, out=tmp_path / "drawn", draw=True)
    assert "drawn" not in item
    assert (item["faces"], failed, predictor.network.seen) == ([], {}, [])
    assert f"{path}: no face found" in capsys.readouterr().err


def test_every_face_of_every_photo_of_a_folder(tmp_path, photo):
    two = np.hstack([photo, cv2.resize(photo, None, fx=1.2, fy=1.2)[: len(photo)]])
    save(tmp_path / "10.png", photo)
    save(tmp_path / "9.png", two)
    found, _ = predicted([tmp_path, tmp_path / "9.png"])
    assert [len(item["faces"]) for item in found] == [2, 1]
    widths = [face["region"]["w"] for face in found[0]["faces"]]
    assert widths == sorted(widths, reverse=True)


def test_photos_are_drawn_in_color_and_names_are_not_used_twice(tmp_path, photo):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        save(tmp_path / folder / "anna.png", photo)
    found, _ = predicted([tmp_path / "one", tmp_path / "two"], out=tmp_path / "drawn", draw=True)
    assert [item["drawn"] for item in found] == [str(tmp_path / "drawn" / name) for name in
                                                 ("anna_faces.jpg", "anna_faces_2.jpg")]  # fmt: skip
    assert json.loads((tmp_path / "drawn" / "photos.json").read_text()) == found
    picture = cv2.imread(found[0]["drawn"])
    assert picture.shape[:2] == tuple(3 * side for side in photo.shape[:2])
    apart = cv2.resize(picture, photo.shape[1::-1], interpolation=cv2.INTER_AREA)[..., ::-1].astype(int) - photo
    assert np.median(np.abs(apart)) <= 3


def test_a_folder_that_cannot_be_written_to_ends_the_work(tmp_path, photo):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        predicted([save(tmp_path / "anna.png", photo)], out=tmp_path / "file" / "drawn", draw=True)


def test_whole_training_images_call_for_a_detector_of_faces(tmp_path, photo):
    predictor = predictor_of("detector.kind=whole_frame")
    path = save(tmp_path / "anna.png", photo)
    (item,), _ = predicted([path], predictor)
    assert item["detector"] == "dlib_hog"
    assert item["faces"][0]["region"]["w"] < photo.shape[1] / 2
    (item,), _ = predicted([path], predictor, detector="whole_frame")
    assert item["faces"][0]["region"] == {"x": 0, "y": 0, "w": photo.shape[1], "h": photo.shape[0]}
    (item,), _ = predicted([path], predictor, detector="opencv_haar")
    assert item["detector"] == "opencv_haar"
    # a face of half the photo's width is smaller than the smallest one looked for
    (item,), _ = predicted([path], predictor, detector="opencv_haar", settings={"min_face_px": photo.shape[0]})
    assert item["faces"] == []


@pytest.mark.parametrize("maps", [False, True])
def test_features_are_extracted_from_crops_as_in_training(tmp_path, photo, maps):
    """The extractor stands for a backbone: the mean of each column, or the crop at half its size."""

    def predict_on_batch(images):
        return images[:, ::2, ::2] if maps else images.mean(axis=1)[..., 0]

    extractor = SimpleNamespace(
        input_shape=(None, 48, 48, 1), predict_function=predict_on_batch, predict_on_batch=predict_on_batch
    )
    plain = predictor_of()
    path = save(tmp_path / "anna.png", photo)
    predicted([path], plain)
    (crops,) = plain.network.seen
    predictor = replace(plain, network=ByLight((24, 24, 1) if maps else (1, 1, 48, 1)), extractor=extractor)
    assert predictor.reads_images
    predicted([path], predictor)
    (seen,) = predictor.network.seen
    np.testing.assert_array_equal(seen.ravel(), predict_on_batch(crops.astype(np.float32)).ravel())
    assert seen.shape[1:] == predictor.network.input_shape
    predictor.network.input_shape = (5, 1, 48, 1)
    assert not predictor.reads_images


def test_only_a_model_of_single_images_reads_photos():
    predictor = predictor_of()
    assert predictor.reads_images
    predictor.network.input_shape = (5, 48, 48, 1)
    assert not predictor.reads_images
