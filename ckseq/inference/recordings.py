"""Predictions for folders of frames, video files and cameras, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ckseq.console import Console
from ckseq.errors import readable
from ckseq.inference.bad_input import BAD_INPUT, left_out, one_line
from ckseq.inference.causal_pipeline import pipeline_for_video
from ckseq.inference.face_detection import FaceDetection
from ckseq.inference.inputs import CAMERA, Input, ReadAs, locate_input
from ckseq.inference.predictions import SequencePrediction, TimelinePrediction
from ckseq.inference.predictor import Predictor
from ckseq.inference.sequence_video import draw_sequence
from ckseq.inference.sequences import analyze_sequence
from ckseq.inference.timeline_files import OutputFiles
from ckseq.inference.video_timeline import INTERRUPTED, analyze_video
from ckseq.recording import VideoFile
from ckseq.storage.video_writer import plays_in_browsers
from ckseq.tracking.timeline import TimelineConfig


@dataclass(frozen=True)
class RecordingOptions:
    """How recordings are read, and what is saved of them.

    ``out`` and ``draw`` as of `OutputFiles`, nothing is saved where ``out`` is None; ``folder_fps`` is the frame rate
    of folders of frames; ``max_s`` limits a video or camera, seconds; ``detection`` finds faces in videos.
    """

    read_as: ReadAs
    out: Path | None
    draw: bool
    folder_fps: float
    max_s: float | None
    timeline: TimelineConfig
    detection: FaceDetection | None = None


def predict_recordings(
    sources: Sequence[str], predictor: Predictor, options: RecordingOptions, console: Console
) -> tuple[list[SequencePrediction | TimelinePrediction], dict[str, str]]:
    """Predict each input; one that fails is listed, and the rest goes on. Ctrl-C ends the current one and the work.

    Returns
    -------
    predictions : list
    failed : dict
        By input, why there is no prediction, or why the video ended early.
    """
    predictions: list[SequencePrediction | TimelinePrediction] = []
    failed: dict[str, str] = {}
    used_names: set[str] = set()
    for name in sources:
        try:
            source = locate_input(name, read_as=options.read_as, folder_fps=options.folder_fps)
            if source.kind == "sequence":
                predictions.append(_predict_sequence(source, predictor, options, console, used_names))
                continue
            prediction, interrupted = _predict_timeline(source, predictor, options, console, used_names)
        except BAD_INPUT as error:
            failed[readable(name)] = one_line(error)
            console.warn(left_out(name, error))
            if options.draw:
                console.say(f"{readable(name)}: nothing is drawn, since there is no prediction")
            continue
        predictions.append(prediction)
        if interrupted and not (interrupted == INTERRUPTED and name.startswith(CAMERA)):
            failed[readable(name)] = interrupted
            console.warn(interrupted if readable(name) in interrupted else f"{readable(name)}: {interrupted}")
        if interrupted == INTERRUPTED:
            break
    return predictions, failed


def _predict_sequence(
    source: Input, predictor: Predictor, options: RecordingOptions, console: Console, used_names: set[str]
) -> SequencePrediction:
    prediction, faces = analyze_sequence(source, predictor)
    if prediction.warning:
        console.warn(f"{prediction.input}: {prediction.warning}")
    if not options.draw or options.out is None:
        return prediction
    files = _files(source, options, options.out, console, used_names)
    return replace(prediction, drawn=draw_sequence(source, prediction, faces, files, folder_fps=options.folder_fps))


def _files(source: Input, options: RecordingOptions, out: Path, console: Console, used_names: set[str]) -> OutputFiles:
    if options.draw and not plays_in_browsers():
        console.say("browsers play no MPEG-4: pip install 'ckseq[video]' draws videos in H.264, with their sound")
    sound = source.frames.path if isinstance(source.frames, VideoFile) else None
    return OutputFiles(out, source.unused_name(used_names), options.draw, sound)


def _predict_timeline(
    source: Input, predictor: Predictor, options: RecordingOptions, console: Console, used_names: set[str]
) -> tuple[TimelinePrediction, str | None]:
    frames, fps = source.open(folder_fps=options.folder_fps)
    for change in pipeline_for_video(predictor, options.detection)[1]:
        console.say(f"{readable(source.source)}: analyzed with {change}")
    files = None if options.out is None else _files(source, options, options.out, console, used_names)
    n_frames = source.n_frames
    if options.max_s is not None:
        n_frames = min(n_frames, int(options.max_s * fps) + 1)
    with console.progress(readable(source.source), n_frames) as bar:
        summary, interrupted = analyze_video(
            frames,
            predictor,
            options.timeline,
            fps=fps,
            files=files,
            max_s=options.max_s,
            detection=options.detection,
            bar=bar,
        )
    if few := predictor.too_few(summary.n_frames - summary.n_without_face):
        console.warn(f"{readable(source.source)}: {few}")
    values = {**vars(summary), "ended": interrupted or "at its end"}
    paths = None if files is None else files.paths()
    return TimelinePrediction(input=readable(source.source), files=paths, **values), interrupted
