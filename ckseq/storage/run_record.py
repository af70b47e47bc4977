"""``run.json``: how a run was made and how far it is, as one typed, versioned record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ckseq.errors import DataError
from ckseq.storage.files import TRAIN_AGAIN, read_text, write_text

SCHEMA = 1


RUN = "run.json"


def write_run(folder: Path, run: dict[str, Any]) -> None:
    """Write ``run.json``: how the run was made and how far it is. The schema is added.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    write_text(folder / RUN, json.dumps({**run, "schema": SCHEMA}, indent=2, ensure_ascii=False) + "\n")


def read_run(folder: Path) -> dict[str, Any]:
    """Read ``run.json``.

    Raises
    ------
    DataError
        The folder does not exist or is no run; the file is cut short, of another schema or written by a newer ckseq.
    """
    path = folder / RUN
    if not folder.is_dir():
        raise DataError("there is no such folder", folder, "name the folder given to 'ckseq train --out'")
    if not path.is_file():
        raise DataError(f"is not a run: it holds no {RUN}", folder, "name the folder given to 'ckseq train --out'")
    try:
        run = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"is cut short or not JSON: {error}", path, TRAIN_AGAIN) from None
    schema = run.get("schema") if isinstance(run, dict) else None
    if type(schema) is not int:
        raise DataError("is not a ckseq run: it names no schema", path, "name the folder given to 'ckseq train --out'")
    if schema > SCHEMA:
        version = run.get("ckseq_version", "an unknown version")
        raise DataError(
            f"was written by a newer ckseq ({version}): schema {schema}, this one reads {SCHEMA}", path, "upgrade ckseq"
        )
    if schema < SCHEMA:
        raise DataError(f"has schema {schema}, this ckseq reads {SCHEMA}", path, TRAIN_AGAIN)
    for section in ("experiment", "store", "split", "protocol", "model", "versions", "seconds"):
        if not isinstance(run.get(section, {}), dict):
            raise DataError(f"{section} is not a table", path, TRAIN_AGAIN)
    return dict(run)


def find_runs(folder: Path) -> tuple[Path, ...]:
    """Return the run folders in a folder, itself included, sorted; the folds within a run are no runs of their own.

    Raises
    ------
    DataError
        There is no such folder.
    """
    if not folder.is_dir():
        raise DataError("there is no such folder", folder, "name a folder that holds runs")
    found: list[Path] = []
    for path in sorted(folder.rglob(RUN), key=lambda path: (len(path.parts), path)):
        if not any(run in path.parents for run in found):
            found.append(path.parent)
    return tuple(sorted(found))
