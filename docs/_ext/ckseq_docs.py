"""Directives that write pages from the package itself, and the data of the gallery: what is listed is what there is."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

import ckseq

# the data of the gallery; the same commands stand on its page
GALLERY_COMMANDS = (
    "synth twin --subjects 8 --set emotions_per_subject=4 --set median_frames=12 --set unlabeled_share=0",
    "preprocess twin --out twin.h5",
    "crossval twin.h5 --out cv --no-explain",
)


class RecipeFields(SphinxDirective):
    """Every field of every recipe, from the pydantic models, as ``ckseq config`` lists them."""

    def run(self) -> list[nodes.Node]:
        """Return a section for each section of a recipe."""
        from ckseq.console import Console
        from ckseq.tasks.config import config

        lines: list[str] = []
        for title, fields in config(console=Console(quiet=True)).items():
            if not fields:
                continue
            lines += [f"## {title}", ""]
            for path, field in fields.items():
                lines += [f"`{path}` = `{field['default']}`", f": {_plain(field['meaning'])} *({field['type']})*", ""]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


class Listing(SphinxDirective):
    """The recipes, models or detectors that ship, as ``ckseq list`` shows them."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a definition for each."""
        from ckseq.console import Console
        from ckseq.tasks.listing import listing

        found = listing(self.arguments[0], console=Console(quiet=True))["entries"]
        lines = [f"`{entry['name']}`\n: {_plain(entry['purpose'])}\n" for entry in found]
        return self.parse_text_to_nodes("\n".join(lines))


class PublicNames(SphinxDirective):
    """Everything in ``ckseq.__all__``, with its docstring."""

    def run(self) -> list[nodes.Node]:
        """Return the documentation of each name."""
        lines: list[str] = []
        for name in public_names():
            one = getattr(ckseq, name)
            kind = "class" if inspect.isclass(one) else "function"
            if kind == "class" and issubclass(one, Exception):
                kind = "exception"
            lines += ["```{eval-rst}", f".. auto{kind}:: ckseq.{name}"]
            lines += ["   :members:", ""] if kind == "class" else [""]
            lines += ["```", ""]
        return self.parse_text_to_nodes("\n".join(lines))


def public_names() -> list[str]:
    """Return the public names, the functions first."""
    names = [name for name in ckseq.__all__ if not name.startswith("__")]
    return sorted(names, key=lambda name: (inspect.isclass(getattr(ckseq, name)), name.lower()))


def _plain(text: str) -> str:
    """Return a text in which nothing is markup."""
    return text.translate({ord(one): f"\\{one}" for one in "\\`*_{}[]<>|#"})


def prepare_gallery(app: Sphinx) -> None:
    """Draw and prepare the data that the scripts of the gallery read, once."""
    folder = Path(app.srcdir) / "gallery"
    if app.builder.name != "html" or (folder / "cv" / "predictions.csv").is_file():
        return
    for command in GALLERY_COMMANDS:
        # an earlier build may have been cut off
        words = [*command.split(), "--overwrite", "--quiet"]
        subprocess.run([sys.executable, "-m", "ckseq", *words], cwd=folder, check=True)


def check_public_names(app: Sphinx, error: Exception | None) -> None:
    """Refuse a site whose list of the interface is another than ``ckseq.__all__``."""
    if error or app.builder.name != "html":
        return
    listed = {
        name.removeprefix("ckseq.")
        for name, entry in app.env.domains["py"].data["objects"].items()
        if entry.objtype in ("class", "function", "exception") and not entry.aliased
    }
    if listed != set(public_names()):
        raise ExtensionError(f"the site and ckseq.__all__ differ in {sorted(listed ^ set(public_names()))}")


def check_network(app: Sphinx, error: Exception | None) -> None:
    """Refuse a site that loads anything from elsewhere when it is read."""
    if error or app.builder.name != "html":
        return
    for page in sorted(Path(app.outdir).rglob("*.html")):
        found = re.search(r'(?:src|stylesheet" href)="(https?:[^"]*)', page.read_text(encoding="utf-8"))
        if found:
            raise ExtensionError(f"{page.name} loads {found[1]}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directives."""
    app.add_directive("recipe-fields", RecipeFields)
    app.add_directive("listing", Listing)
    app.add_directive("public-names", PublicNames)
    app.connect("builder-inited", prepare_gallery, priority=100)  # before the gallery is built
    app.connect("build-finished", check_public_names)
    app.connect("build-finished", check_network)
    return {"parallel_read_safe": False, "version": ckseq.__version__}
