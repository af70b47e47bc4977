"""The metadata of a recording in a store, and the checksums of these."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import h5py
import numpy as np

from ckseq.config import digest
from ckseq.facs import ActionUnit
from ckseq.storage.hdf5 import child
from ckseq.tracking.quality import Quality

PREPARE_AGAIN = "prepare it again with 'ckseq preprocess --overwrite'"


@dataclass(frozen=True, slots=True)
class Entry:
    """The metadata of a recording in the store.

    ``n_frames`` counts the frames of the source, ``n_steps`` the steps t of its projections (0 where it failed, with
    the reason in ``error``), ``n_crops`` its stored crops; ``source_digest`` that of the frames' file names and bytes,
    "" where it is unknown; ``quality`` is None for single images, and in stores of earlier versions; ``neutral`` and
    ``action_units`` as of `ckseq.recording.Recording`.
    """

    id: str
    subject: str
    session: str
    label: str | None
    n_frames: int
    n_steps: int
    error: str | None
    source_digest: str = ""
    part: str | None = None
    n_crops: int = 0
    quality: Quality | None = None
    neutral: bool = False
    action_units: tuple[ActionUnit, ...] | None = None


def recording_checksum(group: h5py.Group) -> str:
    """Return the checksum of a recording's attributes and of those of its datasets, their checksums among them."""
    own = {key: value for key, value in group.attrs.items() if key != "checksum"}
    return attributes_checksum(own, {name: child(group, name).attrs for name in group})


def attributes_checksum(own: Mapping[str, Any], data: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the `recording_checksum` of these attributes, without its own, and of those of the datasets by name."""
    return digest(_plain_values(own), {name: _plain_values(attributes) for name, attributes in data.items()})


def root_checksum(file: h5py.File) -> str:
    """Return the checksum of a store's attributes and of those of its index, its checksum among them."""
    own = {key: value for key, value in file.attrs.items() if key != "checksum"}
    return digest(_plain_values(own), _plain_values(child(file, "index").attrs) if "index" in file else {})


def _plain_values(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in attributes.items()}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def entry_from(values: dict[str, Any]) -> Entry:
    """Return the metadata of a recording from what a single file's index has of it."""
    quality = values.get("quality")
    more = {
        "quality": None if quality is None else Quality(**quality),
        "action_units": units_of(values.get("action_units")),
    }
    return Entry(**{**values, **more})


def units_of(pairs: list[tuple[str, int | None]] | None) -> tuple[ActionUnit, ...] | None:
    """Return FACS codes from the pairs that they are stored as."""
    return None if pairs is None else tuple(ActionUnit(unit, intensity) for unit, intensity in pairs)


def quality_of(group: h5py.Group) -> Quality | None:
    """Return the quality of a recording from its group; None where it has none."""
    if "on_share" not in group.attrs:
        return None
    return Quality(**{field.name: _plain(group.attrs[field.name]) for field in fields(Quality)})


def entry_of(id: str, group: h5py.Group) -> Entry:
    """Return the metadata of a recording from its group."""
    attrs = group.attrs
    n_steps, n_crops = (len(child(group, name)) if name in group else 0 for name in ("projections", "crops"))
    return Entry(
        id,
        attrs["subject"],
        attrs["session"],
        attrs.get("label"),
        int(attrs["n_frames"]),
        n_steps,
        attrs.get("error"),
        str(attrs.get("source_digest", "")),
        attrs.get("part"),
        n_crops,
        quality_of(group),
        bool(attrs.get("neutral", False)),
        units_of(json.loads(attrs.get("action_units", "null"))),
    )
