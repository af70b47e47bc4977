"""``ckseq record forget``: delete a subject whole, and tell which stores and runs still hold it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.recording import ImageFiles
from ckseq.storage.frames import fingerprint
from ckseq.storage.recorded import check_subject, forgotten, holds, is_recorded, remove_subject, takes_of
from ckseq.storage.run_record import RUN, read_run
from ckseq.storage.store import open_store

Held = dict[str, str]


def forget(subject: str, *, data: Path, search: Sequence[Path], unasked: bool, console: Console) -> dict[str, Any]:
    """Delete all that a data set keeps of a subject, and name the stores and runs that still hold it.

    Stores and runs are told by the frames' digests, so another person of the same number is not taken for this one. It
    can be asked again later: the digests are kept, and nothing else.

    Parameters
    ----------
    subject : str
        ``S012``.
    data : Path
        A data set that ``ckseq record`` made.
    search : sequence of Path
        Folders in which stores and runs may lie; the one around ``data`` if empty.
    unasked : bool
        Delete without asking.
    console : Console

    Returns
    -------
    dict
        ``subject``, ``n_deleted`` recordings, ``stores`` and ``runs`` that still hold it (``path``, ``what``), and
        ``searched``.

    Raises
    ------
    CallError
        The data set was not recorded, does not know the subject, or nobody agrees.
    DataError
        Something cannot be deleted.
    """
    check_subject(subject)
    if not is_recorded(data):
        raise CallError("was not recorded with ckseq", data, "name the folder given to 'ckseq record' with --data")
    takes, before = takes_of(data, subject), forgotten(data).get(subject, {})
    there = holds(data, subject)
    if not there and not before:
        raise CallError(f"knows no subject {subject}", data, "'ckseq inspect' shows who is there")
    digests = frozenset({*before.get("digests", []), *_digests(takes.values())})
    if there:
        n_frames = sum(len(frames.paths) for frames in takes.values())
        question = f"Delete {len(takes)} takes of {subject}, {n_frames} frames, for good? [y/N]"
        if not unasked and console.ask(question, option="--yes").lower() not in ("y", "yes"):
            raise CallError("nothing is deleted")
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        remove_subject(data, subject, digests=sorted(digests), when=now)
    console.say(f"{data} holds nothing of {subject} any more; takes deleted now: {len(takes)}")
    places = [path.resolve() for path in search] or [data.resolve().parent]
    stores, held_by_runs = _holders(places, subject, digests)
    for item in (*stores, *held_by_runs):
        console.warn(f"{item['path']}: {item['what']}")
    if not stores and not held_by_runs:
        console.say(f"no store and no run under {', '.join(map(str, places))} holds {subject}")
    return {
        "schema": 1,
        "subject": subject,
        "n_deleted": len(takes),
        "stores": stores,
        "runs": held_by_runs,
        "searched": [str(path) for path in places],
    }


def _digests(takes: Iterable[ImageFiles]) -> Iterator[str]:
    for frames in takes:
        with contextlib.suppress(DataError):  # a damaged take must go as well
            yield fingerprint(frames)


def _holders(places: Iterable[Path], subject: str, digests: frozenset[str]) -> tuple[list[Held], list[Held]]:
    """Return the stores and runs below some folders that hold a subject."""
    stores: list[Held] = []
    held_by_runs: list[Held] = []
    knows: dict[str, bool] = {}  # whether the store of a digest holds the subject
    folders: list[Path] = []
    for path in _walk(places):
        if path.name == RUN:
            folders.append(path.parent)
        else:
            with contextlib.suppress(DataError), open_store(path) as store:
                n = sum(entry.source_digest in digests for entry in store.entries)
                knows[store.digest] = n > 0
                if n:
                    what = f"still holds takes of {subject}, {n}; make it again with 'ckseq preprocess --overwrite'"
                    stores.append({"path": str(path), "what": what})
    for folder in folders:
        with contextlib.suppress(DataError):
            what = _held_by(folder, subject, knows)
            if what:
                held_by_runs.append({"path": str(folder), "what": what})
    return stores, held_by_runs


def _walk(places: Iterable[Path]) -> Iterator[Path]:
    """Yield every store and every run.json below some folders, each once; what lies inside a run belongs to it."""
    done: set[Path] = set()
    for place in places:
        for folder, inner, files in os.walk(place):
            inner.sort()
            if RUN in files:
                inner.clear()
            for name in sorted(files):
                path = Path(folder) / name
                if (name == RUN or name.endswith(".h5")) and path not in done:
                    done.add(path)
                    yield path


def _held_by(folder: Path, subject: str, knows: Mapping[str, bool]) -> str:
    """Say what a run holds of a subject; empty where it holds nothing."""
    run = read_run(folder)
    trained, tested = (sum(id.startswith(f"{subject}_") for id in ids) for ids in (run.train_only, run.tested))
    known = knows.get(run.store_digest)
    if known is False or not trained + tested:
        return ""
    if known is None:
        return f"names takes of a {subject}, {trained + tested}; its store is not here, so that may be another person"
    both = "its model learned from" if trained or run.kind == "cross_validation" else "its report shows the results of"
    return f"{both} takes of {subject}, {trained or tested}; train again without them, and delete the run"
