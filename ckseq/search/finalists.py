"""The finalists of a search: its best trials and the recipe as it stands, scored again where nothing chose them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ckseq.config import digest
from ckseq.console import Console
from ckseq.search.confirmation import Choice, Gain, choose, gain_over
from ckseq.search.inner_folds import further_folds
from ckseq.search.space import Space

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

    from ckseq.search.trial import InnerFolds, TrialCache

# the field of the finalists' study: whose recipe, by the number of its trial
FINALIST = "finalist"
_OUTCOME, _CONFIRMS = "finalists", "confirms"


@dataclass(frozen=True)
class Finalist:
    """A finalist: what its trial scored in the search, and what it scored on the new folds.

    ``gain`` is over the recipe as it stands, where that is another finalist; better is above zero.
    """

    trial: int
    searched: float
    confirmed: float
    gain: Gain | None


@dataclass(frozen=True)
class Outcome:
    """How the finals of a search ended; ``finalists`` stand best first, ``standing`` is the recipe as it stands."""

    study: str
    n_folds: int
    chosen: int
    standing: int | None
    rule: str
    sentence: str
    finalists: tuple[Finalist, ...]


def confirm(
    study: Study,
    space: Space,
    inner: InnerFolds,
    shop: TrialCache,
    *,
    storage: BaseStorage,
    heartbeat_s: float,
    console: Console,
) -> None:
    """Score the finalists of a search that is done on new folds of the same people, and keep what came of it.

    They are the trials of another study in the same storage, so that any number of processes share them, and one that
    was killed loses nothing. With two objectives there is a front and no winner, hence no finals.
    """
    from ckseq.search.samplers import make_pruner, make_sampler
    from ckseq.search.trial import SCORES, evaluate, take
    from ckseq.search.trial_loop import join_study

    config = space.config
    candidates, standing = _candidates(study, space)
    folds = further_folds(inner, n_divisions=config.confirmations)
    if len(config.objectives) > 1 or not config.finalists or len(candidates) < 2 or not folds:
        study.set_user_attr(_OUTCOME, None)
        return
    name = f"{study.study_name}_finalists_{digest(sorted(candidates), folds)[:6]}"
    finals = join_study(
        storage,
        name,
        directions=["maximize" if _sign(study) > 0 else "minimize"],
        about={
            _CONFIRMS: study.study_name,
            "objectives": list(config.objectives),
            "finalists": sorted(candidates),
            "folds": digest(folds),
        },
        first=None,
    )
    # a grid gives the trial of each number its own finalist, whichever process takes it
    finals.sampler = make_sampler("grid", seed=config.seed, grid={FINALIST: sorted(candidates)})
    finals.pruner = make_pruner("none", steps=1)
    console.step(f"{len(candidates)} finalists on {len(folds)} new folds of the same people")
    unpruned = replace(space, config=config.model_copy(update={"pruner": "none"}))
    anew = replace(inner, folds=folds)

    def scored(trial: Trial) -> list[float]:
        number = trial.suggest_categorical(FINALIST, sorted(candidates))
        return evaluate(trial, unpruned, anew, shop, values=candidates[number].user_attrs["values"])

    take(
        finals,
        len(candidates),
        scored,
        label="finalists",
        told=lambda trial: f"{FINALIST} {trial.params.get(FINALIST, '')}: {_figure(trial)}",
        heartbeat_s=heartbeat_s,
        console=console,
    )
    by_fold = {
        trial.params[FINALIST]: [score[config.objectives[0]] for score in trial.user_attrs[SCORES]]
        for trial in finals.get_trials(deepcopy=False)
        if trial.state.name == "COMPLETE"
    }
    study.set_user_attr(
        _OUTCOME,
        {
            "study": name,
            "ended": _ended(study),
            "standing": standing,
            "tested_to_trained": 1 / (len(inner.folds) - 1),
            "searched": {str(number): candidates[number].value for number in sorted(by_fold)},
            "by_fold": {str(number): by_fold[number] for number in sorted(by_fold)},
        },
    )


def outcome_of(study: Study) -> Outcome | None:
    """Return how the finals of a study ended; None where there were none, or the search has gone on since."""
    kept = study.user_attrs.get(_OUTCOME)
    if not kept or kept["ended"] != _ended(study):
        return None
    sign = _sign(study)
    by_fold = {int(number): [sign * score for score in scores] for number, scores in kept["by_fold"].items()}
    standing = kept["standing"] if kept["standing"] in by_fold else None
    # of equal means the recipe as it stands is the best, then the earlier trial
    in_turn = {number: by_fold[number] for number in sorted(by_fold, key=lambda number: (number != standing, number))}
    ratio = kept["tested_to_trained"]
    choice = choose(in_turn, standing=standing, tested_to_trained=ratio)
    finalists = [
        Finalist(
            number,
            kept["searched"][str(number)],
            sign * fmean(scores),
            None if standing in (None, number) else gain_over(scores, in_turn[standing], tested_to_trained=ratio),
        )
        for number, scores in in_turn.items()
    ]
    n_folds = len(next(iter(by_fold.values())))
    return Outcome(
        kept["study"],
        n_folds,
        choice.chosen,
        standing,
        "best_confirmed" if standing is None else "one_standard_error",
        _sentence(choice, standing, n_folds),
        tuple(sorted(finalists, key=lambda one: -sign * one.confirmed)),
    )


def confirmed_study(study: Study) -> str | None:
    """Return the name of the search whose finalists a study holds; None for any other study."""
    from ckseq.search.trial_loop import about_study

    return about_study(study).get(_CONFIRMS)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as `ckseq tune --json` prints it."""
    return {
        "study": outcome.study,
        "n_folds": outcome.n_folds,
        "chosen": outcome.chosen,
        "as_it_stands": outcome.standing,
        "rule": outcome.rule,
        "sentence": outcome.sentence,
        "finalists": [
            {
                "trial": one.trial,
                "searched": one.searched,
                "confirmed": one.confirmed,
                "gain": None if one.gain is None else one.gain.mean,
                "standard_error": None if one.gain is None else one.gain.standard_error,
            }
            for one in outcome.finalists
        ],
    }


