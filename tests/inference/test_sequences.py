import cv2
import numpy as np
import pytest
from made_expressions import make_run, registered_detector, sequence, squares
from made_videos import turned, with_durations, write_video

from ckseq.inference import predictor as predictor_module
from ckseq.inference.inputs import locate_input
from ckseq.inference.predictor import load_predictor
from ckseq.inference.sequences import predict_sequence
from ckseq.preprocessing.stages import run_stages
from ckseq.recording import ImageFiles
from ckseq.tracking.stream import Stream


@pytest.fixture(scope="module", autouse=True)
def detector():
    with registered_detector():
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("people"))


def test_a_stream_equals_batch_processing_to_the_last_probability(run):
    predictor = load_predictor(run)
    frames = sequence("joy", 15)
    arrays, _ = run_stages_of(frames, predictor, run)
    stream = Stream(predictor.pipeline.faces, predictor.pipeline.align, predictor.pipeline.motion, detector=squares)
    results = [stream.update(frame) for frame in frames]
    projections = np.stack([result.projections for result in results[1:]])
    np.testing.assert_array_equal(projections, arrays["projections"])
    even = np.arange(1, 15) / 25
    np.testing.assert_allclose(
        predictor.predict_proba(projections, even), predictor.predict_proba(arrays["projections"]), atol=1e-6
    )


def run_stages_of(frames, predictor, run):
    folder = run.parent / "frames"
    folder.mkdir(exist_ok=True)
    paths = tuple(folder / f"{number:03}.png" for number in range(len(frames)))
    for path, frame in zip(paths, frames, strict=True):
        cv2.imwrite(str(path), frame)
    return run_stages(ImageFiles(paths), predictor.pipeline)


def predicted(path, predictor):
    return predict_sequence(locate_input(str(path), read_as="sequence", folder_fps=25), predictor)


def test_a_rotated_video_gives_the_same_prediction(run, tmp_path):
    upright = write_video(tmp_path / "upright.mp4", sequence("joy"))
    lying = write_video(tmp_path / "lying.mp4", [cv2.rotate(one, cv2.ROTATE_90_CLOCKWISE) for one in sequence("joy")])
    one, other = (predicted(path, load_predictor(run)) for path in (upright, turned(lying, 270)))
    assert other.probabilities["joy"] == pytest.approx(one.probabilities["joy"], abs=0.02)


def test_frames_at_uneven_times_are_resampled_to_even_ones(run, tmp_path, monkeypatch):
    shown = []

    def record(model, sequences):
        shown.append(sequences[0])
        return np.array([[0.5, 0.5]], np.float32)

    monkeypatch.setattr(predictor_module, "probabilities", record)
    frames = sequence("joy", strengths=[0] * 12 + [1] * 13)
    even = write_video(tmp_path / "even.mp4", frames)
    # the camera was slow in the second half
    frames_left, lasts = [*frames[:12], *frames[12::4]], [1] * 12 + [4] * 4
    uneven = with_durations(write_video(tmp_path / "uneven.mp4", frames_left), lasts)
    as_if_even = write_video(tmp_path / "as_if.mp4", frames_left)
    predictor = load_predictor(run, error_rate=0.01)
    for path in (even, uneven, as_if_even):
        predicted(path, predictor)
    ours, theirs, wrong = shown
    assert np.abs(theirs - ours).mean() < 0.3 * np.abs(wrong - ours).mean()
