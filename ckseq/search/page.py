"""The pictures of a search in one page that stands alone: history, importances, parallel coordinates, slices."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ckseq.report.style import ACCENT, INK, LINE, SOFT, WARM

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

# parallel coordinates and slices show so many fields, those that matter most
_SHOWN = 8
_IN_A_ROW = 4
# fewer complete trials tell nothing about what matters
_TO_TELL = 4


class Picture(NamedTuple):
    """A figure with its words; ``html`` is what plotly draws it from."""

    title: str
    caption: str
    html: Markup


def render_search(
    study: Study,
    *,
    objectives: Sequence[str],
    values: Callable[[FrozenTrial], dict[str, Any]],
    best: Sequence[FrozenTrial],
    finalists: Sequence[tuple[str, str, str, str]],
    chosen: str,
    summary: str,
) -> str:
    """Return the page of a study: nothing in it is loaded from anywhere.

    Parameters
    ----------
    study : Study
    objectives : sequence of str
        Their names.
    values : callable
        From a trial to its values by path.
    best : sequence of FrozenTrial
        The one that the search ends in, or those that no other beats.
    finalists : sequence of tuple of str
        Of each whose it is, its score in the search, on new folds, and its gain; empty where there were none.
    chosen : str
        Which of them was chosen, and why.
    summary : str
        How the study stands, in a sentence.
    """
    from plotly.offline import get_plotlyjs

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("ckseq.report").joinpath("page.html").read_text(encoding="utf-8"))
    rows = [
        {
            "number": trial.number,
            "figures": [f"{value:.3f}" for value in trial.values or ()],
            "recipe": ", ".join(f"{path} = {_short(value)}" for path, value in values(trial).items()),
        }
        for trial in best
    ]
    page: str = template.render(
        name=study.study_name,
        summary=summary,
        objectives=objectives,
        best=rows,
        finalists=finalists,
        chosen=chosen,
        pictures=_pictures(study, objectives),
        plotly=Markup(get_plotlyjs()),
        ink=INK,
        soft=SOFT,
        line=LINE,
    )
    return page


def _pictures(study: Study, objectives: Sequence[str]) -> list[Picture]:
    from optuna import visualization

    found = []
    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    if len(objectives) > 1:
        figure = visualization.plot_pareto_front(study, target_names=list(objectives))
        caption = "Each dot is a trial; the red ones are those that no other beats in both."
        found.append(_picture("Pareto front", caption, figure))
    for place, objective in enumerate(objectives):
        found += _of_objective(study, complete, objective, None if len(objectives) == 1 else place)
    return found


def _of_objective(
    study: Study, complete: Sequence[FrozenTrial], objective: str, place: int | None
) -> Iterator[Picture]:
    """Yield the pictures of one objective; ``place`` is None where there is only one."""
    from optuna import visualization

    of = "" if place is None else f": {objective}"
    options: dict[str, Any] = {"target_name": objective}
    if place is not None:
        options["target"] = lambda trial: float(trial.values[place])
    caption = "Each dot is a trial; the line is the best so far." if place is None else "Each dot is a trial."
    yield _picture(f"History{of}", caption, visualization.plot_optimization_history(study, **options))
    goes_down = _downwards(study, place or 0)
    params = _by_importance(study, complete, goes_down)
    if not params:
        return
    caption = "How far each field decides whether a trial is among the better ones (PED-ANOVA); 1 in all."
    with _without_the_warning():
        figure = visualization.plot_param_importances(study, params=params, target=goes_down, target_name=objective)
    figure.update_layout(xaxis_title="importance", yaxis_title=None)
    yield _picture(f"Importances{of}", caption, figure)
    params = params[:_SHOWN]
    always = [name for name in params if all(name in trial.params for trial in complete)]
    if len(always) > 1:
        caption = "Each line is a trial, through the values of the fields that every trial has."
        figure = visualization.plot_parallel_coordinate(study, params=always, **options)
        yield _picture(f"Parallel coordinates{of}", caption, figure)
    for first in range(0, len(params), _IN_A_ROW):
        figure = visualization.plot_slice(study, params=params[first : first + _IN_A_ROW], **options)
        figure.update_layout(width=None)
        caption = f"The objective over each of the {len(params)} fields that matter most; later trials are darker."
        yield _picture("" if first else f"Slices{of}", "" if first else caption, figure)


def _downwards(study: Study, place: int) -> Callable[[FrozenTrial], float]:
    """Return an objective as something that is better where it is lower, which is what importances are told by."""
    sign = -1.0 if study.directions[place].name == "MAXIMIZE" else 1.0
    return lambda trial: sign * float(trial.values[place])


def _by_importance(study: Study, complete: Sequence[FrozenTrial], target: Callable[[FrozenTrial], float]) -> list[str]:
    """Return the fields that were varied, the most important first; none while there is nothing to tell it by."""
    from optuna.importance import get_param_importances

    varied = {name for trial in complete for name in trial.params}
    varied = {name for name in varied if len({str(trial.params.get(name)) for trial in complete}) > 1}
    if len(complete) < _TO_TELL or len({target(trial) for trial in complete}) < 2 or not varied:
        return []
    with _without_the_warning():
        return list(get_param_importances(study, params=sorted(varied), target=target))


@contextmanager
def _without_the_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        # it warns of a target of one's own, whichever way that goes
        warnings.filterwarnings("ignore", message="PedAnova", category=UserWarning)
        yield


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _picture(title: str, caption: str, figure: Any) -> Picture:
    figure.update_layout(
        title=None,
        template="plotly_white",
        font={"family": "system-ui, sans-serif", "size": 12, "color": INK},
        colorway=[ACCENT, WARM],
        margin={"l": 70, "r": 30, "t": 30, "b": 60},
    )
    html = figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    return Picture(title, caption, Markup(html))
