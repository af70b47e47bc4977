"""The command group, the options that commands share, and the printing of results."""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

import ckseq
from ckseq import registry
from ckseq.cli.next_steps import next_line
from ckseq.defaults import ERROR_RATE
from ckseq.recipes import recipe_names

FOLDER = click.Path(path_type=Path)
_PROCESSES_PER_CORE = 4


class Target(click.Path):
    """A path to write: ``.`` and ``..`` by their names, since a lock and temporary files lie beside it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; the root of a disk, which nothing lies beside, is refused."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.name in ("", ".."):
            path = Path(os.path.abspath(path))  # noqa: PTH100  (resolve would follow links)
        if not path.name:
            self.fail(f"{path} is the root of the disk; name a folder or a file in it", param, ctx)
        return path


TARGET = Target(path_type=Path)


class Number(click.FloatRange):
    """A finite number within a range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; the range alone would let ``nan`` pass."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


class Jobs(click.IntRange):
    """A number of processes: -1, or from 1 to a few for each core."""

    def __init__(self) -> None:
        super().__init__(min=-1, max=_PROCESSES_PER_CORE * (os.cpu_count() or 1))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        number = int(super(click.IntRange, self).convert(value, param, ctx))
        if number != -1 and not 1 <= number <= int(self.max or 1):
            self.fail(
                f"{value} is neither -1, for all cores, nor from 1 to {self.max}, {_PROCESSES_PER_CORE} for each core",
                param,
                ctx,
            )
        return number


# former names of commands, which still work but are not listed
_FORMER_NAMES = {"ladder": "strictness", "replay": "reproduce"}


class InOrder(click.Group):
    """A group that lists its commands in the order of the work, and suggests a name for a mistyped one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which they were added."""
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name or its former name."""
        return super().get_command(ctx, _FORMER_NAMES.get(cmd_name, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first argument names.

        Raises
        ------
        click.UsageError
            There is no such command; the message suggests similar names.
        """
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            former = {old: new for old, new in _FORMER_NAMES.items() if new in self.commands}
            known = former | {own: own for own in self.commands}
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {known[near[0]]!r}?" if near else ""
            ctx.fail(f"There is no command {name!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(ckseq.__version__, prog_name="ckseq")
def cli() -> None:
    """Classify video sequences of faces by how they move.

    \b
    No data yet?        ckseq demo
    With CK+:           ckseq inspect CKPLUS
                        ckseq experiment default --data CKPLUS --out RESULT
    As in the paper:    ckseq experiment paper_phase4 --data CKPLUS --out PAPER
    Step by step:       ckseq preprocess CKPLUS --out ck.h5
                        ckseq train ck.h5 --out RUN
                        ckseq report RUN
    Cross-validation:   ckseq crossval ck.h5 --out CV
    New videos:         ckseq predict RUN VIDEO

    Exit status: 0 success, 1 the work failed in whole or in part, 2 wrong usage.
    """  # noqa: D301  (click wants the character \b)


def command(name: str, *options: Callable[..., Any], group: click.Group = cli) -> Callable[..., Any]:
    """Return a decorator that turns a function returning a JSON-ready dict into a command with the common options."""

    def decorate(function: Callable[..., dict[str, Any]]) -> click.Command:
        @functools.wraps(function)
        def run(*, as_json: bool, quiet: bool, debug: bool, **values: Any) -> int:  # noqa: ARG001  (see main)
            from ckseq.console import Console

            console = Console(quiet=quiet or as_json)
            result = function(console=console, **values)
            if as_json:
                click.echo(json.dumps(result, indent=2))
            called = name if group is cli else f"{group.name} {name}"
            if not console.quiet and (line := next_line(called, values, result)):
                console.say(line)
            return 1 if result.get("failed") else 0

        everywhere = [
            click.option("--json", "as_json", is_flag=True, help="Print only the result, as JSON."),
            click.option("--quiet", is_flag=True, help="Print only warnings and errors."),
            click.option("--debug", is_flag=True, help="Show the traceback of an error."),
        ]
        wrapped: Callable[..., Any] = run
        for option in reversed([*options, *everywhere]):
            wrapped = option(wrapped)
        return group.command(name)(wrapped)

    return decorate


set_option = click.option(
    "--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE",
    help="Set a field of a recipe, for example motion.threshold=30. 'ckseq config' lists all fields.",
)  # fmt: skip
seed_option = click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Random seed of the run.")
jobs_option = click.option(
    "--jobs", type=Jobs(), default=-1, show_default=True, help="Number of processes; -1 uses all cores."
)
on_option = click.option(
    "--on", metavar="PLACE",
    help="Work on a Dask cluster: dask:tcp://HOST:8786, dask:FILE.json (a scheduler file), or dask:local (--jobs "
    "processes of this machine).",
)  # fmt: skip
shard_option = click.option(
    "--shard", metavar="K/N", help="Do only the K-th of N shares of the work; 'ckseq gather' brings them together."
)
explain_option = click.option(
    "--explain/--no-explain", default=True, show_default=True,
    help="Explain some test sequences of each class for the report: where and when the model looks.",
)  # fmt: skip
neutral_option = click.option(
    "--neutral", type=FOLDER, metavar="CLIP",
    help="Folder of frames or video of the person's neutral face, for runs with calibration = neutral.",
)  # fmt: skip
error_rate_option = click.option(
    "--error-rate", type=Number(0, 1, min_open=True, max_open=True), default=ERROR_RATE, show_default=True,
    help="Early classification: decide once the expected share of wrong decisions is at most this.",
)  # fmt: skip
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace an existing output.")
cache_option = click.option(
    "--cache/--no-cache", "cached", default=True, show_default=True,
    help="Keep face crops for other recipes on the same data. 'ckseq cache' shows where.",
)  # fmt: skip
strict_option = click.option(
    "--strict", is_flag=True, help="Fail if any recording cannot be used, instead of leaving it out."
)
fit_memory_option = click.option(
    "--fit-memory",
    is_flag=True,
    help="Adjust settings until training fits into memory; the results stay mathematically the same.",
)
source_option = click.option(
    "--source", metavar="NAME|FILE",
    help=f"Format of the data set: {', '.join(registry.names('sources'))}, or a plug-in; detected if not given.",
)  # fmt: skip


def _admit(_: click.Context, __: click.Parameter, files: tuple[Path, ...]) -> None:
    from ckseq.plugins import admit_file

    for file in files:
        admit_file(file)


plugin_option = click.option(
    "--plugin", multiple=True, type=FOLDER, metavar="FILE", expose_value=False, callback=_admit,
    help="A plug-in's file with which RUN was made. Its code is executed.",
)  # fmt: skip


def cache_of(cached: bool) -> Any:
    """Return the cache that commands share; None under ``--no-cache`` and where its limit is 0."""
    from ckseq.storage.cache_place import shared_cache

    return shared_cache() if cached else None


def out_option(what: str) -> Callable[..., Any]:
    """Return the option for the output path; ``what`` is its help text."""
    return click.option("--out", type=TARGET, required=True, help=what)


def recipe_option(kind: str, default: str | None = None) -> Callable[..., Any]:
    """Return the option for a recipe; ``kind`` is ``"pipeline"`` or ``"experiment"``."""
    known = ", ".join(recipe_names(f"{kind}s"))
    # from version 8.3 on, click takes an explicit None for a default, and what has one is not required
    presence: dict[str, Any] = {"required": True} if default is None else {"default": default, "show_default": True}
    return click.option(
        f"--{kind}", **presence, metavar="NAME|FILE",
        help=f"Recipe: one of {known}, or the path of a .toml file.",
    )  # fmt: skip
