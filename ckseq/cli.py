"""The command line: options in, tasks called, results and errors printed; nothing else."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import ckseq
from ckseq import choices
from ckseq.config import recipe_names
from ckseq.errors import CkseqError

FOLDER = click.Path(path_type=Path)


class _InOrder(click.Group):
    """Lists the commands in the order of the work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(ckseq.__version__, prog_name="ckseq")
def cli() -> None:
    """Classify video sequences of faces by how they move.

    \b
    No data yet?        ckseq demo
    With CK+:           ckseq inspect CKPLUS
                        ckseq experiment default --data CKPLUS --out RESULT
    As the paper did:   ckseq experiment paper_4class --data CKPLUS --out PAPER
    Step by step:       ckseq preprocess CKPLUS --out ck.h5
                        ckseq crossval ck.h5 --experiment default --out RUN
    Afterwards:         ckseq predict RUN VIDEO

    Exit status: 0 done, 1 the work failed in whole or in part, 2 the call is wrong.
    """  # noqa: D301  (click wants the character \b)


def _command(name: str, *options: Callable[..., Any], group: click.Group = cli) -> Callable[..., Any]:
    """Make a command of a function that returns a JSON-able dict; give it the options that every command has."""

    def decorate(function: Callable[..., dict[str, Any]]) -> click.Command:
        @functools.wraps(function)
        def run(*, as_json: bool, quiet: bool, debug: bool, **values: Any) -> int:  # noqa: ARG001  (see main)
            from ckseq.tasks.console import Console

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


_set = click.option(
    "--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE",
    help="Change a field of a recipe, as in motion.threshold=30; 'ckseq config' explains them all.",
)  # fmt: skip
_seed = click.option("--seed", type=click.IntRange(min=0), help="Seed of every random choice.")
_jobs = click.option("--jobs", type=int, default=-1, show_default=True, help="Processes; -1 is one per core.")
_overwrite = click.option("--overwrite", is_flag=True, help="Replace what stands at the target.")
_source = click.option(
    "--source", type=click.Choice(choices.names("sources")), help="Layout of the data; found out if not given."
)


def _out(what: str) -> Callable[..., Any]:
    return click.option("--out", type=FOLDER, required=True, help=what)


def _recipe(kind: str, default: str | None = None) -> Callable[..., Any]:
    known = ", ".join(recipe_names(f"{kind}s"))
    return click.option(
        f"--{kind}", default=default, required=default is None, show_default=default is not None, metavar="NAME|FILE",
        help=f"One of {known}, or the path of a .toml file.",
    )  # fmt: skip


@_command(
    "demo",
    click.option("--out", type=FOLDER, default=Path("ckseq-demo"), show_default=True, help="Where all of it goes."),
    _seed,
    _jobs,
    _overwrite,
)
def _demo(**values: Any) -> dict[str, Any]:
    """Go the whole way on drawn faces, from images to a report.

    Draws a small synthetic data set, prepares it, trains on it and writes the report, in some minutes.
    """
    from ckseq.tasks.demo import demo

    return demo(**values)


@_command(
    "synth",
    click.argument("out", type=FOLDER),
    click.option("--subjects", type=click.IntRange(1, 999), default=12, show_default=True, help="People to draw."),
    _set,
    _seed,
    _jobs,
    _overwrite,
)
def _synth(*, subjects: int, seed: int | None, settings: tuple[str, ...], **values: Any) -> dict[str, Any]:
    """Draw a synthetic twin of CK+ into the folder OUT.

    The faces are moved by action units from neutral to apex and stand in CK+'s layout.
    """
    from ckseq.tasks.synth import config_of, synth

    return synth(config=config_of(subjects, seed, settings), **values)


@_command("inspect", click.argument("data", type=FOLDER), _source)
def _inspect(**values: Any) -> dict[str, Any]:
    """Tell what is in DATA, and every oddity with its mend.

    What is there is set against what CK+ should hold.
    """
    from ckseq.tasks.inspect import inspect

    return inspect(**values)


@_command(
    "preprocess",
    click.argument("data", type=FOLDER),
    _recipe("pipeline", "anchored"),
    _out("The store (HDF5) to write."),
    click.option("--label", "classes", multiple=True, help="Only recordings with this label; may be repeated."),
    _source,
    _set,
    _jobs,
    _overwrite,
)
def _preprocess(*, classes: tuple[str, ...], **values: Any) -> dict[str, Any]:
    """Turn the recordings in DATA into tensors, in one store.

    An interrupted run goes on where it stopped when the same command is given again.
    """
    from ckseq.tasks.preprocess import preprocess

    return preprocess(classes=classes or None, **values)


@_command(
    "train",
    click.argument("store", type=FOLDER),
    _recipe("experiment"),
    _out("The run folder to write."),
    click.option("--resume", is_flag=True, help="Go on with an interrupted run."),
    _set,
    _seed,
    _overwrite,
)
def _train(**values: Any) -> dict[str, Any]:
    """Train a model on a STORE as an experiment asks.

    Keeps the predictions first, then model, history and how all of it was made.
    """
    from ckseq.tasks.train import train

    return train(**values)


@_command(
    "crossval",
    click.argument("store", type=FOLDER),
    _recipe("experiment"),
    _out("The run folder to write."),
    click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="So many seeds."),
    click.option("--jobs", type=int, default=1, show_default=True, help="Folds at once; -1 is one per core."),
    click.option("--resume", is_flag=True, help="Go on with an interrupted run."),
    _set,
    _seed,
    _overwrite,
)
def _crossval(**values: Any) -> dict[str, Any]:
    """Test every sequence of a STORE, fold by fold.

    Each is tested once per seed, by a model that was not trained on its fold.

    Five folds that keep people apart, unless the experiment or --set protocol.kind asks for other folds.
    """
    from ckseq.tasks.crossval import crossval

    return crossval(**values)


