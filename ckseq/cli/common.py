"""What all commands have in common: the group, the options they share, how a result is printed."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import ckseq
from ckseq import registry
from ckseq.recipes import recipe_names

FOLDER = click.Path(path_type=Path)


class InOrder(click.Group):
    """Lists the commands in the order of the work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names as they were added."""
        return list(self.commands)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(ckseq.__version__, prog_name="ckseq")
def cli() -> None:
    """Classify video sequences of faces by how they move.

    \b
    No data yet?        ckseq demo
    With CK+:           ckseq inspect CKPLUS
                        ckseq experiment default --data CKPLUS --out RESULT
    As the paper did:   ckseq experiment paper_phase4 --data CKPLUS --out PAPER
    Step by step:       ckseq preprocess CKPLUS --out ck.h5
                        ckseq train ck.h5 --experiment default --out RUN
                        ckseq report RUN
    Every person once:  ckseq crossval ck.h5 --experiment default --out CV
    Afterwards:         ckseq predict RUN VIDEO

    Exit status: 0 done, 1 the work failed in whole or in part, 2 the call is wrong.
    """  # noqa: D301  (click wants the character \b)


def command(name: str, *options: Callable[..., Any], group: click.Group = cli) -> Callable[..., Any]:
    """Make a command of a function that returns a JSON-able dict; give it the options that every command has."""

    def decorate(function: Callable[..., dict[str, Any]]) -> click.Command:
        @functools.wraps(function)
        def run(*, as_json: bool, quiet: bool, debug: bool, **values: Any) -> int:  # noqa: ARG001  (see main)
            from ckseq.console import Console

            result = function(console=Console(quiet=quiet or as_json), **values)
            if as_json:
                click.echo(json.dumps(result, indent=2))
            return 1 if result.get("failed") else 0

        everywhere = [
            click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else."),
            click.option("--quiet", is_flag=True, help="Print warnings and errors only."),
            click.option("--debug", is_flag=True, help="Show the traceback of an error."),
        ]
        wrapped: Callable[..., Any] = run
        for option in reversed([*options, *everywhere]):
            wrapped = option(wrapped)
        return group.command(name)(wrapped)

    return decorate


set_option = click.option(
    "--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE",
    help="Change a field of a recipe, as in motion.threshold=30; 'ckseq config' explains them all.",
)  # fmt: skip
seed_option = click.option("--seed", type=click.IntRange(min=0), help="Seed of every random choice.")
jobs_option = click.option("--jobs", type=int, default=-1, show_default=True, help="Processes; -1 is one per core.")
error_rate_option = click.option(
    "--error-rate", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.1, show_default=True,
    help="Call an answer sure when no more than this share of such answers is wrong.",
)  # fmt: skip
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace what stands at the target.")
strict_option = click.option("--strict", is_flag=True, help="Refuse data of which something cannot be used.")
fit_memory_option = click.option(
    "--fit-memory", is_flag=True, help="Make the training fit into memory by means that leave its mathematics as is."
)
source_option = click.option(
    "--source", type=click.Choice(registry.names("sources")), help="Layout of the data; found out if not given."
)


def out_option(what: str) -> Callable[..., Any]:
    """Return the option that names the target; ``what`` says what is written there."""
    return click.option("--out", type=FOLDER, required=True, help=what)


def recipe_option(kind: str, default: str | None = None) -> Callable[..., Any]:
    """Return the option that names a recipe, ``kind`` being ``"pipeline"`` or ``"experiment"``."""
    known = ", ".join(recipe_names(f"{kind}s"))
    return click.option(
        f"--{kind}", default=default, required=default is None, show_default=default is not None, metavar="NAME|FILE",
        help=f"One of {known}, or the path of a .toml file.",
    )  # fmt: skip
