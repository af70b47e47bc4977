"""A study: created, joined or opened, and the facts about the search that are stored with it."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple, TypeVar

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import TrialState
from pydantic import BaseModel, ConfigDict, ValidationError

from ckseq.config import Tree, differences
from ckseq.errors import CallError, DataError
from ckseq.search.search_config import Direction, Objective
from ckseq.search.study_storage import open_storage, without_password
from ckseq.search.trial_facts import SCORES

STUDY_FILE = "study.db"
CACHE_FOLDER = "cache"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
# the name of a user attribute; studies that exist have it
_FACTS = "about"
# seconds that a process which joins a study waits for the facts from the process that created it
_CREATED_S = 10.0
# number of differences between two searches that an error lists
_LISTED = 3
# a study's name is part of the names of files
_NAME = re.compile(r"\w[\w .-]{0,99}")


class StoredFacts(BaseModel):
    """What is stored as JSON in a user attribute of a study."""

    model_config = ConfigDict(frozen=True)


class SearchFacts(StoredFacts):
    """What a study searches, and on which data: all that makes two trials comparable.

    ``data`` and ``folds`` are digests; ``test_subjects`` were held out of the search, and are empty if the data set
    itself says who is tested.
    """

    space: list[Tree]
    search: str
    pipeline: Tree
    experiment: Tree
    objectives: tuple[Objective, ...]
    data: str
    folds: str
    test_subjects: tuple[str, ...]


class FinalistsFacts(StoredFacts):
    """What a study of finalists is about: the search that it ``confirms``, its finalists, and a digest of the folds."""

    confirms: str
    objectives: tuple[Objective, ...]
    finalists: tuple[int, ...]
    folds: str


Facts = TypeVar("Facts", bound=StoredFacts)


def check_name(name: str) -> None:
    """Refuse a name of a study that is no plain name of a file.

    Raises
    ------
    CallError
        It has other characters than letters, digits, ``_``, ``-``, ``.`` and spaces, or is too long.
    """
    if not _NAME.fullmatch(name):
        fix = "use letters, digits, _, -, . and spaces, 100 at most, and begin with a letter or a digit"
        raise CallError(f"{name!r} cannot be the name of a study", fix=fix)


class Tally(NamedTuple):
    """The number of trials of a study by state."""

    complete: int
    pruned: int
    failed: int
    running: int


def join_study(
    storage: BaseStorage,
    name: str,
    *,
    directions: Sequence[Direction],
    facts: StoredFacts,
    first: Tree | None,
) -> Study:
    """Create a study, or join the one of that name.

    Parameters
    ----------
    storage : BaseStorage
    name : str
    directions : sequence of str
        One for each objective.
    facts : StoredFacts
        Stored with the study; all processes that join have to bring the same.
    first : dict, optional
        Parameters of the first trial.

    Raises
    ------
    CallError
        It cannot be the name of a study.
    DataError
        The study of that name is about something else, was not created by this toolkit, or is damaged. Nothing is
        written to it then.
    """
    check_name(name)
    mine: Tree = facts.model_dump(mode="json")
    try:
        study = optuna.create_study(storage=storage, study_name=name, directions=list(directions))
        if first is not None:  # before other processes see the facts, and start trials
            study.enqueue_trial(first)
        study.set_user_attr(_FACTS, mine)
        return study
    except DuplicatedStudyError:
        study = optuna.load_study(study_name=name, storage=storage)
    deadline = time.monotonic() + _CREATED_S
    while _FACTS not in study.user_attrs and not _is_foreign(study) and time.monotonic() < deadline:
        time.sleep(0.1)
    if _FACTS not in study.user_attrs:  # the process that created it was killed at that very moment
        if _is_foreign(study) or [one.name.lower() for one in study.directions] != list(directions):
            raise DataError(f"the study {name!r} was not created by 'ckseq tune'", fix="name another with --study")
        if first is not None:
            study.enqueue_trial(first, skip_if_exists=True)
        study.set_user_attr(_FACTS, mine)
    theirs = study.user_attrs[_FACTS]
    if not isinstance(theirs, dict):
        raise DataError(f"the study {name!r} was not created by 'ckseq tune'", fix="name another with --study")
    if theirs != mine:
        lines = [line for key in sorted(theirs.keys() | mine.keys()) for line in _differences(theirs, mine, key)]
        more = f" and {len(lines) - _LISTED} more" if len(lines) > _LISTED else ""
        what = f"the existing study {name!r} is about another search: {'; '.join(lines[:_LISTED])}{more}"
        raise DataError(what, fix="name another with --study")
    check_trials(study)
    return study


def _is_foreign(study: Study) -> bool:
    """Whether a study holds what this toolkit stores only after its facts."""
    started = any(trial.state != TrialState.WAITING for trial in study.get_trials(deepcopy=False))
    return _FACTS not in study.user_attrs and (started or bool(study.user_attrs))


def check_trials(study: Study) -> None:
    """Refuse a study with a trial that cannot have ended as it is stored.

    Raises
    ------
    DataError
        A complete trial has no value for an objective, or one that is not finite or not the mean of its fold scores.
    """
    facts = study.user_attrs.get(_FACTS)
    names = facts.get("objectives", ()) if isinstance(facts, dict) else ()
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        values, scores = trial.values or [], trial.user_attrs.get(SCORES, [])
        whole = len(values) == len(study.directions) and all(math.isfinite(value) for value in values)
        for name, value in zip(names, values, strict=False):
            whole = whole and _is_mean(value, scores, name)
        if not whole:
            what = f"the study {study.study_name!r} is damaged: the scores of trial {trial.number} do not fit its value"
            raise DataError(what, fix="restore a copy of its storage, or name another with --study")


def _is_mean(value: float, scores: Any, name: str) -> bool:
    try:
        return not scores or math.isclose(value, fmean(fold[name] for fold in scores), rel_tol=1e-6, abs_tol=1e-9)
    except (TypeError, KeyError, ValueError):
        return False


def _differences(theirs: Tree, mine: Tree, key: str) -> list[str]:
    # digests would not help anybody
    if isinstance(mine.get(key), str) and theirs.get(key) != mine.get(key):
        return [f"{key} differs"]
    return differences(theirs.get(key), mine.get(key), key)


def open_study(name: str, storage: str | None, out: Path) -> Study:
    """Open an existing study of a search; ``storage`` is ``study.db`` in ``out`` if not given.

    Raises
    ------
    CallError
        It cannot be the name of a study.
    DataError
        There is none of that name (the message lists the existing ones), or it is damaged.
    """
    check_name(name)
    url = storage or f"sqlite:///{out / STUDY_FILE}"
    if storage is None and not (out / STUDY_FILE).is_file():
        raise DataError("there is no such study file", out / STUDY_FILE, "name the folder of the search with --out")
    opened = open_storage(url, create=False)
    try:
        study = optuna.load_study(study_name=name, storage=opened)
    except KeyError:
        there = [optuna.load_study(study_name=one, storage=opened) for one in optuna.get_all_study_names(opened)]
        known = ", ".join(sorted(one.study_name for one in there if not _confirmed_search(one))) or "none"
        raise DataError(f"there is no study {name!r}", without_password(url), f"existing studies: {known}") from None
    if search := _confirmed_search(study):
        raise DataError(f"the study {name!r} holds the finalists of another", fix=f"name that: {search}")
    check_trials(study)
    return study


def search_facts(study: Study) -> SearchFacts:
    """Return what a study searches.

    Raises
    ------
    DataError
        It was not created by this toolkit.
    """
    facts = read_facts(study, _FACTS, SearchFacts)
    if facts is None:
        raise DataError(f"the study {study.study_name!r} was not created by 'ckseq tune'")
    return facts


def read_facts(study: Study, name: str, model: type[Facts]) -> Facts | None:
    """Return what is stored in a user attribute of a study; None if there is nothing, or a null.

    Raises
    ------
    DataError
        It has another structure.
    """
    stored: Any = study.user_attrs.get(name)
    if not stored:
        return None
    try:
        return model.model_validate(stored)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        what = f"the attribute {name!r} of the study {study.study_name!r} cannot be read ({place})"
        raise DataError(what, fix="it was written by another version of ckseq; name a new one with --study") from None


def _confirmed_search(study: Study) -> str | None:
    """Return the name of the search whose finalists a study holds; None for any other study."""
    facts = study.user_attrs.get(_FACTS)
    found = facts.get("confirms") if isinstance(facts, dict) else None
    return None if found is None else str(found)


def tally(study: Study) -> Tally:
    """Count the trials of a study by state."""
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    counted = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING)
    return Tally(*(states.count(state) for state in counted))


def n_finished(study: Study) -> int:
    """Return the number of trials that are complete or pruned."""
    return len(study.get_trials(deepcopy=False, states=FINISHED))


def sign_of(study: Study, objective: int = 0) -> int:
    """Return 1 if higher values of an objective are better, -1 if lower ones are."""
    return 1 if study.directions[objective] == StudyDirection.MAXIMIZE else -1
