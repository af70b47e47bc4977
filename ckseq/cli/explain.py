"""The command that explains a run: explain."""

from __future__ import annotations

from typing import Any

import click

from ckseq.cli.common import FOLDER, command, on_option, plugin_option


@command(
    "explain",
    click.argument("run", type=FOLDER),
    click.argument("recordings", metavar="[RECORDING]...", nargs=-1),
    click.option("--store", type=FOLDER, help="Path of the store, if it was moved."),
    click.option(
        "--data", type=FOLDER,
        help="Data set in CK+'s layout, whose Landmarks say which parts of the face moved: prints how well the "
        "explanations overlap with these.",
    ),
    plugin_option,
    click.option("--sanity", is_flag=True,
                 help="Train every fold again on shuffled labels; explanations of such models must say nothing."),
    click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
                 help="Seed of random places, random orders and intervals."),
    click.option("--faces/--no-faces", default=True, show_default=True, help="Show face crops in the figures."),
    click.option("--all-faces", is_flag=True,
                 help="Of CK+, also show faces of subjects whose pictures may not be published."),
    on_option,
)  # fmt: skip
def _explain(**values: Any) -> dict[str, Any]:
    """Show where and when in a face a model sees its evidence.

    Explains all test sequences of RUN, or those named, each with the model that did not see it: which region of the
    face, and which time, lowers the probability of a class when it does not move (occlusion). Compares the result with
    FACS, and writes figures and explanation.json into the folder 'explanations' of the run. 'ckseq report' then shows
    them. Explains classes, such as emotions, and not action units.

    \b
    ckseq explain RUN                            a run of 'ckseq train'
    ckseq explain CV --data CKPLUS --sanity      a run of 'ckseq crossval --keep-models', checked
    ckseq explain CV S005_001                    one sequence
    """  # noqa: D301  (click wants the character \b)
    from ckseq.tasks.explain import explain

    return explain(**values)
