"""The entry point, and the commands ``config`` and ``bench``."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any

import click

from ckseq.cli import cache, explain, make, search, trust, use  # noqa: F401  (importing them adds their commands)
from ckseq.cli.common import FOLDER, cli, command, jobs_option, on_option, set_option
from ckseq.errors import CkseqError

# characters of an error
_LONGEST = 4000


@command(
    "config",
    click.argument("name", metavar="[RECIPE|FIELD|SECTION]", required=False),
    click.option("--search", metavar="TEXT", help="List the fields with this text in their names or meanings."),
    set_option,
)
def _config(**values: Any) -> dict[str, Any]:
    """List recipe fields, or show one recipe.

    \b
    ckseq config                    every field, as --set takes it, with default and meaning
    ckseq config motion.threshold   one field; 'ckseq config motion' a section
    ckseq config --search brighter  the fields whose names or meanings contain a text
    ckseq config paper              a recipe with all its values: a pipeline, experiment or search
    """  # noqa: D301  (click wants the character \b)
    from ckseq.tasks.config import config

    return config(**values)


@command("list", click.argument("what", metavar="[KIND|NAME]", required=False))
def _list(**values: Any) -> dict[str, Any]:
    """List recipes, models, detectors and plug-ins.

    With KIND (experiments, pipelines, searches, models, detectors, plugins) or a NAME also what each reads, what it
    costs, where it comes from, and what was measured with it.
    """
    from ckseq.tasks.listing import listing

    return listing(**values)


@command(
    "check-plugin",
    click.argument("name", metavar="FILE|NAME"),
    click.option("--data", type=FOLDER, help="Data set that a source reads."),
)
def _check_plugin(**values: Any) -> dict[str, Any]:
    """Check a model, detector or source of your own.

    FILE is a file of Python that ends in a SPEC, NAME an entry point of an installed package. Its code is executed.
    Runs the contract tests of ckseq's own, one by one; the exit status is 1 if any does not hold.

    Recipes use it by its path or name, kind = "./my_model.py" in [model] or [detector]; sources by --source FILE|NAME.
    """
    from ckseq.tasks.check_plugin import check_plugin

    return check_plugin(**values)


@command(
    "bench",
    click.argument(
        "what", type=click.Choice(["preprocess", "train", "memory", "detectors", "stream", "stills", "store"])
    ),
    click.option("--data", type=FOLDER, help="Data set to measure on; the synthetic twin if not given."),
    click.option(
        "--frames",
        type=click.IntRange(4, 1_000_000),
        default=120,
        show_default=True,
        help="Number of frames to measure on.",
    ),
    jobs_option,
    on_option,
)
def _bench(**values: Any) -> dict[str, Any]:
    """Measure speed and memory on this machine.

    Speeds are ratios to a plain implementation, measured in the same run. 'detectors' compares the face detectors;
    'stills' trains every image network on a small synthetic data set, which takes minutes; 'store' measures the index
    of stores of 10,000 to 1,000,000 recordings, which are generated; 'preprocess --on' measures the overhead of a
    cluster.
    """
    from ckseq.tasks.bench import bench

    return bench(**values)


def main() -> None:
    """Run the command line and exit with its status."""
    debug = "--debug" in sys.argv[1:]
    try:
        status = cli.main(standalone_mode=False) or 0
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a closed pipe is noticed without a message
        sys.exit(status)
    except click.ClickException as error:
        _show(error)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        with_ = " with --resume" if {"train", "crossval"} & set(sys.argv[1:2]) else ""
        _fail(f"interrupted; finished work is kept, and the same command{with_} goes on", 130)
    except BrokenPipeError:
        # the reader of the output has closed it, as in "ckseq inspect | head"; that is no failure
        _close_output()
        sys.exit(0)
    except Exception as error:
        if debug:
            raise
        _fail(*_explained(error))


def _explained(error: Exception) -> tuple[str, int]:
    """Return the line that is printed about an error, and the exit status."""
    match error:
        case CkseqError():
            return str(error), error.exit_status
        case OSError():
            return f"{error.filename or 'disk'}: {error.strerror or error}", 1
        case MemoryError():
            return "there is not enough memory; close other programs, use fewer --jobs, or smaller data", 1
        case RecursionError():
            return "a recipe or a file is nested too deeply; --debug shows where", 1
    return f"internal error: {type(error).__name__}: {error}; please report it, with the output of --debug", 1


def _fail(text: str, status: int) -> None:
    with suppress(OSError):  # nobody may listen anymore
        click.echo(f"ckseq: {_one_line(text)}", err=True)
    sys.exit(status)


def _show(error: click.ClickException) -> None:
    from ckseq.console import printable

    shown = io.StringIO()
    error.show(shown)
    with suppress(OSError):
        click.echo(printable(shown.getvalue()), err=True, nl=False)


def _one_line(text: str) -> str:
    from ckseq.console import printable

    text = printable(" ".join(text.split()))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def _close_output() -> None:
    """Let the rest of the output go nowhere, so that Python says nothing about the closed pipe at its end."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
