"""The commands of the hyperparameter search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ckseq.cli.common import (
    FOLDER,
    TARGET,
    InOrder,
    Number,
    cli,
    command,
    jobs_option,
    overwrite_option,
    plugin_option,
    seed_option,
    set_option,
    source_option,
)
from ckseq.defaults import CACHE_GB, HEARTBEAT_S
from ckseq.recipes import recipe_names


class _RunFirst(InOrder):
    """Reads ``tune DATA`` as ``tune run DATA``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert the name of the command if it is left out."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@cli.group("tune", cls=_RunFirst)
def _tune() -> None:
    """Tune preprocessing and network (hyperparameter search).

    \b
    ckseq tune DATA --trials 100         runs trials; the same as 'ckseq tune run DATA'
    ckseq tune best STUDY --out FOLDER   writes the selected trial as a recipe
    ckseq tune page STUDY --out FOLDER   draws the figures of the study

    Start the same command several times, on several machines, and they share the trials.
    """  # noqa: D301  (click wants the character \b)


_out = click.option(
    "--out", type=TARGET, default=Path("ckseq-tune"), show_default=True, help="Folder of the cache and the figures."
)
_storage = click.option(
    "--storage", metavar="URL",
    help="sqlite:///FILE, postgresql://USER@HOST/NAME or journal:///FILE; study.db in the folder --out if not given.",
)  # fmt: skip


@command(
    "run",
    click.argument("data", type=FOLDER),
    click.option(
        "--search", default="sequences", show_default=True, metavar="NAME|FILE",
        help=f"One of {', '.join(recipe_names('searches'))}, or the path of a .toml file.",
    ),
    _storage,
    click.option("--study", help="Name of the study; that of the search if not given."),
    click.option(
        "--trials", type=click.IntRange(1, 1_000_000),
        help="Number of trials of the study, over all processes; the search's own if not given.",
    ),
    _out,
    click.option(
        "--cache-gb", type=Number(min=0), default=CACHE_GB, show_default=True,
        help="Size limit of the cache, gigabytes.",
    ),
    click.option(
        "--heartbeat", "heartbeat_s", type=Number(min=0.1), default=HEARTBEAT_S, show_default=True,
        help="Seconds between heartbeats; after three without one, another process retries the trial.",
    ),
    click.option(
        "--nested", is_flag=True,
        help="Nested cross-validation: search once for every outer fold, and test its selected recipe.",
    ),
    set_option,
    source_option,
    seed_option,
    jobs_option,
    group=_tune,
)  # fmt: skip
def _tune_run(**values: Any) -> dict[str, Any]:
    """Run the trials of a study on DATA; the test subjects are held out.

    Afterwards the best trials and the experiment that the search began with are scored
    again on new folds of the same subjects; that experiment is selected unless a trial is
    better by more than one standard error.

    An existing study of the same name is resumed. Ctrl-C loses nothing.
    """
    from ckseq.tasks.tune import tune

    return dict(tune(**values))


@command(
    "best",
    click.argument("study"),
    _storage,
    _out,
    click.option("--trial", type=click.IntRange(min=0), help="Number of another trial than the selected one."),
    click.option(
        "--final", is_flag=True, help="Also train a model on all of --data; a fifth validates, to choose the epoch."
    ),
    click.option("--data", type=FOLDER, help="The data set, for --final."),
    source_option,
    jobs_option,
    overwrite_option,
    plugin_option,
    group=_tune,
)
def _tune_best(**values: Any) -> dict[str, Any]:
    """Write the selected trial of STUDY as a recipe into --out.

    'ckseq experiment' runs it and tests on the subjects held out of the search.
    """
    from ckseq.tasks.tune_export import tune_export

    return dict(tune_export(**values))


@command("page", click.argument("study"), _storage, _out, group=_tune)
def _tune_page(**values: Any) -> dict[str, Any]:
    """Draw the figures of STUDY, also while it runs.

    They are the optimization history, hyperparameter importances, parallel coordinates,
    slice plots and, with two objectives, the Pareto front.
    """
    from ckseq.tasks.tune_page import tune_page

    return dict(tune_page(**values))
