"""Stores made for the tests: people, expressions, and on demand a leak."""

import cv2
import numpy as np

from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.recording import ImageFiles, Recording
from ckseq.signal.reduce import mean_face
from ckseq.storage.store_growth import Growing
from ckseq.storage.store_writer import Prepared, assemble, write_part

LABELS = ("anger", "fear", "surprise")


def face(seed, n=48):
    noise = np.random.default_rng(seed).integers(0, 256, (n, n), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


def made_recordings(n_subjects=9, labels=LABELS, length_tells=False):
    """Every person shows every expression once; the motion tells which, if loudly for some only."""
    rng = np.random.default_rng(0)
    for person in range(n_subjects):
        for code, label in enumerate(labels):
            length = 5 + 5 * code if length_tells else int(rng.integers(4, 10))
            projections = rng.random((length, 2, 10), dtype=np.float32) / 4
            projections[:, :, 3 * code : 3 * code + 3] += 0.1 + 0.05 * (person % 3)
            crops = np.stack([face(person), face(100 * (person + 1) + code)])
            yield made(f"S{person:03}", f"{code:03}", label, projections, crops)
    yield made("S000", "900", None, rng.random((5, 2, 10), dtype=np.float32), np.stack([face(1), face(2)]))


def made(subject, session, label, projections, crops, digest=None):
    id = f"{subject}_{session}"
    recording = Recording(id, subject, session, label, ImageFiles(()))
    n = len(projections) + 1
    arrays = {
        "projections": projections,
        "faces": crops,
        "mean_face": mean_face(crops),
        "blobs": np.zeros((n - 1, 8, 8), bool),
        "n_found": np.ones(n, np.int32),
    }
    return Prepared(recording, "d", digest or f"frames of {id}", n, 0, arrays)


def make_store(folder, recordings, digest="0123456789abcdef", pipeline=None):
    parts = folder / "parts"
    parts.mkdir(parents=True)
    ids = []
    for one in recordings:
        write_part(parts, one)
        ids.append(one.recording.id)
    out = folder / "store.h5"
    assemble(
        parts, dict.fromkeys(sorted(ids), "d"), out, pipeline=pipeline or {"name": "paper"}, digest=digest, notes=[]
    )
    return out


def make_recipe(folder, text, name="small"):
    path = folder / f"{name}.toml"
    path.write_text(text)
    return str(path)


RIDGE = """
question = "Does it work?"
pipeline = "paper"
seed = 3
[balance]
per_class = "all"
[sequence]
length_frames = 9
overflow = "resample"
[protocol]
kind = "subject_k_fold"
folds = 3
[model]
kind = "ridge"
"""


def make_store_of_many(folder, recordings, per_file=5, order=None, append_to=None, name="store.h5"):
    """Return a store of several files; ``order`` is that in which the parts of each are written."""
    recordings = sorted(recordings, key=lambda one: one.recording.id)
    parts, out = folder / "parts", folder / name
    parts.mkdir(parents=True, exist_ok=True)
    growing = Growing(out, load_pipeline("paper"), append_to=append_to)
    for start in range(0, len(recordings), per_file):
        batch = recordings[start : start + per_file]
        for one in batch if order is None else sorted(batch, key=order):
            write_part(parts, one)
        growing.add(parts, {one.recording.id: one.digest for one in batch})
    growing.commit(notes=[], origin=None)
    return out
