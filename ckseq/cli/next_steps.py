"""The command that sensibly follows each command, printed at its end.

It keeps what was set, and is one that the data are enough for; where none is, there is no next command.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ckseq.defaults import ERROR_RATE, FRAMES_PER_SECOND
from ckseq.recipes import read_recipe, recipe_names

Values = Mapping[str, Any]
Words = list[str | Path] | None


class Call(NamedTuple):
    """The options and arguments of a command, and what it returned."""

    values: Values
    result: Values


TAKE_PLUGINS = ("explain", "export", "live", "predict", "reproduce")
"""Commands that are told the plug-ins with which a run was made; ``tune best`` is, too."""

_VIDEO, _PHOTO, _EMOTIONS = "VIDEO", "PHOTO", "EMOTIONS_RUN"
_MAKE_EMOTIONS = f"ckseq preprocess DATA --out emotions.h5, then ckseq crossval emotions.h5 --out {_EMOTIONS}"


def _predict(run: str | Path) -> list[str | Path]:
    """Return the call that applies a run to what its model reads."""
    from ckseq.errors import CkseqError
    from ckseq.report.wording import IMAGE, noun_of
    from ckseq.storage.run_record import read_run

    try:
        reads_images = noun_of(read_run(Path(run))) == IMAGE
    except CkseqError:  # the next command tells what is wrong with it
        reads_images = False
    return ["predict", run, _PHOTO if reads_images else _VIDEO]


def next_step(command: str, values: Values, result: Values) -> str | None:
    """Return the next command as a line for a shell; words in capitals are for the reader to fill in.

    Parameters
    ----------
    command : str
        Such as ``train`` or ``protocol export``.
    values : mapping
        The options and arguments that it was called with.
    result : mapping
        What it returned.
    """
    follow = _NEXT.get(command)
    words = None if follow is None else follow(Call(values, result))
    if words is None:
        return None
    if words[0] in TAKE_PLUGINS or words[:2] == ["tune", "best"]:
        words = [*words, *_plugins()]
    return shlex.join([*([] if words[0] == "python" else ["ckseq"]), *map(str, words)])


def next_line(command: str, values: Values, result: Values) -> str | None:
    """Return `next_step` as it is printed: with when it can be called, and how to get a run that it takes."""
    step = next_step(command, values, result)
    if step is None:
        return None
    when = "Next, once all shards are done" if "shard" in result else "Next"
    first = f" (first make it: {_MAKE_EMOTIONS})" if f" {_EMOTIONS} " in step else ""
    return f"{when}: {step}{first}"


def _plugins() -> list[str]:
    """Return the options that name the files of models and detectors whose code this command executed."""
    from ckseq.plugins import all_admitted

    here = Path.cwd()
    files = [Path(one.kind) for room in ("models", "detectors") for one in all_admitted(room) if not one.package]
    shown = [file.relative_to(here) if file.is_relative_to(here) else file for file in files]
    return [word for file in shown for word in ("--plugin", str(file))]


def _after_inspect(call: Call) -> Words:
    enough = call.result["verdict"]["enough_for"]
    if not enough:
        return None
    own = [name for name in enough if name.startswith(call.result.get("source", "?"))]
    # of those that are named after the layout, the plainest
    name = "default" if "default" in enough else min(own or enough, key=len)
    return ["experiment", name, "--data", call.values["data"], *_kept(call, "source"), "--out", "RESULT"]


def _after_preprocess(call: Call) -> Words:
    if "shard" in call.result:
        return ["gather", call.values["out"]]
    store = Path(call.values["out"])
    name = _experiment_on(call.values["pipeline"])
    if name is None:
        return ["audit", store]
    words = _crossval(store, name, (), out=store.with_name(f"{store.stem}_cv"))
    return None if words is None else [*words, *_kept(call, "on")]


def _crossval(store: Path, experiment: str, settings: Sequence[str], *, out: str | Path = "RUN") -> Words:
    """Return a cross-validation that the people in a store are enough for, or nothing."""
    from ckseq.experiment.possible_folds import settings_for_folds

    enough = settings_for_folds(store, experiment, settings)
    return None if enough is None else ["crossval", store, *_named(experiment), "--out", out, *_set(enough)]


def _set(settings: Sequence[str] | None) -> list[str]:
    return [word for setting in settings or () for word in ("--set", setting)]


def _kept(call: Call, *names: str) -> list[str]:
    """Return the options of these names that the command was called with, for the next one."""
    given = {name: call.values.get(name) for name in names}
    return [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]


def _experiment_on(pipeline: str) -> str | None:
    """Return an experiment on a pipeline that ships with ckseq, ``default`` where it is."""
    names = sorted(recipe_names("experiments"), key=lambda name: name != "default")
    return next((name for name in names if read_recipe("experiments", name)[1].get("pipeline") == pipeline), None)


def _named(experiment: str) -> list[str]:
    return [] if experiment == "default" else ["--experiment", experiment]


def _after_gather(call: Call) -> Words:
    return ["compare", call.values["out"], "ANOTHER_RUN"] if "run" in call.result else ["audit", call.values["out"]]


def _after_crossval(call: Call) -> Words:
    if "shard" in call.result:
        return ["gather", call.values["out"]]
    out = Path(call.values["out"])
    if "mean_auc" in call.result:  # of action units there are no baselines
        return ["report", _EMOTIONS, "--units", out]
    if call.result.get("explained") and call.values.get("keep_models"):
        return ["explain", out, *_kept(call, "on")]
    seeds = call.values.get("seeds") or 1
    settings = list(call.values.get("settings") or ())
    if call.values.get("seed") is not None:
        settings.append(f"seed={call.values['seed']}")
    return [
        "baselines",
        call.values["store"],
        *_named(call.values["experiment"]),
        "--out",
        out.with_name(f"{out.name}_baselines"),
        *(["--seeds", str(seeds)] if seeds > 1 else []),
        *_set(settings),
    ]


def _after_audit(call: Call) -> Words:
    return _crossval(call.values["store"], call.values["experiment"] or "default", call.values["settings"] or ())


def _after_report(call: Call) -> Words:
    has_model = any((Path(call.values["run"]) / name).is_file() for name in ("model.keras", "model.skops"))
    return _predict(call.values["run"]) if has_model else ["compare", call.values["run"], "ANOTHER_RUN"]


def _after_predict(call: Call) -> Words:
    if call.result.get("failed") and not call.result.get("predictions"):
        return None
    if call.values["out"] is not None:
        return ["live", call.values["run"], *_kept(call, "neutral"), *_error_rate(call.values)]
    values = call.values
    kept = [*_kept(call, "neutral", "detector", "seconds"), *_set(values.get("settings"))]
    for option, name, default in (
        ("--as", "read_as", "auto"),
        ("--fps", "fps", FRAMES_PER_SECOND),
    ):
        kept += [option, str(values[name])] if values[name] != default else []
    kept += _error_rate(values)
    return ["predict", values["run"], *values["inputs"], *kept, "--out", "RESULTS", "--draw"]


def _error_rate(values: Values) -> list[str]:
    return ["--error-rate", str(values["error_rate"])] if values["error_rate"] != ERROR_RATE else []


def _after_runs(call: Call) -> Words:
    by_protocol: dict[str, list[str]] = {}
    for one in call.result["runs"]:
        if one["state"] == "complete":
            by_protocol.setdefault(one["digest"], []).append(one["run"])
    several = next((runs for runs in by_protocol.values() if len(runs) > 1), None)
    return None if several is None else ["compare", *several[:2]]


def _after_search(call: Call) -> Words:
    if call.values["nested"]:
        return None
    kept = _kept(call, "storage", "data", "source")
    return ["tune", "best", call.result["study"], *kept, "--out", call.values["out"]]


def _after_best(call: Call) -> Words:
    if "run" in call.result:
        return _predict(call.result["run"])
    data = call.values.get("data") or "DATA"
    return ["experiment", call.result["experiment"], "--data", data, *_kept(call, "source"), "--out", "RESULT"]


def _after_preview(call: Call) -> Words:
    kept = [*_set(call.values["settings"]), *_kept(call, "seed")]
    return ["train", call.values["store"], *_named(call.values["experiment"]), "--out", "RUN", *kept]


_NEXT: Mapping[str, Callable[[Call], Words]] = {
    "demo": lambda _: ["experiment", "paper_phase4", "--data", "YOUR_CKPLUS", "--out", "RESULT"],
    "synth": lambda call: ["inspect", call.values["out"]],
    "inspect": _after_inspect,
    "preprocess": _after_preprocess,
    "images": lambda call: _crossval(call.values["store"], "default", ()),
    "train": lambda call: ["report", call.values["out"]],
    "augment-preview": _after_preview,
    "crossval": _after_crossval,
    "gather": _after_gather,
    "report": _after_report,
    "experiment": lambda call: _predict(call.result["run"]),
    "predict": _after_predict,
    "audit": _after_audit,
    "protocol export": lambda call: ["protocol", "verify", call.values["out"], call.values["store"]],
    "protocol verify": lambda call: _crossval(
        call.values["store"], "default", ("protocol.kind=from_file", f"protocol.file={call.values['file']}")
    ),
    "baselines": lambda call: ["runs", call.values["out"]],
    "runs": _after_runs,
    "strictness": lambda call: ["runs", call.values["out"]],
    "tune run": _after_search,
    "tune best": _after_best,
    "tune page": lambda call: [
        *("tune", "best", call.values["study"]),
        *_kept(call, "storage"),
        "--out",
        call.values["out"],
    ],
    "record clips": lambda call: ["inspect", call.values["out"]],
    "export": lambda call: None if call.result["script"] is None else ["python", call.result["script"], _VIDEO],
    "list": lambda call: ["list", "experiments"] if call.values["what"] is None else None,
}
FINAL = (
    "live",
    "compare",
    "rank",
    "verify",
    "reproduce",
    "record forget",
    "config",
    "bench",
    "explain",
    "cache show",
    "cache limit",
    "cache clear",
    "check-plugin",
)
"""Commands after which nothing in particular follows."""
