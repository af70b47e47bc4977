"""Stores prepared by an array of jobs: each prepares its share of the recordings, and one process gathers them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.executors.shard import Shard
from ckseq.executors.work import Executor
from ckseq.preprocessing.one_recording import CONTENT, NOTE, digest_of
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.preprocessing.results import Result
from ckseq.preprocessing.store_builder import How, assemble_all, make_parts, n_frames_announced, parts_of, prepare_each
from ckseq.preprocessing.tally import Tally
from ckseq.recording import Origin, Recording
from ckseq.storage.cache import Cache
from ckseq.storage.files import read_text, remove_temporaries, write_text
from ckseq.storage.lock import locked
from ckseq.storage.store_writer import PLAN, read_part
from ckseq.storage.work_log import WorkLog

_SHARD_LOG = re.compile(r"\.shard-(\d+)-of-(\d+)\.jsonl")


class Plan(NamedTuple):
    """What all shards of a store are made from: data, layout, classes, pipeline as it was named, and size of files."""

    data: str
    source: str | None
    classes: list[str] | None
    pipeline: str
    settings: list[str]
    per_file: int


def prepare_shard(
    recordings: Sequence[Recording],
    recipe: Pipeline,
    out: Path,
    shard: Shard,
    *,
    plan: Plan,
    cache: Cache | None,
    executor: Executor,
    log: WorkLog,
    console: Console,
) -> list[Result]:
    """Prepare a share of the recordings, and keep their parts until they are gathered.

    Raises
    ------
    CallError
        Another process prepares the same shard, or the parts there are prepared from something else.
    """
    parts = parts_of(out)
    make_parts(parts)
    with locked(parts / shard.file_name):
        _agree(parts / PLAN, plan)
        # every shard gets long and short ones
        in_turn = sorted(recordings, key=lambda recording: (-n_frames_announced(recording), recording.id))
        return prepare_each(shard.share(in_turn), How(recipe, parts, cache), {}, executor, log, console)


def _agree(path: Path, plan: Plan) -> None:
    if not path.is_file():
        write_text(path, json.dumps(plan._asdict(), indent=1) + "\n")
        return
    for name, there in read_plan(path)._asdict().items():
        here = getattr(plan, name)
        if there != here:
            raise CallError(
                f"the shards there have {name} {there!r}, and this one has {here!r}",
                path.parent,
                "use the same options for all shards, or remove that folder",
            )


def read_plan(path: Path) -> Plan:
    """Return the plan in a folder of parts.

    Raises
    ------
    DataError
        There is none, or it is damaged.
    """
    fix = "run 'ckseq preprocess --shard' first"
    if not path.is_file():
        raise DataError("there are no shards to gather", path.parent, fix)
    try:
        return Plan(**json.loads(read_text(path)))
    except (ValueError, TypeError):
        raise DataError("is damaged", path, fix) from None


class Found(NamedTuple):
    """What shards have prepared, in the order of the recordings, and the recordings that are missing."""

    results: list[Result]
    missing: list[Recording]


def find_parts(recordings: Sequence[Recording], recipe: Pipeline, out: Path, console: Console) -> Found:
    """Find the parts of recordings; no frame is read, so a part is believed to be of the frames that are there now."""
    parts, found = parts_of(out), Found([], [])
    for recording in console.track(recordings, total=len(recordings), label="parts"):
        part = read_part(parts, recording.id)
        if part is None or part.digest != digest_of(recording, recipe, part.source_digest)[0]:
            found.missing.append(recording)
            continue
        remarks: Mapping[str, str] = part.remarks
        found.results.append(
            Result(
                recording.id,
                part.digest,
                part.n_frames,
                part.error or "",
                from_before=True,
                content=remarks.get(CONTENT, ""),
                note=remarks.get(NOTE, ""),
                quality=part.quality,
            )
        )
    return found


def shards_of(missing: Sequence[Recording], recordings: Sequence[Recording], out: Path) -> dict[Shard, int]:
    """Return how many of the missing recordings belong to each shard, as the logs beside the store count shards."""
    logs = [_SHARD_LOG.fullmatch(path.name.removeprefix(out.name)) for path in out.parent.glob(f"{out.name}.shard-*")]
    counts = {int(log[2]) for log in logs if log}
    if len(counts) != 1:
        return {}
    in_turn = sorted(recordings, key=lambda recording: (-n_frames_announced(recording), recording.id))
    count = counts.pop()
    ids = {recording.id for recording in missing}
    owners = Counter(Shard(place % count + 1, count) for place, one in enumerate(in_turn) if one.id in ids)
    return dict(sorted(owners.items()))


def assemble_shards(
    recordings: Sequence[Recording],
    found: Found,
    recipe: Pipeline,
    out: Path,
    *,
    notes: list[str],
    origin: Origin | None,
    per_file: int,
) -> Tally:
    """Assemble the store from the parts that shards left.

    Raises
    ------
    DataError
        Every recording failed, or the store cannot be written.
    """
    by_id = {result.id: result for result in found.results}
    there = [recording for recording in recordings if recording.id in by_id]
    with locked(out):
        remove_temporaries(out.parent, out.name)
        return assemble_all(
            there,
            lambda batch: [by_id[one.id] for one in batch],
            recipe,
            out,
            notes=notes,
            origin=origin,
            per_file=per_file,
            gathered=True,
        )
