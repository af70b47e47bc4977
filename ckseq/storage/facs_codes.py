"""``action_units.json``: the FACS codes of the tested recordings of a run, for its report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ckseq.errors import DataError
from ckseq.facs import ActionUnit
from ckseq.storage.complete_run import check_file
from ckseq.storage.files import TRAIN_AGAIN, read_text, write_text
from ckseq.storage.run_record import RunRecord

CODES = "action_units.json"

Codes = Mapping[str, tuple[ActionUnit, ...]]
"""The action units of each recording that was coded."""


def write_codes(folder: Path, codes: Codes) -> None:
    """Write ``action_units.json``: by recording, pairs of unit and intensity, null where that is not coded.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    write_text(folder / CODES, json.dumps(codes, sort_keys=True) + "\n")


def read_checked_codes(folder: Path, run: RunRecord) -> dict[str, tuple[ActionUnit, ...]]:
    """Read ``action_units.json`` as the run wrote it; empty where there is none.

    Raises
    ------
    DataError
        It was changed since then, or is damaged.
    """
    if CODES in run.files:
        check_file(folder, run, CODES)
    return read_codes(folder)


def read_codes(folder: Path) -> dict[str, tuple[ActionUnit, ...]]:
    """Read ``action_units.json``; empty where there is none, as in runs of earlier versions.

    Raises
    ------
    DataError
        It is damaged.
    """
    path = folder / CODES
    if not path.is_file():
        return {}
    try:
        tree = json.loads(read_text(path))
        return {id: tuple(ActionUnit(str(unit), level) for unit, level in pairs) for id, pairs in tree.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"is damaged ({error})", path, TRAIN_AGAIN) from None
