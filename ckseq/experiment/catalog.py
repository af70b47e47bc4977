"""What there is to choose from: recipes, models, detectors, plug-ins, with purpose, input, cost, source and results.

All of it is read from the recipes, from the docstrings of the registries' files (for models their cards), and from
``experiments/results``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ckseq import plugins, registry
from ckseq.config import Tree
from ckseq.errors import DataError
from ckseq.experiment.recipe import load_experiment
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.recipes import read_recipe, recipe_names, results_folder

KINDS = ("experiments", "pipelines", "searches", "models", "detectors", "plugins")


@dataclass(frozen=True)
class Measured:
    """A measured result: what was measured, on which data, and how many seconds the training took on two cores."""

    score: float
    metric: str
    data: str
    seconds: float | None = None


@dataclass(frozen=True)
class Entry:
    """One thing to choose: ``facts`` are further lines by their names."""

    kind: str
    name: str
    purpose: str
    facts: Mapping[str, str]
    measured: tuple[Measured, ...]


def catalog() -> list[Entry]:
    """Return everything there is to choose from, in the order of `KINDS` and of the names."""
    results = _results()
    cards = {name: card(registry.load("models", name).__doc__ or "") for name in registry.names("models")}
    found = [_experiment(name, cards, results) for name in recipe_names("experiments")]
    found += [_pipeline(name, results) for name in recipe_names("pipelines")]
    found += [_search(name) for name in recipe_names("searches")]
    for name, facts in cards.items():
        shown = {key: text for key, text in facts.items() if key != "purpose"}
        found.append(Entry("models", name, facts["purpose"], shown, results.get(("models", name), ())))
    for name in registry.names("detectors"):
        module = registry.load("detectors", name)
        facts = card(module.__doc__ or "")
        needs = {"needs": ", ".join(module.SPEC.packages)} if module.SPEC.packages else {}
        source = {"source": facts["source"]} if "source" in facts else {}
        found.append(Entry("detectors", name, facts["purpose"], {**needs, **source}, ()))
    return found + [_plugin(one) for room in plugins.SPECS for one in plugins.installed(room)]


def card(doc: str) -> dict[str, str]:
    r"""Return the purpose, the first line of a docstring, and its sections, or paragraphs such as ``Source: ...``.

    >>> card("A model.\n\nSource\n    Who,\n    when.\nCost\n    Little.")
    {'purpose': 'A model.', 'source': 'Who, when.', 'cost': 'Little.'}
    """
    facts = {"purpose": doc.strip().partition("\n")[0]}
    for name, section, paragraph in re.findall(
        r"^(Source|Input|Cost)(?:((?:\n +.+)+)|: ((?:.+\n?)+))", doc, re.MULTILINE
    ):
        facts[name.lower()] = " ".join((section or paragraph).split())
    return facts


def _experiment(name: str, cards: Mapping[str, Tree], results: Mapping[tuple[str, str], Any]) -> Entry:
    recipe = load_experiment(name)
    single = recipe.input in ("crops", "features") and recipe.sequence.length_frames == 1
    reads = f"{'single images' if single else 'sequences'}: {recipe.input} of the pipeline {recipe.pipeline}"
    facts = {"input": reads, "classes": ", ".join(recipe.classes) or "all there are", "model": recipe.model_kind}
    measured = results.get(("experiments", name), ())
    if (cost := cards[recipe.model_kind].get("cost")) and not any(one.seconds for one in measured):
        facts["cost"] = cost.partition(". ")[0].rstrip(".")
    if source := recipe.published.get("source"):
        accuracy = recipe.published.get("accuracy")
        facts["published"] = str(source) if accuracy is None else f"{accuracy}: {source}"
    return Entry("experiments", name, recipe.question, facts, measured)


def _pipeline(name: str, results: Mapping[tuple[str, str], Any]) -> Entry:
    recipe = load_pipeline(name)
    single = recipe.motion.difference == "none"
    facts = {"input": "single images or frames" if single else "sequences: videos, or folders of frames"}
    facts["detector"] = recipe.detector_kind
    return Entry("pipelines", name, recipe.about, facts, results.get(("pipelines", name), ()))


def _plugin(found: plugins.Installed) -> Entry:
    """Return the entry of an installed plug-in; its code is not loaded, so that only its package speaks for it."""
    purpose = f"{found.room}: {found.package} {found.version}"
    if found.name in registry.names(found.room):
        purpose += f"; hidden by the {found.room.removesuffix('s')} {found.name} of ckseq"
    facts = {"entry point": found.target, "SHA-256": found.sha256 or "unknown"}
    return Entry("plugins", found.name, purpose, facts, ())


def _search(name: str) -> Entry:
    tree = read_recipe("searches", name)[1]
    facts = {"input": f"the experiment {tree['experiment']}, its pipeline, and a data set"}
    if "trials" in tree:
        facts["cost"] = f"{tree['trials']} trials"
    return Entry("searches", name, str(tree.get("question", "")), facts, ())


def _results() -> dict[tuple[str, str], tuple[Measured, ...]]:
    """Return the measured results by kind and name."""
    found: dict[tuple[str, str], list[Measured]] = {}
    for path in sorted(results_folder().glob("*.json")):
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
            for kind, name, measured in _measured_in(tree, path.stem):
                found.setdefault((kind, name), []).append(measured)
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise DataError(f"is not a table of results: {error}", path, "install ckseq again") from None
    return {key: tuple(measured) for key, measured in found.items()}


def _measured_in(tree: Tree, data: str) -> Iterator[tuple[str, str, Measured]]:
    """Yield what a file of results measured, by kind and name; ``data`` is the name of the file."""
    known = {name for kind in ("experiments", "pipelines") for name in recipe_names(kind)}
    for where, group in tree.get("sets", {}).items():
        for name, result in group["models"].items():
            kind = "experiments" if name in known else "models"
            yield kind, name, Measured(result["accuracy"], "accuracy", f"{where}: {group['data']}")
    for name, result in tree.get("phases", {}).items():
        yield "experiments", name, Measured(result["accuracy"], "accuracy", f"twin, {result['shortened']}")
    for step in tree.get("steps", ()):
        # the steps from the paper to ours: those that are a recipe as it ships end in its name
        if named := re.search(r"(pipeline|experiment) (\w+)$", step["what"]):
            where = f"{data}: {step['n']} sequences"
            yield f"{named[1]}s", named[2], Measured(step["accuracy"], "accuracy", where, step["training_seconds"])
    for name, result in tree.get("networks", {}).items():
        if name in registry.names("models"):
            seconds = result["processor_seconds"]
            where = f"{data}: {tree['n_test']} images"
            yield "models", name, Measured(result["balanced_accuracy"], "balanced accuracy", where, seconds)
