"""A trained run on new recordings: folders of frames, video files, a camera; photos."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rich.table import Column, Table
from rich.text import Text

from ckseq.config import parse, with_settings
from ckseq.console import Console
from ckseq.errors import CallError, CkseqError
from ckseq.experiment.early_classification import starts, stop_rule
from ckseq.inference.photos import predict_photos, reads_photos
from ckseq.inference.predictor import Model, causal, load_model
from ckseq.inference.video_timeline import STOPPED, Kept, open_film, watch_film
from ckseq.learn.predict import probabilities
from ckseq.preprocessing.stages import run_stages
from ckseq.protocol.early_classification import SHARES
from ckseq.recording import Frames, ImageFiles, VideoFile
from ckseq.sources.manifest import frames_at
from ckseq.storage.files import write_text
from ckseq.storage.video import Video
from ckseq.tracking.timeline import TimelineConfig

SCHEMA = 2
CAMERA = "camera:"
LONG_S = 5.0
"""A recording of one expression is shorter; CK+'s longest lasts 2.4 s."""
# frames whose distances differ by more than this share are not evenly apart
_UNEVEN = 0.2
_MOST_LINES = 40

As = Literal["auto", "sequence", "timeline"]


@dataclass(frozen=True)
class Options:
    """How inputs are watched, and what is kept of them; see `predict`."""

    read_as: As
    out: Path | None
    draw: bool
    folder_fps: float
    at_most_s: float | None
    sure_above: float | None
    timeline: TimelineConfig


