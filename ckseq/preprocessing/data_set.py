"""A data set on disk: which source reads it, and what it says about itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ckseq import registry
from ckseq.errors import CallError, DataError
from ckseq.recording import Origin, Recording
from ckseq.regular_file import is_file, is_folder, open_regular
from ckseq.sources._ckplus_faces import is_named_as_frames
from ckseq.sources._frames import entries, is_image, is_video
from ckseq.sources._spec import SourceSpec
from ckseq.storage.recorded import RECORDED
from ckseq.twin.about import SYNTHETIC

_LONGEST_LINE = 1000
_STORES = (".h5", ".hdf5")


def find_source(root: Path, name: str | None) -> SourceSpec:
    """Return the source that reads a place: the one named, or the only one that recognizes it.

    Parameters
    ----------
    root : Path
        A folder or a file.
    name : str or None
        One of ``ckseq.registry.names("sources")``, or a plug-in; None finds it among those that come with ckseq.

    Raises
    ------
    CallError
        There is no such place or source, or several sources recognize the place.
    DataError
        No source recognizes it; the message says what each looks for.
    """
    if not is_file(root) and not is_folder(root):
        raise CallError("there is no such folder or file", root, "check the path")
    if name is not None:
        source: SourceSpec = registry.load("sources", registry.admit("sources", name), where="--source").SPEC
        return source
    sources: dict[str, SourceSpec] = {each: registry.load("sources", each).SPEC for each in registry.names("sources")}
    fitting = [each for each, source in sources.items() if source.recognizes(root)]
    if len(fitting) == 1:
        return sources[fitting[0]]
    if fitting:
        raise CallError(f"may be any of: {', '.join(fitting)}", root, "name one by --source")
    raise _unknown(root, sources.values())


def _unknown(root: Path, sources: Iterable[SourceSpec]) -> DataError:
    """Return the error of a place that no source recognizes: what it holds, what is looked for, and what to do."""
    if is_file(root) and root.suffix.lower() in _STORES:
        return DataError("is a store, not a data set", root, "name it with --store, or use 'ckseq crossval'")
    hint = ""
    if is_file(root) and (is_image(root.name) or is_video(root.name)):
        hint = "'ckseq predict RUN' reads single files; "
    elif is_folder(root) and any(is_image(path.name) or is_video(path.name) for path in entries(root)):
        hint = "put the files of each class into a folder of its own, or list them in a manifest; "
    layouts = "; ".join(f"({number}) {source.looks_for}" for number, source in enumerate(sources, start=1))
    what = f"is not a data set that ckseq knows: it holds {_content(root)}"
    return DataError(what, root, f"{hint}needed: {layouts}; see 'Your own videos' in the documentation")


def _content(root: Path) -> str:
    if is_file(root):
        return "one file of another kind"
    names = [path.name for path in entries(root)]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(names[:5]) or "nothing") + more


def notes_of(data: Path) -> list[str]:
    """Return what a data set says about itself in the first line of an ABOUT.txt, such as that it is synthetic."""
    about = (data if is_folder(data) else data.parent) / "ABOUT.txt"
    if not is_file(about):
        return []
    try:
        with open_regular(about) as file:
            return [file.readline(_LONGEST_LINE).decode(errors="replace").strip()]
    except OSError:
        return []


def origin_of(source: str, recordings: Iterable[Recording], notes: Sequence[str]) -> Origin:
    """Return whose faces a data set shows, on which it depends whether a report may show them.

    Copies of CK+ in another layout, as one folder per class, are told by the names of their frames.

    Parameters
    ----------
    source : str
        The name of its source.
    recordings : iterable of Recording
    notes : sequence of str
        What it says about itself; see `notes_of`.
    """
    if SYNTHETIC in notes:
        return "synthetic"
    if RECORDED in notes:
        return "recorded"
    return "ckplus" if source == "ckplus" or any(is_named_as_frames(one.frames) for one in recordings) else "other"
