"""The contract of a source: every file of this room ends in a `SourceSpec`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ckseq.recording import Problem, Recording


@dataclass(frozen=True)
class SourceSpec:
    """What a file of sources offers.

    Parameters
    ----------
    name : str
        That of the file.
    looks_for : str
        What it needs to find on disk, in one line.
    recognizes : callable
        Whether a path holds this layout; raises nothing where it does not.
    scan : callable
        Returns the recordings at a path, sorted by id, the same every time; no pixel is read.
    problems : callable
        Returns what is odd about the data, each problem with its remedy.
    expected_counts : mapping of str to int
        What the original data set holds, of sequences, subjects, frames, labeled, and each label; empty where every
        data set is different.
    labels_from : str
        What to do where no recording has a label, in one line.

    Examples
    --------
    >>> def scan(root):
    ...     paths = sorted(root.glob("*.mp4"))
    ...     return [ckseq.Recording(one.stem, one.stem, "1", None, ckseq.VideoFile(one)) for one in paths]
    >>> spec = ckseq.SourceSpec("videos", "*.mp4", lambda root: any(root.glob("*.mp4")), scan, lambda root: [])
    >>> spec.recognizes(Path("faces")), spec.scan(Path("faces"))
    (False, [])
    """

    name: str
    looks_for: str
    recognizes: Callable[[Path], bool]
    scan: Callable[[Path], list[Recording]]
    problems: Callable[[Path], list[Problem]]
    expected_counts: Mapping[str, int] = field(default_factory=dict)
    labels_from: str = "name their classes in a manifest (path,subject,session,label)"
