"""The figures of a study on one page that stands alone, drawn by Optuna with Plotly."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from optuna.importance import get_param_importances
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ckseq.console import without_controls
from ckseq.report.style import INK
from ckseq.search.selection import selected_trials, selection_of
from ckseq.search.study import search_facts, sign_of, tally
from ckseq.search.trial_facts import cache_hits, values_of
from ckseq.storage.files import write_text

# number of most important hyperparameters in the slice plots
_SHOWN = 8
_SLICES_IN_A_ROW = 4
# number of complete trials that importances need; with fewer than so many for each hyperparameter they are uncertain
_FEWEST, _ENOUGH = 4, 10
# of marks, of grid lines and of the numbers within a figure: all legible on a light and on a dark background
_BLUE, _ORANGE, _GRID, _GRAY = "#2f86c0", "#d98b45", "rgba(128, 128, 128, 0.3)", "#808b95"
_SCALE = [[0, _ORANGE], [1, _BLUE]]
# labels that a logarithmic axis of a slice plot has room for
_TICKS = 4
# labels, at most, of an axis of trials
_TRIAL_TICKS = 8


class Figure(NamedTuple):
    """A figure with its caption; ``html`` is what Plotly draws it from, ``sideways`` whether axes are side by side."""

    title: str
    caption: str
    html: Markup
    sideways: bool


def write_page(study: Study, out: Path) -> Path:
    """Write the page ``STUDY.html`` into a folder, also of a study that still runs; return its path.

    Raises
    ------
    DataError
        No trial is complete, or the study was not created by this toolkit.
    """
    path = out / f"{study.study_name}.html"
    write_text(path, _render(study))
    return path


def _render(study: Study) -> str:
    from plotly.offline import get_plotlyjs

    objectives = search_facts(study).objectives
    selection = selection_of(study)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=without_controls
    )
    template = environment.from_string(files("ckseq.search").joinpath("page.html").read_text(encoding="utf-8"))
    rows = [
        {
            "number": trial.number,
            "figures": [f"{value:.3f}" for value in trial.values or ()],
            "recipe": _recipe(trial),
        }
        for trial in selected_trials(study)
    ]
    page: str = template.render(
        name=study.study_name,
        summary=_summary(study),
        objectives=objectives,
        best=rows,
        trials=_trials(study, len(objectives)),
        heading=_heading(objectives, selected=selection is not None),
        finalists=[] if selection is None else selection.rows(),
        experiment="" if selection is None else selection.experiment,
        selection="" if selection is None else selection.sentence,
        figures=_figures(study, objectives),
        plotly=Markup(get_plotlyjs()),
    )
    return page


def _trials(study: Study, n_objectives: int) -> list[dict[str, Any]]:
    """Return the rows of the table of all trials, in their order."""
    return [
        {
            "number": trial.number,
            "state": trial.state.name.lower(),
            "figures": [f"{value:.3f}" for value in trial.values or ()] or [""] * n_objectives,
            "seconds": "" if trial.duration is None else f"{trial.duration.total_seconds():.0f}",
            "recipe": _recipe(trial),
        }
        for trial in study.get_trials(deepcopy=False)
    ]


def _recipe(trial: FrozenTrial) -> str:
    return ", ".join(f"{path} = {_short(value)}" for path, value in values_of(trial).items())


def _heading(objectives: Sequence[str], *, selected: bool) -> str:
    if len(objectives) > 1:
        return "Pareto-optimal trials"
    return "Selected trial" if selected else "Best trial"


def _summary(study: Study) -> str:
    counts = tally(study)
    return (
        f"{counts.complete} trials complete, {counts.pruned} pruned, {counts.failed} failed, {counts.running} running; "
        f"{cache_hits(study).get('any', 0):.0%} of the recordings came from the cache."
    )


def _figures(study: Study, objectives: Sequence[str]) -> list[Figure]:
    from optuna import visualization

    found = []
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(objectives) > 1:
        figure = visualization.plot_pareto_front(study, target_names=list(objectives))
        caption = "Each dot is a trial; no trial is better than a red one in both objectives."
        found.append(_figure("Pareto front", caption, figure))
    for place, objective in enumerate(objectives):
        found += _of_objective(study, complete, objective, None if len(objectives) == 1 else place)
    return found


def _of_objective(study: Study, complete: Sequence[FrozenTrial], objective: str, place: int | None) -> Iterator[Figure]:
    """Yield the figures of one objective; ``place`` is None for a single one."""
    from optuna import visualization

    of = "" if place is None else f": {objective}"
    options: dict[str, Any] = {"target_name": objective}
    if place is not None:
        options["target"] = lambda trial: float(trial.values[place])
    caption = "Each dot is a trial; the line is the best so far." if place is None else "Each dot is a trial."
    last = study.get_trials(deepcopy=False)[-1].number
    figure = visualization.plot_optimization_history(study, **options)
    figure.update_xaxes(tick0=0, dtick=trial_step(last))
    yield _figure(f"Optimization history{of}", caption, figure)
    loss = _loss(study, place or 0)
    params = _by_importance(study, complete, loss)
    if not params:
        return
    caption = (
        "How much each hyperparameter decides whether a trial is among the better ones (PED-ANOVA); the sum is 1. "
        f"Estimated from {len(complete)} trials"
    )
    few = len(complete) < _ENOUGH * len(params)
    caption += f", fewer than {_ENOUGH} for each hyperparameter: the order is mostly chance." if few else "."
    with _without_target_warning():
        figure = visualization.plot_param_importances(study, params=params, target=loss, target_name=objective)
    figure.update_layout(xaxis_title="importance", yaxis_title=None)
    yield _figure(f"Hyperparameter importances{of}", caption, figure)
    common = [name for name in params if all(name in trial.params for trial in complete)]
    if len(common) > 1:
        caption = f"Each line is a complete trial. {left_out([trial.params for trial in complete], common)}"
        figure = visualization.plot_parallel_coordinate(study, params=common, **options)
        _color_by_objective(figure)
        yield _figure(f"Parallel coordinates{of}", caption, figure, sideways=True)
    params = params[:_SHOWN]
    for first in range(0, len(params), _SLICES_IN_A_ROW):
        figure = visualization.plot_slice(study, params=params[first : first + _SLICES_IN_A_ROW], **options)
        figure.update_layout(width=None)
        _label_decades(figure)
        _label_trials(figure, last)
        # long names run into each other
        figure.for_each_xaxis(lambda axis: axis.update(title_text=(axis.title.text or "").replace(".", ".<br>")))
        caption = (
            f"The objective over each of the {len(params)} most important hyperparameters; later trials are bluer."
        )
        yield _figure("" if first else f"Slice plots{of}", "" if first else caption, figure, sideways=True)


def left_out(trials: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> str:
    """Return which searched hyperparameters are not shown and why, or that all are.

    >>> left_out([{"a": 1, "b": 2, "c": 3}, {"a": 2, "b": 2}], ["a"])
    'Left out: b (the same in all trials); c (not in all trials).'
    """
    found = []
    for name in dict.fromkeys(name for params in trials for name in params):
        if name not in shown:
            everywhere = all(name in params for params in trials)
            found.append(f"{name} ({'the same in all trials' if everywhere else 'not in all trials'})")
    return f"Left out: {'; '.join(found)}." if found else "All hyperparameters of the search are shown."


def _loss(study: Study, objective: int) -> Callable[[FrozenTrial], float]:
    """Return an objective as a loss, which importances are computed of: lower is better."""
    sign = sign_of(study, objective)
    return lambda trial: -sign * float(trial.values[objective])


def _by_importance(study: Study, complete: Sequence[FrozenTrial], loss: Callable[[FrozenTrial], float]) -> list[str]:
    """Return the hyperparameters that vary, the most important first; none if the trials are too few or too alike."""
    names = {name for trial in complete for name in trial.params}
    varied = sorted(name for name in names if len({str(trial.params.get(name)) for trial in complete}) > 1)
    if len(complete) < _FEWEST or len({loss(trial) for trial in complete}) < 2 or not varied:
        return []
    with _without_target_warning():
        return list(get_param_importances(study, params=varied, target=loss))


@contextmanager
def _without_target_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        # Optuna warns of any custom target, even one that is minimized as it should be
        warnings.filterwarnings("ignore", message="PedAnova", category=UserWarning)
        yield


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def log_ticks(low: float, high: float) -> list[float]:
    """Return round values for the labels of a logarithmic axis, a few between its ends.

    >>> log_ticks(3e-4, 3e-2), log_ticks(4, 40), log_ticks(1.2, 1.4)
    ([0.001, 0.01], [5.0, 10.0, 20.0], [1.2, 1.4])
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1,)):
        ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= _TICKS:
            break
    return ticks[:: math.ceil(len(ticks) / _TICKS)] if ticks else [low, high]


