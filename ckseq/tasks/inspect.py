"""``ckseq inspect``: the contents of a data set compared with the original, and its problems with remedies."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.experiment.verdict import verdict
from ckseq.labels import in_order
from ckseq.preprocessing.data_set import find_source, notes_of
from ckseq.preprocessing.example_images import example_images
from ckseq.preprocessing.flat_start import n_flat_at_start
from ckseq.recording import (
    ArchiveMembers,
    ImageFiles,
    ImagesInMemory,
    PixelRow,
    Problem,
    Recording,
    VideoFile,
    subject_known,
)
from ckseq.report.classes import draw_classes
from ckseq.report.gallery import draw_gallery
from ckseq.report.wording import IMAGE, SEQUENCE
from ckseq.storage.files import write_bytes
from ckseq.storage.frames import read_headers
from ckseq.storage.video import Video

SCHEMA = 1

_BARS = 12

_BAR_WIDTH = 40

_WHERES_SHOWN = 3

DIFFERENT_SIZES = "bring them to one size: only faces.policy = every_frame reads them as they are"


FLAT_START = "begins with black or flat frames, which show no face"
ALL_FLAT = "all its frames are black or flat, and show no face"
FLAT_REMEDY = (
    "nothing where a pipeline detects faces, since it drops the frames before the first one; else cut them off"
)
# a second of video
_MAX_FLAT = 30

_PART_NAMES = {"train": "training", "validation": "validation", "test": "test"}

PER_CLASS = 5


def inspect(
    data: Path, *, source: str | None, out: Path | None = None, per_class: int = PER_CLASS, console: Console
) -> dict[str, Any]:
    """Summarize a data set from the header of each file, and from the first frames of each sequence.

    Parameters
    ----------
    data : Path
        A data set in the format of one of the sources.
    source : str or None
        The source to read it with; None detects it.
    out : Path, optional
        Save figures there: the class distribution (``classes.png``), some images of each class (``examples.png``) and
        one of each (``one_of_each.png``).
    per_class : int
        Images of each class in ``examples.png``.
    console : Console
        Prints the tables.

    Returns
    -------
    dict
        ``schema``, ``data``, ``source``, ``counts`` (sequences; known subjects; sequences of unknown subjects; frames,
        those of videos as their headers announce them; labeled, and one per label),
        ``should_hold`` (the counts of the original, or None), ``parts`` (the number of recordings in each part of the
        published split; empty without one), ``lengths`` (min, median, max frames, and ``histogram``: frames to
        sequences; None where only videos are), ``images`` (width, height, color, n), ``problems`` (what, where,
        remedy), ``verdict`` (what it is, and the experiments it is enough for), ``figures`` (their paths, where they
        are saved).

    Raises
    ------
    CallError, DataError
        As `find_source`; or the recordings cannot be listed, after all problems are reported.
    """
    layout = find_source(data, source)
    problems = layout.problems(data)
    try:
        recordings = layout.scan(data)
    except DataError:
        _say_problems(problems, data, console)
        raise
    images, n_video_frames, unread = _images(recordings, console)
    problems = problems + unread + _flat_starts(recordings, console)
    lengths = Counter(recording.n_frames for recording in recordings if recording.n_frames is not None)
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "data": str(data),
        "source": layout.name,
        "counts": _counts(recordings, n_video_frames),
        "should_hold": dict(layout.expected_counts) or None,
        "parts": dict(Counter(part for one in recordings if (part := one.part))),
        "lengths": _lengths(lengths),
        "images": images,
        "problems": [{"what": p.what, "where": p.where, "remedy": p.remedy} for p in problems],
    }
    # data in CK+'s layout that says what else it is, is no part of CK+
    original = "CK+" if layout.name == "ckplus" and not notes_of(data) else None
    judged = verdict(recordings, original=original, expected=layout.expected_counts)
    found["verdict"] = {**asdict(judged), "enough_for": list(judged.enough_for)}
    console.say(_counts_table(found["counts"], found["should_hold"], title=f"{data} ({found['source']})"))
    if lengths:
        if set(lengths) != {1}:
            console.say(_lengths_table(lengths, found["lengths"]))
        console.say(_images_table(images))
    if found["parts"]:
        console.say("published split: " + ", ".join(f"{n:,} {_PART_NAMES[part]}" for part, n in found["parts"].items()))
    _say_problems(problems, data, console)
    console.heading("verdict")
    for line in judged.lines():
        console.say(line)
    if not found["counts"]["labeled"]:
        console.warn(f"no recording has a label, so no emotion can be learned: {layout.labels_from}")
    if out is not None:
        found["figures"] = _save_figures(recordings, out, per_class, console)
    return found


def _save_figures(recordings: Sequence[Recording], out: Path, per_class: int, console: Console) -> list[str]:
    """Draw the class distribution and example images; nothing where no recording is labeled."""
    images = {label: found for label, found in example_images(recordings, per_class=per_class).items() if found}
    if not images:
        console.warn(f"{out}: no figures are saved, since no image that can be read has a label")
        return []
    labels = in_order(one.label for one in recordings if one.label is not None)
    parts = {
        name: Counter(one.label for one in recordings if one.part == part and one.label is not None)
        for part, name in _PART_NAMES.items()
    }
    parts = {name: counts for name, counts in parts.items() if counts}
    everything = {"all": Counter(one.label for one in recordings if one.label is not None)}
    pictures = {
        "classes.png": draw_classes(labels, parts or everything),
        "examples.png": draw_gallery(images),
        "one_of_each.png": draw_gallery({label: found[:1] for label, found in images.items()}),
    }
    for name, data in pictures.items():
        write_bytes(out / name, data)
        console.say(str(out / name))
    return [str(out / name) for name in pictures]


def _counts(recordings: Sequence[Recording], n_video_frames: int) -> dict[str, int]:
    labels = Counter(recording.label for recording in recordings if recording.label is not None)
    known = [one for one in recordings if subject_known(one.subject, one.id)]
    return {
        "sequences": len(recordings),
        "subjects": len({one.subject for one in known}),
        "unknown_subjects": len(recordings) - len(known),
        "frames": sum(recording.n_frames or 0 for recording in recordings) + n_video_frames,
        "videos": sum(isinstance(recording.frames, VideoFile) for recording in recordings),
        "labeled": labels.total(),
        **{label: labels[label] for label in in_order(labels)},
    }


def _lengths(lengths: Counter[int]) -> dict[str, Any] | None:
    if not lengths:
        return None
    return {
        "min": min(lengths),
        "median": statistics.median(lengths.elements()),
        "max": max(lengths),
        "histogram": {str(length): lengths[length] for length in sorted(lengths)},
    }


def _images(recordings: Sequence[Recording], console: Console) -> tuple[list[dict[str, Any]], int, list[Problem]]:
    """Read headers: count the images by size and color, and the frames of videos; name the files without a header."""
    kinds: Counter[tuple[int, int, bool]] = Counter()
    n_video_frames = 0
    problems: list[Problem] = []
    for recording in console.track(recordings, total=len(recordings), label="reading headers"):
        if isinstance(recording.frames, PixelRow):
            kinds[recording.frames.side_px, recording.frames.side_px, False] += 1
            continue
        try:
            if isinstance(recording.frames, VideoFile):
                video = Video(recording.frames.path)
                next(video.frames())  # some files open that hold no video
                n_video_frames += video.n_announced
                continue
            headers = list(read_headers(recording.frames))
        except DataError as error:
            problems.append(Problem(error.what, error.where or recording.id, error.fix or "repair or remove it"))
            continue
        read = [header for header in headers if header is not None]
        kinds.update((header.width, header.height, header.color) for header in read)
        problems += [
            Problem("has no image header", where, "replace it by a good copy, or remove it")
            for where, header in zip(_names(recording.frames), headers, strict=True)
            if header is None
        ]
        if len({header[:2] for header in read}) > 1:
            sizes = ", ".join(f"{width}x{height}" for width, height in sorted({header[:2] for header in read}))
            problems.append(Problem("its frames differ in size", f"{recording.id}: {sizes}", DIFFERENT_SIZES))
    counted = [{"width": w, "height": h, "color": color, "n": n} for (w, h, color), n in sorted(kinds.items())]
    return counted, n_video_frames, problems


def _flat_starts(recordings: Sequence[Recording], console: Console) -> list[Problem]:
    """Return the sequences that begin with flat frames; a few frames of each are decoded."""
    sequences = [recording for recording in recordings if recording.n_frames != 1]
    problems = []
    for recording in console.track(sequences, total=len(sequences), label="reading first frames"):
        if n_flat := n_flat_at_start(recording.frames, at_most=_MAX_FLAT):
            if n_flat == recording.n_frames:
                problems.append(Problem(ALL_FLAT, f"{recording.id}: {n_flat}", "remove it, or record it again"))
                continue
            many = f"{n_flat} or more" if n_flat == _MAX_FLAT else str(n_flat)
            problems.append(Problem(FLAT_START, f"{recording.id}: {many}", FLAT_REMEDY))
    return problems


def _names(frames: ImageFiles | ArchiveMembers | ImagesInMemory) -> list[str]:
    if isinstance(frames, ImageFiles):
        return [str(path) for path in frames.paths]
    if isinstance(frames, ImagesInMemory):
        return list(frames.names)
    return [f"{frames.archive}/{member}" for member in frames.members]


def _counts_table(counts: dict[str, int], should_hold: dict[str, int] | None, *, title: str) -> Table:
    table = Table(title=Text(title), title_justify="left")
    table.add_column("count of")
    table.add_column("found", justify="right")
    if should_hold is None:
        still = counts["sequences"] == counts["frames"]
        shown = {
            "sequences": (IMAGE if still else SEQUENCE).many,
            "unknown_subjects": "of unknown subject",
            "frames": "frames, by headers" if counts["videos"] else "frames",
        }
        for name, count in counts.items():
            if name == "subjects" and not count:
                table.add_row(name, "unknown")
            elif count or name not in ("unknown_subjects", "videos"):
                table.add_row(Text(shown.get(name, name)), f"{count:,}")
        return table
    table.add_column("in CK+", justify="right")
    table.add_column("difference", justify="right")
    for name in [*should_hold, *(name for name in counts if name not in should_hold)]:
        here, whole = counts.get(name, 0), should_hold.get(name, 0)
        if here or whole:
            table.add_row(Text(name), f"{here:,}", f"{whole:,}", f"{here - whole:+,}" if here != whole else "none")
    return table


def _lengths_table(lengths: Counter[int], summary: dict[str, Any]) -> Table:
    title = f"frames per sequence: {summary['min']} to {summary['max']}, median {summary['median']:g}"
    table = Table("frames", "sequences", "", title=title, title_justify="left", show_header=True)
    step = max(1, -(-(summary["max"] - summary["min"] + 1) // _BARS))
    starts = range(summary["min"], summary["max"] + 1, step)
    heights = [sum(lengths[length] for length in range(start, start + step)) for start in starts]
    for start, height in zip(starts, heights, strict=True):
        end = min(start + step - 1, summary["max"])
        bar = "#" * -(-height * _BAR_WIDTH // max(heights))
        table.add_row(f"{start} to {end}" if end > start else str(start), str(height), bar)
    return table


def _images_table(images: list[dict[str, Any]]) -> Table:
    table = Table("size", "colors", "images", title="images", title_justify="left")
    for kind in images:
        table.add_row(f"{kind['width']}x{kind['height']}", "color" if kind["color"] else "gray", f"{kind['n']:,}")
    return table


def _say_problems(problems: Sequence[Problem], data: Path, console: Console) -> None:
    """Print each kind of problem once, with its first places, in lines that are not wrapped."""
    if not problems:
        console.say("No problems found.")
        return
    alike: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        alike.setdefault((problem.what, problem.remedy), []).append(problem.where.removeprefix(f"{data}/"))
    console.heading(f"problems: {len(problems)}")
    for (what, remedy), wheres in alike.items():
        more = f", and {len(wheres) - _WHERES_SHOWN} more (--json lists all)" if len(wheres) > _WHERES_SHOWN else ""
        console.say(f"- {what}")
        console.say(f"    where:  {', '.join(wheres[:_WHERES_SHOWN])}{more}")
        console.say(f"    remedy: {remedy}")
