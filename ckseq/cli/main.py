"""The entry point, and the commands ``config`` and ``bench``."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from ckseq.cli import make, search, trust, use  # noqa: F401  (importing them adds their commands)
from ckseq.cli.common import FOLDER, cli, command, jobs_option, set_option
from ckseq.errors import CkseqError


@command("config", click.argument("name", required=False), set_option)
def _config(**values: Any) -> dict[str, Any]:
    """List all recipe fields, or show one recipe.

    Without NAME, every field of every recipe section is listed with its default and its meaning. With NAME, the recipe
    of that name is shown with all its values.
    """
    from ckseq.tasks.config import config

    return config(**values)


@command(
    "bench",
    click.argument("what", type=click.Choice(["preprocess", "train", "memory", "detectors", "stream", "stills"])),
    click.option("--data", type=FOLDER, help="Data set to measure on; the synthetic twin if not given."),
    click.option(
        "--frames", type=click.IntRange(min=4), default=120, show_default=True, help="Number of frames to measure on."
    ),
    jobs_option,
)
def _bench(**values: Any) -> dict[str, Any]:
    """Measure speed and memory on this machine.

    Speeds are ratios to a plain implementation, measured in the same run. 'detectors' compares the face detectors;
    'stills' trains every image network on a small synthetic data set, which takes minutes.
    """
    from ckseq.tasks.bench import bench

    return bench(**values)


def main() -> None:
    """Run the command line and exit with its status."""
    debug = "--debug" in sys.argv[1:]
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        _fail(
            "interrupted; finished work is kept, and the same command resumes it (train, crossval: with --resume)", 130
        )
    except BrokenPipeError:
        # the reader of the output has closed it, as in "ckseq inspect | head"; that is no failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except CkseqError as error:
        if debug:
            raise
        _fail(str(error), error.exit_status)
    except OSError as error:
        if debug:
            raise
        _fail(f"{error.filename or 'disk'}: {error.strerror or error}", 1)
    except Exception as error:
        if debug:
            raise
        _fail(f"internal error: {type(error).__name__}: {error}; please report it, with the output of --debug", 1)


def _fail(text: str, status: int) -> None:
    click.echo(f"ckseq: {' '.join(text.split())}", err=True)
    sys.exit(status)
