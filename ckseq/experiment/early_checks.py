"""What is known to fail before a data set is preprocessed: recordings of another kind, files that are not there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ckseq import registry
from ckseq.errors import CallError, DataError
from ckseq.experiment.recipe import Experiment
from ckseq.experiment.targets import coded
from ckseq.grammar import counted
from ckseq.labels import in_order
from ckseq.learn.backend import check_networks_installed
from ckseq.models._backbones import BackboneConfig, files_of
from ckseq.models._spec import ModelSpec
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.recording import Recording

NEED_CODES = "put CK+'s FACS_labels.zip beside the images, or write a manifest's column action_units, and prepare again"


def check_before_work(recordings: Sequence[Recording], pipeline: Pipeline, recipe: Experiment) -> None:
    """Refuse an experiment that cannot succeed with these recordings; no pixels are read.

    Raises
    ------
    CallError
        The pipeline and the experiment do not fit each other, TensorFlow is needed and not installed, or a ready-made
        model is missing or cannot name a class.
    DataError
        Recordings are longer than the experiment allows, or have no FACS codes where it predicts action units; or a
        file of a pretrained network is missing.
    """
    spec: ModelSpec = registry.load("models", recipe.model_kind).SPEC
    if spec.kind == "network" or recipe.input == "features":
        check_networks_installed()
    _check_files(recipe)
    if recipe.input in ("crops", "features") and not pipeline.reduce.keep_crops:
        raise CallError(
            f"input = {recipe.input} reads crops, and the pipeline {pipeline.name} keeps none",
            fix="set reduce.keep_crops = true",
        )
    if (
        recipe.input in ("projections", "landmarks", "fused", "blobs", "halved")
        and pipeline.motion.difference == "none"
    ):
        raise CallError(
            f"input = {recipe.input} reads motion, and the pipeline {pipeline.name} computes none",
            fix='set input = "crops", or name a pipeline with motion',
        )
    check_landmark_kind(recipe, pipeline.landmarks.kind, where=f"the pipeline {pipeline.name}")
    if recipe.image_augmentation.color_levels and pipeline.faces.color == "gray":
        raise CallError(
            f"the pipeline {pipeline.name} makes gray images, which have no colors to augment",
            fix="set faces.color = rgb, or image_augmentation.color_levels = 0",
        )
    used = [one for one in recordings if coded(one, recipe)]
    if recipe.predicts_units and len(used) < 2:
        raise DataError(f"{counted(len(used), 'recording')} with FACS codes cannot be divided", fix=NEED_CODES)
    if recipe.input not in ("crops", "features") and used and all(one.n_frames == 1 for one in used):
        raise CallError(
            f"the experiment {recipe.name} reads motion, and these are single images",
            fix="name an experiment on images, such as fer2013_small or color_faces; 'ckseq list experiments' has all",
        )
    if recipe.input in ("crops", "features"):
        _check_lengths(used, recipe)
    if spec.ready_made is not None:
        spec.ready_made(recipe.model, in_order(str(one.label) for one in used))


def _check_files(recipe: Experiment) -> None:
    configs = [recipe.features] if recipe.input == "features" else []
    if isinstance(recipe.model, BackboneConfig):
        configs.append(recipe.model)
    for config in configs:
        for path in files_of(config):
            if not path.is_file():
                section = "features" if config is recipe.features else "model"
                raise DataError(
                    "there is no such file of a pretrained network",
                    path,
                    f"name yours with --set {section}.weights=FILE, or a whole network with --set "
                    f"{section}.backbone=FILE.keras --set {section}.weights=own",
                )


def _check_lengths(used: Sequence[Recording], recipe: Experiment) -> None:
    limit = recipe.sequence.length_frames
    if recipe.sequence.overflow != "error" or not isinstance(limit, int):
        return
    if long := [one for one in used if (one.n_frames or 0) > limit]:
        kind = "single images" if limit == 1 else f"at most {limit} frames"
        raise DataError(
            f"the experiment {recipe.name} reads {kind}, and {len(long)} recordings have more: {long[0].id} has "
            f"{long[0].n_frames}",
            fix="--set sequence.overflow=cut_start uses the last frames, drop leaves such recordings out",
        )


def check_landmark_kind(recipe: Experiment, kind: str, *, where: str | Path) -> None:
    """Refuse landmarks of another kind than the model reads, and none where it reads some.

    Raises
    ------
    CallError
        The message names both kinds.
    """
    asked = getattr(recipe.model, "landmarks", None)
    if recipe.input in ("landmarks", "fused") and kind == "none":
        what = f"input = {recipe.input} reads landmarks, and there are none"
        raise CallError(what, where, "use the pipeline landmarks, or the experiment motion, which does without")
    if recipe.input in ("landmarks", "fused") and asked not in (None, kind):
        what = f"landmarks are of the kind {kind}, and {recipe.model_kind} reads model.landmarks = {asked}"
        raise CallError(what, where, f"set model.landmarks = {kind}, or prepare a store with landmarks.kind = {asked}")