def _label_decades(figure: Any) -> None:
    """Label the logarithmic axes of slice plots: Plotly's own labels run into each other where there is little room."""
    for number, trace in enumerate(figure.data, start=1):
        axis = figure.layout["xaxis" if number == 1 else f"xaxis{number}"]
        if axis.type == "log":
            ticks = log_ticks(min(trace.x), max(trace.x))
            axis.update(tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])


def _color_by_objective(figure: Any) -> None:
    """Color the lines of parallel coordinates by where they begin: at the objective, from 0 to 1 of its range."""
    from plotly.colors import sample_colorscale

    for trace in figure.data:
        if trace.mode == "lines" and trace.customdata is not None:
            trace.line.color = sample_colorscale(_SCALE, [min(max(trace.y[0], 0), 1)])[0]
    for annotation in figure.layout.annotations:
        annotation.font.color = _GRAY


def trial_step(last: int) -> int:
    """Return the distance between the labels of an axis from trial 0 to the last one: 1, 2 or 5 times a power of ten.

    >>> trial_step(4), trial_step(15), trial_step(99), trial_step(1000)
    (1, 2, 20, 200)
    """
    steps = (step * 10**power for power in range(10) for step in (1, 2, 5))
    return next(step for step in steps if step * _TRIAL_TICKS >= last)


def _label_trials(figure: Any, last: int) -> None:
    """Label whole numbers only where colors are trials: Plotly's own labels of few trials have halves between them."""
    for trace in figure.data:
        if trace.marker.colorbar.title.text == "Trial":
            trace.marker.colorbar.update(tick0=0, dtick=trial_step(last))


def _figure(title: str, caption: str, figure: Any, *, sideways: bool = False) -> Figure:
    figure.update_layout(
        title=None,
        template="plotly_white",
        # the page's background is light or dark
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        font={"family": "system-ui, sans-serif", "size": 12, "color": INK},
        colorway=[_BLUE, _ORANGE],
        modebar={"bgcolor": "rgba(0, 0, 0, 0)", "color": _GRAY},
        margin={"l": 70, "r": 30, "t": 30, "b": 70},
    )
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(gridcolor=_GRID, zerolinecolor=_GRID, linecolor=_GRID)
    for trace in figure.data:
        if trace.type == "bar":
            trace.marker.color = _BLUE
        elif trace.marker.colorscale is not None:
            trace.marker.update(colorscale=_SCALE, reversescale=False)
    html = figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    return Figure(title, caption, Markup(html), sideways)
