"""Reports made for the tests: a run on drawn faces, which was asked and not trained, and motion of a chosen density."""

import numpy as np
from made_runs import made_run

from ckseq.console import Console
from ckseq.storage.explanations import (
    EXPLANATIONS,
    ClassEvidence,
    ExplainedRecording,
    ExplanationFile,
    write_explanations,
)
from ckseq.storage.predictions import Prediction, Predictions, write_predictions
from ckseq.storage.run_record import write_run
from ckseq.storage.store import open_store
from ckseq.tasks.crossval import crossval
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.report import report
from ckseq.tasks.synth import synth
from ckseq.twin.tree import TwinConfig

LABELS = ("happiness", "sadness", "surprise")
TWIN = TwinConfig(seed=5, n_subjects=3, emotions=LABELS, emotions_per_subject=3, median_frames=9, unlabeled_share=0.0)


def write_twin_run(folder):
    """Write a store of drawn faces and a run of it, whose predictions are made: every fifth is wrong."""
    console = Console(quiet=True)
    synth(folder / "twin", config=TWIN, jobs=1, overwrite=False, console=console)
    preprocess(folder / "twin", pipeline="anchored", out=folder / "store.h5", jobs=1, console=console)
    with open_store(folder / "store.h5") as store:
        entries, digest, origin, notes = store.entries, store.digest, store.origin, store.notes
    rows = []
    for number, entry in enumerate(entries):
        predicted = LABELS[(LABELS.index(entry.label) + (number % 5 == 0)) % 3]
        p = 0.5 + 0.4 * number / len(entries)
        probabilities = tuple(p if label == predicted else (1 - p) / 2 for label in LABELS)
        rows.append(Prediction(entry.id, entry.subject, 0, entry.label, predicted, probabilities))
    predictions = Predictions(LABELS, tuple(rows))
    store = {"path": str(folder / "store.h5"), "digest": digest, "origin": origin}
    write_run(folder / "run", made_run(predictions, store=store, notes=notes, experiment_name="drawn faces"))
    write_predictions(folder / "run", predictions)
    return folder / "run"


def write_explained_run(folder):
    """Write a run that was trained on drawn faces, explained and reported, as a user would; it takes minutes."""
    quiet = Console(quiet=True)
    config = TwinConfig(seed=5, n_subjects=6, emotions_per_subject=7, median_frames=10, unlabeled_share=0.0)
    synth(folder / "twin", config=config, jobs=-1, overwrite=False, console=quiet)
    kept = ("reduce.keep_blobs=true",)
    preprocess(folder / "twin", pipeline="landmarks", out=folder / "store.h5", settings=kept, jobs=-1, console=quiet)
    crossval(folder / "store.h5", experiment="default", out=folder / "run", explain=True, console=quiet)
    report(folder / "run", faces=True, console=quiet)
    return folder / "run"


def moving_blobs(rng, t, *, share, n=267, channels=2):
    """Return blobs (t, n, n, channels) of spots that grow until the last frame, where they cover a share of it."""
    import cv2

    small = np.stack([cv2.GaussianBlur(rng.random((n, n), dtype=np.float32), (0, 0), 4) for _ in range(channels)], -1)
    limits = np.quantile(small, 1 - share * np.linspace(0.1, 1, t))
    return np.stack([small > limit for limit in limits])


def made_explained(row, *, n_steps=9, cells=6, **changes):
    """Return an explanation of a prediction: all evidence is in the first face row, the last column, and one step."""
    rows, columns, face = np.zeros((cells, n_steps)), np.zeros((cells, n_steps)), np.zeros((cells, cells))
    rows[0, 4], columns[-1, 4], face[0, -1], face[-1, 0] = 1, 1, 1, -1
    maps = {name: tuple(map(tuple, values.tolist())) for name, values in zip(_MAPS, (rows, columns, face), strict=True)}
    facts = {
        "recording": row.recording,
        "subject": row.subject,
        "seed": 1,
        "fold": 0,
        "held_out": True,
        "truth": row.truth,
        "predicted": row.predicted,
        "probability": max(row.probabilities),
        "n_steps": n_steps,
        "onset": None,
        "apex": None,
        "action_units": None,
        "placed_by": "proportions",
        "where": "left brow",
        "when": (4, 6),
        "classes": {row.predicted: ClassEvidence(groups={}, time=(0.0,) * n_steps, **maps)},
    }
    return ExplainedRecording(**{**facts, **changes})


_MAPS = ("rows", "columns", "face")


def write_made_explanations(run, labels, explained):
    """Write ``explanation.json`` of some recordings, without any statistics."""
    found = ExplanationFile(
        run=str(run),
        store_digest="",
        seed=0,
        input="projections",
        labels=labels,
        regions=(),
        cells=6,
        occlusion={},
        notes=(),
        recordings=explained,
        agreement=(),
        figures=(),
    )
    write_explanations(run / EXPLANATIONS, found)
