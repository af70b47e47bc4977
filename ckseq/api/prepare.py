"""`prepare`: frames or recordings to arrays in memory; `preprocess`: a data set to a store on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, cast, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.api.arguments import as_name, as_path, as_recordings, check_jobs, check_progress
from ckseq.api.boundary import names_arguments
from ckseq.api.data_set import DataSet, refuse_store
from ckseq.api.log_console import LogConsole, Progress
from ckseq.api.settings import Settings, as_options
from ckseq.errors import DataError
from ckseq.notebook import html_table
from ckseq.preprocessing.one_recording import BAD_FRAMES, reason_of
from ckseq.preprocessing.pipeline import Pipeline, load_pipeline
from ckseq.preprocessing.stages import run_stages
from ckseq.recording import Recording
from ckseq.storage.frames import frames_of
from ckseq.storage.landmark_files import read_points
from ckseq.storage.store import Store, open_store
from ckseq.tasks.preprocess import preprocess as preprocess_data
from ckseq.workers import spread

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Prepared(Mapping[str, Arrays]):
    """The arrays of recordings, by their ids; those that failed are missing.

    Parameters
    ----------
    recordings : tuple of Recording
        Those that were prepared, in the order given.
    arrays : dict
        By id, what `prepare` returns for frames.
    failed : dict of str to str
        By id, why a recording could not be prepared.
    pipeline : str
        The name of the pipeline.

    Examples
    --------
    >>> prepared = ckseq.prepare(ckseq.scan("faces")[:2])
    >>> list(prepared), prepared.failed
    (['S005_001', 'S005_002'], {})
    >>> prepared["S005_001"]["landmarks"].shape
    (5, 2, 147)
    """

    recordings: tuple[Recording, ...]
    arrays: dict[str, Arrays]
    failed: dict[str, str]
    pipeline: str

    def __getitem__(self, id: str) -> Arrays:
        return self.arrays[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __repr__(self) -> str:
        return f"<Prepared: {len(self)} recordings by the pipeline {self.pipeline}, {len(self.failed)} failed>"

    def _repr_html_(self) -> str:
        rows = [(one.id, one.label, self.arrays[one.id]["boxes"].shape[0]) for one in self.recordings]
        rows += [(id, "failed", reason) for id, reason in self.failed.items()]
        return html_table(repr(self), rows, ("recording", "label", "frames"))


@overload
def prepare(
    data: Iterable[Recording],
    *,
    pipeline: str = ...,
    settings: Settings | None = ...,
    jobs: int = ...,
    progress: Progress | None = ...,
) -> Prepared: ...
@overload
def prepare(
    data: Recording | NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    *,
    pipeline: str = ...,
    settings: Settings | None = ...,
    jobs: int = ...,
    progress: Progress | None = ...,
) -> Arrays: ...
@names_arguments
def prepare(
    data: Recording | Iterable[Recording] | NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    *,
    pipeline: str = "landmarks",
    settings: Settings | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Prepared | Arrays:
    """Find the face in each frame and turn its motion into arrays; nothing is written.

    Parameters
    ----------
    data : sequence of Recording, one Recording, or (f, h, w) or (f, h, w, 3) uint8
        Recordings as of `scan`, or one of them; or the frames of one sequence in temporal order, gray or red, green,
        blue. A list of frames will do.
    pipeline : str
        The name of a pipeline, or the path of its .toml file.
    settings : mapping, optional
        Fields of the pipeline that differ, as ``{"reduce.keep_blobs": False}``.
    jobs : int
        Processes for recordings; -1 is one per core.
    progress : callable, optional
        Called with ``"recordings"``, how many are done, and how many there are.

    Returns
    -------
    dict of str to ndarray
        Of frames or one recording; what there is of it depends on the pipeline. With t = f - 1 steps of motion after
        the first frame with a face: ``projections`` (t, 2, n) or (t, 2, n, channels) float32, the mean of each column
        and of each row; ``blobs`` (t, n, n[, channels]) bool; ``landmarks`` (t, 2, k) and ``gradients`` (t, 2, 256)
        float32; ``boxes`` (f, 4) int32: left, top, right, bottom, pixels; ``n_found`` (f,) int32, faces found, -1
        where none was searched; ``faces`` (2, n, n) uint8, the first and the last crop; ``crops`` (f, n, n[, 3])
        uint8; ``halved`` (t, h, w) float32.
    Prepared
        Of several recordings: such a dict for each by its id. One that fails is listed in ``failed``, and the rest goes
        on.

    Raises
    ------
    CallError
        There is no such pipeline or field, or ``data`` is neither.
    DataError
        Of frames or one recording: there is no face, or only one frame with a face. Of several: every one failed.

    Examples
    --------
    >>> frames = np.zeros((4, 60, 60), np.uint8)
    >>> arrays = prepare(frames, pipeline="paper", settings={"detector.kind": "whole_frame"})
    >>> arrays["projections"].shape
    (3, 2, 267)
    """
    recipe = load_pipeline(as_name(pipeline, "pipeline"), as_options(settings))
    check_jobs(jobs)
    check_progress(progress)
    if isinstance(data, Recording):
        return _arrays_of(data, recipe)
    recordings = as_recordings(data)
    if recordings is None:
        return run_stages(frames_of(cast("NDArray[np.uint8]", data)), recipe)[0]
    arrays: dict[str, Arrays] = {}
    failed: dict[str, str] = {}
    with LogConsole(progress).progress("recordings", len(recordings)) as bar:
        calls = [(recording, recipe, jobs == 1) for recording in recordings]
        for recording, found in zip(recordings, spread(_prepared, calls, n_workers=jobs), strict=True):
            if isinstance(found, str):
                failed[recording.id] = found
            else:
                arrays[recording.id] = found
            bar.advance()
    if not arrays:
        first, reason = next(iter(failed.items()))
        raise DataError(f"none of {len(failed)} recordings could be prepared; the first: {reason}", first)
    return Prepared(tuple(one for one in recordings if one.id in arrays), arrays, failed, recipe.name)


def _arrays_of(recording: Recording, recipe: Pipeline) -> Arrays:
    points = read_points(recording.landmarks) if recipe.landmarks.kind == "ckplus" else None
    return run_stages(recording.frames, recipe, landmarks=points)[0]


def _prepared(recording: Recording, recipe: Pipeline, alone: bool) -> Arrays | str:
    """Return the arrays of a recording, or why there are none; ``alone`` is whether no other process works beside."""
    if not alone:
        cv2.setNumThreads(1)
    try:
        return _arrays_of(recording, recipe)
    except BAD_FRAMES as error:
        return reason_of(error)


@names_arguments
def preprocess(
    data: str | PathLike[str] | DataSet,
    *,
    out: str | PathLike[str],
    pipeline: str = "landmarks",
    settings: Settings | None = None,
    source: str | None = None,
    jobs: int = -1,
    overwrite: bool = False,
    append: bool = False,
    progress: Progress | None = None,
) -> Store:
    """Prepare every recording of a data set and keep the result in a store, as ``ckseq preprocess`` does.

    What is done already is not done again: an interrupted call goes on, and a store that is up to date is opened.

    Parameters
    ----------
    data : path or DataSet
        A data set, by its path or as of `scan`.
    out : path
        The store to write, an HDF5 file.
    pipeline : str
        The name of a pipeline, or the path of its .toml file.
    settings : mapping, optional
        Fields of the pipeline that differ, as ``{"motion.threshold": 6}``.
    source : str, optional
        The layout of the data; found out if not given.
    jobs : int
        Processes; -1 is one per core.
    overwrite : bool
        Replace a store that holds something else.
    append : bool
        Add the recordings that the store lacks; those that it has are not read.
    progress : callable, optional
        Called with ``"frames"`` or ``"clips"``, how many are done, and how many there are.

    Returns
    -------
    Store
        Opened for reading, see `open_store`.

    Raises
    ------
    CallError
        The target exists and holds something else, or cannot be made, or the pipeline is wrong.
    DataError
        There is nothing to prepare, every recording failed, or the store cannot be written.

    Examples
    --------
    >>> with ckseq.preprocess("faces", out="faces.h5") as store:
    ...     len(store.entries), store.projections("S005_001").shape
    (15, (5, 2, 267, 3))
    """
    place = as_path(data.path if isinstance(data, DataSet) else data, "data", fix="give the path of a data set")
    refuse_store(place)
    target = as_path(out, "out", fix="give the path of the store to write")
    check_jobs(jobs)
    check_progress(progress)
    n_threads = cv2.getNumThreads()
    try:
        preprocess_data(
            place.absolute(),
            pipeline=as_name(pipeline, "pipeline"),
            out=target.absolute(),
            settings=as_options(settings),
            source=None if source is None else as_name(source, "source"),
            jobs=jobs,
            overwrite=overwrite,
            append=append,
            console=LogConsole(progress),
        )
    finally:
        cv2.setNumThreads(n_threads)  # one process per recording sets it to 1
    return open_store(target)
