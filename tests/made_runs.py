"""Run folders made for the tests: made predictions, made curves, made motion."""

import json
import math

import numpy as np

from ckseq.storage.examples import Example, write_examples
from ckseq.storage.history import Epoch, write_history
from ckseq.storage.predictions import Prediction, Predictions, write_predictions
from ckseq.storage.report_crops import write_crops
from ckseq.storage.run_record import RunRecord, write_run

LABELS = ("anger", "disgust", "happiness", "surprise")
# 37 of 42 right, as in the published figure: (truth, predicted, how often)
OUTCOMES = (
    ("anger", "anger", 10),
    ("anger", "surprise", 1),
    ("disgust", "disgust", 9),
    ("disgust", "anger", 1),
    ("happiness", "happiness", 9),
    ("happiness", "surprise", 1),
    ("surprise", "surprise", 9),
    ("surprise", "happiness", 2),
)


def made_predictions(labels=LABELS, outcomes=OUTCOMES, folds=1):
    pairs = [(truth, predicted) for truth, predicted, n in outcomes for _ in range(n)]
    rows = []
    for number, (truth, predicted) in enumerate(pairs):
        p = 0.6 + 0.3 * number / len(pairs)
        rest = (1 - p) / max(1, len(labels) - 1)
        probabilities = tuple(p if label == predicted else rest for label in labels)
        subject = f"S{number % 9:03d}"
        rows.append(Prediction(f"{subject}_{number:03d}", subject, number % folds, truth, predicted, probabilities))
    return Predictions(tuple(labels), tuple(rows))


def answering(row, predicted, labels):
    """Return a row with another prediction, and probabilities that say the same."""
    p = max(row.probabilities)
    rest = (1 - p) / max(1, len(labels) - 1)
    return row._replace(predicted=predicted, probabilities=tuple(p if one == predicted else rest for one in labels))


def made_history(epochs=12, validated=True):
    decay = [math.exp(-epoch / 5) for epoch in range(1, epochs + 1)]
    return tuple(
        Epoch(number, 1.3 * d, 1 - 0.7 * d, *((0.4 + d, 0.9 - 0.6 * d) if validated else (math.nan, math.nan)), 1.5)
        for number, d in enumerate(decay, start=1)
    )


def made_examples(labels=LABELS, n=24, seed=0):
    rng = np.random.default_rng(seed)
    examples = []
    for number, label in enumerate(labels):
        blobs = rng.random((4 + 3 * number, n, n)) > 0.9
        projections = np.stack([blobs.mean(axis=1), blobs.mean(axis=2)], axis=1).astype(np.float32)
        faces = rng.integers(0, 256, (2, n, n), dtype=np.uint8)
        examples.append(Example(f"S{number:03d}_001", label, faces, blobs, projections))
    return tuple(examples)


def made_leakage(**changes):
    """Return the leakage of a record; rules may be told by name and accuracy alone."""
    rules = changes.pop("rules", [])
    return {
        "n_folds": 1,
        "n_test": 42,
        "shared_subjects": 0,
        "test_sequences_of_shared_subjects": 0,
        "test_sequences_of_shared_sessions": 0,
        "n_duplicates": 0,
        "n_near_duplicates": 0,
        "duplicates": [],
        "near_duplicates": [],
        "near_duplicate_correlation": 0.9992,
        "best_rule": "class prior",
        "rules": [{"about": "", "n_correct": 10, "n": 42, "interval": [0.1, 0.5], "p_value": None, **r} for r in rules],
        **changes,
    }


def made_run(predictions=None, *, leakage=None, **changes):
    """Return a record; of ``protocol``, ``store`` and ``model`` only what is given is changed."""
    predictions = predictions or made_predictions()
    labels = list(predictions.labels)
    tree = {
        "schema": 2,
        "kind": "training",
        "ckseq_version": "0.1.0",
        "created": "2025-11-02T14:31:07+00:00",
        "command": "ckseq train store.h5 --experiment paper_phase4 --out run --seed 1",
        "experiment_name": "paper_phase4",
        "experiment": {
            "name": "paper_phase4",
            "question": "Does the recipe tell four emotions apart?",
            "classes": labels,
            "published": {"accuracy": 0.88, "n_test": 42, "source": "a report on CK+"},
            "model": {"kind": "conv_lstm", "kernel": [1, 3]},
            "training": {"epochs": 12, "validation": "test"},
        },
        "labels": labels,
        "folds": [{"number": 0, "test": sorted({row.recording for row in predictions.rows})}],
        "train_only": ["S100_001"],
        "trainings": [{"seed": 1, "fold": 0, "n_train": 98, "n_test": 42, "epochs": 12, "seconds": 1204.5}],
        "seeds": [1],
        "versions": {"ckseq": "0.1.0", "numpy": "2.3.5"},
        "device": "CPU, 2 cores",
        "state": "complete",
        "epochs_done": 12,
    }
    parts = {
        "store": {"path": "store.h5", "digest": "9f1c2ab37e5d4410", "pipeline": {"name": "paper"}, "origin": "other"},
        "protocol": {
            "kind": "paper_split",
            "digest": "0a31bb8e21f00c7d",
            "n_train": 98,
            "n_test": len(predictions.rows),
            "test_subjects": 9,
            "shared_subjects": 0,
            "test_sequences_of_shared_subjects": 0,
            "sentence": "no test subject is in training",
        },
        "model": {"kind": "conv_lstm", "n_parameters": 8912404, "input_shape": [39, 2, 267, 1]},
    }
    parts = {name: {**part, **changes.pop(name, {})} for name, part in parts.items()}
    if leakage is not None:
        parts["leakage"] = made_leakage(**leakage)
    return RunRecord.model_validate_json(json.dumps({**tree, **parts, **changes}))


def made_crops(predictions, k=2, n=24, channels=(), seed=0):
    rng = np.random.default_rng(seed)
    return {row.recording: rng.integers(0, 256, (k, n, n, *channels), dtype=np.uint8) for row in predictions.rows}


def write_made_run(folder, predictions=None, history=True, examples=True, crops=True, **changes):
    predictions = predictions or made_predictions()
    write_run(folder, made_run(predictions, **changes))
    write_predictions(folder, predictions)
    if history:
        write_history(folder, made_history())
    if examples:
        write_examples(folder, made_examples(predictions.labels))
    if crops:
        write_crops(folder, made_crops(predictions))
    return folder
