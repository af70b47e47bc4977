"""The script beside an exported model: from a video or an image to probabilities, without ckseq."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ckseq import registry
from ckseq.detectors._spec import DetectorSpec
from ckseq.experiment.recipe import Experiment
from ckseq.inference import standalone_main
from ckseq.inference.source_bundle import Name, bundle
from ckseq.learn import runtimes
from ckseq.signal.sequence import overflow_of_new

RUNTIMES = {"onnx": ("open_onnx", "onnxruntime"), "litert": ("open_litert", "ai-edge-litert")}
"""By format, what opens a file of it, and the package that this needs."""


def reason_against(experiment: Experiment, *, format: str, n_frames: int, detector: str) -> str | None:
    """Return why a model cannot have a script of its own, in one line; None where it can.

    Parameters
    ----------
    experiment : Experiment
    format : str
        A key of `ckseq.learn.export.FORMATS`.
    n_frames : int
        That the model reads at once.
    detector : str
        The kind of the detector that finds the faces.
    """
    if format not in RUNTIMES:
        return f"no script: {format} files need TensorFlow, with which 'ckseq predict' works as well"
    if experiment.input in ("landmarks", "fused"):
        return "no script: the model reads landmarks, which only 'ckseq predict' finds"
    if detector not in registry.names("detectors"):
        return f"no script: the detector {detector} is a plug-in, whose code ckseq does not copy"
    policy = experiment.sequence
    interpolates = overflow_of_new(policy) == "resample" or policy.short == "stretch"
    if experiment.input == "features" and n_frames > 1 and interpolates:
        return "no script: the run interpolates features along time, between the two networks that are one in the file"
    return None


def packages(format: str, detector: str) -> tuple[str, ...]:
    """Return the packages that a script needs, as pip names them, in the versions with which it was compared.

    Other versions of OpenCV resize and blur a little differently.
    """
    spec: DetectorSpec = registry.load("detectors", detector).SPEC
    names = dict.fromkeys(("numpy", "opencv-python-headless", RUNTIMES[format][1], *spec.packages))
    return tuple(f"{name}=={found}" if (found := _installed(name)) else name for name in names)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # an extra that this machine lacks
        return None


def script(model: str, *, format: str, detector: str) -> str:
    """Return the text of the script for a model.

    Parameters
    ----------
    model : str
        The name of its file, which lies beside the script.
    format : str
        A key of `RUNTIMES`.
    detector : str
        That finds the faces in new images.
    """
    open_network = RUNTIMES[format][0]
    home = f"ckseq.detectors.{detector}"
    wanted = [
        Name(runtimes.__name__, open_network),
        Name(home, "make"),
        Name(standalone_main.__name__, "run"),
    ]
    about = f"Predict with {model}: from a video, an image or a folder of frames to probabilities."
    needs = " ".join(packages(format, detector))
    return f'''"""{about}

Written by ckseq, which it does not need. It needs:

    pip install {needs}

Other versions may give slightly other probabilities.

    python SCRIPT video.mp4 folder_of_frames/

It prints one line of JSON for each sequence; with a network of single images, for each image or frame.

As a module: model = load_model(Path({model!r}), {open_network}, make), then predict_sequence(model, path) for
sequences, predict_faces(model, read_image(path, color=...)) for single images.
"""

from __future__ import annotations

{bundle(wanted)}

if __name__ == "__main__":
    sys.exit(
        run(
            sys.argv[1:],
            about={about!r},
            default=Path(__file__).with_name({Path(model).name!r}),
            open_network={open_network},
            make_detector=make,
        )
    )
'''
