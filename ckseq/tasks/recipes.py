"""Recipes put together: a pipeline (how recordings become tensors) and an experiment (a question and its answer)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from pydantic import Field, SerializeAsAny, SerializerFunctionWrapHandler, model_serializer, model_validator

from ckseq import choices
from ckseq.config import Config, Tree, beside, parse, read_recipe, with_settings
from ckseq.errors import CallError
from ckseq.learn.fit import TrainingConfig
from ckseq.learn.vary import Augmentation
from ckseq.models._backbones import BackboneConfig
from ckseq.protocol.balance import Config as BalanceConfig
from ckseq.protocol.split import Config as SplitConfig
from ckseq.signal.align import Config as AlignConfig
from ckseq.signal.augment import Config as AugmentConfig
from ckseq.signal.augment_images import Config as ImageAugmentConfig
from ckseq.signal.faces import Config as FacesConfig
from ckseq.signal.motion import Config as MotionConfig
from ckseq.signal.reduce import Config as ReduceConfig
from ckseq.signal.sequence import Config as SequenceConfig
from ckseq.storage.stream import Input

Sections = dict[str, type[Config]]


class Pipeline(Config):
    """How recordings become tensors: one section per stage."""

    name: str = Field(description="the recipe's name")
    about: str = Field("", description="what it does, in a sentence")
    detector_kind: str = Field(description="a detector: [detector] kind")
    detector: SerializeAsAny[Config] = Field(description="that detector's own fields")
    faces: FacesConfig = FacesConfig()
    align: AlignConfig = AlignConfig()
    motion: MotionConfig = MotionConfig()
    reduce: ReduceConfig = ReduceConfig()

    @model_validator(mode="after")
    def _something_is_kept(self) -> Self:
        if self.motion.difference == "none" and not self.reduce.keep_crops:
            raise ValueError("motion.difference = none leaves the crops alone: it needs reduce.keep_crops = true")
        return self

    @model_serializer(mode="wrap")
    def _as_toml(self, handler: SerializerFunctionWrapHandler) -> Tree:
        return _fold_kind(handler(self), "detector")


class Experiment(Config):
    """A question, and all that it takes to answer it."""

    name: str = Field(description="the recipe's name")
    question: str = Field("", description="what the experiment asks")
    pipeline: str = Field(description="the pipeline that prepares its data: a name, or the path of a .toml file")
    classes: tuple[str, ...] = Field((), strict=False, description="labels that take part; empty is all there are")
    input: Input = Field(
        "projections",
        description="the tensors the model reads; crops are the images themselves, (height, width, channels) where "
        "there is one to a recording or sequence.length_frames is 1; features are what the backbone of [features] "
        "makes of each crop",
    )
    published: dict[str, Any] = Field({}, description="the figure others published, shown beside ours")
    seed: int = Field(1, ge=0, description="seed of every random choice")
    balance: BalanceConfig = BalanceConfig()
    sequence: SequenceConfig = SequenceConfig()
    protocol: SplitConfig = SplitConfig()
    model_kind: str = Field(description="a model: [model] kind")
    model: SerializeAsAny[Config] = Field(description="that model's own fields")
    training: TrainingConfig = TrainingConfig()
    augmentation: AugmentConfig = AugmentConfig()
    image_augmentation: ImageAugmentConfig = ImageAugmentConfig()
    features: BackboneConfig = BackboneConfig()

    @model_validator(mode="after")
    def _varies_what_it_reads(self) -> Self:
        if self.input == "crops" and not self.augmentation.changes_nothing:
            raise ValueError("input = crops are images: they are varied by [image_augmentation], not [augmentation]")
        if self.input != "features" and self.features != BackboneConfig():
            raise ValueError(f"[features] makes features of crops, and input = {self.input} are none")
        if self.input != "crops" and self.image_augmentation != ImageAugmentConfig():
            raise ValueError(f"[image_augmentation] varies images, and input = {self.input} are none")
        return self

    @property
    def variation(self) -> Augmentation:
        """How what is trained on is varied: that section which fits the input."""
        return self.image_augmentation if self.input == "crops" else self.augmentation

    @model_serializer(mode="wrap")
    def _as_toml(self, handler: SerializerFunctionWrapHandler) -> Tree:
        return _fold_kind(handler(self), "model")


PIPELINE_SECTIONS: Sections = {
    "faces": FacesConfig,
    "align": AlignConfig,
    "motion": MotionConfig,
    "reduce": ReduceConfig,
}
EXPERIMENT_SECTIONS: Sections = {
    "balance": BalanceConfig,
    "sequence": SequenceConfig,
    "protocol": SplitConfig,
    "training": TrainingConfig,
    "augmentation": AugmentConfig,
    "image_augmentation": ImageAugmentConfig,
    "features": BackboneConfig,
}


def _fold_kind(tree: Tree, section: str) -> Tree:
    """Bring a dumped recipe into the shape of its TOML, where the kind stands in its section."""
    return {
        key: {"kind": tree[f"{section}_kind"], **value} if key == section else value
        for key, value in tree.items()
        if key != f"{section}_kind"
    }


def load_pipeline(name: str, settings: Iterable[str] = ()) -> Pipeline:
    """Read a pipeline by name or path, with ``--set`` settings on top.

    Raises
    ------
    CallError
        There is no such recipe, or a key or value in it is wrong.
    """
    path, tree = read_recipe("pipelines", name)
    return pipeline_of(_changed(tree, settings, "detector"), where=path.name, name=path.stem)


def load_experiment(name: str, settings: Iterable[str] = ()) -> Experiment:
    """Read an experiment by name or path, with ``--set`` settings on top; errors as for `load_pipeline`.

    A pipeline that lies beside the experiment's file is found there, wherever one calls from.
    """
    path, tree = read_recipe("experiments", name)
    recipe = experiment_of(_changed(tree, settings, "model"), where=path.name, name=path.stem)
    return recipe.model_copy(update={"pipeline": beside(recipe.pipeline, path)})


def _changed(tree: Tree, settings: Iterable[str], section: str) -> Tree:
    """Apply settings; where they choose another kind in a section, the recipe's fields for the one before fall away."""
    settings = tuple(settings)
    changed = with_settings(tree, settings)
    before, now = tree.get(section), changed.get(section)
    if isinstance(before, dict) and isinstance(now, dict) and before.get("kind") != now.get("kind"):
        return with_settings({**tree, section: {}}, settings)
    return changed


