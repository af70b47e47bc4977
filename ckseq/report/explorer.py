"""The part of the report one can ask questions: all test sequences as data in the page, some with their pictures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from ckseq.console import without_controls
from ckseq.facs import INTENSITIES, UNITS, ActionUnit
from ckseq.report.face_rights import FaceRights
from ckseq.report.sequence_pictures import Evidence, FaceStrip, Film, Strips, total_bytes
from ckseq.report.wording import Noun
from ckseq.storage.predictions import Predictions

UNKNOWN = "unknown"

MOST_ROWS = 20_000
"""The page holds at most so many predictions; predictions.csv holds all."""

MOST_PICTURE_BYTES = 8_200_000
"""The pictures of sequences take at most so many bytes of the page, so that a page of 327 has at most 10 MB."""


@dataclass(frozen=True)
class SequencePictures:
    """What the page shows of one sequence beside its prediction; what is missing is None.

    ``hidden`` is whether its face may not be shown; ``units`` are its FACS codes; ``evidence`` is what 'ckseq explain'
    found.
    """

    faces: FaceStrip | None = None
    film: Film | None = None
    strips: Strips | None = None
    hidden: bool = False
    units: tuple[ActionUnit, ...] | None = None
    evidence: Evidence | None = None

    @property
    def n_bytes(self) -> int:
        """What its pictures take in the page."""
        files = [self.faces.image] if self.faces else []
        files += [self.film.image] if self.film else []
        files += [self.strips.columns, self.strips.rows] if self.strips else []
        files += self.evidence.images.values() if self.evidence else []
        return total_bytes(files)


@dataclass(frozen=True)
class Explorer:
    """What the page needs to be asked questions.

    Parameters
    ----------
    rights : FaceRights
        Whose faces it shows.
    pictures : mapping of str to SequencePictures
        By recording.
    remarks : tuple of str
        What is missing, and how to get it.
    """

    rights: FaceRights
    pictures: Mapping[str, SequencePictures] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def embedded(predictions: Predictions, pictures: Mapping[str, SequencePictures], noun: Noun) -> dict[str, Any]:
    """Return predictions column by column, as the page's script reads them.

    ``truth`` and ``predicted`` count in ``labels``, probabilities are rounded to four digits, and ``pictures`` is the
    number of the block with the sequence's pictures, None where it has none. Texts are as the page prints them;
    subjects are `UNKNOWN` where that of any is.
    """
    number = {recording: place for place, recording in enumerate(pictures)}
    place = {label: i for i, label in enumerate(predictions.labels)}
    rows, known = predictions.rows[:MOST_ROWS], predictions.subjects is not None
    return {
        "noun": noun.one,
        "labels": [without_controls(label) for label in predictions.labels],
        "recording": [without_controls(row.recording) for row in rows],
        "subject": [without_controls(row.subject) if known else UNKNOWN for row in rows],
        "seed": [row.seed for row in rows] if len(predictions.seeds) > 1 else None,
        "truth": [place[row.truth] for row in rows],
        "predicted": [place[row.predicted] for row in rows],
        "probabilities": [[round(p, 4) for p in row.probabilities] for row in rows],
        "pictures": [number.get(row.recording) for row in rows],
    }


def picture_blocks(pictures: Mapping[str, SequencePictures]) -> Iterator[Markup]:
    """Yield the pictures of every sequence as JSON, in the order of the mapping; each is read when it is shown."""
    for one in pictures.values():
        block: dict[str, Any] = {"hidden": one.hidden}
        if one.faces:
            block["faces"] = {"image": _text(one.faces.image), "n": one.faces.n_faces}
        if one.film:
            block["film"] = {"image": _text(one.film.image), "steps": one.film.steps, "signed": one.film.signed}
        if one.strips:
            block["strips"] = {
                "columns": _text(one.strips.columns),
                "rows": _text(one.strips.rows),
                "steps": one.strips.n_steps,
            }
        if one.evidence:
            images = {name: _text(image) for name, image in one.evidence.images.items()}
            block["evidence"] = {**images, "sentence": without_controls(one.evidence.sentence)}
        if one.units is not None:
            block["units"] = [_unit_text(unit) for unit in one.units]
        yield script_json(block)


def script_json(tree: Any) -> Markup:
    r"""Return JSON that may stand in a script element, whatever the texts in it are.

    >>> str(script_json({"label": "</script>&"}))
    '{"label":"\\u003c/script\\u003e\\u0026"}'
    """
    text = json.dumps(tree, separators=(",", ":"), allow_nan=False)
    for character in "<>&":  # none stands outside a string
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _unit_text(unit: ActionUnit) -> str:
    name = f" {UNITS[unit.unit].name}" if unit.unit in UNITS else ""
    return f"{unit.unit}{name}" + (f", intensity {INTENSITIES[unit.intensity - 1]}" if unit.intensity else "")


def _text(image: bytes) -> str:
    return base64.b64encode(image).decode()
