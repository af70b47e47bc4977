"""The recordings of a run explained, each by a model that did not see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq import registry
from ckseq.errors import CallError, DataError
from ckseq.experiment.dataset import neutral_by_subject
from ckseq.experiment.fold_models import holds_model
from ckseq.experiment.recipe import Experiment, experiment_of
from ckseq.experiment.run_setup import fold_folder
from ckseq.explain.areas import FaceGeometry, areas_of, face_geometry
from ckseq.explain.maps import OcclusionConfig, When, Where, when, where
from ckseq.explain.occlusion import Predict
from ckseq.explain.parts import Area, Filmed, Parts, Projected
from ckseq.explain.regions import TYPICAL_PLACE, Region, face_regions, place_of
from ckseq.inference.predictor import load_run_model
from ckseq.learn.predict import probabilities
from ckseq.preprocessing.pipeline import Pipeline, pipeline_of
from ckseq.signal.apex import neutral_to_apex
from ckseq.signal.face_shape import face_shape
from ckseq.signal.faces import Box
from ckseq.signal.fused import NeutralFace
from ckseq.signal.landmarks import region_of_box, region_of_points
from ckseq.signal.sequence import fit_length
from ckseq.storage.explanations import EXPLAINED_INPUTS
from ckseq.storage.run_record import RunRecord
from ckseq.storage.store import Store
from ckseq.storage.store_entry import Entry

_EYES = 33, 263
_LEAST_SCORE, _MARGIN = 0.5, 1.5  # as of `ckseq.tracking.landmark_tracker.LandmarksConfig`
_ONSET_SHARE, _APEX_SHARE = 0.1, 0.95


class Model(NamedTuple):
    """One model of a run: the seed and fold of its training, what it is asked about, and how to load it."""

    seed: int
    fold: int
    ids: tuple[str, ...]
    held_out: bool
    load: Callable[[], Any]


class ReadRecording(NamedTuple):
    """A recording that is explained: its metadata, its parts, regions and areas, and what it looks like."""

    entry: Entry
    parts: Parts
    regions: tuple[Region, ...]
    areas: tuple[Area, ...]
    geometry: FaceGeometry
    by_landmarks: bool
    face: NDArray[np.uint8]
    box: NDArray[np.int32]
    onset: int | None
    apex: int | None


def models_of(run: Path, record: RunRecord, wanted: Sequence[str]) -> Iterator[Model]:
    """Yield the models of a run, each with those wanted recordings that it was tested on; all, where none are named.

    A training's one model is also asked about other recordings, which are not held out.

    Raises
    ------
    CallError
        A wanted recording is none that a cross-validation tests.
    DataError
        The run keeps no models, or tests on nothing.
    """
    if not record.folds:
        raise DataError("has no test part, so nothing is held out to explain", run, "name a run of train or crossval")
    tested = {id: fold.number for fold in record.folds for id in fold.test}
    if record.kind == "training":
        ids = tuple(wanted or sorted(tested))
        for held_out in (True, False):
            some = tuple(id for id in ids if (id in tested) == held_out)
            if some:
                yield Model(record.seeds[0], 0, some, held_out, partial(load_run_model, run, record))
        return
    if unknown := [id for id in wanted if id not in tested]:
        raise CallError(f"{unknown[0]} is no test recording of the run", run, "name recordings of predictions.csv")
    for seed in record.seeds:
        for fold in record.folds:
            ids = tuple(sorted(set(fold.test) & set(wanted or tested)))
            place = fold_folder(seed, fold.number)
            if ids and not holds_model(run / place):
                raise DataError(
                    "the cross-validation kept no models, and only its own can explain it",
                    run,
                    f"{record.command} --resume --keep-models",
                )
            if ids:
                yield Model(seed, fold.number, ids, True, partial(load_run_model, run, record, place))


def sample_of(run: Path, record: RunRecord, entries: Sequence[Entry], *, per_class: int) -> tuple[str, ...]:
    """Return the ids of some test recordings of each class, evenly spaced among all of it in the order of ids.

    Only those are taken whose model of the first seed is there.
    """
    found: list[str] = []
    tested = {
        id
        for fold in record.folds
        for id in fold.test
        if record.kind == "training" or holds_model(run / fold_folder(record.seeds[0], fold.number))
    }
    for label in record.labels:
        ids = sorted(entry.id for entry in entries if entry.label == label and entry.id in tested)
        places = np.linspace(0, len(ids) - 1, min(per_class, len(ids))).round().astype(int)
        found += [ids[place] for place in places]
    return tuple(found)


def recipe_of(run: Path, record: RunRecord) -> Experiment:
    """Return the experiment of a run on sequences.

    Raises
    ------
    CallError
        Its model reads single images or features of them.
    """
    recipe = experiment_of(record.experiment, where=f"{run}: experiment")
    if recipe.input not in EXPLAINED_INPUTS or len(record.model.input_shape if record.model else ()) != 4:
        raise CallError(
            f"reads {recipe.input}, and explanations are of what moves in a sequence",
            run,
            f"name a run with input = {', '.join(EXPLAINED_INPUTS)}",
        )
    return recipe


def asked(model: Any, recipe: Experiment, *, length_frames: int) -> Predict:
    """Return what answers for versions of a sequence as stored, whatever its length."""
    policy = recipe.sequence
    overflow = "resample" if policy.overflow in ("drop", "error") else policy.overflow
    versions_of = getattr(model[-1], "predict_proba_of_versions", None) if hasattr(model, "steps") else None

    def fit(along_time: NDArray[np.float32]) -> NDArray[np.float32]:
        return fit_length(along_time, length_frames=length_frames, overflow=overflow, short=policy.short)

    def predict(versions: NDArray[np.float32], whole: NDArray[np.float32]) -> NDArray[np.float32]:
        if versions_of is None:
            return probabilities(model, np.moveaxis(fit(np.moveaxis(versions, 0, 1)), 1, 0))
        places = np.nonzero((versions != whole).any(axis=1))
        changed = np.moveaxis(versions, 1, -1)[places]
        # every policy is linear along time, so it is a matrix
        across = fit(np.eye(len(whole), dtype=np.float32))
        return np.asarray(versions_of(fit(whole), places, changed @ across.T, len(versions)), np.float32)

    return predict


def read_recording(store: Store, entry: Entry, recipe: Experiment) -> ReadRecording:
    """Read a recording and place the regions of its face.

    Raises
    ------
    DataError
        The store holds too little of it.
    """
    id = entry.id
    pipeline = pipeline_of(store.pipeline, where=f"{store.path}: pipeline")
    face, (place, by_landmarks) = store.faces(id)[0], (TYPICAL_PLACE, False)
    if (found := find_place(face)) is not None:
        place, by_landmarks = found, True
    regions = face_regions(place, side_px=len(face))
    kind = pipeline.landmarks.kind
    geometry = face_geometry(place, face_shape("face_mesh" if kind == "none" else kind), side_px=len(face))
    motion = neutral = None
    if store.has(id, "projections") and pipeline.motion.reference == "first":
        # of the channels brighter and darker; a third one holds the motion from frame to frame
        motion = store.projections(id)[:, 0].reshape(entry.n_steps, len(face), -1)[..., :2].sum(axis=-1).mean(axis=1)
    if recipe.calibration == "neutral":
        neutral = store.neutral_face(neutral_by_subject(store)[entry.subject])
    onset, apex = (None, None) if motion is None or not motion.any() else _onset_and_apex(motion)
    return ReadRecording(
        entry,
        _parts(store, id, recipe, pipeline, neutral),
        regions,
        areas_of(regions, geometry),
        geometry,
        by_landmarks,
        face,
        store.boxes(id)[0],
        onset,
        apex,
    )


def _onset_and_apex(motion: NDArray[np.floating[Any]]) -> tuple[int, int]:
    onset, end = neutral_to_apex(
        motion.astype(np.float64), onset_share=_ONSET_SHARE, apex_share=_APEX_SHARE, lead_frames=0
    )
    return onset, end - 1


def _parts(store: Store, id: str, recipe: Experiment, pipeline: Pipeline, neutral: NeutralFace | None) -> Parts:
    film = store.blobs(id) if store.has(id, "blobs") else None
    if recipe.input in ("blobs", "halved"):
        return Filmed(store.blobs(id), halvings=pipeline.reduce.halvings if recipe.input == "halved" else 0)
    if recipe.input == "landmarks":
        return Projected(None, None, store.landmarks(id, neutral))
    if recipe.input == "fused":
        return Projected(store.projections(id), film, store.landmarks(id, neutral), store.gradients(id, neutral))
    return Projected(store.projections(id), film)


def find_place(face: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """Return where the mean face lies in a crop, (2, 3), as of `ckseq.explain.regions.place_of`; None without a face.

    Parameters
    ----------
    face : (n, n) uint8
    """
    find, shape, side = _landmarker(), face_shape("face_mesh"), len(face)
    region = region_of_box(Box(0, 0, side, side, 1.0), margin=_MARGIN)
    eyes = shape.place(_EYES[0]), shape.place(_EYES[1])
    for _ in range(2):  # a second look, at the region that the landmarks themselves give
        points, score = find(face, region)
        if score < _LEAST_SCORE or not np.isfinite(points).all():
            return None
        region = region_of_points(points, eyes=eyes, margin=_MARGIN)
    return place_of(points, shape, side_px=side)


@cache
def _landmarker() -> Any:
    spec = registry.load("landmarks", "face_mesh").SPEC
    return spec.make(spec.config())


def explain_recording(
    recording: ReadRecording, predict: Predict, config: OcclusionConfig, *, also_when: bool
) -> tuple[Where, When | None]:
    """Return where the evidence of a recording is, and also when."""
    arguments = (recording.parts, predict, recording.areas)
    found = where(*arguments, geometry=recording.geometry, config=config)
    return found, when(*arguments, geometry=recording.geometry, config=config) if also_when else None
