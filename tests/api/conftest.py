"""A small synthetic data set, and a run on drawn expressions, shared by the tests of the public interface."""

import pytest
from made_expressions import make_run, registered_detector

from ckseq.console import Console
from ckseq.tasks.synth import synth
from ckseq.twin.tree import TwinConfig


@pytest.fixture(scope="session")
def twin(tmp_path_factory):
    """Twelve short sequences of six drawn people, in CK+'s layout."""
    config = TwinConfig(
        n_subjects=6,
        emotions=("happiness", "surprise"),
        emotions_per_subject=2,
        unlabeled_share=0,
        color_share=0,
        median_frames=6,
    )
    out = tmp_path_factory.mktemp("twin") / "twin"
    synth(out, config=config, jobs=2, overwrite=False, console=Console(quiet=True))
    return out


@pytest.fixture(scope="session")
def expressions(tmp_path_factory):
    """A run on two expressions, its store and their pictures, in one folder; its detector is among the choices."""
    with registered_detector():
        yield make_run(tmp_path_factory.mktemp("expressions"))
