"""How far networks for single images come in a few minutes here, on few faces of the synthetic twin."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from ckseq.console import Console
from ckseq.learn import backend
from ckseq.report.trust import trust
from ckseq.storage.predictions import read_predictions
from ckseq.storage.run_record import read_run
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.synth import synth
from ckseq.tasks.train import train
from ckseq.twin.tree import TwinConfig

LIMIT_S = 300
CONFIDENCE = 0.95
_RECIPE = "small_stills"
_PIPELINE = "still_48_gray"
# the seeds that the recipe was made with are others
_TWIN_SEED, _OTHERS_SEED = 9, 10
# as published; so small a network has time for more epochs
_SMALL = ('model={kind = "cnn_small"}', "training.epochs=100")
# nearly all of the others are there to be learnt from
_BACKBONE = (*_SMALL, "protocol.test_share=0.1")


class Entrant(NamedTuple):
    """A network of the table: what it is, and the settings that make it of the recipe."""

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
    """Make a small set of still images, and train each network on it as the experiment ``small_stills`` says.

    The images are the apex frames of synthetic people, 48x48 gray, each person with every emotion once; the networks
    are tested on people they have never seen. The backbone at rest is system C's network, trained here on other
    synthetic people; nothing is fetched.

    Parameters
    ----------
    scratch : Path
        A folder to work in.
    jobs : int
        Processes that draw and prepare; -1 is one per core.
    console : Console
    n_people, n_others : int
        How many people there are, and how many others for the backbone to learn from.
    settings : sequence of str
        On top of those of every network.

    Returns
    -------
    dict
        ``data``, ``n_train``, ``n_test``, ``n_test_subjects``, ``chance``, ``limit_s``, ``device`` and ``networks``, by
        name ``n_parameters``, ``seconds`` (of building, training and testing), ``processor_seconds``,
        ``balanced_accuracy`` and its 95 % ``interval``, by drawing the tested people anew.
    """
    store = _prepared(scratch, "people", n_people, seed=_TWIN_SEED, jobs=jobs, console=console)
    others = _prepared(scratch, "others", n_others, seed=_OTHERS_SEED, jobs=jobs, console=console)
    backend.load_keras()
    quiet = Console(quiet=True)
    console.step("training a backbone on other people")
    train(others, experiment=_RECIPE, out=scratch / "backbone", settings=[*_BACKBONE, *settings], console=quiet)
    networks: dict[str, dict[str, Any]] = {}
    for number, (name, own) in enumerate(_entrants(scratch / "backbone" / "model.keras")):
        console.step(f"training {name}")
        out = scratch / f"run_{number}"
        started, worked = time.perf_counter(), time.process_time()
        train(store, experiment=_RECIPE, out=out, settings=[*own, *settings], console=quiet)
        spent, worked = time.perf_counter() - started, time.process_time() - worked
        networks[name] = {
            "n_parameters": model.n_parameters if (model := read_run(out).model) else None,
            "seconds": round(spent, 1),
            "processor_seconds": round(worked, 1),
            **_figures(out),
        }
    run = read_run(scratch / "run_0")
    found = {
        "data": f"synthetic: apex frames of {n_people} drawn people, 48x48 gray, seed {_TWIN_SEED}",
        "n_train": run.protocol.n_train,
        "n_test": run.protocol.n_test,
        "n_test_subjects": run.protocol.test_subjects,
        "chance": round(1 / len(run.labels), 3),
        "limit_s": LIMIT_S,
        "device": run.device,
        "networks": networks,
    }
    _say(console, found)
    return found


def _entrants(backbone: Path) -> tuple[Entrant, ...]:
    at_rest = f'model={{kind = "transfer", backbone = "{backbone}", weights = "own", cut_after = "dense", hidden = []}}'
    return (
        Entrant("system B", ()),
        Entrant("system B, adversarial", ("training.adversarial_multiplier=0.3",)),
        Entrant("system C, small", _SMALL),
        # a linear map over 64 features learns with larger steps than a network
        Entrant("backbone at rest", (at_rest, "training.epochs=100", "training.learning_rate=0.01")),
    )


def _prepared(scratch: Path, name: str, n_people: int, *, seed: int, jobs: int, console: Console) -> Path:
    """Draw people, each with every emotion, and cut their faces out."""
    console.step(f"drawing and preparing {n_people} people")
    data, store, quiet = scratch / name, scratch / f"{name}.h5", Console(quiet=True)
    twin = TwinConfig(seed=seed, n_subjects=n_people, emotions_per_subject=7, unlabeled_share=0, median_frames=6)
    synth(data, config=twin, jobs=jobs, overwrite=False, console=quiet)
    found = ["detector.kind=dlib_hog", "detector.upsample=0"]
    preprocess(data, pipeline=_PIPELINE, out=store, settings=found, jobs=jobs, console=quiet)
    return store


def _figures(run: Path) -> dict[str, Any]:
    found = trust(read_predictions(run), confidence=CONFIDENCE)
    value, ends = found.mean["balanced_accuracy"], found.interval["balanced_accuracy"]
    return {"balanced_accuracy": round(value, 3), "interval": [round(end, 3) for end in ends]}


def _say(console: Console, found: dict[str, Any]) -> None:
    table = Table("network", "parameters", "seconds", "processor", "accuracy", "95 % interval")
    for name, network in found["networks"].items():
        low, high = network["interval"]
        table.add_row(
            name,
            f"{network['n_parameters']:,}",
            f"{network['seconds']:.0f}" + (" (too long)" if network["seconds"] > LIMIT_S else ""),
            f"{network['processor_seconds']:.0f}",
            f"{network['balanced_accuracy']:.2f}",
            f"{low:.2f} to {high:.2f}",
        )
    console.say(table)
    tested = f"{found['n_train']} to train on, {found['n_test']} of {found['n_test_subjects']} other people to test on"
    console.say(f"{found['data']}; {tested}; {found['device']}")
    console.say(
        f"accuracy is the mean over the classes, where chance is {found['chance']:.2f}; processor is its seconds"
    )
    console.say("the backbone is system C's network, trained on other synthetic people just before")
