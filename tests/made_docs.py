"""The pages of the documentation, and the commands and the Python in them."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
DOCS = CHECKOUT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts and "auto_gallery" not in path.parts)
_BLOCK = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(path, *kinds):
    """Return the texts of the code blocks of these kinds, such as bash."""
    return [text for kind, text in _BLOCK.findall(path.read_text(encoding="utf-8")) if kind in kinds]


def commands(path):
    """Return the command lines of ckseq on a page, in order, without comments."""
    lines = "".join(blocks(path, "bash")).splitlines()
    return [line.partition("  #")[0].strip() for line in lines if line.startswith("ckseq ")]
