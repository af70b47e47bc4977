"""What a data set is enough for: the experiments that would find what they need in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ckseq.errors import CkseqError, DataError
from ckseq.experiment.early_checks import check_before_work
from ckseq.experiment.recipe import Experiment, load_experiment
from ckseq.experiment.targets import case_of, coded, labels_of
from ckseq.grammar import agreeing
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.protocol.balance import Candidate, balance
from ckseq.protocol.folds import make_folds
from ckseq.protocol.holdout import Case
from ckseq.recipes import recipe_names
from ckseq.recording import Recording, subject_known


@dataclass(frozen=True)
class Verdict:
    """What a data set is, in words; the experiments that it is enough for; and of the others the reason.

    ``smaller`` are those that would run on fewer sequences of each class than they ask for, and how many.
    """

    what: str
    enough_for: tuple[str, ...]
    smaller: Mapping[str, str]
    not_for: Mapping[str, str]

    def lines(self) -> list[str]:
        """Return the verdict as lines of text; names with the same reason share a line."""
        found = [self.what, f"enough for the experiments: {', '.join(self.enough_for) or 'none'}"]
        for title, reasons in (("smaller than asked for", self.smaller), ("not enough for", self.not_for)):
            alike: dict[str, list[str]] = {}
            for name, reason in reasons.items():
                alike.setdefault(reason, []).append(name)
            found += [f"{title}: {', '.join(names)} ({reason})" for reason, names in alike.items()]
        return found


def verdict(recordings: Sequence[Recording], *, original: str | None, expected: Mapping[str, int]) -> Verdict:
    """Judge a data set without reading pixels: preprocessing may still fail for some recordings.

    Only experiments for what it holds are judged, those on sequences or those on single images.

    Parameters
    ----------
    recordings : sequence of Recording
    original : str or None
        The published data set in whose layout it is.
    expected : mapping
        The numbers of ``sequences`` of that and of ``labeled`` ones; empty without one.
    """
    still = all(one.n_frames == 1 for one in recordings)
    noun = "images" if still else "sequences"
    n, labeled = len(recordings), [one for one in recordings if one.label is not None]
    what = f"{n:,} {noun}"
    if original is not None and expected:
        complete = n == expected["sequences"] and len(labeled) == expected["labeled"]
        layout = f"{what} in the layout of {original}, which has {expected['sequences']:,}"
        what = f"the complete {original}" if complete else layout
    what += f"; {len(labeled):,} labeled, of {_subjects(labeled or recordings)}"
    enough: list[str] = []
    smaller: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for name in recipe_names("experiments"):
        recipe = load_experiment(name)
        if (recipe.input in ("crops", "features")) != still:
            continue
        try:
            n_chosen = _check(recordings, recipe)
        except CkseqError as error:
            # folds are said to be of sequences, whatever they are of
            reasons[name] = error.what.replace("sequence", "image") if still else error.what
            continue
        asked = recipe.balance.at_most
        if recipe.balance.per_class == "most" and asked is not None and n_chosen < asked:
            smaller[name] = f"{n_chosen} of each class, {asked} are asked for"
        else:
            enough.append(name)
    return Verdict(what, tuple(enough), smaller, reasons)


def _subjects(recordings: Sequence[Recording]) -> str:
    known = {one.subject for one in recordings if subject_known(one.subject, one.id)}
    if recordings and not known:
        return "unknown subjects"
    n_unknown = sum(not subject_known(one.subject, one.id) for one in recordings)
    more = f", {n_unknown:,} of unknown" if n_unknown else ""
    return f"{len(known):,} {agreeing(len(known), 'subject', 'subjects')}{more}"


def _check(recordings: Sequence[Recording], recipe: Experiment) -> int:
    """Return the number of recordings in the smallest class that an experiment would choose.

    Raises
    ------
    CkseqError
        It lacks classes, recordings, subjects or a file.
    """
    check_before_work(recordings, load_pipeline(recipe.pipeline), recipe)
    if recipe.calibration == "neutral" and not any(one.neutral for one in recordings):
        raise DataError("no recording is marked as its subject's neutral face")
    if recipe.predicts_units:
        return _check_units([one for one in recordings if coded(one, recipe)], recipe)
    used = {one.id: one for one in recordings if one.label and (not recipe.classes or one.label in recipe.classes)}
    present = {one.label for one in used.values()}
    if missing := [label for label in recipe.classes if label not in present]:
        raise DataError(f"no recording is labeled {', '.join(missing)}")
    if len(present) < 2:
        raise DataError("fewer than two classes are labeled")
    candidates = [Candidate(one.id, str(one.label), one.n_frames or 0) for one in used.values()]
    chosen = [used[id] for id in balance(candidates, recipe.balance, rng=np.random.default_rng(recipe.seed)).ids]
    make_folds([Case(one.id, one.subject, str(one.label), one.part) for one in chosen], recipe.protocol)
    return min(Counter(one.label for one in chosen).values())


def _check_units(recordings: Sequence[Recording], recipe: Experiment) -> int:
    """Return the number of recordings with FACS codes, which are not balanced; errors as of `_check`."""
    labels, _ = labels_of(recordings, recipe)
    if not labels:
        raise DataError(f"no action unit is shown by {recipe.min_positives} sequences or more, of two subjects")
    make_folds([case_of(one, labels, recipe) for one in recordings], recipe.protocol)
    return len(recordings)
