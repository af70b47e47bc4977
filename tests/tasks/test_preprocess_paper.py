"""The pipeline ``paper`` equals the paper's script to the bit, from files on the disk to the store."""

import cv2
import numpy as np
import pytest
from paper_reference import paper_binaries, paper_crops, paper_projections

from ckseq.storage.store import open_store
from ckseq.tasks.preprocess import preprocess


@pytest.mark.slow
def test_real_faces_equal_the_papers_script_to_the_bit(tmp_path, real_photographs, console):
    check_against_the_script(tmp_path, [shaken(photograph) for photograph in real_photographs[:2]], console)


@pytest.mark.slow
def test_the_twin_equals_the_papers_script_to_the_bit(tmp_path, console):
    from ckseq.twin.tree import TwinConfig, draw, plan

    sequence = min(plan(TwinConfig(n_subjects=2)), key=lambda sequence: sequence.n_frames)
    frames, _ = draw(sequence)
    check_against_the_script(tmp_path, [[to_gray(frame) for frame in frames[:6]]], console)


def to_gray(frame):
    return frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)


def shaken(photograph):
    """Four frames of a photograph whose light and place change, and a blank one in which nobody is found."""
    height, width = photograph.shape
    frames = [
        cv2.warpAffine(photograph, np.float32([[1, 0, step], [0, 1, 2 * step]]), (width, height)) for step in range(4)
    ]
    frames[2] = cv2.convertScaleAbs(frames[2], alpha=1.1, beta=3)
    return [np.zeros_like(photograph), *frames[:2], np.zeros_like(photograph), *frames[2:]]


def check_against_the_script(folder, sequences, console):
    lines = ["path,subject,session,label"]
    for number, frames in enumerate(sequences):
        place = folder / f"s{number}"
        place.mkdir()
        for step, frame in enumerate(frames):
            cv2.imwrite(str(place / f"{step:03d}.png"), frame)
        lines.append(f"s{number},P{number},001,anger")
    manifest = folder / "m.csv"
    manifest.write_text("\n".join(lines))
    preprocess(manifest, pipeline="paper", out=folder / "paper.h5", jobs=1, console=console)
    with open_store(folder / "paper.h5") as store:
        assert len(store.entries) == len(sequences)
        for entry, frames in zip(store.entries, sequences, strict=True):
            crops = paper_crops(frames)
            binaries = paper_binaries(crops)
            np.testing.assert_array_equal(store.faces(entry.id), [crops[0], crops[-1]])
            np.testing.assert_array_equal(store.blobs(entry.id), np.array(binaries).astype(bool))
            assert store.projections(entry.id).tobytes() == paper_projections(binaries).tobytes()
            assert entry.n_frames == len(frames)
