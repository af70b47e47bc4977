"""A study: created, joined or opened, and the facts about the search that are stored with it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import TrialState
from pydantic import BaseModel, ConfigDict, ValidationError

from ckseq.config import Tree, differences
from ckseq.errors import DataError
from ckseq.search.search_config import Direction, Objective
from ckseq.search.study_storage import open_storage, without_password

STUDY_FILE = "study.db"
CACHE_FOLDER = "cache"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
# the name of a user attribute; studies that exist have it
_FACTS = "about"
# seconds that a process which joins a study waits for the facts from the process that created it
_CREATED_S = 10.0
# number of differences between two searches that an error lists
_LISTED = 3


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
    DataError
        The study of that name is about something else.
    """
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
    while _FACTS not in study.user_attrs and time.monotonic() < deadline:
        time.sleep(0.1)
    if _FACTS not in study.user_attrs:  # the process that created it was killed at that very moment
        if first is not None:
            study.enqueue_trial(first, skip_if_exists=True)
        study.set_user_attr(_FACTS, mine)
    theirs = study.user_attrs[_FACTS]
    if theirs != mine:
        lines = [line for key in sorted(theirs.keys() | mine.keys()) for line in _differences(theirs, mine, key)]
        more = f" and {len(lines) - _LISTED} more" if len(lines) > _LISTED else ""
        what = f"the existing study {name!r} is about another search: {'; '.join(lines[:_LISTED])}{more}"
        raise DataError(what, fix="name another with --study")
    return study


def _differences(theirs: Tree, mine: Tree, key: str) -> list[str]:
    # digests would not help anybody
    if isinstance(mine.get(key), str) and theirs.get(key) != mine.get(key):
        return [f"{key} differs"]
    return differences(theirs.get(key), mine.get(key), key)


def open_study(name: str, storage: str | None, out: Path) -> Study:
    """Open an existing study of a search; ``storage`` is ``study.db`` in ``out`` if not given.

    Raises
    ------
    DataError
        There is none of that name; the message lists the existing ones.
    """
    url = storage or f"sqlite:///{out / STUDY_FILE}"
    if storage is None and not (out / STUDY_FILE).is_file():
        raise DataError("there is no such study file", out / STUDY_FILE, "name the folder of the search with --out")
    opened = open_storage(url)
    try:
        study = optuna.load_study(study_name=name, storage=opened)
    except KeyError:
        there = [optuna.load_study(study_name=one, storage=opened) for one in optuna.get_all_study_names(opened)]
        known = ", ".join(sorted(one.study_name for one in there if not _confirmed_search(one))) or "none"
        raise DataError(f"there is no study {name!r}", without_password(url), f"existing studies: {known}") from None
    if search := _confirmed_search(study):
        raise DataError(f"the study {name!r} holds the finalists of another", fix=f"name that: {search}")
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
    found: str | None = (study.user_attrs.get(_FACTS) or {}).get("confirms")
    return found


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