def pipeline_of(tree: Tree, *, where: str, name: str = "pipeline") -> Pipeline:
    """Build a pipeline from its tree, such as the one a store keeps."""
    values = {"name": name, **tree}
    _choose(values, "detector", "detectors", where)
    _parse_sections(values, PIPELINE_SECTIONS, where)
    return parse(Pipeline, values, where=where)


def experiment_of(tree: Tree, *, where: str, name: str = "experiment") -> Experiment:
    """Build an experiment from its tree, such as the one a run keeps."""
    values = {"name": name, **tree}
    _choose(values, "model", "models", where)
    _parse_sections(values, EXPERIMENT_SECTIONS, where)
    return parse(Experiment, values, where=where)


def settings_for(settings: Iterable[str]) -> tuple[list[str], list[str]]:
    """Divide ``--set`` settings into those of the pipeline and those of the experiment."""
    of_pipeline: list[str] = []
    of_experiment: list[str] = []
    for setting in settings:
        section = setting.partition("=")[0].partition(".")[0].strip()
        (of_pipeline if section == "detector" or section in PIPELINE_SECTIONS else of_experiment).append(setting)
    return of_pipeline, of_experiment


def _choose(values: Tree, section: str, room: str, where: str) -> None:
    """Replace ``[section] kind = ...`` by the config of the chosen file."""
    table = values.get(section)
    if not isinstance(table, dict) or not isinstance(table.get("kind"), str):
        raise CallError(f'[{section}] needs kind = "..."', where, f"one of: {', '.join(choices.names(room))}")
    kind = table["kind"]
    module = choices.load(room, kind, where=f"{where} [{section}] kind")
    fields = {key: value for key, value in table.items() if key != "kind"}
    values[f"{section}_kind"] = kind
    values[section] = parse(module.Config, fields, where=f"{where} [{section}]")


def _parse_sections(values: Tree, sections: Sections, where: str) -> None:
    for section, cls in sections.items():
        table = values.get(section, {})
        if not isinstance(table, dict):
            raise CallError(f"{section} is a section, not a value", where, f"write it as [{section}]")
        values[section] = parse(cls, table, where=f"{where} [{section}]")
