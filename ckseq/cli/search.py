"""The commands that search for a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ckseq.cli.common import (
    FOLDER,
    InOrder,
    cli,
    command,
    jobs_option,
    overwrite_option,
    seed_option,
    set_option,
    source_option,
)
from ckseq.recipes import recipe_names


class _RunFirst(InOrder):
    """Takes ``tune DATA`` for ``tune run DATA``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the command in front where it is left out."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@cli.group("tune", cls=_RunFirst)
def _tune() -> None:
    """Search for the best preprocessing and network, together.

    \b
    ckseq tune DATA --trials 100         searches; the same as 'ckseq tune run DATA'
    ckseq tune best STUDY --out FOLDER   writes the winner as a recipe

    Start the same command several times, on several machines, and they share the work.
    """  # noqa: D301  (click wants the character \b)


_out = click.option(
    "--out", type=FOLDER, default=Path("ckseq-tune"), show_default=True, help="Folder of the cache and the pictures."
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
    click.option("--study", help="The study's name; that of the search if not given."),
    click.option("--trials", type=click.IntRange(min=1), help="Of the whole study; if not given the search's own."),
    _out,
    click.option(
        "--cache-gb", type=click.FloatRange(min=0), default=20.0, show_default=True,
        help="Limit of the cache, gigabytes.",
    ),
    click.option(
        "--heartbeat", "heartbeat_s", type=click.FloatRange(min=0.1), default=30.0, show_default=True,
        help="Seconds between signs of life; a process without three is taken for dead, its trial given to another.",
    ),
    click.option(
        "--nested", is_flag=True, help="Search once for every outer fold and test each winner: what is a search worth?",
    ),
    set_option,
    source_option,
    seed_option,
    jobs_option,
    group=_tune,
)  # fmt: skip
def _tune_run(**values: Any) -> dict[str, Any]:
    """Search on DATA; the people tested on in the end are not looked at.

    After the trials the best few and the recipe as it stands are scored again on new
    folds of the same people, and it keeps its place unless another is surely better.

    A study of the same name is gone on with, whoever began it. Ctrl-C loses nothing.
    """
    from ckseq.tasks.tune import tune

    return tune(**values)


@command(
    "best",
    click.argument("study"),
    _storage,
    _out,
    click.option("--trial", type=click.IntRange(min=0), help="The number of another trial than the best."),
    click.option(
        "--final", is_flag=True, help="Train on everybody in --data too, a fifth of them to choose the epoch."
    ),
    click.option("--data", type=FOLDER, help="The data set, for --final."),
    source_option,
    jobs_option,
    overwrite_option,
    group=_tune,
)
def _tune_best(**values: Any) -> dict[str, Any]:
    """Write the winner of STUDY as a recipe into --out.

    'ckseq experiment' runs it as it is, and tests on the people whom the search has not seen.
    """
    from ckseq.search.export_best import best

    return best(**values)


@command("page", click.argument("study"), _storage, _out, group=_tune)
def _tune_page(**values: Any) -> dict[str, Any]:
    """Draw the pictures of STUDY, also while it runs."""
    from ckseq.search.study import page

    return page(**values)
