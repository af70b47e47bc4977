"""The commands of the cache of face crops."""

from __future__ import annotations

from typing import Any

import click

from ckseq.cli.common import InOrder, Number, cli, command


class _ShowFirst(InOrder):
    """Reads ``cache`` as ``cache show``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert the name of the command if it is left out."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@cli.group("cache", cls=_ShowFirst)
def _cache() -> None:
    """Show, limit or empty the cache of face crops.

    \b
    ckseq cache              where it is and how large; the same as 'ckseq cache show'
    ckseq cache limit 20     at most 20 GB; the least recently used crops go first; 0 turns it off
    ckseq cache clear        remove all crops

    'preprocess' and 'experiment' keep the faces that they find, so that other recipes on the same data need not detect
    them again. The environment variable CKSEQ_CACHE names another folder.
    """  # noqa: D301  (click wants the character \b)


@command("show", group=_cache)
def _show(**values: Any) -> dict[str, Any]:
    """Show where the cache is and how large."""
    from ckseq.tasks.cache import show

    return show(**values)


@command("limit", click.argument("gigabytes", type=Number(0)), group=_cache)
def _limit(**values: Any) -> dict[str, Any]:
    """Set the size limit of the cache to GIGABYTES; 0 turns it off."""
    from ckseq.tasks.cache import limit

    return limit(**values)


@command("clear", group=_cache)
def _clear(**values: Any) -> dict[str, Any]:
    """Remove all cached crops."""
    from ckseq.tasks.cache import clear

    return clear(**values)
