"""The experiment recipe: a question, and all that it takes to answer it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SerializeAsAny, SerializerFunctionWrapHandler, model_serializer, model_validator

from ckseq import registry
from ckseq.config import Config, Tree, parse
from ckseq.learn.augmentation import Augmentation
from ckseq.learn.training_config import TrainingConfig
from ckseq.models._backbones import BackboneConfig
from ckseq.plugins import is_path
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.protocol.balance import BalanceConfig
from ckseq.protocol.holdout import ProtocolConfig
from ckseq.recipes import (
    WithPlugin,
    admit_plugin,
    apply_settings,
    beside,
    dump_kind,
    naming_settings,
    read_kind,
    read_recipe,
    read_sections,
    sections_of,
)
from ckseq.signal.augment import AugmentConfig
from ckseq.signal.augment_images import ImageAugmentConfig
from ckseq.signal.sequence import SequenceConfig
from ckseq.storage.streaming import Input


class Experiment(WithPlugin):
    """A question, and all that it takes to answer it."""

    name: str = Field(description="the recipe's name")
    question: str = Field("", description="what the experiment asks")
    pipeline: str = Field(description="the pipeline that prepares its data: a name, or the path of a .toml file")
    task: Literal["classes", "action_units"] = Field(
        "classes",
        description="what is predicted: classes, one for each sequence; action_units, each by itself, of all sequences "
        "with FACS codes, labeled or not",
    )
    classes: tuple[str, ...] = Field((), strict=False, description="labels that take part; empty is all there are")
    min_positives: int = Field(10, ge=2, description="task = action_units: units shown by fewer sequences are left out")
    input: Input = Field(
        "projections",
        description="the tensors the model reads; crops are the images themselves, (height, width, channels) where "
        "there is one to a recording or sequence.length_frames is 1; features are what the backbone of [features] "
        "makes of each crop; landmarks are registered to a mean face; fused are projections and landmarks",
    )
    calibration: Literal["none", "neutral"] = Field(
        "none",
        description="neutral: landmarks are relative to those of the subject's neutral recording, which the data set "
        "names (column neutral of a manifest) and which is neither trained on nor tested",
    )
    published: dict[str, Any] = Field(
        {},
        description="what others published: accuracy, n_test, source, citation; setup, as far as it is stated, by "
        "data, sequences_per_class, test_sequences, trainings, and the fields of pipeline and experiment: the report "
        "marks every deviation from it",
    )
    chosen_by: str = Field(
        "", description="how a search chose these values, for the report; 'ckseq tune best' writes it"
    )
    seed: int = Field(1, ge=0, description="seed of every random choice")
    balance: BalanceConfig = BalanceConfig()
    sequence: SequenceConfig = SequenceConfig()
    protocol: ProtocolConfig = ProtocolConfig()
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
        if self.input not in ("crops", "features") and self.image_augmentation != ImageAugmentConfig():
            raise ValueError(f"[image_augmentation] varies images, and input = {self.input} are none")
        inputs = registry.load("models", self.model_kind).SPEC.inputs
        if inputs and self.input not in inputs:
            raise ValueError(f"{self.model_kind} reads input = {' or '.join(inputs)}, and not {self.input}")
        return self

    @model_validator(mode="after")
    def _units_are_independent(self) -> Self:
        if not self.predicts_units:
            return self
        if self.classes:
            raise ValueError("classes are labels, and task = action_units has units: leave classes empty")
        if self.balance.per_class != "all":
            raise ValueError('task = action_units uses all sequences: set balance.per_class = "all"')
        if self.training.class_weights != "none":
            raise ValueError('training.class_weights weighs classes: with task = action_units it is "none"')
        if self.protocol.kind == "stratified_k_fold":
            raise ValueError("stratified_k_fold is of one class per sequence: set protocol.kind = subject_k_fold")
        if registry.load("models", self.model_kind).SPEC.ready_made is not None:
            raise ValueError(f"{self.model_kind} is ready-made and knows no action units")
        return self

    @model_validator(mode="after")
    def _landmarks_may_be_negative(self) -> Self:
        if self.input not in ("landmarks", "fused"):
            if self.calibration != "none":
                raise ValueError(f"calibration is of landmarks, and input = {self.input} has none")
            return self
        spec = registry.load("models", self.model_kind).SPEC
        if not self.augmentation.changes_nothing and not spec.learns_from_subjects:
            raise ValueError(f"[augmentation] varies projections, and input = {self.input} also holds landmarks")
        if getattr(self.model, "root", False):
            raise ValueError(
                f"input = {self.input} has negative values, and model {self.model_kind} takes their square root; "
                "set model.root = false, or another model, such as fusion"
            )
        return self

    @property
    def model_name(self) -> str:
        """The model as it is shown: its kind, of a plug-in's file without its folder."""
        return Path(self.model_kind).name if is_path(self.model_kind) else self.model_kind

    @property
    def predicts_units(self) -> bool:
        """Whether it predicts action units, each by itself, and not classes."""
        return self.task == "action_units"

    @property
    def variation(self) -> Augmentation:
        """How what is trained on is varied: that section which fits the input."""
        return self.image_augmentation if self.input == "crops" else self.augmentation

    @classmethod
    def of_tree(cls, tree: Tree, where: str) -> Experiment:
        """Return the experiment of a tree."""
        return experiment_of(tree, where=where)

    @model_serializer(mode="wrap")
    def _as_toml(self, handler: SerializerFunctionWrapHandler) -> Tree:
        return dump_kind(handler(self), "model")


def load_experiment(name: str, settings: Iterable[str] = ()) -> Experiment:
    """Read an experiment by name or path, with ``--set`` settings on top; errors as for `load_pipeline`.

    A pipeline that lies beside the experiment's file is found there, wherever one calls from.
    """
    settings = tuple(settings)
    path, tree = read_recipe("experiments", name)
    tree = admit_plugin(apply_settings(tree, settings, "model"), "model", path.name)
    with naming_settings(settings):
        recipe = experiment_of(tree, where=path.name, name=path.stem)
    return recipe.model_copy(update={"pipeline": beside(recipe.pipeline, path)})


def experiment_of(tree: Tree, *, where: str, name: str = "experiment") -> Experiment:
    """Build an experiment from its tree, such as the one a run keeps; loads no plug-in that nobody has named."""
    values = {"name": name, **tree}
    values = read_kind(values, "model", where)
    return parse(Experiment, read_sections(Experiment, values, where), where=where)


def settings_for(settings: Iterable[str]) -> tuple[list[str], list[str]]:
    """Divide ``--set`` settings into those of the pipeline and those of the experiment."""
    own = {"detector", *sections_of(Pipeline)}
    of_pipeline: list[str] = []
    of_experiment: list[str] = []
    for setting in settings:
        section = setting.partition("=")[0].partition(".")[0].strip()
        (of_pipeline if section in own else of_experiment).append(setting)
    return of_pipeline, of_experiment
