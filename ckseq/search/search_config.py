"""How a search is done: its objectives, sampler, pruner and number of trials."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ckseq.config import Config

Objective = Literal["balanced_accuracy", "accuracy", "error", "prediction_ms", "parameters"]
Direction = Literal["maximize", "minimize"]
SamplerName = Literal["tpe", "gp", "cmaes", "forest", "random", "grid"]
PrunerName = Literal["none", "median", "hyperband"]

DIRECTIONS: dict[Objective, Direction] = {
    "balanced_accuracy": "maximize",
    "accuracy": "maximize",
    "error": "minimize",
    "prediction_ms": "minimize",
    "parameters": "minimize",
}


class SearchConfig(Config):
    """How a search is done."""

    question: str = Field("", description="the question that the search answers")
    experiment: str = Field(
        description="the experiment whose hyperparameters, and those of its pipeline, are searched: a name, or a .toml "
        "file"
    )
    trials: int = Field(30, ge=1, le=1_000_000, description="number of trials of the study, over all processes")
    folds: int = Field(
        3, ge=2, le=100, description="number of subject-independent inner folds that a trial is scored on"
    )
    objectives: tuple[Objective, ...] = Field(
        ("balanced_accuracy",),
        strict=False,
        min_length=1,
        max_length=2,
        description="what is optimized, the mean over the inner folds: balanced_accuracy, accuracy, or error "
        "(1 - accuracy); as a second objective prediction_ms (milliseconds per sequence) or parameters (their number)",
    )
    sampler: SamplerName = Field(
        "tpe",
        description="what proposes the hyperparameters of a trial: tpe (tree-structured Parzen estimator), gp "
        "(Gaussian process), cmaes (CMA-ES), forest (random forest with lower confidence bound), random, or "
        "grid (every point)",
    )
    pruner: PrunerName = Field(
        "median",
        description="what stops unpromising trials early: none, median (worse than the median of the other trials), "
        "hyperband",
    )
    prune_by: Literal["fold", "epoch"] = Field(
        "fold", description="when a trial reports to the pruner: after every fold, or after every epoch"
    )
    finalists: int = Field(
        5,
        ge=0,
        le=1000,
        description="number of best trials that are scored again beside the experiment itself; 0 for none",
    )
    confirmations: int = Field(
        2,
        ge=1,
        le=100,
        description="number of new divisions of the same subjects into inner folds that finalists are scored on",
    )
    seed: int = Field(1, ge=0, lt=2**32, description="seed of the sampler")
