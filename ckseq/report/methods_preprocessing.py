"""Preprocessing in the words of a paper, from the pipeline that a run records; what it does not say is left out."""

from __future__ import annotations

from typing import Any

from ckseq.config import Tree
from ckseq.grammar import counted

_DETECTORS = {
    "dlib_hog": "dlib's frontal face detector [@king2015]",
    "opencv_haar": "a Haar cascade of OpenCV [@viola2001]",
    "blazeface": "BlazeFace [@bazarevsky2019]",
    "mtcnn": "MTCNN [@zhang2016]",
}
_PICKS = {
    "last": "the last that the detector found",
    "first": "the first that the detector found",
    "largest": "the largest",
    "central": "the most central",
}
_REFERENCES = {
    "previous": "the frame before it",
    "first": "the first frame",
    "median": "the median of the sequence",
    "running": "a running mean (time constant {frames} frames)",
    "neutral": "a neutral face, a running mean (time constant {frames} frames) that pauses while the face moves",
}
_DIFFERENCES = {
    "wrapped": "modulo 256",
    "absolute": "as an absolute value",
    "signed": "in separate channels for brighter and darker",
}
_LANDMARKS = {
    "face_mesh": "Landmarks of MediaPipe's face mesh [@kartynnik2019] were located in every frame and registered to a "
    "mean face",
    "ckplus": "The landmarks that the data set provides were registered to a mean face",
    "mtcnn": "Landmarks by MTCNN [@zhang2016] were located in every frame and registered to a mean face",
}
_LOCATED = {
    "face_mesh": "the landmarks of MediaPipe's face mesh [@kartynnik2019]",
    "ckplus": "the landmarks that the data set provides",
    "mtcnn": "landmarks by MTCNN [@zhang2016]",
}


def preprocessing_sentences(pipeline: Tree, *, kind: str) -> list[str]:
    """Return what was done to the frames.

    Parameters
    ----------
    pipeline : dict
        A pipeline with all its values, as ``run.json`` keeps it; may be empty.
    kind : str
        The experiment's ``input``: only what led to it is told.
    """
    reads_motion = kind in ("projections", "blobs", "halved", "fused")
    sentences = _faces(pipeline)
    if reads_motion:
        sentences += _motion(pipeline)
    if kind in ("projections", "fused") and (side := value(pipeline, "faces.side_px")):
        sentences.append(
            f"Each binary image was reduced to the means of its columns and of its rows, 2 × {side} values"
        )
    if kind in ("landmarks", "fused") and (landmarks := _LANDMARKS.get(value(pipeline, "landmarks.kind"))):
        sentences.append(landmarks)
    if kind == "fused" and value(pipeline, "landmarks.kind") in _LANDMARKS:
        sentences.append(
            "Texture was described by histograms of oriented gradients [@dalal2005] of the registered face"
        )
    return sentences


def value(tree: Tree, path: str) -> Any:
    """Return a value of nested sections by its path, as ``motion.threshold``; None where there is none."""
    node: Any = tree
    for key in path.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node


def plug_in(section: Any) -> str:
    """Return how a plug-in is called whose facts a section of a recipe holds; empty of what ships with ckseq.

    >>> plug_in({"kind": "./my_model.py", "plugin": {"name": "my_model", "version": "1.2", "sha256": "0a31bb8e"}})
    'the plug-in my_model 1.2 (SHA-256 0a31bb8e)'
    """
    facts = section.get("plugin") if isinstance(section, dict) else None
    if not facts:
        return ""
    return f"the plug-in {' '.join(filter(None, (facts['name'], facts['version'])))} (SHA-256 {facts['sha256'][:12]})"


def number(of: Any) -> str:
    """Return a number as briefly as it can be written.

    >>> number(4.0), number(0.003)
    ('4', '0.003')
    """
    return f"{of:g}" if isinstance(of, float) else str(of)


def _faces(pipeline: Tree) -> list[str]:
    kind, side = value(pipeline, "detector.kind"), value(pipeline, "faces.side_px")
    if not kind or not side:
        return []
    color = "RGB" if value(pipeline, "faces.color") == "rgb" else "gray"
    size = f"{side} × {side} pixels ({color})"
    if kind == "whole_frame":
        part = "Their largest central squares" if value(pipeline, "detector.part") == "central_square" else "The frames"
        return [f"{part} were resized to {size}, without face detection"]
    own = plug_in(pipeline.get("detector"))
    if value(pipeline, "faces.policy") == "landmarks":
        located = _LOCATED.get(value(pipeline, "landmarks.kind"), "landmarks")
        box = f"The face was cut out of every frame by one box per sequence, which followed from {located}"
        return [f"{box}, and resized to {size}", *_registration(pipeline)]
    found = f"Faces were detected by {own or _DETECTORS.get(kind, f'the detector {kind}')}"
    pick = _PICKS.get(value(pipeline, "faces.pick"))
    many = f"; of several faces, {pick} was used" if pick else ""
    cut = "aligned by the eyes, " if value(pipeline, "faces.cut") == "eyes" else ""
    return [f"{found}{_where(pipeline)}, cut out, {cut}and resized to {size}{many}", *_registration(pipeline)]


def _registration(pipeline: Tree) -> list[str]:
    if (undone := value(pipeline, "align.method")) in ("translation", "similarity"):
        what = "translation" if undone == "translation" else "translation, rotation and scale"
        return [f"Head motion was removed by registering each crop to the first one ({what})"]
    return []


def _where(pipeline: Tree) -> str:
    policy, stride = value(pipeline, "faces.policy"), value(pipeline, "faces.stride_frames")
    match policy:
        case "every_frame":
            return " in every frame"
        case "anchor":
            frames = counted(value(pipeline, "faces.anchors"), "frame")
            return f" in {frames} of each sequence, whose median box served all frames"
        case "smoothed":
            return f" once every {stride} frames, with interpolated and smoothed boxes"
        case "tracked":
            return f" once every {stride} frames and tracked in between"
    return ""


def _motion(pipeline: Tree) -> list[str]:
    difference = _DIFFERENCES.get(value(pipeline, "motion.difference"))
    reference = _REFERENCES.get(value(pipeline, "motion.reference"))
    threshold = value(pipeline, "motion.threshold")
    if not difference or not reference or threshold is None:
        return []
    before = []
    if value(pipeline, "motion.light") == "equalized":
        before.append("scaled to equal brightness")
    if blur := value(pipeline, "motion.blur_px"):
        before.append(f"blurred by a Gaussian of {number(blur)} pixels (standard deviation)")
    prepared = f"{' and '.join(before)}, and then " if before else ""
    noise = value(pipeline, "motion.threshold_unit") == "noise"
    unit = "standard deviations of the pixel noise" if noise else "gray levels"
    frames = value(pipeline, "motion.running_frames")
    sentences = [
        f"Each crop was {prepared}subtracted from {reference.format(frames=frames)}, {difference}; differences above "
        f"{number(threshold)} {unit} counted as motion"
    ]
    if value(pipeline, "motion.difference") == "signed" and (moving := value(pipeline, "motion.moving_threshold")):
        sentences.append(
            f"A third channel held what differed from the previous crop by more than {number(moving)} {unit}"
        )
    if (side := value(pipeline, "motion.erosion_px")) and side > 1:
        sentences.append(f"The binary images were eroded by a square of {side} × {side} pixels")
    return sentences
