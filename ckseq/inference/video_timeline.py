"""A video analyzed from its first frame to its last: the expressions of its faces over time."""

from __future__ import annotations

from contextlib import ExitStack

from ckseq.console import Bar
from ckseq.inference.bad_input import BAD_INPUT, one_line
from ckseq.inference.causal_pipeline import convert_color, make_face_tracker
from ckseq.inference.face_detection import FaceDetection
from ckseq.inference.inputs import TimedFrames
from ckseq.inference.predictor import Predictor
from ckseq.inference.timeline_files import AnnotatedVideo, OutputFiles, TimelineTable, write_summary
from ckseq.tracking.segments import VideoSummarizer, VideoSummary
from ckseq.tracking.timeline import TimelineConfig

INTERRUPTED = "stopped by hand"
"""Why a video ended early that somebody interrupted with Ctrl-C, as a camera always is."""


def analyze_video(
    frames: TimedFrames,
    predictor: Predictor,
    config: TimelineConfig,
    *,
    fps: float,
    files: OutputFiles | None,
    max_s: float | None,
    detection: FaceDetection | None = None,
    bar: Bar,
) -> tuple[VideoSummary, str | None]:
    """Track and classify the faces of a video; one frame is in memory at a time.

    Parameters
    ----------
    frames : iterator
        As of `ckseq.inference.inputs.Input.open`.
    predictor : Predictor
    config : TimelineConfig
    fps : float
        Frame rate of the annotated video.
    files : OutputFiles or None
        Where to save; the table grows row by row, figure and JSON are written at the end. Nothing is saved where None.
    max_s : float or None
        Stop after so many seconds of the video.
    detection : FaceDetection, optional
        As for `ckseq.inference.causal_pipeline.pipeline_for_video`.
    bar : Bar
        Advanced at every frame.

    Returns
    -------
    summary : VideoSummary
    interrupted : str or None
        Why the video ended early.

    Raises
    ------
    CkseqError
        It ended before its first frame.
    """
    tracker = make_face_tracker(predictor, config, detection=detection)
    summarizer = VideoSummarizer(predictor.labels)
    interrupted = None
    with ExitStack() as stack:
        table = annotated = None
        if files is not None:
            table = stack.enter_context(TimelineTable(files.path("csv"), predictor.labels, config.stride_s))
            if files.draw:
                drawn = AnnotatedVideo(files.path("drawn.mp4"), predictor.labels, fps=fps, sound=files.sound)
                annotated = stack.enter_context(drawn)
        try:
            for time_s, image in frames:
                if max_s is not None and time_s > max_s:
                    break
                faces = tracker.update(time_s, convert_color(image, predictor.pipeline))
                summarizer.update(time_s, faces)
                if table is not None:
                    table.update(time_s, faces)
                if annotated is not None:
                    annotated.update(time_s, image, faces)
                bar.advance(text=f"{time_s:.0f} s of video")
        except (*BAD_INPUT, KeyboardInterrupt) as error:
            if not summarizer.n_frames:
                raise
            interrupted = INTERRUPTED if isinstance(error, KeyboardInterrupt) else one_line(error)
    summary = summarizer.summary()
    if files is not None:
        write_summary(files, summary, predictor.labels, multi_label=predictor.experiment.predicts_units)
    return summary, interrupted
