"""How well explanations of many recordings agree with what moved, and with FACS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.explain.overlap import (
    Overlap,
    Ratio,
    moved,
    overlap,
    random_iou,
    random_names_iou,
    ratio_of_means,
    relevant,
)
from ckseq.explain.regions import OUTSIDE, Region
from ckseq.facs import PROTOTYPES, REGIONS, UNITS

MOVED, CODED, ASCRIBED = "moved regions", "coded units", "units of the emotion"


class Case(NamedTuple):
    """An explained recording.

    Parameters
    ----------
    recording, subject, label : str
        Its id, whom it shows, and its true class, whose evidence is judged.
    face : (cells, cells) float64, optional
        Drop of the log-odds of that class by cell.
    named : dict of str to float
        The same by region, as of `by_name`; empty where there are none.
    displacement : (cells, cells) float64, optional
        How far the face moved, as of `ckseq.explain.displacement.face_displacement`.
    units : tuple of str, optional
        Its coded action units; None where it is not coded.
    """

    recording: str
    subject: str
    label: str
    face: NDArray[np.float64] | None
    named: dict[str, float]
    displacement: NDArray[np.float64] | None
    units: tuple[str, ...] | None


class Agreement(NamedTuple):
    """Agreement of relevant with wanted parts, of the recordings of one class, or of all where ``label`` is empty.

    ``evidence`` is of the parts that speak for the true class. ``net`` is less the overlap of those that speak against
    it: a model that learned nothing also sees only what moves, but that speaks as often against the class as for it.
    """

    against: str
    label: str
    evidence: Ratio
    net: Ratio
    precision: float
    recall: float


class _Judged(NamedTuple):
    case: Case
    evidence: Overlap
    contrary_iou: float
    random_iou: float


def by_name(drops: NDArray[np.float64], regions: Sequence[Region]) -> dict[str, float]:
    """Return the drop of each named region of FACS: of a divided one that of the side that matters more.

    Parameters
    ----------
    drops : (r,) float64
    regions : sequence of Region
    """
    found: dict[str, float] = {}
    for region, drop in zip(regions, drops.tolist(), strict=True):
        if region.name != OUTSIDE:
            found[region.name] = max(drop, found.get(region.name, drop))
    return found


def agreements(cases: Sequence[Case], *, n_draws: int, confidence: float, rng: np.random.Generator) -> list[Agreement]:
    """Return how well explanations agree with each thing that is known of the recordings, of all and by class.

    Parameters
    ----------
    cases : sequence of Case
    n_draws : int
        Number of bootstrap samples.
    confidence : float
    rng : numpy.random.Generator
        Draws bootstrap samples.
    """
    found = []
    for against, wanted_of in ((MOVED, _moved_cells), (CODED, _coded_names), (ASCRIBED, _ascribed_names)):
        judged = [one for case in cases if (one := _judge(case, *wanted_of(case))) is not None]
        labels = sorted({one.case.label for one in judged})
        for label in ("", *labels) if judged else ():
            some = [one for one in judged if label in ("", one.case.label)]
            evidence, net = (
                ratio_of_means(
                    values,
                    [one.random_iou for one in some],
                    [one.case.subject for one in some],
                    [one.case.recording for one in some],
                    n_draws=n_draws,
                    confidence=confidence,
                    rng=rng,
                )
                for values in (
                    [one.evidence.iou for one in some],
                    [one.evidence.iou - one.contrary_iou for one in some],
                )
            )
            precision, recall = (float(np.mean([one.evidence[place] for one in some])) for place in (1, 2))
            found.append(Agreement(against, label, evidence, net, precision, recall))
    return found


Asked = tuple[NDArray[np.float64] | None, NDArray[np.bool_] | None]


def _moved_cells(case: Case) -> Asked:
    return case.face, None if case.displacement is None else moved(case.displacement)


def _coded_names(case: Case) -> Asked:
    return _names(case, case.units or ())


def _ascribed_names(case: Case) -> Asked:
    return _names(case, PROTOTYPES[case.label].units if case.label in PROTOTYPES else ())


def _names(case: Case, units: Sequence[str]) -> Asked:
    if not case.named:
        return None, None
    wanted = {name for unit in units if unit in UNITS for name in UNITS[unit].regions}
    return np.array([case.named[name] for name in REGIONS]), np.array([name in wanted for name in REGIONS])


def _judge(case: Case, drops: NDArray[np.float64] | None, wanted: NDArray[np.bool_] | None) -> _Judged | None:
    if drops is None or wanted is None or not wanted.any():
        return None
    found = relevant(drops)
    if wanted.ndim == 2:
        by_chance = random_iou(wanted)
    else:  # a random choice of as many regions as were found, or as are wanted where none were
        by_chance = random_names_iou(int(found.sum() or wanted.sum()), int(wanted.sum()), len(wanted))
    return _Judged(case, overlap(found, wanted), overlap(relevant(-drops), wanted).iou, by_chance)


def evidence_in_moved(cases: Sequence[Case]) -> Iterator[tuple[str, str, float]]:
    """Yield for each case its subject, its recording and the net share of its evidence that lies where the face moved.

    The sum of the drops where the face moved, less what speaks against the class there, divided by the sum of all
    absolute drops: about 0 for a model that learned nothing (relevance mass: Arras, Osman and Samek 2022).
    """
    for case in cases:
        if case.face is not None and case.displacement is not None and np.abs(case.face).sum() > 0:
            inside = case.face[moved(case.displacement)].sum()
            yield case.subject, case.recording, float(inside / np.abs(case.face).sum())
