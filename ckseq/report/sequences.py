"""The figure of the model input: face crops, motion blobs and projections of some sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ckseq.report.style import BRIGHTER, DARKER, FAINT, MOTION_COLORS, PHOTOGRAPH, SOFT, house_style, png
from ckseq.storage.examples import Example

BLOB_PARTS = 6
STRIP_WIDTH = 1.5  # in widths of a face
FACE_IN = 1.02
GAP_IN = 0.08


def one_per_class(examples: Sequence[Example], labels: Sequence[str]) -> tuple[Example, ...]:
    """Return the first example of every class, in the order of the labels."""
    first = {example.label: example for example in reversed(examples)}
    return tuple(first[label] for label in labels if label in first)


def without_face(example: Example) -> Example:
    """Return an example with white in place of its faces."""
    return example._replace(faces=np.full_like(example.faces, 255))


def draw_sequences(examples: Sequence[Example], *, faces: bool) -> bytes:
    """Draw one row per example: first and last crop, the blobs in six parts, the two projections over time.

    Parameters
    ----------
    examples : sequence of Example
        At least one.
    faces : bool
        Whether the crops are shown.

    Returns
    -------
    bytes
        A PNG file.
    """
    # the projections are sparse: a root makes a slight motion visible, one scale keeps the rows comparable
    strongest = max([float(example.projections.max(initial=0)) for example in examples])
    scale = PowerNorm(0.5, vmin=0, vmax=strongest or 1.0)
    widths = [*([1, 1] if faces else []), BLOB_PARTS, STRIP_WIDTH, STRIP_WIDTH]
    with house_style():
        figure, grid = _grid(len(examples), widths)
        for row, example in zip(grid, examples, strict=True):
            _draw_row(row, example, faces=faces, scale=scale)
        titles = ["first frame", "last frame"] if faces else []
        signed = any(example.blobs.ndim == 4 for example in examples)
        blobs = "motion blobs: brighter (orange), darker (blue)" if signed else "motion blobs"
        titles += [f"{blobs}, in six equal parts of the sequence", "column means", "row means"]
        for axes, title in zip(grid[0], titles, strict=True):
            axes.set_title(title, color=SOFT)
        grid[-1][-2].set_xlabel("left to right", color=SOFT, fontsize=8)
        grid[-1][-1].set_xlabel("top to bottom", color=SOFT, fontsize=8)
        return png(figure)


def _grid(rows: int, widths: Sequence[float]) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with rows of axes, each as high as a face; ``widths`` are in faces."""
    across = FACE_IN * sum(widths) + GAP_IN * (len(widths) - 1)
    down = FACE_IN * rows + 2 * GAP_IN * (rows - 1)
    figure = Figure(figsize=(across, down))
    starts = [FACE_IN * sum(widths[:i]) + GAP_IN * i for i in range(len(widths))]
    tops = [down - row * (FACE_IN + 2 * GAP_IN) for row in range(rows)]
    grid = [
        [
            figure.add_axes((start / across, (top - FACE_IN) / down, FACE_IN * width / across, FACE_IN / down))
            for start, width in zip(starts, widths, strict=True)
        ]
        for top in tops
    ]
    return figure, grid


def _draw_row(row: Sequence[Axes], example: Example, *, faces: bool, scale: PowerNorm) -> None:
    for axes in row:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set(visible=True, color=FAINT)
    row[0].set_ylabel(f"{example.label}\n{example.recording}", rotation=0, ha="right", va="center", labelpad=8)
    if faces:
        for axes, face in zip(row[:2], example.faces, strict=True):
            # a face that may not be shown is blank, and is ground, not a photograph
            axes.imshow(face, cmap="gray", vmin=0, vmax=255, gid=PHOTOGRAPH if np.ptp(face) else None)
    blob_axes, columns_axes, rows_axes = row[-3:]
    sheet = blob_parts(example.blobs)
    blob_axes.imshow(colored(sheet), aspect="auto", interpolation="antialiased")
    for axes, strip in ((columns_axes, example.projections[:, 0]), (rows_axes, example.projections[:, 1])):
        axes.imshow(colored(np.asarray(scale(strip))), aspect="auto", interpolation="nearest")
    _mark_time(rows_axes, len(example.projections))


def colored(strength: NDArray[Any]) -> NDArray[np.float64]:
    """Return colors of motion on white, (h, w, 3) from 0 to 1.

    Parameters
    ----------
    strength : (h, w) or (h, w, channels)
        From 0 to 1; of several channels the first two are drawn, brighter and darker.
    """
    if strength.ndim == 2:
        return np.asarray(MOTION_COLORS(strength)[..., :3])
    taken = [1 - np.array(to_rgb(color)) for color in (BRIGHTER, DARKER)]
    return np.clip(1 - strength[..., :1] * taken[0] - strength[..., 1:2] * taken[1], 0, 1)


def _mark_time(axes: Axes, steps: int) -> None:
    axes.yaxis.tick_right()
    axes.set_yticks(sorted({0, steps - 1}), [str(step + 1) for step in sorted({0, steps - 1})], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.yaxis.set_label_position("right")
    axes.set_ylabel("time step", color=SOFT, fontsize=8, labelpad=-4)


def blob_parts(blobs: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return, side by side, the union of the blobs in each of six equal parts of a sequence.

    Parameters
    ----------
    blobs : (t, h, w) or (t, h, w, channels) bool
        At least one frame; with fewer than six every frame is a part, with room left on the right.

    Returns
    -------
    (h, w') or (h, w', channels) float32
        1 where something moved within the part, 0 where not; a narrow gray line after each part but the sixth.

    >>> blob_parts(np.eye(2, dtype=bool).reshape(2, 1, 2))[0].tolist()
    [1.0, 0.0, 0.25, 0.25, 0.0, 1.0, 0.25, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    t, h, w = blobs.shape[:3]
    gap = max(2, w // 80)
    sheet = np.zeros((h, BLOB_PARTS * (w + gap), *blobs.shape[3:]), np.float32)
    for place, part in enumerate(np.array_split(blobs, min(t, BLOB_PARTS))):
        start = place * (w + gap)
        sheet[:, start : start + w] = part.any(axis=0)
        sheet[:, start + w : start + w + gap] = 0.25
    return sheet[:, :-gap]
