"""``ckseq synth``: draw a synthetic twin of CK+ into a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

import ckseq
from ckseq.config import parse, with_settings
from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.labels import in_order
from ckseq.recording import ABOUT
from ckseq.storage.replacement import whole_folder
from ckseq.twin.about import SYNTHETIC
from ckseq.twin.tree import IMAGES, SequencePlan, TwinConfig, plan, write
from ckseq.workers import spread


def config_of(n_subjects: int, seed: int | None, settings: Sequence[str]) -> TwinConfig:
    """Return a twin's config from a command line: number of people, seed, and ``key=value`` for any other field.

    Raises
    ------
    CallError
        A key is unknown or a value impossible.
    """
    return parse(TwinConfig, with_settings({"n_subjects": n_subjects, "seed": seed or 0}, settings), where="synth")


def synth(out: Path, *, config: TwinConfig, jobs: int, overwrite: bool, console: Console) -> dict[str, Any]:
    """Draw a data set in CK+'s layout; the folder appears only when it is complete.

    Parameters
    ----------
    out : Path
        The folder to make.
    config : TwinConfig
        Its contents.
    jobs : int
        Processes; -1 for all cores.
    overwrite : bool
        Whether an existing twin at ``out`` may be replaced; anything else is never replaced.
    console : Console
        Shows the progress.

    Returns
    -------
    dict
        ``path``, ``seed``, ``n_subjects``, ``n_sequences``, ``n_frames``, ``n_unlabeled`` and ``labeled``, the number
        of sequences of each emotion.

    Raises
    ------
    CallError
        ``out`` cannot be written, or is not empty.
    DataError
        Writing failed, as on a full disk; nothing is left behind.
    """
    out = Path(out).resolve()
    sequences = plan(config)
    n_frames = sum(sequence.n_frames for sequence in sequences)
    with whole_folder(out, lambda: _check_target(out, overwrite=overwrite)) as partial:
        console.say(f"drawing {len(sequences)} sequences of {config.n_subjects} synthetic subjects, {n_frames} frames")
        jobs = min(jobs, len(sequences)) if jobs > 0 else jobs
        calls = ((sequence, partial, jobs != 1) for sequence in sequences)
        done = spread(_write, calls, n_workers=jobs, in_order=False)
        for _ in console.track(done, total=len(sequences), label="drawing"):
            pass
        # also with the images, which may be all that is copied or archived
        for folder in (partial, partial / IMAGES):
            (folder / ABOUT).write_text(_note(config), encoding="utf-8")
    counts = Counter(sequence.label.name for sequence in sequences if sequence.label)
    return {
        "path": str(out),
        "seed": config.seed,
        "n_subjects": config.n_subjects,
        "n_sequences": len(sequences),
        "n_frames": n_frames,
        "n_unlabeled": len(sequences) - counts.total(),
        "labeled": {name: counts[name] for name in in_order(counts)},
    }


def _write(sequence: SequencePlan, root: Path, parallel: bool) -> None:
    if parallel:
        cv2.setNumThreads(1)  # the sequences already use all cores
    write(sequence, root)


def _check_target(out: Path, *, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise CallError("is a file, not a folder", out, "name another folder")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not _is_twin(out):
        raise CallError("the folder is not empty and is no synthetic data set", out, "name another folder")
    if not overwrite:
        raise CallError("already contains a synthetic data set", out, "--overwrite replaces it")


def _is_twin(folder: Path) -> bool:
    try:
        return (folder / ABOUT).read_text(encoding="utf-8").startswith(SYNTHETIC)
    except (OSError, UnicodeDecodeError):
        return False


def _note(config: TwinConfig) -> str:
    settings = "\n".join(f"  {name} = {value!r}" for name, value in config.model_dump().items())
    return (
        f"{SYNTHETIC}\n\nThe faces are computed; they show no person, living or dead, and carry no license of CK+.\n"
        "Layout and file formats are those of the Extended Cohn-Kanade data set (Lucey et al., 2010).\n\n"
        f"ckseq {ckseq.__version__}, drawn from:\n{settings}\n"
    )
