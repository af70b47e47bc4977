"""The commands that tell how far a figure can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ckseq.cli.common import (
    FOLDER,
    InOrder,
    cli,
    command,
    out_option,
    overwrite_option,
    recipe_option,
    seed_option,
    set_option,
)

_maybe_experiment = click.option(
    "--experiment", metavar="NAME|FILE", help="Its classes, balance and protocol; without it all labeled sequences."
)


@command("audit", click.argument("store", type=FOLDER), _maybe_experiment, set_option)
def _audit(**values: Any) -> dict[str, Any]:
    """Measure what training and test of a STORE share.

    Also tells how far rules come that look at no pixel.
    """
    from ckseq.tasks.audit import audit

    return audit(**values)


@cli.group("protocol", cls=InOrder)
def _protocol() -> None:
    """Share who is tested on in which fold, as a file.

    The file holds ids of recordings and no pixel.
    """


@command(
    "export",
    click.argument("store", type=FOLDER),
    _maybe_experiment,
    click.option("--out", type=FOLDER, required=True, help="The JSON file to write."),
    set_option,
    overwrite_option,
    group=_protocol,
)
def _protocol_export(**values: Any) -> dict[str, Any]:
    """Write the folds of an experiment, or of a protocol named with --set, over a STORE."""
    from ckseq.tasks.protocol import protocol_export

    return protocol_export(**values)


@command("verify", click.argument("file", type=FOLDER), click.argument("store", type=FOLDER), group=_protocol)
def _protocol_verify(**values: Any) -> dict[str, Any]:
    """Check that a FILE of folds fits a STORE, is unchanged, and keeps people apart where it says so."""
    from ckseq.tasks.protocol import protocol_verify

    return protocol_verify(**values)


@command(
    "compare",
    click.argument("paths", metavar="RUN...", type=FOLDER, nargs=-1, required=True),
    click.option("--anyway", is_flag=True, help="Compare runs of different protocols too, and say so."),
    click.option("--picture", type=FOLDER, metavar="FILE", help="Draw the differences into this PNG file."),
)
def _compare(**values: Any) -> dict[str, Any]:
    """Compare two runs or more on the same test sequences.

    Paired tests, and the interval of every difference.
    """
    from ckseq.tasks.compare import compare

    return compare(**values)


@command(
    "rank",
    click.argument("paths", metavar="RUN...", type=FOLDER, nargs=-1, required=True),
    click.option("--picture", type=FOLDER, metavar="FILE", help="Draw the critical differences into this PNG file."),
)
def _rank(**values: Any) -> dict[str, Any]:
    """Rank three models or more over data sets or seeds.

    Mean ranks, Friedman's test, and the critical difference of Nemenyi.
    """
    from ckseq.tasks.rank import rank

    return rank(**values)


@command(
    "runs",
    click.argument("folder", type=FOLDER, default=Path()),
    click.option(
        "--sort", type=click.Choice(["accuracy", "balanced_accuracy", "age", "experiment", "model", "run"]),
        default="accuracy", show_default=True, help="What the runs are ordered by.",
    ),
    click.option("--only", multiple=True, metavar="KEY=VALUE", help="Only runs with this, as model=gru; may repeat."),
)  # fmt: skip
def _runs(**values: Any) -> dict[str, Any]:
    """List the runs in FOLDER with their figures and age.

    Each protocol has a table of its own.
    """
    from ckseq.tasks.runs import runs

    return runs(**values)


@command(
    "ladder",
    click.argument("store", type=FOLDER),
    recipe_option("experiment"),
    out_option("The folder for the runs and the picture."),
    click.option("--jobs", type=int, default=1, show_default=True, help="Folds at once; -1 is one per core."),
    set_option,
    seed_option,
)
def _ladder(**values: Any) -> dict[str, Any]:
    """Test one model ever more strictly and draw the staircase.

    It goes from a random split to strangers only.

    What is done already is not done again when the same command is given once more.
    """
    from ckseq.tasks.strictness import strictness

    return strictness(**values)


@command(
    "replay",
    click.argument("run", type=FOLDER),
    click.option("--store", type=FOLDER, help="Where the store lies now."),
    click.option("--out", type=FOLDER, help="Keep the replayed run in this folder."),
)
def _replay(**values: Any) -> dict[str, Any]:
    """Make RUN again from its run.json and say what differs.

    The answer is bit-equal, within noise, or different and why.
    """
    from ckseq.tasks.reproduce import reproduce

    return reproduce(**values)
