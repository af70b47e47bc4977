"""Whether the emotion that is predicted for a face agrees with its action units, as the criteria of FACS say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

import numpy as np

from ckseq.facs import PROTOTYPES, contradiction
from ckseq.protocol.intervals import Interval, IntervalMethod, accuracy_interval


class Contradiction(NamedTuple):
    """A recording whose predicted emotion its action units speak against, and what is wrong in words."""

    recording: str
    emotion: str
    what: str


class OfEmotion(NamedTuple):
    """How many of the n predictions of an emotion agree with the units."""

    emotion: str
    n: int
    n_consistent: int


class Consistency(NamedTuple):
    """How often emotions agree with action units.

    ``share`` is that of the n predictions, with the interval of an accuracy by ``method``, see
    `ckseq.protocol.intervals.accuracy_interval`; ``shuffled`` the mean share where the same emotions are dealt out
    among the same faces at random, and ``p_value`` how often that is as good.
    """

    n: int
    share: float
    interval: Interval
    method: IntervalMethod
    shuffled: float
    p_value: float
    by_emotion: tuple[OfEmotion, ...]
    contradictions: tuple[Contradiction, ...]


class Judged(NamedTuple):
    """A recording and the emotion that it is said to show."""

    recording: str
    subject: str
    emotion: str


def consistency(
    judged: Sequence[Judged],
    units: Mapping[str, Set[str]],
    *,
    n_draws: int,
    confidence: float,
    rng: np.random.Generator,
) -> Consistency | None:
    """Compare emotions with action units; None where there is nothing to compare.

    Parameters
    ----------
    judged : sequence of Judged
        Those of emotions that FACS has no criteria for, and of recordings without units, are left out.
    units : mapping
        The action units of each recording.
    n_draws : int
        Number of random deals.
    confidence : float
        Confidence level, between 0 and 1.
    rng : numpy.random.Generator
    """
    known = [one for one in judged if one.emotion in PROTOTYPES and one.recording in units]
    if not known:
        return None
    emotions = list(PROTOTYPES)
    # whether each face would agree with each emotion
    agrees = np.array([[not contradiction(emotion, units[one.recording]) for emotion in emotions] for one in known])
    said = np.array([emotions.index(one.emotion) for one in known])
    rows = np.arange(len(known))
    right = agrees[rows, said]
    dealt = np.array([agrees[rows, rng.permutation(said)].mean() for _ in range(n_draws)])
    repeats = len(known) / len({one.recording for one in known})
    interval, method = accuracy_interval(right, [one.subject for one in known], repeats=repeats, confidence=confidence)
    return Consistency(
        n=len(known),
        share=float(right.mean()),
        interval=interval,
        method=method,
        shuffled=float(dealt.mean()),
        p_value=float((1 + (dealt >= right.mean()).sum()) / (1 + n_draws)),
        by_emotion=tuple(
            OfEmotion(emotion, int((said == place).sum()), int(right[said == place].sum()))
            for place, emotion in enumerate(emotions)
            if (said == place).any()
        ),
        contradictions=tuple(
            Contradiction(one.recording, one.emotion, contradiction(one.emotion, units[one.recording]))
            for one, good in zip(known, right, strict=True)
            if not good
        ),
    )
