"""Accuracy of networks for single images after a few minutes of training, on images of the synthetic twin."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from ckseq.console import Console
from ckseq.defaults import CONFIDENCE
from ckseq.learn import backend
from ckseq.report.trust import trust
from ckseq.storage.predictions import read_predictions
from ckseq.storage.run_record import read_run
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.synth import synth
from ckseq.tasks.train import train
from ckseq.twin.tree import TwinConfig

LIMIT_S = 300
_RECIPE = "small_stills"
_PIPELINE = "still_48_gray"
# not the seeds that the recipe was developed with
_TWIN_SEED, _OTHERS_SEED = 9, 10
# as published; so small a network can train for more epochs
_SMALL = ('model={kind = "cnn_small"}', "training.epochs=100")
# nearly all images of the other people are training data
_BACKBONE = (*_SMALL, "protocol.test_share=0.1")


class Figures(NamedTuple):
    """The measurements of one network: ``seconds`` of building, training and testing, and the CPU time of these.

    ``interval`` is the confidence interval of the balanced accuracy, by a bootstrap over the test subjects; None where
    all of its samples give the same value, as where a network is always wrong.
    """

    n_parameters: int | None
    seconds: float
    processor_seconds: float
    balanced_accuracy: float
    interval: list[float] | None


class Entrant(NamedTuple):
    """A network of the table: its name, and its settings on top of the recipe."""

    name: str
    settings: tuple[str, ...]


def bench_stills(
    scratch: Path,
    *,
    jobs: int,
    console: Console,
    n_people: int = 36,
    n_others: int = 24,
    settings: Sequence[str] = (),
) -> dict[str, Any]:
    """Generate a small set of still images, and train each network on it by the experiment ``small_stills``.

    The images are the apex frames of synthetic people, 48x48 gray, each person with every emotion once; the test is
    subject-independent. The frozen backbone is the network cnn_small, trained before on other synthetic people; nothing
    is downloaded.

    Parameters
    ----------
    scratch : Path
        A folder to work in.
    jobs : int
        Processes that generate and preprocess; -1 is one per core.
    console : Console
    n_people, n_others : int
        Number of people, and of other people to train the backbone on.
    settings : sequence of str
        On top of those of every network.

    Returns
    -------
    dict
        ``data``, ``n_train``, ``n_test``, ``n_test_subjects``, ``chance``, ``limit_s``, ``device`` and ``networks``, by
        name the fields of `Figures`.
    """
    store = _prepared(scratch, "people", n_people, seed=_TWIN_SEED, jobs=jobs, console=console)
    others = _prepared(scratch, "others", n_others, seed=_OTHERS_SEED, jobs=jobs, console=console)
    backend.load_keras()
    quiet = Console(quiet=True)
    console.heading("training a backbone on other people")
    train(others, experiment=_RECIPE, out=scratch / "backbone", settings=[*_BACKBONE, *settings], console=quiet)
    networks: dict[str, Figures] = {}
    for number, (name, own) in enumerate(_entrants(scratch / "backbone" / "model.keras")):
        console.heading(f"training {name}")
        out = scratch / f"run_{number}"
        started, worked = time.perf_counter(), time.process_time()
        train(store, experiment=_RECIPE, out=out, settings=[*own, *settings], console=quiet)
        spent, worked = time.perf_counter() - started, time.process_time() - worked
        networks[name] = _figures(out, seconds=spent, processor_seconds=worked)
    run = read_run(scratch / "run_0")
    found = {
        "data": f"synthetic: apex frames of {n_people} drawn people, 48x48 gray, seed {_TWIN_SEED}",
        "n_train": run.protocol.n_train,
        "n_test": run.protocol.n_test,
        "n_test_subjects": run.protocol.test_subjects,
        "chance": round(1 / len(run.labels), 3),
        "limit_s": LIMIT_S,
        "device": run.device,
        "networks": {name: one._asdict() for name, one in networks.items()},
    }
    _say(console, found, networks)
    return found


def _entrants(backbone: Path) -> tuple[Entrant, ...]:
    frozen = f'model={{kind = "transfer", backbone = "{backbone}", weights = "own", cut_after = "dense", hidden = []}}'
    return (
        Entrant("cnn_five_blocks", ()),
        Entrant("cnn_five_blocks, adversarial", ("training.adversarial_multiplier=0.3",)),
        Entrant("cnn_small", _SMALL),
        # a linear map over 64 features needs a higher learning rate than a network
        Entrant("frozen backbone", (frozen, "training.epochs=100", "training.learning_rate=0.01")),
    )


def _prepared(scratch: Path, name: str, n_people: int, *, seed: int, jobs: int, console: Console) -> Path:
    """Generate people, each with every emotion, and preprocess their images."""
    console.heading(f"generating and preprocessing {n_people} people")
    data, store, quiet = scratch / name, scratch / f"{name}.h5", Console(quiet=True)
    twin = TwinConfig(seed=seed, n_subjects=n_people, emotions_per_subject=7, unlabeled_share=0, median_frames=6)
    synth(data, config=twin, jobs=jobs, overwrite=False, console=quiet)
    found = ["detector.kind=dlib_hog", "detector.upsample=0"]
    preprocess(data, pipeline=_PIPELINE, out=store, settings=found, jobs=jobs, console=quiet)
    return store


def _figures(run: Path, *, seconds: float, processor_seconds: float) -> Figures:
    found = trust(read_predictions(run), confidence=CONFIDENCE)
    low, high = found.interval["balanced_accuracy"]
    return Figures(
        n_parameters=model.n_parameters if (model := read_run(run).model) else None,
        seconds=round(seconds, 1),
        processor_seconds=round(processor_seconds, 1),
        balanced_accuracy=round(found.mean["balanced_accuracy"], 3),
        interval=None if math.isnan(low) else [round(low, 3), round(high, 3)],
    )


def _say(console: Console, found: dict[str, Any], networks: dict[str, Figures]) -> None:
    table = Table("network", "parameters", "seconds", "CPU seconds", "balanced accuracy", f"{CONFIDENCE:.0%} interval")
    for name, network in networks.items():
        ends = "none" if network.interval is None else "{:.2f} to {:.2f}".format(*network.interval)
        table.add_row(
            name,
            f"{network.n_parameters:,}",
            f"{network.seconds:.0f}" + (" (too long)" if network.seconds > LIMIT_S else ""),
            f"{network.processor_seconds:.0f}",
            f"{network.balanced_accuracy:.2f}",
            ends,
        )
    console.say(table)
    tested = (
        f"{found['n_train']} training images, {found['n_test']} test images of {found['n_test_subjects']} other people"
    )
    console.say(f"{found['data']}; {tested}; {found['device']}")
    console.say(f"balanced accuracy by chance: {found['chance']:.2f}")
    console.say("the frozen backbone is the network cnn_small, trained before on other synthetic people")
