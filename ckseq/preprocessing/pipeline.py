"""The pipeline recipe: how recordings become tensors, one section per stage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import Field, SerializeAsAny, SerializerFunctionWrapHandler, model_serializer, model_validator

from ckseq.config import Config, Tree, parse
from ckseq.recipes import (
    WithPlugin,
    admit_plugin,
    apply_settings,
    dump_kind,
    naming_settings,
    read_kind,
    read_recipe,
    read_sections,
)
from ckseq.signal.align import AlignConfig
from ckseq.signal.faces import FacesConfig
from ckseq.signal.motion import MotionConfig
from ckseq.signal.reduce import ReduceConfig
from ckseq.tracking.landmark_tracker import LandmarksConfig


class Pipeline(WithPlugin):
    """How recordings become tensors: one section per stage."""

    name: str = Field(description="the recipe's name")
    about: str = Field("", description="what it does, in a sentence")
    detector_kind: str = Field(description="a detector: [detector] kind")
    detector: SerializeAsAny[Config] = Field(description="that detector's own fields")
    faces: FacesConfig = FacesConfig()
    landmarks: LandmarksConfig = LandmarksConfig()
    align: AlignConfig = AlignConfig()
    motion: MotionConfig = MotionConfig()
    reduce: ReduceConfig = ReduceConfig()

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        if self.motion.difference == "none" and not self.reduce.keep_crops:
            raise ValueError("motion.difference = none leaves the crops alone: it needs reduce.keep_crops = true")
        if self.faces.policy == "landmarks":
            if self.landmarks.kind == "none":
                raise ValueError("faces.policy = landmarks needs landmarks: set landmarks.kind, or policy = anchor")
            if self.faces.cut == "eyes":
                raise ValueError("faces.policy = landmarks cuts by the box: it needs faces.cut = box")
        return self

    @classmethod
    def of_tree(cls, tree: Tree, where: str) -> Pipeline:
        """Return the pipeline of a tree."""
        return pipeline_of(tree, where=where)

    @model_serializer(mode="wrap")
    def _as_toml(self, handler: SerializerFunctionWrapHandler) -> Tree:
        return dump_kind(handler(self), "detector")


def load_pipeline(name: str, settings: Iterable[str] = (), *, named_by_person: bool = True) -> Pipeline:
    """Read a pipeline by name or path, with ``--set`` settings on top.

    Parameters
    ----------
    name : str
    settings : iterable of str
    named_by_person : bool
        Load the code of a detector that is a plug-in; not for a name that was read from a run.

    Raises
    ------
    CallError
        There is no such recipe, or a key or value in it is wrong.
    """
    settings = tuple(settings)
    path, tree = read_recipe("pipelines", name)
    tree = apply_settings(tree, settings, "detector")
    if named_by_person:
        tree = admit_plugin(tree, "detector", path.name)
    with naming_settings(settings):
        return pipeline_of(tree, where=path.name, name=path.stem)


def pipeline_of(tree: Tree, *, where: str, name: str = "pipeline") -> Pipeline:
    """Build a pipeline from its tree, such as the one a store keeps."""
    values = {"name": name, **tree}
    values = read_kind(values, "detector", where)
    return parse(Pipeline, read_sections(Pipeline, values, where), where=where)
