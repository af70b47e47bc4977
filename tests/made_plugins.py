"""A model, a detector and a source of somebody else: as files, and as an installed package, without a network."""

import sys
from contextlib import contextmanager

import pytest

from ckseq import plugins

MODEL = '''"""The nearest mean of a class, of doubled projections."""

from pathlib import Path

from pydantic import Field
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import ckseq

__version__ = "2.1"


class Scaled(TransformerMixin, BaseEstimator):
    def __init__(self, factor):
        self.factor = factor

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return self.factor * X


class ScaledConfig(ckseq.Config):
    factor: float = Field(2.0, gt=0, description="what the vectors are multiplied with")


def build(config, *, input_shape, n_classes):
    return make_pipeline(ckseq.Projections(parts=3), Scaled(config.factor), LogisticRegression())


SPEC = ckseq.ModelSpec(
    name="scaled",
    kind="estimator",
    config=ScaledConfig,
    build=build,
    trusted_types=("ckseq.api.projections.Projections", f"{__name__}.Scaled"),
)
'''
DETECTOR = '''"""The face is in the middle of the image."""

from pydantic import Field

import ckseq


class MiddleConfig(ckseq.Config):
    share: float = Field(0.8, gt=0, le=1, description="side of the box, as a share of the image's")


def make(config):
    def detect(image):
        height, width = image.shape
        x, y = (round(side * (1 - config.share) / 2) for side in (width, height))
        return [ckseq.Box(x, y, width - x, height - y, 1.0)]

    return detect


SPEC = ckseq.DetectorSpec(MiddleConfig, make)
'''
SOURCE = '''"""Folders of frames, listed as "folder label" in clips.txt."""

from pathlib import Path

import ckseq


def recognizes(root):
    return (root / "clips.txt").is_file()


def scan(root):
    if not recognizes(root):
        raise ckseq.DataError("holds no clips.txt", root, "write one")
    found = []
    for line in (root / "clips.txt").read_text().split("\\n"):
        folder, _, label = line.partition(" ")
        frames = ckseq.ImageFiles(tuple(sorted((root / folder).glob("*.png"))))
        found.append(ckseq.Recording(folder, folder.partition("_")[0], "1", label or None, frames))
    return sorted(found, key=lambda one: one.id)


SPEC = ckseq.SourceSpec("clips", "a file clips.txt", recognizes, scan, lambda root: [])
'''


def install(folder, name="ckseq-demo-plugins", version="1.2", **modules):
    """Install a package of one module for each plug-in: what pip leaves in a folder of the path."""
    package = folder / "ckseq_demo_plugins"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    groups = {"scaled": "models", "middle": "detectors", "clips": "sources"}
    lines = []
    for module, text in modules.items():
        (package / f"{module}.py").write_text(text)
        lines += [f"[ckseq.{groups[module]}]", f"{module} = ckseq_demo_plugins.{module}"]
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


@contextmanager
def new_process():
    """What a new process has: no plug-in that a person has named, and none of their modules."""
    before, modules = dict(plugins._admitted), dict(sys.modules)
    plugins._admitted.clear()
    for name in [name for name in sys.modules if name.startswith(("ckseq_plugin_", "ckseq_demo_plugins"))]:
        del sys.modules[name]
    try:
        yield
    finally:
        plugins._admitted.clear()
        plugins._admitted.update(before)
        sys.modules.update(modules)


@pytest.fixture
def fresh():
    with new_process():
        yield