def rows_of(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    """Return the finalists as rows of text: whose, score in the search, on the new folds, gain."""
    return [
        (
            f"{one.trial}{' (as it stands)' if one.trial == outcome.standing else ''}",
            f"{one.searched:.3f}",
            f"{one.confirmed:.3f}",
            "" if one.gain is None else f"{one.gain.mean:+.3f} ± {one.gain.standard_error:.3f}",
        )
        for one in outcome.finalists
    ]


def say_outcome(outcome: Outcome, console: Console) -> None:
    """Print the finalists and which of them was chosen, and why."""
    table = Table("finalist", "in the search", "on new folds", "better than as it stands", box=None)
    for row in rows_of(outcome):
        table.add_row(*row)
    console.say(table)
    console.say(outcome.sentence)


def _candidates(study: Study, space: Space) -> tuple[dict[int, FrozenTrial], int | None]:
    """Return the trials to score again, by number, and which of them is the recipe as it stands."""
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name in ("COMPLETE", "PRUNED")]
    as_it_stands = vars(space.recipes({}))
    standing = next((one for one in ended if vars(space.recipes(one.user_attrs["values"])) == as_it_stands), None)
    best = sorted(
        (trial for trial in ended if trial.state.name == "COMPLETE"),
        key=lambda trial: (-_sign(study) * trial.values[0], trial.number),
    )
    chosen: dict[str, FrozenTrial] = {}
    for trial in best:
        if len(chosen) < space.config.finalists:
            chosen.setdefault(digest(trial.user_attrs["values"]), trial)
    if standing is not None:
        chosen[digest(standing.user_attrs["values"])] = standing
    return {trial.number: trial for trial in chosen.values()}, None if standing is None else standing.number


def _sentence(choice: Choice, standing: int | None, n_folds: int) -> str:
    where = f"on {n_folds} folds that chose none of them"
    if choice.gain is None:
        return f"trial {choice.chosen} is chosen, the best {where}; the recipe as it stands is not among the trials"
    if choice.best == standing:
        return f"the recipe as it stands (trial {standing}) is chosen: none is better {where}"
    gain = f"{choice.gain.mean:.3f} ± {choice.gain.standard_error:.3f} better"
    if choice.chosen == standing:
        what = f"trial {choice.best} is {gain} {where}, which is within one standard error"
        return f"the recipe as it stands (trial {standing}) keeps its place: {what}"
    return f"trial {choice.chosen} is chosen: {where} it is {gain} than the recipe as it stands (trial {standing})"


def _figure(trial: FrozenTrial) -> str:
    return f"{trial.values[0]:.3f}" if trial.state.name == "COMPLETE" else "failed"


def _sign(study: Study) -> int:
    return 1 if study.directions[0].name == "MAXIMIZE" else -1


def _ended(study: Study) -> int:
    return sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in study.get_trials(deepcopy=False))
