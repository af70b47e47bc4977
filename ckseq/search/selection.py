"""Which trial a study selects: a finalist by its scores on new folds, else the best trial."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ckseq.errors import DataError
from ckseq.search.one_standard_error import Choice, Gain, gain_over, select
from ckseq.search.study import StoredFacts, n_finished, read_facts, search_facts, sign_of

# the name of a user attribute; studies that exist have it
FINALIST_SCORES = "finalists"


class FinalistScores(StoredFacts):
    """What the study of a search stores about its finalists: from this the selection is derived.

    ``study`` holds their trials; ``ended`` is the number of finished trials of the search at that time; ``standing`` is
    the baseline's trial; by the number of the trial, ``searched`` are the objective values in the search and
    ``by_fold`` the scores on new folds.
    """

    study: str
    ended: int
    standing: int | None
    tested_to_trained: float
    searched: dict[int, float]
    by_fold: dict[int, tuple[float, ...]]


@dataclass(frozen=True)
class Finalist:
    """A finalist: its objective in the search, its mean on new folds, and its gain over the baseline.

    The gain is positive if the finalist is better, also where lower values of the objective are; the baseline has none.
    """

    trial: int
    searched: float
    confirmed: float
    gain: float | None
    standard_error: float | None


@dataclass(frozen=True)
class Selection:
    """Which finalist a search selects, by which rule, and all finalists, best first, as ``--json`` prints them.

    ``chosen`` and ``as_it_stands`` are the trials of the selected recipe and of the baseline, which is the
    ``experiment`` that the search began with.
    """

    study: str
    n_folds: int
    chosen: int
    as_it_stands: int | None
    experiment: str
    rule: Literal["one_standard_error", "best_confirmed"]
    sentence: str
    finalists: tuple[Finalist, ...]

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return the finalists as rows of text: trial, score in the search, score on new folds, gain."""
        return [
            (
                f"{one.trial}{f' ({self.experiment})' if one.trial == self.as_it_stands else ''}",
                f"{one.searched:.3f}",
                f"{one.confirmed:.3f}",
                "" if one.gain is None else f"{one.gain:+.3f} ± {one.standard_error:.3f}",
            )
            for one in self.finalists
        ]


def selection_of(study: Study) -> Selection | None:
    """Return the selection of a search; None if it has no finalists, or has been resumed since they were scored.

    Raises
    ------
    DataError
        The study lacks trials that it had when its finalists were scored.
    """
    stored = read_facts(study, FINALIST_SCORES, FinalistScores)
    if stored is None or stored.ended < n_finished(study):
        return None
    _check_searched(study, stored)
    sign = sign_of(study)
    by_fold = {number: [sign * score for score in scores] for number, scores in stored.by_fold.items()}
    baseline = stored.standing if stored.standing in by_fold else None
    # of equal means the baseline is the best, then the earlier trial
    ordered = {number: by_fold[number] for number in sorted(by_fold, key=lambda number: (number != baseline, number))}
    choice = select(ordered, baseline=baseline, test_train_ratio=stored.tested_to_trained)
    finalists = []
    for number, scores in ordered.items():
        gain: Gain | tuple[None, None] = (None, None)
        if baseline is not None and number != baseline:
            gain = gain_over(scores, ordered[baseline], test_train_ratio=stored.tested_to_trained)
        finalists.append(Finalist(number, stored.searched[number], sign * fmean(scores), *gain))
    n_folds, experiment = len(next(iter(by_fold.values()))), baseline_name(study)
    return Selection(
        stored.study,
        n_folds,
        choice.selected,
        baseline,
        experiment,
        "best_confirmed" if baseline is None else "one_standard_error",
        _sentence(choice, baseline, experiment, n_folds),
        tuple(sorted(finalists, key=lambda one: -sign * one.confirmed)),
    )


def _check_searched(study: Study, stored: FinalistScores) -> None:
    values = {
        trial.number: trial.values[0] for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    }
    same = all(values.get(number) == score for number, score in stored.searched.items())
    if stored.ended > n_finished(study) or not same or stored.searched.keys() != stored.by_fold.keys():
        what = f"the study {study.study_name!r} is damaged: it has other trials than when its finalists were scored"
        raise DataError(what, fix="restore a copy of its storage, or name another with --study")


def ended(study: Study) -> bool:
    """Whether a search came to its end, where it stores its finalists, or that there are none."""
    return FINALIST_SCORES in study.user_attrs


def best_trials(study: Study) -> list[FrozenTrial]:
    """Return the best trial, or with two objectives the Pareto front.

    Raises
    ------
    DataError
        No trial is complete.
    """
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise DataError("no trial of the study is complete", study.study_name, "resume it with 'ckseq tune'")
    return [study.best_trial] if len(study.directions) == 1 else study.best_trials


def selected_trials(study: Study) -> list[FrozenTrial]:
    """Return the finalist that the search selects, else the best trial, or with two objectives the Pareto front.

    Raises
    ------
    DataError
        No trial is complete.
    """
    best, selection = best_trials(study), selection_of(study)
    return best if selection is None else [study.get_trials(deepcopy=False)[selection.chosen]]


def selected_trial(study: Study) -> FrozenTrial:
    """Return the trial that the search selects; of a Pareto front the best in the first objective."""
    sign = sign_of(study)
    return min(selected_trials(study), key=lambda trial: -sign * trial.values[0])


def baseline_name(study: Study) -> str:
    """Return the name of the experiment that a search began with, which its best trials are compared with."""
    return str(search_facts(study).experiment.get("name") or "baseline")


def _sentence(choice: Choice, baseline: int | None, experiment: str, n_folds: int) -> str:
    where = f"on {n_folds} new folds"
    if choice.gain is None:
        what = f"the experiment {experiment}, which the search began with, is not among the trials"
        return f"trial {choice.selected} is selected, the best {where}; {what}"
    own = f"the experiment {experiment} as it is (trial {baseline})"
    if choice.best == baseline:
        return f"{own} is selected: no other finalist is better {where}"
    gain = f"{choice.gain.mean:.3f} ± {choice.gain.standard_error:.3f} better"
    if choice.selected == baseline:
        what = f"trial {choice.best} is {gain} {where}, which is within one standard error"
        return f"{own} is selected: {what}"
    return f"trial {choice.selected} is selected: {where} it is {gain} than {own}"
