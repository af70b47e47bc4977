"""The pages of the documentation: every command is one, every page is reached, every example in Python is right."""

import doctest
import re
import runpy
import shlex
from itertools import pairwise

import click
import pytest
from made_docs import CHECKOUT, DOCS, PAGES, blocks, commands

import ckseq
from ckseq.cli.main import cli
from ckseq.console import Console
from ckseq.experiment.recipe import load_experiment
from ckseq.recipes import recipe_names
from ckseq.tasks.config import config

ALL = [*PAGES, CHECKOUT / "README.md"]
LINES = sorted({line for page in ALL for line in commands(page)})


def parsed(words):
    """Parse a command line as click does, through groups, without running it."""
    command, context = cli, click.Context(cli, info_name="ckseq")
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        command = found
        if not isinstance(found, click.Group):
            break
        context = click.Context(found, info_name=name, parent=context)
        if words and words[0] not in found.commands:  # 'ckseq tune DATA' is 'ckseq tune run DATA'
            words = context.command.parse_args(context, list(words)) or words
            words = [*getattr(context, "_protected_args", []), *context.args]
    return command.make_context("ckseq", list(words), parent=context)


@pytest.mark.parametrize("line", LINES)
def test_every_command_of_a_page_is_one(line):
    context = parsed(shlex.split(line)[1:])
    experiment = context.params.get("experiment")
    if experiment in recipe_names("experiments"):
        load_experiment(experiment, [one for one in context.params.get("settings", ()) if not one.startswith("reduce")])


def test_there_are_commands_on_the_pages_of_recipes():
    for page in (DOCS / "recipes").glob("*.md"):
        assert page.stem == "index" or commands(page), page.name


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_the_python_of_a_page_can_be_copied(page):
    for text in blocks(page, "python"):
        assert ">>>" not in text, "a session is a block of the kind pycon, which is run"
        compile(text, str(page), "exec")
        for name in re.findall(r"\bckseq\.([A-Za-z_]\w*)\(", text):
            assert name in ckseq.__all__


@pytest.mark.slow
def test_the_sessions_of_the_pages_are_true(example_folder, tmp_path, monkeypatch):
    """One after another in one folder: the page of the interface makes what the others open."""
    (tmp_path / "faces").symlink_to(example_folder / "faces")
    monkeypatch.chdir(tmp_path)
    pages = [page for page in ALL if blocks(page, "pycon")]
    assert [page.stem for page in pages] == ["api", "how", "protocols", "store"]
    for page in pages:
        text = "\n".join(blocks(page, "pycon"))
        test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
        printed = []
        assert not runner.run(test, out=printed.append).failed, "".join(printed)


def anchors(page):
    """The anchors of a page's headings, as MyST and GitHub make them, without its code."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", one) for one in re.findall(r"^#{1,3} (.*)$", text, re.MULTILINE))
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def test_the_anchor_of_a_heading_is_that_of_the_site():
    """Compared with the library that makes those of the site."""
    slugify = pytest.importorskip("myst_parser.mdit_to_docutils.base").default_slugify
    for page in ALL:
        headings = re.findall(r"^#{1,3} ([\w ,.?:'-]*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        inside = anchors(page)
        assert {slugify(one) for one in headings if slugify(one) in inside} <= inside


@pytest.mark.parametrize("page", [*ALL, *CHECKOUT.glob("[A-Z]*.md")], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    """To a file of the checkout, and to a heading where it names one; pages of the gallery are those of its scripts."""
    text = re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        if "auto_gallery/" in path:
            script = DOCS / "gallery" / f"{path.rpartition('/')[2]}.py"
            assert script.stem == "index" or script.is_file(), target
            continue
        there = (page.parent / path) if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("path", sorted((DOCS / "gallery").glob("plot_*.py")), ids=lambda path: path.stem)
def test_a_script_of_the_gallery_can_be_copied(path):
    source = path.read_text(encoding="utf-8")
    compile(source, str(path), "exec")
    for name in re.findall(r"\bckseq\.([A-Za-z_]\w*)\(", source):
        assert name in ckseq.__all__
    assert len(source.splitlines()) < 60


def test_the_gallery_says_how_its_data_are_made():
    said = (DOCS / "gallery" / "GALLERY_HEADER.rst").read_text(encoding="utf-8")
    source = (DOCS / "_ext" / "ckseq_docs.py").read_text(encoding="utf-8")
    for line in re.findall(r"^   ckseq (.*)", said, re.MULTILINE):
        assert f'"{line}"' in source
        parsed(shlex.split(line))


def test_the_page_of_benchmarks_is_what_the_results_say():
    script = runpy.run_path(str(DOCS / "benchmarks.py"))
    assert script["page"]() == (DOCS / "benchmarks.md").read_text(encoding="utf-8"), "run: make benchmarks"


def test_the_commands_of_the_benchmarks_still_exist():
    """With the names of their settings; a result keeps its date, its commands are those of today."""
    fields = {name for section in config(console=Console(quiet=True)).values() for name in section}
    text = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    lines = re.findall(r"^ckseq .*?$", text, re.MULTILINE) + re.findall(r"`(ckseq \w+ [^`]*)`", text)
    assert len(lines) > 30
    for line in lines:
        words = shlex.split(line.partition("   (")[0])
        parsed(words[1:])
        for before, setting in pairwise(words):
            assert before != "--set" or setting.partition("=")[0] in fields, line


def test_every_result_has_its_date_and_version():
    import json

    for path in (CHECKOUT / "experiments" / "results").glob("*.json"):
        tree = json.loads(path.read_text(encoding="utf-8"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", tree["date"]), path.name
        assert tree["version"], path.name


def test_every_file_of_a_run_is_explained(tmp_path):
    from made_runs import write_made_run

    from ckseq.tasks.report import report

    page = (DOCS / "outputs" / "run.md").read_text(encoding="utf-8") + (DOCS / "paper.md").read_text(encoding="utf-8")
    written = report(write_made_run(tmp_path / "run"), faces=True, console=Console(quiet=True))["files"]
    for name in [*written, *(path.name for path in (tmp_path / "run").iterdir())]:
        stem, _, ending = name.partition("/")[2].partition(".") if "/" in name else name.partition(".")
        assert f"`{name}`" in page or f"`{stem}.{ending}`" in page or f"`{stem}." in page or f"`{name}/`" in page, name


def test_every_section_of_the_report_is_explained():
    template = (CHECKOUT / "ckseq" / "report" / "page.html").read_text(encoding="utf-8")
    page = (DOCS / "outputs" / "report.md").read_text(encoding="utf-8").lower()
    for heading in re.findall(r"<h2[^>]*>([A-Z][\w -]+)", template):
        assert heading.strip().lower() in page, heading


def test_every_array_of_a_store_is_explained():
    page = (DOCS / "outputs" / "store_file.md").read_text(encoding="utf-8")
    for name in ("projections", "landmarks", "gradients", "blobs", "halved", "crops", "faces", "boxes", "n_found"):
        assert f"`{name}`" in page
        assert hasattr(ckseq.Store, name)
