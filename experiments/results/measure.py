"""Measure the results table of a data set: ``python experiments/results/measure.py DATA NAME FOLDER``.

DATA is a data set in CK+'s layout, NAME that of the table (NAME.json beside this file), FOLDER for stores and runs.
Every row is one ``ckseq preprocess`` and one ``ckseq crossval --experiment motion`` with its settings:
subject-independent 5-fold cross-validation on labeled sequences. Finished runs are reused.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from ckseq.config import digest
from ckseq.console import Console
from ckseq.defaults import CONFIDENCE
from ckseq.report.scores import scores_of
from ckseq.storage.complete_run import read_complete_run
from ckseq.storage.predictions import read_predictions
from ckseq.tasks.compare import compare
from ckseq.tasks.crossval import crossval
from ckseq.tasks.preprocess import preprocess

QUIET = Console(quiet=True)


class Row(NamedTuple):
    """A row of the table: its description, the pipeline with its settings, and the settings of the experiment."""

    what: str
    pipeline: str
    prepared: tuple[str, ...]
    asked: tuple[str, ...]


NO_AUGMENTATION = tuple(f"augmentation.{field}=0" for field in ("shift_px", "scale", "time_stretch", "mirror", "gain"))
LINEAR = ("model.filters=0",)
ONE_BOX = ("faces.policy=anchor", "faces.pick=central", "detector.upsample=0")
FIRST = ("motion.reference=first", "motion.threshold=4.0", "motion.erosion_px=1", "motion.blur_px=2.0")
STEPS = (
    Row("the paper's pipeline, a linear model", "paper", (), (*NO_AUGMENTATION, *LINEAR)),
    Row("one face box per sequence", "paper", ONE_BOX, (*NO_AUGMENTATION, *LINEAR)),
    Row(
        "absolute difference to the first frame after a blur",
        "paper",
        (*ONE_BOX, *FIRST, "motion.difference=absolute"),
        (*NO_AUGMENTATION, *LINEAR),
    ),
    Row("signed difference", "paper", (*ONE_BOX, *FIRST, "motion.difference=signed"), (*NO_AUGMENTATION, *LINEAR)),
    Row("drift and flicker removed", "anchored", ("motion.moving_threshold=0",), (*NO_AUGMENTATION, *LINEAR)),
    Row("channel of current motion: pipeline anchored", "anchored", (), (*NO_AUGMENTATION, *LINEAR)),
    Row("augmentation", "anchored", (), LINEAR),
    Row("convolutions: experiment motion", "anchored", (), ()),
)
MODELS = tuple(Row(kind, "anchored", (), (f"model.kind={kind}",)) for kind in ("ridge", "svm", "minirocket", "gru"))
# fewer folds leave fewer training subjects
PEOPLE = tuple(
    Row(f"{folds} folds", "anchored", (), ("protocol.kind=subject_k_fold", f"protocol.folds={folds}"))
    for folds in (2, 3, 9)
)


def run_of(data: Path, folder: Path, row: Row) -> Path:
    """Preprocess and cross-validate; return the run folder."""
    store = folder / f"{row.pipeline}-{digest(row.prepared)}.h5"
    if not store.exists():
        settings = (*row.prepared, "reduce.keep_blobs=false")
        preprocess(data, pipeline=row.pipeline, out=store, settings=settings, classes=(), console=QUIET)
    run = folder / f"run-{digest(row.pipeline, row.prepared, row.asked)}"
    crossval(store, experiment="motion", out=run, settings=row.asked, resume=True, console=QUIET)
    return run


def results_of(row: Row, run: Path) -> dict[str, Any]:
    """Return a row of the table with the results of its run."""
    record, predictions = read_complete_run(run)
    scores = scores_of(record, predictions, confidence=CONFIDENCE)
    return {
        **row._asdict(),
        "accuracy": round(scores.accuracy, 3),
        "interval": [round(end, 3) for end in scores.interval],
        "interval_method": scores.method.kind,
        "right": scores.n_correct,
        "n": scores.n,
        "training_seconds": round(record.seconds, 1),
    }


def main(data: Path, name: str, folder: Path) -> None:
    """Measure and write the table."""
    folder.mkdir(parents=True, exist_ok=True)
    table: dict[str, Any] = {
        "data": name,
        "protocol": "subject-independent 5-fold, labeled sequences only, one seed; 95 % intervals",
        "steps": [],
        "models": [],
        "people": [],
    }
    for row in STEPS:
        motion = run_of(data, folder, row)
        table["steps"].append(results_of(row, motion))
    for row in MODELS:
        run = run_of(data, folder, row)
        (pair,) = compare([motion, run], anyway=False, picture=None, console=QUIET)["pairs"]
        against = {key: pair[key] for key in ("won", "lost", "test", "p_value")}
        table["models"].append({**results_of(row, run), "motion_against_it": against})
    for row in PEOPLE:
        run = run_of(data, folder, row)
        n_people = len({one.subject for one in read_predictions(run).rows})
        table["people"].append({**results_of(row, run), "n_people": n_people})
    path = Path(__file__).with_name(f"{name}.json")
    path.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
