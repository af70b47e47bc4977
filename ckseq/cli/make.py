"""The commands that lead from images to a report and to predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ckseq import registry
from ckseq.cli.common import (
    FOLDER,
    command,
    error_rate_option,
    fit_memory_option,
    jobs_option,
    out_option,
    overwrite_option,
    recipe_option,
    seed_option,
    set_option,
    source_option,
    strict_option,
)


@command(
    "demo",
    click.option("--out", type=FOLDER, default=Path("ckseq-demo"), show_default=True, help="Where all of it goes."),
    seed_option,
    jobs_option,
    overwrite_option,
)
def _demo(**values: Any) -> dict[str, Any]:
    """Go the whole way on drawn faces, from images to a report.

    Draws a small synthetic data set, prepares it, trains on it and writes the report, in some minutes.
    """
    from ckseq.tasks.demo import demo

    return demo(**values)


@command(
    "synth",
    click.argument("out", type=FOLDER),
    click.option("--subjects", type=click.IntRange(1, 999), default=12, show_default=True, help="People to draw."),
    set_option,
    seed_option,
    jobs_option,
    overwrite_option,
)
def _synth(*, subjects: int, seed: int | None, settings: tuple[str, ...], **values: Any) -> dict[str, Any]:
    """Draw a synthetic twin of CK+ into the folder OUT.

    The faces are moved by action units from neutral to apex and stand in CK+'s layout.
    """
    from ckseq.tasks.synth import config_of, synth

    return synth(config=config_of(subjects, seed, settings), **values)


@command("inspect", click.argument("data", type=FOLDER), source_option)
def _inspect(**values: Any) -> dict[str, Any]:
    """Tell what is in DATA, and every oddity with its mend.

    What is there is set against what CK+ should hold.
    """
    from ckseq.tasks.inspect import inspect

    return inspect(**values)


@command(
    "preprocess",
    click.argument("data", type=FOLDER),
    recipe_option("pipeline", "anchored"),
    out_option("The store (HDF5) to write."),
    click.option("--label", "classes", multiple=True, help="Only recordings with this label; may be repeated."),
    click.option("--cache", type=FOLDER, help="Keep face crops in this folder, and take them from there."),
    strict_option,
    source_option,
    set_option,
    jobs_option,
    overwrite_option,
)
def _preprocess(*, classes: tuple[str, ...], **values: Any) -> dict[str, Any]:
    """Turn the recordings in DATA into tensors, in one store.

    An interrupted run goes on where it stopped when the same command is given again.
    """
    from ckseq.tasks.preprocess import preprocess

    return preprocess(classes=classes or None, **values)


@command(
    "train",
    click.argument("store", type=FOLDER),
    recipe_option("experiment"),
    out_option("The run folder to write."),
    click.option("--resume", is_flag=True, help="Go on with an interrupted run."),
    fit_memory_option,
    set_option,
    seed_option,
    overwrite_option,
)
def _train(**values: Any) -> dict[str, Any]:
    """Train a model on a STORE as an experiment asks.

    Keeps the predictions first, then model, history and how all of it was made.
    """
    from ckseq.tasks.train import train

    return train(**values)


@command(
    "augment-preview",
    click.argument("store", type=FOLDER),
    recipe_option("experiment"),
    click.option("--out", type=FOLDER, required=True, help="The PNG file to write."),
    click.option("--images", type=click.IntRange(1, 50), default=6, show_default=True, help="Rows of the picture."),
    click.option("--variations", type=click.IntRange(1, 20), default=8, show_default=True, help="Of each image."),
    set_option,
    seed_option,
)
def _augment_preview(**values: Any) -> dict[str, Any]:
    """Draw what training sees of some images of a STORE.

    One row an image: as it is, and varied as the experiment's [image_augmentation] says.
    """
    from ckseq.tasks.augment_preview import augment_preview

    return augment_preview(**values)


@command(
    "crossval",
    click.argument("store", type=FOLDER),
    recipe_option("experiment"),
    out_option("The run folder to write."),
    click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="So many seeds."),
    click.option("--jobs", type=int, default=1, show_default=True, help="Folds at once; -1 is one per core."),
    click.option("--resume", is_flag=True, help="Go on with an interrupted run."),
    fit_memory_option,
    set_option,
    seed_option,
    overwrite_option,
)
def _crossval(**values: Any) -> dict[str, Any]:
    """Test every sequence of a STORE, fold by fold.

    Each is tested once per seed, by a model that was not trained on its fold.

    Five folds that keep people apart, unless the experiment or --set protocol.kind asks for other folds.
    """
    from ckseq.tasks.crossval import crossval

    return crossval(**values)


@command(
    "report",
    click.argument("run", type=FOLDER),
    click.option("--faces/--no-faces", default=True, show_default=True, help="Show face crops in the pictures."),
)
def _report(**values: Any) -> dict[str, Any]:
    """Write scores, pictures and one page into the folder RUN.

    The page holds all of it and can be passed on as one file.
    """
    from ckseq.tasks.report import report

    return report(**values)


@command(
    "experiment",
    click.argument("name"),
    click.option("--data", type=FOLDER, required=True, help="The data set: a folder, CK+'s archives, a manifest."),
    out_option("The folder for the store, the run and the report."),
    strict_option,
    source_option,
    fit_memory_option,
    set_option,
    seed_option,
    jobs_option,
    overwrite_option,
)
def _experiment(**values: Any) -> dict[str, Any]:
    """Run the experiment NAME from images to report in one go.

    Preprocesses, trains and reports; NAME may also be the path of a .toml file.

    An interrupted experiment goes on where it stopped when the same command is given again.
    """
    from ckseq.tasks.experiment import experiment

    return experiment(**values)


@command(
    "predict",
    click.argument("run", type=FOLDER),
    click.argument("inputs", type=FOLDER, nargs=-1, required=True),
    click.option(
        "--as", "read_as", type=click.Choice(["auto", "sequence", "timeline"]), default="auto", show_default=True,
        help="One answer for the whole, or a timeline; auto: a timeline for what lasts longer than 5 s.",
    ),
    click.option("--out", type=FOLDER, help="Keep what is said here, as JSON; timelines as CSV and as pictures, too."),
    click.option("--draw", is_flag=True, help="Keep there, too, films and photos with their faces drawn on them."),
    click.option("--detector", type=click.Choice(registry.names("detectors")),
                 help="What finds the faces of photos, if not the run's own detector."),
    click.option("--fps", type=click.FloatRange(0.1, 1000), default=25.0, show_default=True,
                 help="Frames per second of folders of frames."),
    click.option("--seconds", type=click.FloatRange(0), help="Watch no more of a film or a camera than this."),
    error_rate_option,
    click.option(
        "--set", "settings", multiple=True, metavar="timeline.KEY=VALUE",
        help="Change a field of timelines, as in timeline.window_s=2; 'ckseq config' explains them all.",
    ),
)  # fmt: skip
def _predict(**values: Any) -> dict[str, Any]:
    """Classify new recordings with the model of RUN.

    Each of INPUTS is a folder of frames, a video file, or camera:0. A recording of one expression gets a class; a
    longer film, or a camera, a timeline of its faces, which ends with the film or with Ctrl-C.

    A RUN of single images reads photos, and folders of them: every face is found and gets a class.
    """
    from ckseq.tasks.predict import predict

    return predict(**values)
