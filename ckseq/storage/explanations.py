"""``explanations/explanation.json``: where and when a model saw its evidence, and how well that agrees with FACS.

The folder ``explanations`` of a run holds this file and beside it, for each explained recording, the figure
``<recording>.png`` (the name in ``picture``), and ``classes.png``. A map is a list of rows of numbers, nats: by how
much the log-odds of a class drop where something does not move, negative where they rise. Schema 1:

- ``labels``, ``regions``: names, in the order of the maps below; ``input`` and ``notes`` of the run.
- ``recordings``: for each recording and seed ``truth`` (null where it has no label), ``predicted``, ``probability``,
  ``n_steps``, ``onset`` and ``apex`` (steps from 0, null where the motion does not tell), ``action_units`` (pairs of
  unit and intensity, null where not coded), ``where`` and ``when``: the region, and the first and last step, whose
  stillness costs the predicted class most; ``picture``; and ``classes``: for the predicted and the true class
  ``everything`` (a number), ``groups`` (by name), ``time`` (one number for each step), ``rows`` and ``columns``
  (cells x steps, face from top to bottom and from left to right), ``face`` (cells x cells, from top to bottom),
  ``region`` (one number for each region) and ``region_time`` (regions x steps); null where the input holds no such
  thing.
- ``agreement`` and ``figures``: see `AgreementRecord` and `FigureRecord`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from ckseq.errors import DataError
from ckseq.storage.files import read_text, write_text
from ckseq.storage.run_record import Record

EXPLANATIONS, EXPLANATION = "explanations", "explanation.json"
SCHEMA = 1
EXPLAINED_INPUTS = ("projections", "landmarks", "fused", "blobs", "halved")
"""What an experiment on sequences may read to be explained."""
_AGAIN = "run 'ckseq explain RUN' again"

Map = tuple[tuple[float, ...], ...]


class ClassEvidence(Record):
    """The maps of one class, of one recording."""

    groups: dict[str, float]
    time: tuple[float, ...]
    rows: Map | None = None
    columns: Map | None = None
    face: Map | None = None
    region: tuple[float, ...] | None = None
    region_time: Map | None = None


class ExplainedRecording(Record):
    """One explained recording; ``placed_by`` says whether its regions were placed by landmarks."""

    recording: str
    subject: str
    seed: int
    fold: int
    held_out: bool
    truth: str | None
    predicted: str
    probability: float
    n_steps: int
    onset: int | None
    apex: int | None
    action_units: tuple[tuple[str, int | None], ...] | None
    placed_by: str
    where: str
    when: tuple[int, int]
    picture: str = ""
    classes: dict[str, ClassEvidence]


class AgreementRecord(Record):
    """How well relevant parts agree with wanted parts: means over sequences, with intervals.

    ``against`` says what is wanted, ``of`` which model was asked, ``label`` of which class (empty: of all). ``iou`` is
    of the evidence for the true class, ``ratio`` its ratio to ``random_iou``; ``net_ratio`` is that after the overlap
    of the evidence against the class is subtracted: about 0 for a model that learned nothing. An interval is None where
    there is too little to draw; ``resampled`` is what was drawn, None in files of before, whose intervals do not count.
    """

    against: str
    of: str
    label: str
    n: int
    n_subjects: int
    iou: float
    random_iou: float
    ratio: float
    ratio_interval: tuple[float, float] | None
    net_ratio: float
    net_ratio_interval: tuple[float, float] | None
    precision: float
    recall: float
    resampled: Literal["subject", "sequence"] | None = None


class FigureRecord(Record):
    """One more figure, with its interval and ``resampled`` as of `AgreementRecord`."""

    name: str
    of: str
    value: float
    interval: tuple[float, float] | None
    n: int
    resampled: Literal["subject", "sequence"] | None = None


class ExplanationFile(Record):
    """``explanation.json``."""

    run: str
    store_digest: str
    seed: int
    input: str
    labels: tuple[str, ...]
    regions: tuple[str, ...]
    cells: int
    occlusion: dict[str, float]
    notes: tuple[str, ...]
    recordings: tuple[ExplainedRecording, ...]
    agreement: tuple[AgreementRecord, ...]
    figures: tuple[FigureRecord, ...]


def write_explanations(folder: Path, found: ExplanationFile) -> None:
    """Write ``explanation.json`` into a folder.

    Raises
    ------
    DataError
        It cannot be written.
    """
    tree = {"schema": SCHEMA, **found.model_dump(mode="json")}
    write_text(folder / EXPLANATION, json.dumps(tree, ensure_ascii=False) + "\n")


def read_explanations(run: Path) -> ExplanationFile | None:
    """Read the explanations of a run folder; None where there are none.

    Raises
    ------
    DataError
        The file is damaged, or of another schema.
    """
    path = run / EXPLANATIONS / EXPLANATION
    if not path.is_file():
        return None
    try:
        tree = json.loads(read_text(path))
        schema = tree.pop("schema")
        if schema != SCHEMA:
            raise DataError(f"has schema {schema!r}, this ckseq reads {SCHEMA}", path, _AGAIN)
        return ExplanationFile.model_validate_json(json.dumps(tree))
    except (ValidationError, ValueError, KeyError, AttributeError, RecursionError):
        raise DataError("is cut short or no explanation", path, _AGAIN) from None
