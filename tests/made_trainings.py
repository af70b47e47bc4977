"""A store of made-up recordings, a recipe, and a console that listens, for tests of trainings."""

from contextlib import contextmanager

import numpy as np

from ckseq.recording import ImageFiles, Recording
from ckseq.storage.store_writer import Prepared, assemble, write_part

RECIPE = """
question = "Does it work?"
pipeline = "paper"
classes = ["anger", "fear", "surprise"]
seed = 3
[published]
accuracy = 0.9
[balance]
per_class = 8
[sequence]
length_frames = 9
overflow = "drop"
[model]
kind = "tiny"
[training]
epochs = 4
batch_size = 8
"""


class Listener:
    """A console that remembers, and presses Ctrl-C after so many epochs."""

    def __init__(self, *, interrupt_after=None):
        self.said, self.warned, self.epochs, self.interrupt_after = [], [], [], interrupt_after

    def say(self, what):
        self.said.append(what)

    def warn(self, what):
        self.warned.append(what)

    @contextmanager
    def progress(self, label, total):
        self.total = total
        yield self

    def begin(self, text):
        pass

    def advance(self, n=1, *, text=""):
        self.epochs.append(text)
        if len(self.epochs) == self.interrupt_after:
            raise KeyboardInterrupt


def recordings():
    """Twelve people, three emotions, one of them loud where another is quiet; and the odd ones."""
    rng = np.random.default_rng(0)
    for person in range(12):
        for code, label in enumerate(["anger", "fear", "surprise"]):
            projections = rng.random((4 + (person + code) % 5, 2, 10), dtype=np.float32) / 4
            projections[:, :, 3 * code : 3 * code + 3] += 0.5
            arrays = {
                "projections": projections,
                "faces": rng.integers(0, 255, (2, 10, 10), np.uint8),
                "blobs": rng.random((len(projections), 10, 10)) > 0.5,
            }
            yield prepared(f"S{person:03}", f"{code:03}", label, arrays=arrays)
    short, long = np.zeros((5, 2, 10), np.float32), np.zeros((10, 2, 10), np.float32)
    yield prepared("S500", "001", None, arrays={"projections": short})
    yield prepared("S500", "002", "fear", arrays={"projections": long})
    yield prepared("S500", "003", "anger", error="there is no face in any frame")
    yield prepared("S500", "004", "joy", arrays={"projections": short})


def prepared(subject, session, label, *, arrays=None, error=None):
    recording = Recording(f"{subject}_{session}", subject, session, label, ImageFiles(()))
    n_frames = len(arrays["projections"]) + 1 if arrays else 0
    return Prepared(recording, "d", "s", n_frames, 0, arrays or {}, error)


def make_store(folder, digest="0123456789abcdef"):
    ids = []
    for one in recordings():
        write_part(folder, one)
        ids.append(one.recording.id)
    out = folder / f"{digest}.h5"
    assemble(
        folder, dict.fromkeys(sorted(ids), "d"), out, pipeline={"name": "paper"}, digest=digest, notes=["made of noise"]
    )
    return out
