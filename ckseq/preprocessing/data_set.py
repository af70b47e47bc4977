"""A data set on disk: which source reads it, and what it says about itself."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from ckseq import registry
from ckseq.errors import CallError, DataError
from ckseq.recording import ABOUT, Origin, Recording
from ckseq.regular_file import is_file, is_folder, open_regular
from ckseq.sources._ckplus_faces import is_named_as_frames
from ckseq.sources._ckplus_places import companions_at, no_images
from ckseq.sources._frames import entries, is_image, is_video
from ckseq.sources._spec import SourceSpec
from ckseq.sources.ckplus import EXPECTED_COUNTS
from ckseq.storage.recorded import RECORDED
from ckseq.storage.store_place import STORES
from ckseq.twin.about import SYNTHETIC

_LONGEST_LINE = 1000
# in one archive
_MOST_ABOUT = 10


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
    if is_file(root) and root.suffix.lower() in STORES:
        return DataError("is a store, not a data set", root, "name it with --store, or use 'ckseq crossval'")
    if companions := companions_at(root):
        return DataError(*no_images(root, companions))
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
    """Return what a data set says about itself in the first line of an ABOUT.txt, such as that it is synthetic.

    The file lies in the folder; that the data are synthetic or recorded may also be said in a folder or an archive in
    it, since either may be all that was copied.
    """
    folder = data if is_folder(data) else data.parent
    if (line := _first_line(folder / ABOUT)) is not None:
        return [line]
    try:
        inner = sorted(folder.iterdir()) if folder == data else [data]
    except OSError:
        return []
    for path in inner:
        lines = _lines_in_archive(path) if path.suffix.lower() == ".zip" else [_first_line(path / ABOUT)]
        if marked := next((line for line in lines if line in (SYNTHETIC, RECORDED)), None):
            return [marked]
    return []


def _first_line(about: Path) -> str | None:
    if not is_file(about):
        return None
    try:
        with open_regular(about) as file:
            return file.readline(_LONGEST_LINE).decode(errors="replace").strip()
    except OSError:
        return None


def _lines_in_archive(archive: Path) -> list[str]:
    """Return the first line of each ABOUT.txt in an archive; none of one that cannot be read, as its source tells."""
    try:
        with open_regular(archive) as file, zipfile.ZipFile(file) as opened:
            members = [one for one in opened.infolist() if one.filename.rpartition("/")[2] == ABOUT]
            lines = []
            for member in members[:_MOST_ABOUT]:
                with opened.open(member) as text:
                    lines.append(text.read(_LONGEST_LINE).decode(errors="replace").partition("\n")[0].strip())
            return lines
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError):
        return []


def origin_of(source: str, recordings: Iterable[Recording], notes: Sequence[str]) -> Origin:
    """Return whose faces a data set shows, on which it depends whether a report may show them.

    Copies of CK+ in another layout, as one folder per class, are told by the names of their frames. It is CK+ where
    every class that it has is complete, with as many sequences as CK+ has; else it is said to be laid out as CK+.

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
    found = list(recordings)
    if source != "ckplus" and not any(is_named_as_frames(one.frames) for one in found):
        return "other"
    counts = Counter(one.label for one in found if one.label is not None)
    complete = bool(counts) and all(EXPECTED_COUNTS.get(label) == n for label, n in counts.items())
    return "ckplus" if complete else "ckplus_layout"
