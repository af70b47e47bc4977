"""A figure for a page that is light or dark: in dark mode its lightness is inverted, and photographs stay as is."""

from __future__ import annotations

import base64
import struct
from urllib.parse import quote

from ckseq.report.sequence_pictures import figure_webp
from ckseq.report.style import photographs_in

_SIZE = struct.Struct(">II")  # of a PNG, after its signature and the head of its first chunk
# hues are kept: blue stays blue, and white becomes the dark page's own ground
_INVERTED = "invert(.92) hue-rotate(180deg)"


def data_url(picture: bytes) -> str:
    """Return a URL that contains a figure: its file, wrapped into an SVG that follows the reader's color scheme.

    The SVG shows one with photographs twice: inverted in dark mode, and above it, cut out, the photographs.

    Parameters
    ----------
    picture : bytes
        A PNG file of `ckseq.report.style.png`; one with photographs is smaller as WebP, and the page has it so.
    """
    width, height = _SIZE.unpack(picture[16:24])
    places = photographs_in(picture)
    holes = "".join(f"<rect x='{x}' y='{y}' width='{w}' height='{h}'/>" for x, y, w, h in places)
    kind, inside = ("webp", figure_webp(picture)) if places else ("png", picture)
    above = f"<clipPath id='c'>{holes}</clipPath><use href='#p' clip-path='url(#c)'/>" if holes else ""
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}'>"
        f"<style>@media (prefers-color-scheme: dark) {{ #d {{ filter: {_INVERTED}; }} }}</style>"
        f"<defs><image id='p' width='{width}' height='{height}' href='data:image/{kind};base64,"
        f"{base64.b64encode(inside).decode()}'/></defs><g id='d'><use href='#p'/></g>{above}</svg>"
    )
    return "data:image/svg+xml," + quote(svg, safe=" =/:;,.(){}@+")
