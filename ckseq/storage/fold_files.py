"""Folds as a file that can be shared: the ids of recordings, and no pixels."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import ckseq
from ckseq.errors import DataError
from ckseq.protocol.folds import Listed
from ckseq.storage.files import write_text

SCHEMA = 1
_FIX = 'write {"folds": [["S005_001", ...], ...]}, or use \'ckseq protocol export\''


class FoldFile(NamedTuple):
    """The contents of such a file: the folds, the kind of protocol, and their digest, "" where it has none."""

    listed: Listed
    kind: str
    digest: str


def write_fold_file(path: Path, fold_file: FoldFile, *, config: dict[str, Any]) -> None:
    """Write folds as JSON, one list per fold; ``config`` records how they were drawn.

    Raises
    ------
    DataError
        It cannot be written.
    """
    tree = {
        "schema": SCHEMA,
        "ckseq_version": ckseq.__version__,
        "kind": fold_file.kind,
        "config": config,
        "digest": fold_file.digest,
        "folds": [list(ids) for ids in fold_file.listed.folds],
        "always_train": list(fold_file.listed.always_train),
    }
    write_text(path, json.dumps(tree, indent=1, ensure_ascii=False) + "\n")


def read_fold_file(path: Path) -> FoldFile:
    """Read folds from JSON or (with the extension ``.toml``) TOML: a list of folds, or a table with ``folds``.

    Raises
    ------
    DataError
        The file cannot be read, is no JSON or TOML, or lists something else than ids.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", path) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        raise DataError(f"is not {kind}: {error}", path, _FIX) from None
    tree = {"folds": tree} if isinstance(tree, list) else tree
    if not isinstance(tree, dict) or "folds" not in tree:
        raise DataError("lists no folds", path, _FIX)
    schema = tree.get("schema", SCHEMA)
    if schema != SCHEMA:
        raise DataError(f"has schema {schema!r}, this ckseq reads {SCHEMA}", path, "update ckseq, or export it again")
    folds = tree["folds"]
    if not isinstance(folds, list) or not folds:
        raise DataError("lists no folds", path, _FIX)
    parts = tuple(_ids(ids, f"fold {fold}", path) for fold, ids in enumerate(folds))
    always_train = _ids(tree.get("always_train", []), "always_train", path)
    return FoldFile(Listed(parts, always_train), str(tree.get("kind", "from_file")), str(tree.get("digest", "")))


def _ids(ids: Any, what: str, path: Path) -> tuple[str, ...]:
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
        raise DataError(f"{what} is not a list of recordings' ids", path, _FIX)
    return tuple(ids)
