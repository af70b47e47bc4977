"""Make a table beside this file anew: ``python experiments/results/measure.py DATA NAME FOLDER``.

DATA is a data set in CK+'s layout, NAME that of the table (NAME.json), FOLDER for stores and runs. Every line is one
``ckseq preprocess`` and one ``ckseq crossval --experiment default`` with the settings that stand in it: five folds that
keep people apart, labeled sequences only. What was done before is not done again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from ckseq.config import digest
from ckseq.console import Console
from ckseq.protocol.score import wilson_interval
from ckseq.storage.predictions import read_predictions
from ckseq.storage.run_record import read_run
from ckseq.tasks.compare import compare
from ckseq.tasks.crossval import crossval
from ckseq.tasks.preprocess import preprocess

QUIET = Console(quiet=True)


class Line(NamedTuple):
    """A line of a table: what is new in it, its pipeline and that one's settings, and those of the experiment."""

    what: str
    pipeline: str
    prepared: tuple[str, ...]
    asked: tuple[str, ...]


AS_IT_IS = tuple(f"augmentation.{field}=0" for field in ("shift_px", "scale", "time_stretch", "mirror", "gain"))
LINEAR = ("model.filters=0",)
ONE_BOX = ("faces.policy=anchor", "faces.pick=central", "detector.upsample=0")
FIRST = ("motion.reference=first", "motion.threshold=4.0", "motion.erosion_px=1", "motion.blur_px=2.0")
STEPS = (
    Line("the paper's pipeline, a linear model", "paper", (), (*AS_IT_IS, *LINEAR)),
    Line("one box a sequence", "paper", ONE_BOX, (*AS_IT_IS, *LINEAR)),
    Line(
        "absolute difference to the first frame after a blur",
        "paper",
        (*ONE_BOX, *FIRST, "motion.difference=absolute"),
        (*AS_IT_IS, *LINEAR),
    ),
    Line("signed difference", "paper", (*ONE_BOX, *FIRST, "motion.difference=signed"), (*AS_IT_IS, *LINEAR)),
    Line("drift and flicker taken out", "anchored", ("motion.moving_threshold=0",), (*AS_IT_IS, *LINEAR)),
    Line("a channel of what moves just now: pipeline anchored", "anchored", (), (*AS_IT_IS, *LINEAR)),
    Line("augmentation", "anchored", (), LINEAR),
    Line("convolutions: experiment default", "anchored", (), ()),
)
MODELS = tuple(Line(kind, "anchored", (), (f"model.kind={kind}",)) for kind in ("ridge", "svm", "minirocket", "gru"))
# fewer folds leave fewer people to learn from
PEOPLE = tuple(
    Line(f"{folds} folds", "anchored", (), ("protocol.kind=subject_k_fold", f"protocol.folds={folds}"))
    for folds in (2, 3, 9)
)


def measured(data: Path, folder: Path, line: Line) -> Path:
    """Prepare and cross-validate; return the run's folder."""
    store = folder / f"{line.pipeline}-{digest(line.prepared)}.h5"
    if not store.exists():
        settings = (*line.prepared, "reduce.keep_blobs=false")
        preprocess(data, pipeline=line.pipeline, out=store, settings=settings, classes=(), console=QUIET)
    run = folder / f"run-{digest(line.pipeline, line.prepared, line.asked)}"
    crossval(store, experiment="default", out=run, settings=line.asked, resume=True, console=QUIET)
    return run


def told(line: Line, run: Path) -> dict[str, Any]:
    """Return what a table says of a run."""
    rows = read_predictions(run).rows
    right = sum(row.truth == row.predicted for row in rows)
    interval = wilson_interval(right, len(rows), confidence=0.95)
    return {
        **line._asdict(),
        "accuracy": round(right / len(rows), 3),
        "interval": [round(interval.low, 3), round(interval.high, 3)],
        "right": right,
        "n": len(rows),
        "training_seconds": round(read_run(run)["seconds"]["training"], 1),
    }


def main(data: Path, name: str, folder: Path) -> None:
    """Measure, and write the table."""
    folder.mkdir(parents=True, exist_ok=True)
    table: dict[str, Any] = {
        "data": name,
        "protocol": "subject-disjoint 5-fold, labeled sequences only, one seed; Wilson intervals, 95 %",
        "steps": [],
        "models": [],
        "people": [],
    }
    for line in STEPS:
        default = measured(data, folder, line)
        table["steps"].append(told(line, default))
    for line in MODELS:
        run = measured(data, folder, line)
        (pair,) = compare([default, run], anyway=False, picture=None, console=QUIET)["pairs"]
        against = {key: pair[key] for key in ("won", "lost", "mcnemar", "permutation")}
        table["models"].append({**told(line, run), "default_against_it": against})
    for line in PEOPLE:
        run = measured(data, folder, line)
        n_people = len({row.subject for row in read_predictions(run).rows})
        table["people"].append({**told(line, run), "n_people": n_people})
    path = Path(__file__).with_name(f"{name}.json")
    path.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
