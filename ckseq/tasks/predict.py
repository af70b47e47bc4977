"""``ckseq predict``: the model of a run applied to folders of frames, video files, cameras or photos."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Column, Table
from rich.text import Text

from ckseq.config import parse, with_settings
from ckseq.console import Console
from ckseq.defaults import ERROR_RATE, FRAMES_PER_SECOND
from ckseq.errors import CallError
from ckseq.experiment.finished import Finished
from ckseq.grammar import counted
from ckseq.inference.face_detection import face_detection_for
from ckseq.inference.inputs import ReadAs, is_recording
from ckseq.inference.photos import predict_photos
from ckseq.inference.predictions import (
    SCHEMA,
    PhotoPrediction,
    Prediction,
    SequencePrediction,
    TimelinePrediction,
    as_json,
)
from ckseq.inference.predictor import Predictor
from ckseq.inference.ready_made import is_ready_made, load_run_or_ready_made
from ckseq.inference.recordings import RecordingOptions, predict_recordings
from ckseq.inference.sequences import with_neutral
from ckseq.report.wording import noun_of
from ckseq.storage.files import write_text
from ckseq.storage.predictions import PREDICTIONS, Predictions, by_unit, read_predictions
from ckseq.storage.run_record import read_run
from ckseq.tracking.timeline import TimelineConfig

_MAX_ROWS = 40
_MOST_UNITS = 6


def predict(
    run: Path,
    *,
    inputs: Sequence[Path],
    read_as: ReadAs = "auto",
    out: Path | None = None,
    draw: bool = False,
    fps: float = FRAMES_PER_SECOND,
    seconds: float | None = None,
    error_rate: float = ERROR_RATE,
    detector: str | None = None,
    neutral: Path | None = None,
    settings: Sequence[str] = (),
    console: Console,
) -> dict[str, Any]:
    """Classify new recordings or photos with the model of a run.

    A recording of one expression is preprocessed as a whole, as the run's training data was, and gets one class. A
    longer one, or a camera, is analyzed frame by frame and gets a timeline of its faces. With a model of single images
    every face of a photo gets a class, and every video and camera a timeline.

    Parameters
    ----------
    run : Path
        A run folder with a model; or the file of a ready-made model of single images, see `load_ready_made`.
    inputs : sequence of Path
        Folders of frames, video files, or ``camera:0`` for the first camera; or photos and folders of them.
    read_as : str
        ``sequence`` or ``timeline`` for all of them; ``auto`` as of `ckseq.inference.inputs.locate_input`.
    out : Path, optional
        Save predictions there as JSON, timelines also as CSV and as figures.
    draw : bool
        Save there also each video or photo with its faces drawn on it.
    fps : float
        Frames per second of folders of frames.
    seconds : float, optional
        Analyze no more of a video or a camera than this.
    error_rate : float
        Of early decisions: a decision is sure if no more than this share of such decisions is wrong for people like
        those of the run's test part; see `ckseq.protocol.early_classification.stop_threshold`.
    detector : str, optional
        The face detector instead of the run's own, for models of single images.
    neutral : Path, optional
        A folder of frames or a video of the person's neutral face, for a run that is calibrated by person.
    settings : sequence of str
        ``timeline.key=value``; ``detector.key=value`` for models of single images; ``model.sha256=...`` for another
        file of a ready-made model.
    console : Console

    Returns
    -------
    dict
        ``schema``, ``labels``, ``notes`` on the model, ``predictions`` (see `ckseq.inference.predictions`) and
        ``failed`` (input: reason). A video that ended early is in both.

    Raises
    ------
    CallError
        ``draw`` without ``out``, a setting is wrong, or an option does not fit the model.
    DataError
        The run has no model.
    """
    if draw and out is None:
        raise CallError("--draw needs a folder for the images", fix="name it with --out")
    sections = _sections(settings, run)
    timeline = parse(TimelineConfig, sections.get("timeline", {}), where="--set timeline")
    predictor = load_run_or_ready_made(run, error_rate=error_rate, settings=sections.get("model", {}))
    if predictor.early_decision_warning:
        console.say(predictor.early_decision_warning)
    found = apply_model(
        with_neutral(predictor, neutral),
        [str(path) for path in inputs],
        RecordingOptions(read_as, out, draw, fps, seconds, timeline),
        detector=detector,
        detector_settings=sections.get("detector", {}),
        console=console,
    )
    tested = how_tested(run)
    _print(
        found.predictions,
        predictor.notes if is_ready_made(run) else tested,
        console,
        multi_label=predictor.experiment.predicts_units,
    )
    result = {
        "schema": SCHEMA,
        "labels": list(predictor.labels),
        "notes": [*predictor.notes, *tested],
        "predictions": [as_json(prediction) for prediction in found.predictions],
        "failed": found.failed,
    }
    if out is not None and found.recordings:
        write_text(out / "predictions.json", json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return result


def how_tested(run: Path) -> tuple[str, ...]:
    """Return how often a run was right in its own test, which tells more than the probabilities of its model.

    Nothing of a final model, which is trained on all, nor of a ready-made one. Of action units it is the mean AUC.
    """
    if not (run / PREDICTIONS).is_file():
        return ()
    predictions = read_predictions(run)
    if not predictions.rows:
        return ()
    if predictions.multi_label:
        return (_units_tested(run, predictions),)
    n, right = len(predictions.rows), sum(row.truth == row.predicted for row in predictions.rows)
    people = predictions.subjects
    who = "" if people is None else f" of {counted(len(set(people)), 'person', 'people')}"
    samples = noun_of(read_run(run)).counted(n)
    correct = f"in its own test, {samples}{who}, the run was right {right} of {n} times"
    return (f"{correct}; this says more than its probabilities",)


def _units_tested(run: Path, predictions: Predictions) -> str:
    found = by_unit(predictions)
    people = predictions.subjects
    who = "" if people is None else f" of {counted(len(set(people)), 'person', 'people')}"
    record = read_run(run)
    samples = noun_of(record).counted(len(found.recordings))
    return f"in its own test, {samples}{who}, the run had a {Finished(record, predictions).summary()}; chance is 0.5"


class Applied(NamedTuple):
    """The predictions for some inputs, by input why there is none or a video ended early, and which are no photos."""

    predictions: list[Prediction]
    failed: dict[str, str]
    recordings: list[str]


def apply_model(
    predictor: Predictor,
    sources: Sequence[str],
    options: RecordingOptions,
    *,
    detector: str | None = None,
    detector_settings: Mapping[str, Any] | None = None,
    console: Console,
) -> Applied:
    """Classify inputs with a loaded model; parameters and errors as of `predict`."""
    photos: list[str] = []
    if predictor.reads_images:
        if options.read_as == "sequence":
            what = "--as sequence is for models of sequences, and this one reads single images"
            raise CallError(what, predictor.run)
        photos = [source for source in sources if not is_recording(source, read_as=options.read_as)]
        detection = face_detection_for(predictor, detector, detector_settings or {})
        options = replace(options, read_as="timeline", detection=detection)
        if photos and predictor.experiment.predicts_units:
            raise CallError(
                "a run on action units predicts no photos", predictor.run, "name videos or folders of frames"
            )
    elif detector is not None or detector_settings:
        what = "a detector is for models of single images, and this run's model reads sequences"
        raise CallError(what, predictor.run)
    predictions: list[Prediction] = []
    failed: dict[str, str] = {}
    if photos and options.detection is not None:
        found, failed = predict_photos(
            photos, predictor, detection=options.detection, out=options.out, draw=options.draw, console=console
        )
        predictions += found
    recordings = [source for source in sources if source not in photos]
    if recordings:
        timelines, failures = predict_recordings(recordings, predictor, options, console)
        predictions, failed = [*predictions, *timelines], failed | failures
    return Applied(predictions, failed, recordings)


def _sections(settings: Sequence[str], run: Path) -> dict[str, Any]:
    """Return the settings by section, of which only some can be set here."""
    sections = with_settings({}, settings)
    allowed = ["timeline", "detector", *(["model"] if is_ready_made(run) else [])]
    if other := [section for section in sections if section not in allowed]:
        raise CallError(
            f"--set {other[0]}: only {' and '.join(allowed)} can be set here", fix="a run brings its own pipeline"
        )
    return sections


def _print(predictions: Sequence[Prediction], notes: Sequence[str], console: Console, *, multi_label: bool) -> None:
    for note in notes:
        console.say(note)
    sequences = [one for one in predictions if isinstance(one, SequencePrediction)]
    photos = [one for one in predictions if isinstance(one, PhotoPrediction)]
    if sequences:
        console.say(_unit_table(sequences) if multi_label else _sequence_table(sequences))
        for path in filter(None, (one.drawn for one in sequences)):
            console.say(f"  {path}")
    if any(photo.faces for photo in photos):
        console.say(_photo_table(photos))
    for one in predictions:
        if isinstance(one, TimelinePrediction):
            console.say(_timeline_table(one, "action units" if multi_label else "class"))
            for path in (one.files or {}).values():
                console.say(f"  {path}")


def _sequence_table(predictions: Sequence[SequencePrediction]) -> Table:
    columns = ["class", "probability", "second", "frames", "without face"]
    if show_sure := any(one.sure for one in predictions):
        columns.append("sure after")
    table = Table(Column("input", overflow="fold"), *columns)
    for one in predictions:
        (first, p), (second, p2), *_ = _ranked(one.probabilities)
        cells = [f"{p:.2f}", f"{second} {p2:.2f}", str(one.n_frames), str(one.n_without_face)]
        if show_sure:
            cells.append(f"{one.sure.share:.0%}" if one.sure else "")
        table.add_row(_short(one.input), Text(first, style="bold"), *cells)
    return table


def _unit_table(predictions: Sequence[SequencePrediction]) -> Table:
    table = Table(Column("input", overflow="fold"), "FACS code", "probabilities", "frames", "without face")
    for one in predictions:
        ranked = _ranked(one.probabilities)
        likely = ", ".join(f"AU{unit} {p:.2f}" for unit, p in ranked[:_MOST_UNITS])
        if len(ranked) > _MOST_UNITS:
            likely += f" and {len(ranked) - _MOST_UNITS} more"
        code = Text(one.predicted, style="bold")
        table.add_row(_short(one.input), code, likely, str(one.n_frames), str(one.n_without_face))
    return table


def _timeline_table(prediction: TimelinePrediction, what: str) -> Table:
    title = f"{prediction.input}: {prediction.duration_s:.1f} s, {prediction.n_frames} frames, "
    title += f"{prediction.n_without_face} without a face, {prediction.faces} "
    title += "face" if prediction.faces == 1 else "faces"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in ("from", "to", "face", what, "probability", "sure at"):
        table.add_column(name, justify="left" if name == what else "right")
    classified = [segment for segment in prediction.segments if segment.label or segment.sure]
    for segment in classified[:_MAX_ROWS]:
        table.add_row(
            _clock(segment.start_s),
            _clock(segment.end_s),
            str(segment.face),
            Text(segment.label or "none", style="bold"),
            "" if segment.probability is None else f"{segment.probability:.2f}",
            "" if segment.sure_s is None else f"{_clock(segment.sure_s)} {segment.sure}",
        )
    if not classified:
        table.add_row("", "", "", _why_none(prediction), "", "")
    if len(classified) > _MAX_ROWS:
        more = f"and {len(classified) - _MAX_ROWS} more, in the table saved with --out"
        table.add_row("", "", "", more, "", "")
    return table


def _why_none(prediction: TimelinePrediction) -> str:
    """Return why a timeline has no class."""
    states = {segment.state for segment in prediction.segments}
    if not prediction.faces:
        return "no face"
    if not states & {"moving", "visible"}:
        return "no expression: the face is still"
    return "no class is likely enough (timeline.enter)"


def _photo_table(predictions: Sequence[PhotoPrediction]) -> Table:
    table = Table(Column("photo", overflow="fold"), "face", "emotion", "percent", "second", "region")
    for one in predictions:
        for number, face in enumerate(one.faces, start=1):
            (first, percent), *others = _ranked(face.emotion)
            region = face.region
            table.add_row(
                _short(one.input) if number == 1 else "",
                str(number),
                Text(first, style="bold"),
                f"{percent:.0f}",
                Text(", ".join(f"{label} {p:.0f}" for label, p in others[:1])),
                f"{region.x},{region.y} {region.w}x{region.h}",
            )
    return table


def _ranked(probabilities: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(probabilities.items(), key=lambda pair: -pair[1])


def _short(path: str) -> Text:
    return Text("/".join(Path(path).parts[-2:]))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
