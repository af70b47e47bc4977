"""Write docs/benchmarks.md from experiments/results: ``python docs/benchmarks.py``, or ``make benchmarks``.

Every table names when it was recorded, with which version, and the commands that measure it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
RESULTS = CHECKOUT / "experiments" / "results"
PAGE = CHECKOUT / "docs" / "benchmarks.md"
Tree = dict[str, Any]

_HEAD = """# Benchmarks

<!-- written by docs/benchmarks.py from experiments/results; do not edit -->

None of these results is on CK+, which may not be redistributed. Intervals are 95 % confidence intervals. *Warped* are
photographs of 18 real faces, warped along 68 landmarks to seven expressions; *harder* are the same with changes of
light, size and blinks; *acted* are clips of six people who speak with six emotions; *synthetic* are drawn faces
(`ckseq synth`). The warped photographs move as a program models expressions, and real people move differently. The
recipes were developed while looking at these data, so the figures are optimistic for others.

`make benchmarks` writes this page again from the files in `experiments/results`. *Recorded* is when a file was last
changed.
"""
_SETS = {"acted": "acted", "realwarp": "warped", "nuis": "harder", "twin": "synthetic", "grid": "GRID"}
_MODELS = {
    "default": "`default`",
    "motion": "`motion`, a network of projections",
    "ridge": "ridge, projections",
    "minirocket": "MiniRocket, projections",
    "landmarks": "ridge, landmarks",
    "peer_fer": "`peer_fer`, ready-made",
}


def page() -> str:
    """Return the text of the page."""
    parts = [_HEAD, _baselines(), _steps(), _people(), _phases(), _stills(), _search(), _grid(), _others(), _missed()]
    return "\n".join(parts)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(CHECKOUT)}")


def _read(name: str) -> Tree:
    tree: Tree = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return tree


def _recorded(*trees: Tree) -> str:
    dates = sorted({tree["date"] for tree in trees})
    versions = sorted({tree["version"] for tree in trees})
    return f"Recorded {' and '.join(dates)} with ckseq {' and '.join(versions)}.\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _commands(commands: Iterable[str]) -> str:
    return "```text\n" + "\n".join(commands) + "\n```\n"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _rate(tree: Tree, name: str = "accuracy") -> str:
    low, high = tree.get("interval") or tree["interval_wilson"]
    return f"{tree[name]:.3f} ({low:.3f} to {high:.3f})"


def _baselines() -> str:
    tree = _read("baselines")
    sets = tree["sets"]
    rows = [
        [shown, *(_rate(sets[one]["models"][name]) if name in sets[one]["models"] else "" for one in _SETS)]
        for name, shown in _MODELS.items()
    ]
    tests = [
        f"{_SETS[one]} p = {p:.2g}"
        for one, group in sets.items()
        if (p := group["models"].get("ridge", {}).get("less_default", {}).get("p")) is not None
    ]
    calibrated = sets["acted"]["calibrated"]
    named = [f"- *{_SETS[one]}*: {group['data'].removeprefix(_SETS[one] + ': ')}" for one, group in sets.items()]
    commands = dict.fromkeys(command for group in sets.values() for command in group["commands"])
    return "\n".join(
        [
            "## The default against other models\n",
            f"{tree['note']}\n",
            _table(["accuracy", *_SETS.values()], rows),
            f"The default against ridge: {', '.join(tests)}. With one neutral clip of each person, `calibrated` has "
            f"{_rate(calibrated)} on *acted* ({calibrated['what']}).\n",
            "\n".join(named) + "\n",
            _recorded(tree),
            _commands([*commands, calibrated["command"]]),
        ]
    )


_STEPPED = {"warped": "realwarp", "harder": "realwarp_nuisance", "synthetic": "twin"}


def _steps() -> str:
    trees = {shown: _read(name) for shown, name in _STEPPED.items()}
    columns = ["step", *(f"{shown} ({tree['steps'][0]['n']})" for shown, tree in trees.items())]
    rows = []
    for kind in ("steps", "models"):
        for row in zip(*(tree[kind] for tree in trees.values()), strict=True):
            sign = "instead of `motion`:" if kind == "models" else "+"
            prefix = "" if not rows else f"{sign} "
            rows.append([prefix + row[0]["what"], *map(_rate, row)])
    return "\n".join(
        [
            "## From the paper's recipe to ours, step by step\n",
            "Accuracy on 7 classes, subject-independent 5-fold cross-validation, one seed, Wilson intervals. One seed "
            "cannot separate steps that differ by a few sequences.\n",
            _table(columns, rows),
            "On how many sequences one of two models alone is right, with the permutation test over subjects:\n",
            "\n".join(_pairs(trees)) + "\n",
            _recorded(*trees.values()),
            _commands(["python experiments/results/measure.py DATA NAME FOLDER"]),
        ]
    )


def _pairs(trees: dict[str, Tree]) -> list[str]:
    lines = []
    for row in zip(*(tree["models"] for tree in trees.values()), strict=True):
        # the files count from the side of the other model
        told = (
            f"{shown} {one['lost']} and {one['won']}, p = {one['permutation']:.2g}"
            for shown, one in zip(trees, (model["motion_against_it"] for model in row), strict=True)
        )
        lines.append(f"- `motion` and {row[0]['what']}: {'; '.join(told)}")
    return lines


def _people() -> str:
    trees = {shown: _read(name) for shown, name in _STEPPED.items()}
    columns = ["folds", *(f"{shown}, {tree['people'][0]['n_people']} people" for shown, tree in trees.items())]
    rows = [
        [row[0]["what"], *map(_rate, row)] for row in zip(*(tree["people"] for tree in trees.values()), strict=True)
    ]
    return "\n".join(
        [
            "## With fewer people to learn from\n",
            "Fewer folds leave fewer training subjects; `motion`, Wilson intervals.\n",
            _table(columns, rows),
            _recorded(*trees.values()),
            _commands(["python experiments/results/measure.py DATA NAME FOLDER"]),
        ]
    )


def _phases() -> str:
    tree = _read("paper_phases")
    rows = [
        [f"`{name}`", one["input"], str(one["classes"]), _rate(one), str(one["published"]), one["shortened"]]
        for name, one in tree["phases"].items()
    ]
    commands = [*tree["commands"], *(one["command"] for one in tree["phases"].values())]
    return "\n".join(
        [
            "## The paper's four phases\n",
            f"{_sentence(tree['data'])}. {tree['note']}\n",
            _table(["phase", "input", "classes", "accuracy here", "published", "shortened here"], rows),
            _recorded(tree),
            _commands(commands),
        ]
    )


def _stills() -> str:
    tree = _read("stills_twin")
    rows = [
        [name, f"{one['n_parameters']:,}", _rate(one, "balanced_accuracy"), f"{one['processor_seconds']:.0f} s"]
        for name, one in tree["networks"].items()
    ]
    return "\n".join(
        [
            "## Networks for single images\n",
            f"{_sentence(tree['data'])}; {tree['n_train']} training and {tree['n_test']} test images of other "
            f"subjects, chance {tree['chance']:.2f}. {_sentence(tree['protocol'])}.\n",
            _table(["network", "parameters", "balanced accuracy", "processor time"], rows),
            f"It does not show {tree['does_not_show']}\n",
            _recorded(tree),
            _commands([tree["command"]]),
        ]
    )


def _search() -> str:
    tree = _read("search_twin")
    rows = [
        [one["data"], "; ".join(f"{name}: {_rate(kept)}" for name, kept in one["kept_out"].items())]
        for one in tree["twins"]
    ]
    return "\n".join(
        [
            "## Hyperparameter search\n",
            f"{tree['question']} {tree['note']}\n",
            _table(["data", "accuracy on people kept out of the search"], rows),
            _recorded(tree),
            _commands(tree["commands"]),
        ]
    )


def _grid() -> str:
    tree = _read("grid")
    return "\n".join(
        [
            "## Speaking or silent\n",
            f"{tree['data']}: accuracy {_rate(tree)}, {tree['right']} of {tree['n']}; {tree['protocol']}. It does not "
            f"show {tree['does_not_show']}.\n",
            _recorded(tree),
            _commands([tree["command"]]),
        ]
    )


def _others() -> str:
    tree = _read("measured")
    rows = [[one["what"], one["result"], one["data"], one["command"]] for one in tree["measured"]]
    return "\n".join(
        [
            "## Speed, memory, action units, explanations\n",
            f"{tree['note']}\n",
            _table(["what", "result", "data", "command"], rows),
            _recorded(tree),
        ]
    )


def _missed() -> str:
    tree = _read("missed")
    rows = [
        [name, one["bar"], one["measured"], one["missed_by"], f"`{one['command']}`"]
        for name, one in tree.items()
        if isinstance(one, dict)
    ]
    return "\n".join(
        ["## What was missed\n", _table(["what", "aim", "measured", "missed by", "command"], rows), _recorded(tree)]
    )


if __name__ == "__main__":
    main()
