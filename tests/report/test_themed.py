"""Figures follow the color scheme of whoever reads a page; photographs stay as they are."""

import io
import re
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
from made_browser import CHROMIUM, browser
from matplotlib.figure import Figure
from PIL import Image

from ckseq.report.style import PHOTOGRAPH, house_style, photographs_in, png
from ckseq.report.themed import data_url

GRAY = 200


def drawn(photograph):
    """The file of a figure with a title, a line and an image of one gray level."""
    with house_style():
        figure = Figure(figsize=(3, 2))
        left, right = figure.subplots(1, 2)
        left.plot([0, 1], [0, 1])
        left.set_title("a long title above both")
        right.set_axis_off()
        right.imshow(np.full((40, 40), GRAY, np.uint8), cmap="gray", vmin=0, vmax=255, gid=photograph)
        return png(figure)


def test_the_places_of_photographs_stand_in_the_file():
    picture = drawn(PHOTOGRAPH)
    ((left, top, width, height),) = photographs_in(picture)
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
    inside = pixels[top + 1 : top + height - 1, left + 1 : left + width - 1]
    assert inside.size > 5000
    assert (inside == GRAY).all()
    assert (pixels == GRAY).sum() < 1.1 * width * height
    assert photographs_in(drawn(None)) == []


def test_a_figure_with_photographs_is_otherwise_drawn_as_one_without():
    one, other = (np.asarray(Image.open(io.BytesIO(drawn(gid)))) for gid in (PHOTOGRAPH, None))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("photograph", [PHOTOGRAPH, None])
def test_the_url_is_an_image_of_the_same_size(photograph):
    picture = drawn(photograph)
    url = data_url(picture)
    assert not re.search(r"[\s\"<>#]", url.replace(" ", ""))
    svg = ElementTree.fromstring(unquote(url.removeprefix("data:image/svg+xml,")))
    assert (int(svg.get("width")), int(svg.get("height"))) == Image.open(io.BytesIO(picture)).size
    assert len(url) < 1.4 * len(picture) + 2000
    assert f"data:image/{'webp' if photograph else 'png'};base64," in unquote(url)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_in_dark_mode_the_ground_is_dark_and_the_photograph_unchanged(tmp_path):
    picture = drawn(PHOTOGRAPH)
    ((left, top, width, height),) = photographs_in(picture)
    head = '<meta name="color-scheme" content="light dark"><style>body { margin: 0 } img { display: block }</style>'
    (tmp_path / "page.html").write_text(f'{head}<img src="{data_url(picture)}">')
    grounds = []
    with browser(tmp_path / "profile") as page:
        for dark in (False, True):
            page.open((tmp_path / "page.html").as_uri(), dark=dark)
            page.picture(tmp_path / "shown.png")
            shown = np.asarray(Image.open(tmp_path / "shown.png").convert("L"))
            grounds.append(int(shown[3, 3]))
            assert abs(int(shown[top + height // 2, left + width // 2]) - GRAY) <= 2
    assert grounds[0] == 255
    assert grounds[1] < 40
