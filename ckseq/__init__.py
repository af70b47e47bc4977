"""ckseq classifies video sequences of faces by how they move.

`__all__` is the public interface. Its names are imported when they are first used: ``import ckseq`` takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ckseq.api.data_set import DataSet, scan
    from ckseq.api.prepare import Prepared, prepare, preprocess
    from ckseq.api.projections import Projections
    from ckseq.api.runs import Run, crossval, load_run, train
    from ckseq.api.written_report import Report
    from ckseq.api.xy import XY, load_xy, open_store
    from ckseq.config import Config
    from ckseq.detectors._spec import DetectorSpec
    from ckseq.errors import CallError, CkseqError, DataError
    from ckseq.models._spec import ModelSpec
    from ckseq.recording import ImageFiles, Problem, Recording, VideoFile
    from ckseq.signal.faces import Box
    from ckseq.sources._spec import SourceSpec
    from ckseq.storage.store import Store

__version__ = "0.1.0"
__all__ = [
    "XY",
    "Box",
    "CallError",
    "CkseqError",
    "Config",
    "DataError",
    "DataSet",
    "DetectorSpec",
    "ImageFiles",
    "ModelSpec",
    "Prepared",
    "Problem",
    "Projections",
    "Recording",
    "Report",
    "Run",
    "SourceSpec",
    "Store",
    "VideoFile",
    "__version__",
    "crossval",
    "load_run",
    "load_xy",
    "open_store",
    "prepare",
    "preprocess",
    "scan",
    "train",
]

_HOMES = {
    "api.data_set": ("DataSet", "scan"),
    "api.prepare": ("Prepared", "prepare", "preprocess"),
    "api.projections": ("Projections",),
    "api.runs": ("Run", "crossval", "load_run", "train"),
    "api.written_report": ("Report",),
    "api.xy": ("XY", "load_xy", "open_store"),
    "config": ("Config",),
    "detectors._spec": ("DetectorSpec",),
    "errors": ("CallError", "CkseqError", "DataError"),
    "models._spec": ("ModelSpec",),
    "recording": ("ImageFiles", "Problem", "Recording", "VideoFile"),
    "signal.faces": ("Box",),
    "sources._spec": ("SourceSpec",),
    "storage.store": ("Store",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"ckseq.{home}"), name)
    raise AttributeError(f"module 'ckseq' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
