"""The messages between the server and the page: one schema for both sides.

The page sends binary messages over the WebSocket ``/live``, each a time in seconds (a double, little endian) followed
by a JPEG image; as text, `TAKE_NEUTRAL` or `START_OVER`, which are answered with the next image; and it posts a video
file to ``/clip``. The server's answers are the models below, as JSON:

==============  ======================================================
``GET /about``  `About`
``/live``       `FrameAnswer` for each image, in turn
``/clip``       `ClipAnswer`; with status 400, 413 or 503 a `Failure`
==============  ======================================================

`javascript` makes the types and the fields known to the page, which refuses messages of another schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from ckseq.tracking.segments import Segment

TAKE_NEUTRAL, START_OVER = "take neutral", "start over"


class Message(BaseModel):
    """The base of all messages: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class About(Message):
    """The run that the page shows, and the limits of the server."""

    run: str = Field(description="name of the run folder")
    labels: tuple[str, ...] = Field(description="the classes, in the order of all probabilities")
    notes: tuple[str, ...] = Field(description="what a reader of its results must know")
    shows: Literal["motion", "crop"] = Field(description="of the largest face: its motion, or its crop")
    takes_neutral: bool = Field(description="whether a neutral face of the visitor makes a difference")
    max_clip_bytes: int = Field(description="size of an uploaded video at most")


class FaceBox(Message):
    """The box of one face of an image, and its class."""

    number: int = Field(description="of the face, counted from 1")
    box: tuple[int, int, int, int] = Field(description="left, top, right and bottom, pixels of the image")
    label: int | None = Field(description="index of the assigned class")


class FaceMotion(Message):
    """The motion of a face in one image, reduced in size; arrays are base64 of uint8 values, row by row."""

    side: int = Field(description="side of the blobs, pixels, and length of the projections")
    blobs: str = Field(description="(side, side): 0 no motion, otherwise 1 + the index of the channel")
    channels: int = Field(description="1, or 2: brighter and darker")
    columns: str = Field(description="(side, channels): means of the columns, 0 to 255, left to right")
    rows: str = Field(description="(side, channels): means of the rows, 0 to 255, top to bottom")


class FaceCrop(Message):
    """The crop of a face as the model sees it, reduced in size where it is large."""

    side: int = Field(description="side of the crop as sent, pixels")
    model_side: int = Field(description="side of the crop that the model reads, pixels")
    channels: int = Field(description="1, gray; or 3, red, green and blue")
    pixels: str = Field(description="(side, side, channels) uint8 in base64, row by row")


class LargestFace(Message):
    """The latest decision for the largest face of an image."""

    number: int = Field(description="of the face, counted from 1")
    state: Literal["no face", "still", "moving", "visible"] = Field(description="visible where motion is not measured")
    label: int | None = Field(description="index of the assigned class")
    smoothed: tuple[float, ...] | None = Field(
        description="smoothed probabilities of all classes, while moving or visible"
    )
    sure: int | None = Field(description="index of the class of the early decision")
    sure_s: float | None = Field(description="time of the early decision, seconds")
    motion: FaceMotion | None = Field(description="from the second image of a face on, where motion is measured")
    crop: FaceCrop | None = Field(description="where motion is not measured")


NeutralState = Literal["none", "needed", "taking", "taken", "no face"]
Person = Literal["same", "new", "unlike"]


class FrameAnswer(Message):
    """The answer to one image."""

    time_s: float = Field(description="time of the image, as it was sent, seconds")
    faces: tuple[FaceBox, ...] = Field(description="visible faces, the largest first")
    largest: LargestFace | None
    neutral: NeutralState = Field(
        "none",
        description="neutral face of the visitor: needed before there are classes; no face: none was seen for it",
    )
    neutral_left_s: float | None = Field(None, description="seconds of it that are left to take, while it is taken")
    person: Person = Field(
        "same", description="new: another face took the place of the one before; unlike: it no longer looks like itself"
    )


class ClipAnswer(Message):
    """The analysis of an uploaded video."""

    n_frames: int
    n_without_face: int = Field(description="frames without a face")
    duration_s: float
    faces: int = Field(description="number of faces")
    segments: tuple[Segment, ...] = Field(description="sorted by start")
    incomplete: str | None = Field(description="why not all of the video was analyzed, or why it is too short")


class Failure(Message):
    """Why a video was not analyzed."""

    error: str


ANSWERS: tuple[type[Message], ...] = (About, FrameAnswer, ClipAnswer, Failure)
"""What the server sends; the other models are parts of these."""


def fields_by_type() -> dict[str, list[str]]:
    """Return the names of the fields of every type of message and of every part of one."""
    return {name: list(schema["properties"]) for name, schema in _schemas().items()}


def javascript() -> str:
    """Return JavaScript with JSDoc types of all messages, and their fields as the constant ``MESSAGE_FIELDS``."""
    typedefs = "\n".join("\n".join(_typedef(name, schema)) for name, schema in _schemas().items())
    return f"{typedefs}\nconst MESSAGE_FIELDS = {json.dumps(fields_by_type(), indent=1)};\n"


def _schemas() -> dict[str, dict[str, Any]]:
    _, schema = models_json_schema([(model, "serialization") for model in ANSWERS])
    return dict(schema["$defs"])


def _typedef(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield "/**"
    # older versions of pydantic give a dataclass no description
    yield f" * {schema.get('description', name).splitlines()[0]}"
    yield f" * @typedef {{Object}} {name}"
    for field, value in schema["properties"].items():
        description = f" - {value['description']}" if "description" in value else ""
        yield f" * @property {{{_type(value)}}} {field}{description}"
    yield " */"


def _type(schema: dict[str, Any]) -> str:
    """Return the JSDoc type of a JSON schema."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if "anyOf" in schema:
        return "|".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return "|".join(json.dumps(value) for value in schema["enum"])
    if schema["type"] == "array":
        items = schema["prefixItems"][0] if "prefixItems" in schema else schema["items"]
        return f"{_type(items)}[]"
    return "number" if schema["type"] == "integer" else str(schema["type"])
