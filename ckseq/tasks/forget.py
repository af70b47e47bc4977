"""``ckseq record forget``: delete all data of a subject, and list the stores and runs that still hold it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.grammar import counted
from ckseq.recording import ImageFiles
from ckseq.storage.cache import remove_entries
from ckseq.storage.cache_place import cache_folder
from ckseq.storage.frames import fingerprint, fingerprint_of_0_1
from ckseq.storage.recorded import check_subject, clips_of, delete_subject, has_subject, is_recorded, read_forgotten
from ckseq.storage.run_record import RUN, read_run
from ckseq.storage.store import open_store


class Holder(TypedDict):
    """A store or run that still holds a subject, and what it holds."""

    path: str
    what: str


def forget(subject: str, *, data: Path, search: Sequence[Path], unasked: bool, console: Console) -> dict[str, Any]:
    """Delete all that a data set holds of a subject, and list the stores and runs that still hold it.

    Stores and runs are recognized by the digests of the frames, so that another person of the same number is not
    confused with this one. The command can be repeated later: only the digests are kept.

    Parameters
    ----------
    subject : str
        ``S012``.
    data : Path
        A data set that ``ckseq record`` made.
    search : sequence of Path
        Folders with stores and runs; the one around ``data`` if empty.
    unasked : bool
        Delete without asking.
    console : Console

    Returns
    -------
    dict
        ``subject``, ``n_deleted`` recordings, ``n_cached`` entries deleted from the cache of face crops, ``stores`` and
        ``runs`` that still hold it (``path``, ``what``), and ``searched``.

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
    clips, earlier = clips_of(data, subject), read_forgotten(data).get(subject)
    exists = has_subject(data, subject)
    if not exists and earlier is None:
        raise CallError(f"has no subject {subject}", data, "'ckseq inspect' lists the subjects")
    digests = frozenset({*(earlier["digests"] if earlier else []), *_digests(clips.values())})
    if exists:
        n_frames = sum(len(frames.paths) for frames in clips.values())
        question = f"Delete {len(clips)} clips of {subject}, {n_frames} frames, permanently? [y/N]"
        if not unasked and console.ask(question, option="--yes").lower() not in ("y", "yes"):
            raise CallError("nothing is deleted")
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        delete_subject(data, subject, digests=sorted(digests), when=now)
    console.say(f"{data} no longer holds anything of {subject}; clips deleted now: {len(clips)}")
    if n_cached := remove_entries(cache_folder(), digests):
        console.say(f"face crops of {subject} removed from the cache: {counted(n_cached, 'entry', 'entries')}")
    places = [path.resolve() for path in search] or [data.resolve().parent]
    stores, runs = _holders(places, subject, digests)
    for item in (*stores, *runs):
        console.warn(f"{item['path']}: {item['what']}")
    if not stores and not runs:
        console.say(f"no store and no run under {', '.join(map(str, places))} holds {subject}")
    return {
        "schema": 1,
        "subject": subject,
        "n_deleted": len(clips),
        "n_cached": n_cached,
        "stores": stores,
        "runs": runs,
        "searched": [str(path) for path in places],
    }


def _digests(clips: Iterable[ImageFiles]) -> Iterator[str]:
    for frames in clips:
        with contextlib.suppress(DataError):  # damaged clips must be deleted as well
            yield from (fingerprint(frames), fingerprint_of_0_1(frames))


def _holders(places: Iterable[Path], subject: str, digests: frozenset[str]) -> tuple[list[Holder], list[Holder]]:
    """Return the stores and runs below some folders that hold a subject."""
    stores: list[Holder] = []
    runs: list[Holder] = []
    store_holds: dict[str, bool] = {}  # by the digest of the store: whether it holds the subject
    folders: list[Path] = []
    for path in _walk(places):
        if path.name == RUN:
            folders.append(path.parent)
        else:
            with contextlib.suppress(DataError), open_store(path) as store:
                n = sum(entry.source_digest in digests for entry in store.entries)
                store_holds[store.digest] = n > 0
                if n:
                    what = f"still holds clips of {subject} ({n}); make it again with 'ckseq preprocess --overwrite'"
                    stores.append({"path": str(path), "what": what})
    for folder in folders:
        with contextlib.suppress(DataError):
            what = _held_by(folder, subject, store_holds)
            if what:
                runs.append({"path": str(folder), "what": what})
    return stores, runs


def _walk(places: Iterable[Path]) -> Iterator[Path]:
    """Yield every store and every run.json below some folders, each once; a folder inside a run belongs to it."""
    done: set[Path] = set()
    for place in places:
        for folder, inner, files in os.walk(place):
            # the files of a store of many are read through their store
            inner[:] = sorted(name for name in inner if name.removesuffix(".shards") not in files)
            if RUN in files:
                inner.clear()
            for name in sorted(files):
                path = Path(folder) / name
                if (name == RUN or name.endswith(".h5")) and path not in done:
                    done.add(path)
                    yield path


def _held_by(folder: Path, subject: str, store_holds: Mapping[str, bool]) -> str:
    """Describe what a run holds of a subject; empty where it holds nothing."""
    run = read_run(folder)
    trained, tested = (sum(id.startswith(f"{subject}_") for id in ids) for ids in (run.train_only, run.tested))
    known = store_holds.get(run.store_digest)
    if known is False or not trained + tested:
        return ""
    if known is None:
        return (
            f"names clips of a {subject} ({trained + tested}); its store was not found, so that may be another person"
        )
    is_trained = trained or run.kind == "cross_validation"
    use = "its model was trained on" if is_trained else "its report shows the results of"
    return f"{use} clips of {subject} ({trained or tested}); train again without them, and delete the run"
