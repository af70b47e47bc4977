"""Explanations in figures and sentences: of one sequence, and of a run by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ckseq.grammar import counted
from ckseq.protocol.intervals import LEAST_SUBJECTS
from ckseq.report.style import ACCENT, EVIDENCE_COLORS, FAINT, SOFT, WARM, house_style, png
from ckseq.report.uncertainty import OF_NO_NEW_PEOPLE, told_interval
from ckseq.storage.explanations import (
    EXPLAINED_INPUTS,
    AgreementRecord,
    ClassEvidence,
    ExplainedRecording,
    ExplanationFile,
)
from ckseq.storage.run_record import RunRecord

_LEGEND = "red: evidence for the class, whose probability falls when this does not move; blue: evidence against it"
_TIME_PARTS = 21
_MOST_REGIONS = 2


def draw_explanation(one: ExplainedRecording, face: NDArray[np.uint8] | None) -> bytes:
    """Draw where and when the evidence for the predicted class of a sequence is.

    Parameters
    ----------
    one : ExplainedRecording
    face : (n, n) uint8, optional
        Its first frame, below the map of the face.

    Returns
    -------
    bytes
        A PNG file.
    """
    evidence = one.classes[one.predicted]
    panels = [name for name in ("face", "region_time", "rows", "columns") if getattr(evidence, name) is not None]
    with house_style():
        figure = Figure(figsize=(2.3 * len(panels) + 0.4, 3.1))
        grid = figure.subplots(
            2, max(1, len(panels)), squeeze=False, height_ratios=(1, 0.32), gridspec_kw={"hspace": 0.12, "wspace": 0.5}
        )
        for name, axes, below in zip(panels or ["time"], grid[0], grid[1], strict=True):
            if name == "face":
                _draw_face(axes, evidence, face)
                below.set_visible(False)
            else:
                if name != "time":
                    _draw_over_time(axes, evidence, name, one)
                _draw_time(below, evidence, one)
        figure.suptitle(_title(one), x=0.12, y=1.02, ha="left", fontsize=9)
        figure.text(0.12, -0.03, _LEGEND, color=SOFT, fontsize=7.5)
        return png(figure)


def _title(one: ExplainedRecording) -> str:
    truth = "" if one.truth in (None, one.predicted) else f" (is {one.truth})"
    units = "" if not one.action_units else "   AU " + "+".join(unit for unit, _ in one.action_units)
    return f"{one.recording}: {one.predicted} {one.probability:.2f}{truth}   most by {one.where}{units}"


def _norm(values: NDArray[np.float64]) -> TwoSlopeNorm:
    most = max(float(np.abs(values).max(initial=0.0)), 0.02)
    return TwoSlopeNorm(0.0, -most, most)


def _draw_face(axes: Axes, evidence: ClassEvidence, face: NDArray[np.uint8] | None) -> None:
    values = np.array(evidence.face)
    frame = (0, len(values), len(values), 0)
    if face is not None:
        axes.imshow(face, cmap="gray", vmin=-80, vmax=255, extent=frame)
    norm = _norm(values)
    strength = np.clip(np.abs(values) / norm.vmax, 0, 1) if face is not None else np.ones_like(values)
    axes.imshow(values, cmap=EVIDENCE_COLORS, norm=norm, alpha=0.8 * strength, extent=frame, interpolation="bilinear")
    axes.set_title("face", color=SOFT)
    _bare(axes)


def _draw_over_time(axes: Axes, evidence: ClassEvidence, name: str, one: ExplainedRecording) -> None:
    values = np.array(getattr(evidence, name))
    axes.imshow(values, cmap=EVIDENCE_COLORS, norm=_norm(values), aspect="auto", interpolation="nearest")
    titles = {"region_time": "regions over time", "rows": "face rows, top to bottom", "columns": "face columns"}
    axes.set_title(titles[name], color=SOFT)
    _bare(axes)
    if name == "region_time":
        axes.set_yticks(range(len(values)), _REGION_TICKS[: len(values)], fontsize=6)
    _mark(axes, one)


_REGION_TICKS = ("brow L", "R", "lids L", "R", "nose", "cheeks L", "R", "mouth L", "R", "chin", "outside")


def _draw_time(axes: Axes, evidence: ClassEvidence, one: ExplainedRecording) -> None:
    time = np.array(evidence.time)
    axes.fill_between(range(len(time)), time, color=WARM, alpha=0.35, linewidth=0)
    axes.axhline(0, color=FAINT, linewidth=0.6)
    axes.set_xlim(-0.5, len(time) - 0.5)
    axes.set_yticks([])
    _mark(axes, one)
    ticks = sorted({step for step in (one.onset, one.apex) if step is not None}) or [0, len(time) - 1]
    names = {one.onset: "onset", one.apex: "apex"} if one.apex is not None else {}
    axes.set_xticks(ticks, [names.get(step, str(step + 1)) for step in ticks], fontsize=7)


def _mark(axes: Axes, one: ExplainedRecording) -> None:
    for step in (one.onset, one.apex):
        if step is None:
            continue
        axes.axvline(step, color=SOFT, linewidth=0.8, linestyle=":")


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color=FAINT)


def draw_explained_classes(found: ExplanationFile) -> bytes:
    """Draw small multiples: for each true class where the evidence for it is, when, and how well it agrees with FACS.

    Returns
    -------
    bytes
        A PNG file.
    """
    labels = [label for label in found.labels if _of_class(found, label)]
    with house_style():
        figure = Figure(figsize=(1.75 * max(1, len(labels)) + 0.5, 4.3))
        grid = figure.subplots(
            3, max(1, len(labels)), squeeze=False, height_ratios=(1, 1, 0.4), gridspec_kw={"hspace": 0.3}
        )
        for column, label in zip(grid.T, labels, strict=True):
            _draw_class(column, found, label, first=label == labels[0])
        figure.text(0.12, -0.01, _LEGEND, color=SOFT, fontsize=7.5)
        return png(figure)


def _of_class(found: ExplanationFile, label: str) -> list[ClassEvidence]:
    return [one.classes[label] for one in found.recordings if one.truth == label and label in one.classes]


def _draw_class(column: Sequence[Axes], found: ExplanationFile, label: str, *, first: bool) -> None:
    evidence = _of_class(found, label)
    where, regions, when = column
    where.set_title(f"{label} ({len(evidence)})")
    faces = [np.array(one.face) for one in evidence if one.face is not None]
    rows = [np.array(one.rows).mean(axis=1) for one in evidence if one.rows is not None]
    if faces:
        values = np.mean(faces, axis=0)
        where.imshow(values, cmap=EVIDENCE_COLORS, norm=_norm(values), interpolation="bilinear")
    elif rows:
        values = np.mean(rows, axis=0)[:, np.newaxis]
        where.imshow(values, cmap=EVIDENCE_COLORS, norm=_norm(values), aspect="auto", extent=(0, 1, 1, 0))
    _bare(where)
    named = [one.region for one in evidence if one.region is not None]
    if named:
        mean = np.mean(named, axis=0)
        places = range(len(mean))
        regions.barh(places, mean, color=[WARM if value >= 0 else ACCENT for value in mean])
        regions.set_yticks(places, _REGION_TICKS if first else [""] * len(mean), fontsize=6)
        regions.invert_yaxis()
        regions.tick_params(axis="x", labelsize=6)
        regions.axvline(0, color=FAINT, linewidth=0.6)
    else:
        regions.set_visible(False)
    share = np.linspace(0, 1, _TIME_PARTS)
    when.fill_between(share, _mean_time(evidence), color=WARM, alpha=0.35, linewidth=0)
    when.axhline(0, color=FAINT, linewidth=0.6)
    when.set_yticks([])
    when.set_xticks([0, 1], ["start", "end"], fontsize=7)
    if first:
        where.set_ylabel("where" if faces else "rows", color=SOFT)
        regions.set_ylabel("regions, nats", color=SOFT, fontsize=8)
        when.set_ylabel("when", color=SOFT)


class ClassRow(NamedTuple):
    """A class in the report: where and when its evidence is, and how well that agrees with each comparison."""

    label: str
    n: int
    where: str
    when: float | None
    overlaps: tuple[str, ...]


class Explained(NamedTuple):
    """What the report says of explanations; ``is_sample`` is whether some test sequences are not explained."""

    comparisons: tuple[str, ...]
    rows: tuple[ClassRow, ...]
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    is_sample: bool


def explained_of(found: ExplanationFile, *, n_tested: int) -> Explained:
    """Return what the report says of explanations, of a run that tested so many sequences."""
    own = found.agreement[0].of if found.agreement else ""
    comparisons = tuple(dict.fromkeys(one.against for one in found.agreement))
    by_class = {(one.against, one.label): one for one in found.agreement if one.of == own}
    rows = []
    for label in found.labels:
        evidence = _of_class(found, label)
        if evidence:
            overlaps = tuple(_overlap(by_class.get((against, label))) for against in comparisons)
            rows.append(ClassRow(label, len(evidence), _where(evidence, found.regions), _when(evidence), overlaps))
    return Explained(comparisons, tuple(rows), tuple(sentences(found)), found.notes, len(found.recordings) < n_tested)


def why_unexplained(run: RunRecord) -> str:
    """Return why there are no explanations of a run on classes, and what to do; empty where nothing stands against."""
    kind = run.value("input") or ""
    if kind not in EXPLAINED_INPUTS:
        return f"the model reads {kind}, and explanations are of what moves in a sequence"
    if not run.folds:
        return "the run tests on nothing"
    kept = (run.store.pipeline.get("reduce", {}) if run.store else {}).get("keep_blobs", False)
    if kind == "projections" and not kept:
        return (
            "the store keeps no blobs and the model reads no landmarks, so no region of the face can be kept from "
            "moving; prepare the data with --set reduce.keep_blobs=true"
        )
    return ""


def how_to_explain(run: RunRecord, folder: str) -> str:
    """Return the commands that explain all test sequences of a run; ``folder`` is its name."""
    kept = run.kind == "training" or "--keep-models" in run.command.split()
    skips = "" if "--no-explain" in run.command.split() else " --no-explain"
    again = "" if kept else f"'{run.command} --resume --keep-models{skips}', then "
    return f"{again}'ckseq explain {folder}'"


def _overlap(one: AgreementRecord | None) -> str:
    if one is None:
        return "unknown"
    return f"{one.net_ratio:.1f} ({told_interval(one.net_ratio_interval, one.resampled, digits=1)})"


def _where(evidence: Sequence[ClassEvidence], regions: Sequence[str]) -> str:
    named = [one.region for one in evidence if one.region is not None]
    if not named:
        return "no regions, see the rows"
    mean = np.mean(named, axis=0)
    best = [place for place in np.argsort(-mean)[:_MOST_REGIONS] if mean[place] > 0]
    return ", ".join(f"{regions[place]} ({mean[place]:.2f})" for place in best) or "nothing"


def _when(evidence: Sequence[ClassEvidence]) -> float | None:
    """Return the share of the sequence at which the mean drop is largest; None where there is no drop at any time."""
    drops = _mean_time(evidence)
    return round(float(np.argmax(drops)) / (_TIME_PARTS - 1), 2) if drops.max() > 0 else None


def _mean_time(evidence: Sequence[ClassEvidence]) -> NDArray[np.float64]:
    share = np.linspace(0, 1, _TIME_PARTS)
    return np.mean([np.interp(share, np.linspace(0, 1, len(one.time)), one.time) for one in evidence], axis=0)


def sentences(found: ExplanationFile) -> list[str]:
    """Return how well explanations agree with what moved and with FACS, one sentence for each comparison."""
    lines = [_agreement_sentence(one) for one in found.agreement if not one.label]
    for figure in found.figures:
        ends = told_interval(figure.interval, figure.resampled, digits=3)
        lines.append(f"{figure.name} ({figure.of}): {figure.value:.3f} ({ends}), n = {figure.n}")
    if "sequence" in {one.resampled for one in found.agreement} | {one.resampled for one in found.figures}:
        lines.append(
            f"an interval by sequence {OF_NO_NEW_PEOPLE}: fewer than {LEAST_SUBJECTS} people are too few to be drawn"
        )
    return lines


def _agreement_sentence(one: AgreementRecord) -> str:
    ratio, net = (
        f"{value:.2f} times random ({told_interval(ends, one.resampled)})"
        for value, ends in ((one.ratio, one.ratio_interval), (one.net_ratio, one.net_ratio_interval))
    )
    return (
        f"overlap with {one.against}, {one.of}: {net}; without subtracting the evidence against the class {ratio}, "
        f"IoU {one.iou:.3f}, precision {one.precision:.2f}, recall {one.recall:.2f}; "
        f"{counted(one.n, 'sequence')}, {counted(one.n_subjects, 'subject')}"
    )
