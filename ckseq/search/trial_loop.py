"""The trials of a study, shared by any number of processes: none lost, none twice, and as many as were asked for.

Optuna's own heartbeat knows data bases only, compares the clocks of different machines and never misses a trial whose
process died before its first beat; so a running trial counts a number up here, and who sees the number stand still for
too long by their own clock gives the trial to somebody else.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from optuna.exceptions import (
    DuplicatedStudyError,
    OptunaError,
    StorageInternalError,
    TrialPruned,
    UpdateFinishedTrialError,
)
from optuna.storages import BaseStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import Study, create_study, load_study
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from ckseq.config import differences
from ckseq.errors import CkseqError, DataError

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
ERROR = "error"
_ABOUT, _BEAT = "about", "beat"
# a trial that killed as many processes is not tried again: another takes its place
_RETRIES = 2
_FAILURES_IN_A_ROW = 10
# who joins a study waits so long for the process that began it to say what it is about
_BEGUN_S = 10.0
# of what makes a study another, so much is told
_TOLD = 3


class Tally(NamedTuple):
    """How a study stands: trials that reached their end, were pruned, failed, run now."""

    complete: int
    pruned: int
    failed: int
    running: int


def join_study(
    storage: BaseStorage,
    name: str,
    *,
    directions: Sequence[Literal["maximize", "minimize"]],
    about: dict[str, Any],
    first: dict[str, Any] | None,
) -> Study:
    """Begin a study, or join the one of that name.

    Parameters
    ----------
    storage : BaseStorage
    name : str
    directions : sequence of str
        One for each objective.
    about : dict
        What the study searches and on which data; it is kept with the study, and has to be the same for all who join.
    first : dict, optional
        Parameters of the first trial.

    Raises
    ------
    DataError
        The study of that name is about something else.
    """
    try:
        study = create_study(storage=storage, study_name=name, directions=list(directions))
        if first is not None:  # before anybody else knows that the study has begun
            study.enqueue_trial(first)
        study.set_user_attr(_ABOUT, about)
        return study
    except DuplicatedStudyError:
        study = load_study(study_name=name, storage=storage)
    deadline = time.monotonic() + _BEGUN_S
    while _ABOUT not in study.user_attrs and time.monotonic() < deadline:
        time.sleep(0.1)
    if _ABOUT not in study.user_attrs:  # who began it was killed at that very moment
        if first is not None:
            study.enqueue_trial(first, skip_if_exists=True)
        study.set_user_attr(_ABOUT, about)
    there = study.user_attrs[_ABOUT]
    if there != about:
        lines = [line for key in sorted(there.keys() | about.keys()) for line in _unlike(there, about, key)]
        more = f" and {len(lines) - _TOLD} more" if len(lines) > _TOLD else ""
        told = "; ".join(lines[:_TOLD]) + more
        raise DataError(f"the study {name!r} there is another: {told}", fix="name another with --study")
    return study


def _unlike(there: dict[str, Any], about: dict[str, Any], key: str) -> list[str]:
    # a digest says nothing to anybody
    if isinstance(about.get(key), str) and there.get(key) != about.get(key):
        return [f"{key} differs"]
    return differences(there.get(key), about.get(key), key)


def about_study(study: Study) -> dict[str, Any]:
    """Return what a study is about; empty for a study that this toolkit did not begin."""
    there: dict[str, Any] = study.user_attrs.get(_ABOUT, {})
    return there


def tally(study: Study) -> Tally:
    """Count the trials of a study by how they ended."""
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    kinds = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING)
    return Tally(*(states.count(kind) for kind in kinds))


def run_trials(
    study: Study,
    n_trials: int,
    evaluate: Callable[[Trial], Sequence[float]],
    *,
    heartbeat_s: float,
    on_end: Callable[[FrozenTrial], None],
    on_wait: Callable[[int], None],
) -> None:
    """Take trials until the study has as many as asked for that reached their end or were pruned.

    Parameters
    ----------
    study : Study
        Other processes may take trials of it too; this returns when all are done, whoever did them.
    n_trials : int
        Of the study as a whole.
    evaluate : callable
        Returns the values of a trial. `TrialPruned` ends it early; after a `CkseqError` another takes its place.
    heartbeat_s : float
        How often a running trial says that it lives; after three times as long without it is given to somebody else.
    on_end : callable
        Is told of every trial that ended here.
    on_wait : callable
        Is told how many trials of others are waited for.

    Raises
    ------
    DataError
        Several trials in a row failed, or the storage is out of reach.
    KeyboardInterrupt
        Somebody pressed Ctrl-C; the trial that ran waits for the next process.
    """
    watch = _Watch(study, 3 * heartbeat_s)
    failures = 0
    try:
        while True:
            watch.revive()
            trials = study.get_trials(deepcopy=False)
            running = sum(trial.state == TrialState.RUNNING for trial in trials)
            ended = sum(trial.state in ENDED for trial in trials)
            if ended >= n_trials:
                return
            if ended + running >= n_trials and not any(trial.state == TrialState.WAITING for trial in trials):
                on_wait(running)
                time.sleep(min(heartbeat_s, 2.0))
                continue
            trial = study.ask()
            if _is_surplus(study, trial, n_trials):
                study.tell(trial, state=TrialState.FAIL)
                continue
            error = _run(study, trial, evaluate, heartbeat_s)
            on_end(_frozen(study, trial.number))
            failures = 0 if error is None else failures + 1
            if error is not None and failures >= _FAILURES_IN_A_ROW:
                raise DataError(f"{failures} trials in a row failed; the last: {error}") from None
    except (SQLAlchemyError, StorageInternalError) as error:
        raise DataError(f"the storage is out of reach: {_line(error)}", fix="the same command goes on") from None


def _run(
    study: Study, trial: Trial, evaluate: Callable[[Trial], Sequence[float]], heartbeat_s: float
) -> CkseqError | None:
    """Take one trial to its end and tell the study; return what it failed of."""
    values: Sequence[float] | None = None
    failure: CkseqError | None = None
    state = TrialState.COMPLETE
    try:
        with _beating(trial, heartbeat_s):
            values = evaluate(trial)
    except TrialPruned:
        state = TrialState.PRUNED
    except CkseqError as error:
        state, failure = TrialState.FAIL, error
        trial.set_user_attr(ERROR, str(error))
    except BaseException:
        _give_back(study, trial.number)
        raise
    # who was taken for dead, as a computer that slept, comes too late: somebody else has the trial
    with contextlib.suppress(UpdateFinishedTrialError, ValueError):
        study.tell(trial, values if state == TrialState.COMPLETE else None, state=state)
    return failure


def _is_surplus(study: Study, trial: Trial, n_trials: int) -> bool:
    """Whether two processes took the last trial at once and this is the one too many: the one that came later."""
    alive = (TrialState.RUNNING, TrialState.WAITING, *ENDED)
    before = [one for one in study.get_trials(deepcopy=False, states=alive) if one.number < trial.number]
    return len(before) >= n_trials


def _give_back(study: Study, number: int) -> bool:
    """End a trial that nobody runs any more and put one with the same parameters in line; tell whether it was us."""
    try:
        study.tell(number, state=TrialState.FAIL)
    except (UpdateFinishedTrialError, ValueError):
        return False
    RetryHeartbeatStaleTrialCallback(max_retry=_RETRIES)(study, _frozen(study, number))
    return True


def _frozen(study: Study, number: int) -> FrozenTrial:
    return study.get_trials(deepcopy=False)[number]


class _Watch:
    """Sees trials whose process has died."""

    def __init__(self, study: Study, grace_s: float) -> None:
        self._study, self._grace_s = study, grace_s
        self._seen: dict[int, tuple[int, float]] = {}

    def revive(self) -> None:
        now = time.monotonic()
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            beat = trial.user_attrs.get(_BEAT, -1)
            last, since = self._seen.get(trial.number, (None, now))
            if beat != last:
                self._seen[trial.number] = beat, now
            elif now - since > self._grace_s:
                _give_back(self._study, trial.number)


@contextlib.contextmanager
def _beating(trial: Trial, every_s: float) -> Iterator[None]:
    stop = threading.Event()

    def beat() -> None:
        number = int(trial.user_attrs.get(_BEAT, 0))
        while True:
            number += 1
            # a beat that is missed is made up for by the next; a trial that was taken over needs none
            with contextlib.suppress(SQLAlchemyError, OptunaError, OSError):
                trial.set_user_attr(_BEAT, number)
            if stop.wait(every_s):
                return

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _line(error: Exception) -> str:
    cause = error.__cause__ or error
    text = str(getattr(cause, "orig", None) or cause).strip()
    return text.splitlines()[0] if text else type(error).__name__