@_command(
    "report",
    click.argument("run", type=FOLDER),
    click.option("--faces/--no-faces", default=True, show_default=True, help="Show face crops in the pictures."),
)
def _report(**values: Any) -> dict[str, Any]:
    """Write scores, pictures and one HTML page into the folder RUN.

    The page holds all of it and can be passed on as one file.
    """
    from ckseq.tasks.report import report

    return report(**values)


@_command(
    "experiment",
    click.argument("name"),
    click.option("--data", type=FOLDER, required=True, help="The data set: a folder, CK+'s archives, a manifest."),
    _out("The folder for the store, the run and the report."),
    _source,
    _set,
    _seed,
    _jobs,
    _overwrite,
)
def _experiment(**values: Any) -> dict[str, Any]:
    """Run the experiment NAME from images to report in one go.

    Preprocesses, trains and reports; NAME may also be the path of a .toml file.

    An interrupted experiment goes on where it stopped when the same command is given again.
    """
    from ckseq.tasks.experiment import experiment

    return experiment(**values)


@_command(
    "predict",
    click.argument("run", type=FOLDER),
    click.argument("inputs", type=FOLDER, nargs=-1, required=True),
)
def _predict(**values: Any) -> dict[str, Any]:
    """Classify new recordings with the model of RUN.

    Each of INPUTS is a folder of frames or a video file.
    """
    from ckseq.tasks.predict import predict

    return predict(**values)


_maybe_experiment = click.option(
    "--experiment", metavar="NAME|FILE", help="Its classes, balance and protocol; without it all labelled sequences."
)


@_command("audit", click.argument("store", type=FOLDER), _maybe_experiment, _set)
def _audit(**values: Any) -> dict[str, Any]:
    """Measure what training and test of a STORE share.

    Also tells how far rules come that look at no pixel.
    """
    from ckseq.tasks.audit import audit

    return audit(**values)


@cli.group("protocol", cls=_InOrder)
def _protocol() -> None:
    """Share who is tested on in which fold, as a file.

    The file holds ids of recordings and no pixel.
    """


@_command(
    "export",
    click.argument("store", type=FOLDER),
    _maybe_experiment,
    click.option("--out", type=FOLDER, required=True, help="The JSON file to write."),
    _set,
    _overwrite,
    group=_protocol,
)
def _protocol_export(**values: Any) -> dict[str, Any]:
    """Write the folds of an experiment, or of a protocol named with --set, over a STORE."""
    from ckseq.tasks.protocol import protocol_export

    return protocol_export(**values)


@_command("verify", click.argument("file", type=FOLDER), click.argument("store", type=FOLDER), group=_protocol)
def _protocol_verify(**values: Any) -> dict[str, Any]:
    """Check that a FILE of folds fits a STORE, is unchanged, and keeps people apart where it says so."""
    from ckseq.tasks.protocol import protocol_verify

    return protocol_verify(**values)


@_command(
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


@_command(
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


@_command(
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


@_command(
    "ladder",
    click.argument("store", type=FOLDER),
    _recipe("experiment"),
    _out("The folder for the runs and the picture."),
    click.option("--jobs", type=int, default=1, show_default=True, help="Folds at once; -1 is one per core."),
    _set,
    _seed,
)
def _ladder(**values: Any) -> dict[str, Any]:
    """Test one model ever more strictly and draw the staircase.

    It goes from a random split to strangers only.

    What is done already is not done again when the same command is given once more.
    """
    from ckseq.tasks.ladder import ladder

    return ladder(**values)


@_command(
    "replay",
    click.argument("run", type=FOLDER),
    click.option("--store", type=FOLDER, help="Where the store lies now."),
    click.option("--out", type=FOLDER, help="Keep the replayed run in this folder."),
)
def _replay(**values: Any) -> dict[str, Any]:
    """Make RUN again from its run.json and say what differs.

    The answer is bit-equal, within noise, or different and why.
    """
    from ckseq.tasks.replay import replay

    return replay(**values)


@_command("config", click.argument("name", required=False), _set)
def _config(**values: Any) -> dict[str, Any]:
    """Explain every field of every recipe, or show one whole.

    With NAME, the recipe of that name is shown with all its values.
    """
    from ckseq.tasks.config import config

    return config(**values)


@_command(
    "bench",
    click.argument("what", type=click.Choice(["preprocess", "train"])),
    click.option("--data", type=FOLDER, help="Frames to measure on; the synthetic twin if not given."),
    click.option("--frames", type=click.IntRange(min=4), default=120, show_default=True, help="Frames to measure on."),
    _jobs,
)
def _bench(**values: Any) -> dict[str, Any]:
    """Measure speed here and now.

    Every figure is a ratio against the plain way in the same run.
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
        _fail("interrupted; what is done is kept, and the same command goes on (train: with --resume)", 130)
    except BrokenPipeError:
        # who reads us has gone, as in "ckseq inspect | head"; that is no failure
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
        _fail(f"a defect of ckseq: {type(error).__name__}: {error}; --debug shows where, please report it", 1)


def _fail(text: str, status: int) -> None:
    click.echo(f"ckseq: {' '.join(text.split())}", err=True)
    sys.exit(status)
