"""The trials of a study, run by any number of processes: none lost, none twice, exactly as many as asked for.

Optuna's own heartbeat supports databases only, compares the clocks of different machines and never notices a process
that died before its first beat. Here a running trial counts up a number; a process that sees the number unchanged for
too long by its own clock gives the trial to another process.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from optuna.exceptions import OptunaError, StorageInternalError, TrialPruned, UpdateFinishedTrialError
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from ckseq.console import Console
from ckseq.errors import CkseqError, DataError
from ckseq.search.study import FINISHED, n_finished
from ckseq.search.trial_facts import ERROR

# the name of a user attribute; studies that exist have it
_BEAT = "beat"
# a trial that killed so many processes is not tried again: another one replaces it
_RETRIES = 2
_FAILURES_IN_A_ROW = 10

Objective = Callable[[Trial], Sequence[float]]


def run_trials(
    study: Study,
    n_trials: int,
    objective: Objective,
    *,
    label: str,
    describe: Callable[[FrozenTrial], str],
    heartbeat_s: float,
    console: Console,
) -> None:
    """Run trials as `optimize` does, and show the progress of all processes.

    Parameters
    ----------
    label : str
        What the trials are called, in the plural.
    describe : callable
        Returns a line about a finished trial.
    """
    done = n_finished(study)
    if done:
        console.say(f"{min(done, n_trials)} {label} are already finished")
    waiting = False
    with console.progress(label, max(0, n_trials - done)) as bar:

        def report(trial: FrozenTrial) -> None:
            nonlocal done
            before, done = done, n_finished(study)  # other processes finish trials, too
            description = describe(trial)
            bar.advance(done - before, text=description)
            if trial.state == TrialState.FAIL:
                console.warn(f"{description}, another one replaces it: {trial.user_attrs.get(ERROR)}")

        def report_waiting(n_running: int) -> None:
            nonlocal waiting
            if not waiting:
                console.say(f"waiting for {n_running} {label} that run in other processes")
                waiting = True

        optimize(study, objective, n_trials, heartbeat_s=heartbeat_s, on_end=report, on_wait=report_waiting)


def optimize(
    study: Study,
    objective: Objective,
    n_trials: int,
    *,
    heartbeat_s: float,
    on_end: Callable[[FrozenTrial], None],
    on_wait: Callable[[int], None],
) -> None:
    """Run trials until a study has as many complete or pruned ones as asked for.

    Parameters
    ----------
    study : Study
        Other processes may run trials of it, too; this returns when all are finished.
    objective : callable
        Returns the objective values of a trial. `TrialPruned` ends it early; after a `CkseqError` another replaces it.
    n_trials : int
        Of the study as a whole.
    heartbeat_s : float
        Seconds between two heartbeats of a running trial; without one for three times as long it is given to another
        process.
    on_end : callable
        Is called with every trial that ended in this process.
    on_wait : callable
        Is called with the number of trials of other processes that are waited for.

    Raises
    ------
    DataError
        Several trials in a row failed, or the storage cannot be reached.
    KeyboardInterrupt
        Ctrl-C was pressed; the interrupted trial is enqueued for the next process.
    """
    stale = _StaleTrials(study, 3 * heartbeat_s)
    n_failures = 0
    try:
        while True:
            stale.retry()
            trials = study.get_trials(deepcopy=False)
            n_running = sum(trial.state == TrialState.RUNNING for trial in trials)
            n_done = sum(trial.state in FINISHED for trial in trials)
            if n_done >= n_trials:
                return
            if n_done + n_running >= n_trials and not any(trial.state == TrialState.WAITING for trial in trials):
                on_wait(n_running)
                time.sleep(min(heartbeat_s, 2.0))
                continue
            trial = study.ask()
            if _is_surplus(study, trial, n_trials):
                study.tell(trial, state=TrialState.FAIL)
                continue
            error = _run(study, trial, objective, heartbeat_s)
            on_end(_frozen(study, trial.number))
            n_failures = 0 if error is None else n_failures + 1
            if error is not None and n_failures >= _FAILURES_IN_A_ROW:
                raise DataError(f"{n_failures} trials in a row failed; the last: {error}") from None
    except (SQLAlchemyError, StorageInternalError) as error:
        fix = "the same command resumes the study"
        raise DataError(f"the storage cannot be reached: {_first_line(error)}", fix=fix) from None


def _run(study: Study, trial: Trial, objective: Objective, heartbeat_s: float) -> CkseqError | None:
    """Run one trial and tell the study its result; return why it failed."""
    values: Sequence[float] | None = None
    failure: CkseqError | None = None
    state = TrialState.COMPLETE
    try:
        with _heartbeat(trial, heartbeat_s):
            values = objective(trial)
    except TrialPruned:
        state = TrialState.PRUNED
    except CkseqError as error:
        state, failure = TrialState.FAIL, error
        trial.set_user_attr(ERROR, str(error))
    except BaseException:
        _retry(study, trial.number)
        raise
    # a process that was taken for dead, as on a computer that slept, is too late: another one has the trial
    with contextlib.suppress(UpdateFinishedTrialError, ValueError):
        study.tell(trial, values if state == TrialState.COMPLETE else None, state=state)
    return failure


def _is_surplus(study: Study, trial: Trial, n_trials: int) -> bool:
    """Whether two processes started the last trial at once and this is the later one."""
    alive = (TrialState.RUNNING, TrialState.WAITING, *FINISHED)
    before = [one for one in study.get_trials(deepcopy=False, states=alive) if one.number < trial.number]
    return len(before) >= n_trials


def _retry(study: Study, number: int) -> None:
    """Fail a trial that no process runs anymore, and enqueue its parameters."""
    try:
        study.tell(number, state=TrialState.FAIL)
    except (UpdateFinishedTrialError, ValueError):  # another process did it
        return
    RetryHeartbeatStaleTrialCallback(max_retry=_RETRIES)(study, _frozen(study, number))


def _frozen(study: Study, number: int) -> FrozenTrial:
    return study.get_trials(deepcopy=False)[number]


class _StaleTrials:
    """Detects trials whose process has died."""

    def __init__(self, study: Study, grace_s: float) -> None:
        self._study, self._grace_s = study, grace_s
        self._beats: dict[int, tuple[int, float]] = {}

    def retry(self) -> None:
        now = time.monotonic()
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            beat = trial.user_attrs.get(_BEAT, -1)
            last, since = self._beats.get(trial.number, (None, now))
            if beat != last:
                self._beats[trial.number] = beat, now
            elif now - since > self._grace_s:
                _retry(self._study, trial.number)


@contextlib.contextmanager
def _heartbeat(trial: Trial, every_s: float) -> Iterator[None]:
    stop = threading.Event()

    def beat() -> None:
        number = int(trial.user_attrs.get(_BEAT, 0))
        while True:
            number += 1
            # the next beat makes up for one that fails; a trial that another process took over needs none
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


def _first_line(error: Exception) -> str:
    cause = error.__cause__ or error
    text = str(getattr(cause, "orig", None) or cause).strip()
    return text.splitlines()[0] if text else type(error).__name__
