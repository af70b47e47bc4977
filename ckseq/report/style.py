"""The style of all figures, and their PNG files: equal figures give equal files."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

INK = "#1b2733"
SOFT = "#66727d"
FAINT = "#a9b3bc"
LINE = "#d9dfe4"
ACCENT = "#0b5c8f"
WARM = "#c4570e"
MATRIX_COLORS = "Blues"
EVIDENCE_COLORS = "RdBu_r"
MOTION_COLORS = matplotlib.colormaps["Greys"]
BRIGHTER = "#d95f02"
DARKER = "#1f4e9c"
PHOTOGRAPH = "photograph"
"""The gid of images in a figure whose colors have to stay as they are, and the key of their places in its file."""

_PAD_IN = 0.12

_SETTINGS = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so a figure looks the same everywhere
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # a class named "$" is a name
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.facecolor": "white",
    "figure.dpi": 160,
    "savefig.dpi": 160,
}


_PRINT_SETTINGS = {
    **_SETTINGS,
    "font.size": 7.5,
    "legend.fontsize": 7,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "pdf.fonttype": 42,  # TrueType, which publishers ask for, instead of Type 3
    "svg.fonttype": "path",  # letters as outlines, so no font is needed
    "svg.hashsalt": "ckseq",  # otherwise names within the file are random
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw within this context in the report's style, whatever a matplotlibrc on the machine says."""
    with _style(_SETTINGS):
        yield


@contextmanager
def print_style() -> Iterator[None]:
    """Draw within this context as `house_style`, in sizes for a column of a journal."""
    with _style(_PRINT_SETTINGS):
        yield


@contextmanager
def _style(settings: dict[str, Any]) -> Iterator[None]:
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(settings)
        yield


def print_files(figure: Figure) -> dict[str, bytes]:
    """Return the files ``pdf`` and ``svg`` of a figure in its size, without a date; call it within `print_style`."""
    undated = {"pdf": dict.fromkeys(("CreationDate", "Creator", "Producer")), "svg": {"Date": None}}
    return {kind: _saved(figure, format=kind, metadata=metadata) for kind, metadata in undated.items()}


def png(figure: Figure) -> bytes:
    """Return the PNG file of a figure, without a date or version in it; call it within `house_style`.

    The places of its photographs, drawn with ``gid=PHOTOGRAPH``, stand in the file, for `photographs_in`.
    """
    metadata: dict[str, str | None] = {"Software": None}
    shown = [image for axes in figure.axes for image in axes.get_images() if image.get_gid() == PHOTOGRAPH]
    if not shown:
        return _saved(figure, format="png", bbox_inches="tight", pad_inches=_PAD_IN, metadata=metadata)
    with _no_warning_of_glyphs():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        cut = figure.get_tightbbox(canvas.get_renderer()).padded(_PAD_IN)
    places = []
    for image in shown:
        place = image.get_window_extent()
        left, top = place.x0 - cut.x0 * figure.dpi, cut.y1 * figure.dpi - place.y1
        places.append([round(number) for number in (left, top, place.width, place.height)])
    return _saved(figure, format="png", bbox_inches=cut, metadata={**metadata, PHOTOGRAPH: json.dumps(places)})


def photographs_in(picture: bytes) -> list[tuple[int, int, int, int]]:
    """Return the places of the photographs in a file of `png`: left, top, width and height, pixels."""
    with Image.open(io.BytesIO(picture)) as image:
        return [tuple(place) for place in json.loads(image.info.get(PHOTOGRAPH, "[]"))]


def _saved(figure: Figure, **options: Any) -> bytes:
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    with _no_warning_of_glyphs():
        figure.savefig(buffer, **options)
    return buffer.getvalue()


@contextmanager
def _no_warning_of_glyphs() -> Iterator[None]:
    """Draw a label in a script that the font lacks as boxes; tables and page show it correctly."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