def predict(
    run: Path,
    *,
    inputs: Sequence[Path],
    read_as: As = "auto",
    out: Path | None = None,
    draw: bool = False,
    fps: float = 25.0,
    seconds: float | None = None,
    error_rate: float = 0.1,
    detector: str | None = None,
    settings: Sequence[str] = (),
    console: Console,
) -> dict[str, Any]:
    """Say what faces show, with the model of a run.

    A recording of one expression is prepared just as the run's training data was, as a whole, and gets one class. A
    longer one, or a camera, is watched frame by frame and gets a timeline of its faces. A model of single images is
    asked about photos: see `ckseq.inference.photos`.

    Parameters
    ----------
    run : Path
        A run folder with a model.
    inputs : sequence of Path
        Folders of frames, video files, or ``camera:0`` for the first camera; photos and folders of them.
    read_as : str
        ``sequence`` or ``timeline`` for all of them; under ``auto`` what lasts longer than `LONG_S` is a timeline.
    out : Path, optional
        Keep there what is said, as JSON, and timelines as CSV and as pictures as well.
    draw : bool
        Keep there, too, each film or photo with its faces drawn on it.
    fps : float
        Frames per second of folders of frames.
    seconds : float, optional
        Watch no more of a film or a camera than this.
    error_rate : float
        An answer is sure as soon as no more than this share of such answers is wrong, for people like those the run was
        tested on; see `ckseq.protocol.early_classification.stop_threshold`.
    detector : str, optional
        What finds the faces of photos, instead of the run's own.
    settings : sequence of str
        ``timeline.key=value``.
    console : Console

    Returns
    -------
    dict
        ``schema``, ``labels``, ``predictions`` (``input``, ``kind``: ``sequence``, ``timeline`` or ``photo``, and what
        belongs to it) and ``failed`` (input: reason). A film that broke off is in both, as far as it went.

    Raises
    ------
    CallError
        ``draw`` without ``out``, a setting is wrong, or an option does not fit what the model reads.
    DataError
        The run has no model.
    """
    if draw and out is None:
        raise CallError("--draw needs a folder for the pictures", fix="name it with --out")
    timeline = _timeline_config(settings)
    model = load_model(run)
    if reads_photos(model):
        if read_as != "auto":
            raise CallError(f"--as {read_as} is for models of sequences, and this one reads single images", run)
        photos = [str(path) for path in inputs]
        told, left_out = predict_photos(photos, model, detector=detector, out=out, draw=draw, console=console)
        return {"schema": SCHEMA, "labels": list(model.labels), "predictions": told, "failed": left_out}
    if detector is not None:
        raise CallError("--detector is for photos, and this run's model reads sequences", run)
    sure_above = stop_rule(run, error_rate=error_rate)
    if sure_above == math.inf:
        console.say(f"the run was tested on too few people to say when an answer is sure at {error_rate:.0%} errors")
    options = Options(read_as, out, draw, fps, seconds, sure_above, timeline)
    found, failed = _predict_each([str(path) for path in inputs], model, options, console)
    _say(found, console)
    result = {"schema": SCHEMA, "labels": list(model.labels), "predictions": found, "failed": failed}
    if out is not None:
        write_text(out / "predictions.json", json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return result


def _predict_each(
    sources: Sequence[str], model: Model, options: Options, console: Console
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return what is said of each input, and by input why there is nothing, or not all."""
    found: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    names: set[str] = set()
    for source in sources:
        try:
            item, broken = _predict_one(source, model, options, console, names)
        except CkseqError as error:
            failed[source] = str(error)
            console.warn(f"left out: {error}" if error.where else f"{source} was left out: {error}")
            continue
        found.append(item)
        if broken and not (broken == STOPPED and source.startswith(CAMERA)):
            failed[source] = broken
            console.warn(broken if source in broken else f"{source}: {broken}")
        if broken == STOPPED:
            break
    return found, failed


def _timeline_config(settings: Sequence[str]) -> TimelineConfig:
    tree = with_settings({}, settings)
    if other := [section for section in tree if section != "timeline"]:
        raise CallError(f"--set {other[0]}: only timeline can be set here", fix="a run brings its own pipeline")
    return parse(TimelineConfig, tree.get("timeline", {}), where="--set timeline")


def _predict_one(
    source: str, model: Model, options: Options, console: Console, names: set[str]
) -> tuple[dict[str, Any], str | None]:
    frames = None if source.startswith(CAMERA) else frames_at(Path(source))
    times_s = None
    long = frames is None or options.read_as == "timeline"
    if isinstance(frames, ImageFiles) and options.read_as == "auto":
        long = len(frames.paths) > LONG_S * options.folder_fps
    elif isinstance(frames, VideoFile) and not long:
        at_most_s = LONG_S if options.read_as == "auto" else np.inf
        times_s = Video(frames.path).times_s(at_most_s=at_most_s)
        long = times_s[-1] > at_most_s
    if not long and frames is not None:
        return _sequence(source, frames, times_s, model, options.sure_above), None
    return _timeline(source, frames, model, options, console, names)


def _sequence(
    source: str, frames: Frames, times_s: NDArray[np.float64] | None, model: Model, sure_above: float | None
) -> dict[str, Any]:
    arrays, faces = run_stages(frames, model.pipeline)
    if times_s is not None:
        times_s = times_s[faces.n_dropped + 1 :]
        if not _uneven(times_s):
            times_s = None
    probabilities = model.ask(model.reads(arrays), times_s)
    return {
        "input": source,
        "kind": "sequence",
        "predicted": model.labels[int(probabilities.argmax())],
        "probabilities": {label: round(float(p), 6) for label, p in zip(model.labels, probabilities, strict=True)},
        "sure": _sure(arrays, model, sure_above),
        "n_frames": len(faces.n_found) + faces.n_dropped,
        "n_without_face": faces.n_without_face,
    }


def _sure(arrays: dict[str, NDArray[Any]], model: Model, sure_above: float | None) -> dict[str, Any] | None:
    """Return the class that was sure first, and after which share of the sequence; None where none was."""
    if sure_above is None or model.experiment.input != "projections":
        return None
    asked = starts(arrays["projections"], length_frames=model.length_frames, sequence=model.experiment.sequence)
    found = probabilities(model.network, asked)
    for share, row in zip(SHARES, found, strict=True):
        if row.max() > sure_above:
            return {"label": model.labels[int(row.argmax())], "share": share}
    return None


def _uneven(times_s: NDArray[np.float64]) -> bool:
    apart = np.diff(times_s)
    return len(apart) > 1 and float(np.abs(apart - np.median(apart)).max()) > _UNEVEN * float(np.median(apart))


def _timeline(
    source: str, frames: Frames | None, model: Model, options: Options, console: Console, names: set[str]
) -> tuple[dict[str, Any], str | None]:
    film, fps = open_film(source, frames, folder_fps=options.folder_fps)
    for change in causal(model.pipeline)[1]:
        console.say(f"{source}: watched with {change}")
    kept = None if options.out is None else Kept(options.out, _new_name(source, frames, names), options.draw)
    with console.progress(source, _n_frames(frames)) as bar:
        item, broken = watch_film(
            film,
            model,
            options.timeline,
            fps=fps,
            kept=kept,
            sure_above=options.sure_above,
            at_most_s=options.at_most_s,
            bar=bar,
        )
    return {"input": source, "kind": "timeline", **item, "ended": broken or "at its end"}, broken


def _new_name(source: str, frames: Frames | None, names: set[str]) -> str:
    """Return what files about an input are called: its own name, a folder's with that of the folder around it."""
    if frames is None:
        own = source.replace(":", "")
    else:
        own = Path(source).stem if isinstance(frames, VideoFile) else "_".join(Path(source).resolve().parts[-2:])
    name = next(name for name in chain([own], (f"{own}-{n}" for n in count(2))) if name not in names)
    names.add(name)
    return name


def _n_frames(frames: Frames | None) -> int:
    match frames:
        case ImageFiles(paths):
            return len(paths)
        case VideoFile(path):
            return Video(path).n_announced
    return 0


def _say(found: Sequence[dict[str, Any]], console: Console) -> None:
    sequences = [item for item in found if item["kind"] == "sequence"]
    if sequences:
        console.say(_table(sequences))
    for item in found:
        if item["kind"] == "timeline":
            console.say(_timeline_table(item))
            for path in item.get("files", {}).values():
                console.say(f"  {path}")


def _table(found: Sequence[dict[str, Any]]) -> Table:
    columns = ["class", "probability", "next likely", "frames", "without face"]
    if tell_sure := any(item["sure"] for item in found):
        columns.append("sure after")
    table = Table(Column("input", overflow="fold"), *columns)
    for item in found:
        (first, sure), (second, less), *_ = sorted(item["probabilities"].items(), key=lambda pair: -pair[1])
        cells = [f"{sure:.2f}", f"{second} {less:.2f}", str(item["n_frames"]), str(item["n_without_face"])]
        if tell_sure:
            cells.append(f"{item['sure']['share']:.0%}" if item["sure"] else "")
        table.add_row(Text("/".join(Path(item["input"]).parts[-2:])), Text(first, style="bold"), *cells)
    return table


def _timeline_table(item: dict[str, Any]) -> Table:
    title = f"{item['input']}: {item['duration_s']:.1f} s, {item['n_frames']} frames, "
    title += f"{item['n_without_face']} without a face, {item['faces']} {'face' if item['faces'] == 1 else 'faces'}"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in ("from", "to", "face", "shows", "probability", "sure at"):
        table.add_column(name, justify="left" if name == "shows" else "right")
    named = [one for one in item["segments"] if one["label"] or one["sure"]]
    for one in named[:_MOST_LINES]:
        table.add_row(
            _clock(one["start_s"]),
            _clock(one["end_s"]),
            str(one["face"]),
            Text(one["label"] or "none", style="bold"),
            "" if one["probability"] is None else f"{one['probability']:.2f}",
            "" if one["sure_s"] is None else f"{_clock(one['sure_s'])} {one['sure']}",
        )
    if not named:
        table.add_row("", "", "", "nothing that has a name", "", "")
    if len(named) > _MOST_LINES:
        table.add_row("", "", "", f"and {len(named) - _MOST_LINES} more, in the table kept with --out", "", "")
    return table


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
