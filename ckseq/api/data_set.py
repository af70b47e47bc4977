"""`scan`: what is in a data set, without reading a pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import overload

from ckseq.api.arguments import as_name, as_path
from ckseq.api.boundary import names_arguments
from ckseq.errors import DataError
from ckseq.labels import in_order
from ckseq.notebook import html_table
from ckseq.preprocessing.data_set import find_source
from ckseq.recording import Problem, Recording
from ckseq.regular_file import is_file
from ckseq.storage.store_place import STORES


@dataclass(frozen=True)
class DataSet(Sequence[Recording]):
    """The recordings of a data set, sorted by id; a sequence of `Recording`.

    Parameters
    ----------
    path : Path
        The folder or file that was scanned.
    source : str
        The layout in which it is: ``ckplus``, ``manifest``, ``class_folders``, ``fer2013`` or a plug-in.
    recordings : tuple of Recording
    problems : tuple of Problem
        What is odd about the data, each with its remedy.

    Examples
    --------
    >>> data = ckseq.scan("faces")
    >>> len(data), data.source, data.problems
    (15, 'ckplus', ())
    >>> [recording.label for recording in data[:3]]
    ['surprise', 'happiness', 'sadness']
    """

    path: Path
    source: str
    recordings: tuple[Recording, ...]
    problems: tuple[Problem, ...]

    def __len__(self) -> int:
        return len(self.recordings)

    @overload
    def __getitem__(self, index: int) -> Recording: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Recording, ...]: ...
    def __getitem__(self, index: int | slice) -> Recording | tuple[Recording, ...]:
        return self.recordings[index]

    def __repr__(self) -> str:
        return f"<DataSet {self.path}: {len(self)} recordings, source {self.source}, {len(self.problems)} problems>"

    def _repr_html_(self) -> str:
        counts = Counter(str(recording.label) for recording in self.recordings)
        people = len({recording.subject for recording in self.recordings})
        rows = [(label, counts[label]) for label in in_order(counts)]
        return html_table(f"{self!r}; {people} subjects", rows, ("label", "recordings"))


@names_arguments
def scan(data: str | PathLike[str], *, source: str | None = None) -> DataSet:
    """List the recordings of a data set; no pixel is read.

    Parameters
    ----------
    data : path
        A folder, or a file such as a manifest.
    source : str, optional
        The layout of the data; found out if not given.

    Returns
    -------
    DataSet
        A sequence of `Recording`, sorted by id.

    Raises
    ------
    CallError
        There is no such place or source, or several sources recognize the place.
    DataError
        No source recognizes it, or it holds no recording.

    Examples
    --------
    >>> recordings = ckseq.scan("faces")
    >>> len(recordings), recordings[0].id, recordings[0].subject, recordings[0].label
    (15, 'S005_001', 'S005', 'surprise')
    """
    if isinstance(data, DataSet):
        return data
    # processes that are started once keep their folder
    path = as_path(data, "data", fix="give the path of a folder, an archive or a table").absolute()
    refuse_store(path)
    spec = find_source(path, None if source is None else as_name(source, "source"))
    return DataSet(path, spec.name, tuple(spec.scan(path)), tuple(spec.problems(path)))


def refuse_store(path: Path) -> None:
    """Refuse a store where a data set is asked for.

    Raises
    ------
    DataError
        It is one.
    """
    if path.suffix.lower() in STORES and is_file(path):
        raise DataError("is a store, not a data set", path, "open it with ckseq.open_store(...) or ckseq.load_xy(...)")
