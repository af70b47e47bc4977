"""Hostile inputs of ``predict``: each is listed as failed or predicted, and the good ones among them as ever."""

import json
import os
import shutil

import cv2
import numpy as np
import pytest
from made_expressions import make_run, registered_detector, sequence
from made_faults import BYTES, PIXELS, PLACES, chosen
from made_videos import write_video

from ckseq.errors import DataError
from ckseq.inference.predictor import load_predictor
from ckseq.learn import predict as learn_predict
from ckseq.tasks.predict import predict

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="FIFOs and links are POSIX's")]
BATCHES = int(os.environ.get("CKSEQ_FAULTS", "24")) // 4
N_HOSTILE = 12


@pytest.fixture(scope="module", autouse=True)
def detector():
    with registered_detector():
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("people"))


def hostile(rng, folder):
    """A video or a folder of frames, damaged."""
    if rng.random() < 0.5:
        folder.mkdir()
        path = write_video(folder / "clip.avi", sequence("joy"), codec="MJPG")
        source = path
    else:
        for number, frame in enumerate(sequence("joy")):
            folder.mkdir(exist_ok=True)
            cv2.imwrite(str(folder / f"{number:02}.png"), frame)
        path, source = chosen(rng, folder), folder
    kinds = sorted([*BYTES, *PLACES, *PIXELS])
    kind = str(rng.choice(kinds))
    if kind in BYTES:
        path.write_bytes(BYTES[kind](rng, path.read_bytes()))
    elif kind in PLACES:
        PLACES[kind](rng, path, folder)
    elif path.suffix == ".png":
        PIXELS[kind](rng, path, folder)
    if source.is_dir() or os.path.lexists(source):
        return source
    return sorted(folder.iterdir())[0]


@pytest.mark.parametrize("seed", range(BATCHES))
def test_one_bad_input_never_ends_a_batch(seed, run, tmp_path, console):
    rng = np.random.default_rng(seed)
    good = run.parent / "P3_joy"
    (before,) = predict(run, inputs=[good], console=console)["predictions"]
    inputs = [hostile(rng, tmp_path / str(number)) for number in range(N_HOSTILE)]
    as_read = "timeline" if seed % 2 else "sequence"
    result = predict(run, inputs=[*inputs, good], read_as=as_read, out=tmp_path / "out", draw=True, console=console)
    text = json.dumps(result, allow_nan=False, ensure_ascii=False)
    text.encode()
    assert len(result["failed"]) + len(result["predictions"]) > N_HOSTILE
    assert all("\n" not in message for message in result["failed"].values())
    last = result["predictions"][-1]
    assert last["input"] == str(good)
    if as_read == "sequence":
        drawn = last.pop("drawn")
        assert last == before
        assert cv2.VideoCapture(drawn).isOpened()
    shutil.rmtree(tmp_path)


def test_an_error_of_a_library_is_listed_as_one_line(run, tmp_path, console, monkeypatch):
    from ckseq.inference import recordings

    good = run.parent / "P3_joy"
    original = recordings.locate_input
    errors = iter([OSError(5, "Input/output error"), ValueError("odd"), RecursionError("deep"), cv2.error("a\nb")])

    def locate(name, **options):
        if name == "bad":
            raise next(errors)
        return original(name, **options)

    monkeypatch.setattr(recordings, "locate_input", locate)
    for _ in range(4):
        result = predict(run, inputs=["bad", good], console=console)
        assert list(result["failed"]) == ["bad"]
        assert "\n" not in result["failed"]["bad"]
        assert len(result["predictions"]) == 1


def test_a_model_that_was_changed_is_refused(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    with (copy / "model.skops").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(DataError, match=r"model\.skops: was changed after the run wrote it"):
        load_predictor(copy)
    shutil.copy(run / "model.skops", copy / "model.skops")
    (copy / "model.keras").write_bytes(b"another")
    with pytest.raises(DataError, match=r"model\.keras: is not of this run"):
        load_predictor(copy)


def test_probabilities_that_are_no_numbers_are_an_error_and_never_a_class(run, monkeypatch):
    predictor = load_predictor(run)
    monkeypatch.setattr(learn_predict, "_of_estimator", lambda model, x: np.full((len(x), 2), np.nan, np.float32))
    with pytest.raises(DataError, match="not finite"):
        predictor.warm_up()
