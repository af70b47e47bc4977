"""Studies shared by processes: no trial is lost or run twice, and their number is exact."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from optuna.exceptions import TrialPruned

from ckseq.errors import CkseqError, DataError
from ckseq.search.samplers import make_sampler
from ckseq.search.study import StoredFacts, join_study, tally
from ckseq.search.study_storage import load_optuna, open_storage
from ckseq.search.trial_loop import optimize

WORKER = """
import os, sys, time
from ckseq.search.study_storage import load_optuna, open_storage
load_optuna()
from ckseq.search.samplers import make_sampler
from ckseq.search.study import StoredFacts, join_study
from ckseq.search.trial_loop import optimize
class Facts(StoredFacts):
    space: int = 1
url, n, hangs = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "hangs"
study = join_study(open_storage(url), "shared", directions=["minimize"], facts=Facts(), first={"x": 0.5})
study.sampler = make_sampler("tpe", seed=1, grid=None)
def evaluate(trial):
    x = trial.suggest_float("x", 0, 1)
    trial.set_user_attr("process", os.getpid())
    if hangs:
        print(trial.number, flush=True)
        time.sleep(3600)
    time.sleep(0.05)
    return [(x - 0.3) ** 2]
optimize(study, evaluate, n, heartbeat_s=1.0, on_end=lambda trial: None, on_wait=lambda running: None)
"""


class Facts(StoredFacts):
    space: int = 1


def begin(storage, name="s", first=None):
    return join_study(storage, name, directions=["minimize"], facts=Facts(), first=first)


def run(study, n, evaluate, ended=None):
    ended = [] if ended is None else ended
    optimize(study, evaluate, n, heartbeat_s=0.2, on_end=ended.append, on_wait=lambda running: None)
    return ended


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory):
    """A real PostgreSQL, on a socket in a folder; it runs as another user where the tests run as root."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
    if not folders:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    root = os.getuid() == 0
    if root and not shutil.which("runuser"):
        pytest.skip("PostgreSQL refuses to run as root, and there is no runuser")
    # a socket's path may have 107 characters at most
    folder = Path(
        subprocess.run(["mktemp", "-d", "/tmp/ckseq-pg.XXXXXX"], capture_output=True, text=True).stdout.strip()
    )
    if root:
        shutil.chown(folder, "postgres")

    def as_owner(*words):
        before = ["runuser", "-u", "postgres", "--"] if root else []
        return subprocess.run([*before, *map(str, words)], check=True, capture_output=True, cwd=folder)

    as_owner(folders[-1] / "initdb", "-D", folder / "data", "-U", "ckseq", "--auth=trust", "--no-sync")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    as_owner(folders[-1] / "pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start")
    try:
        as_owner(folders[-1] / "createdb", "-h", folder, "-U", "ckseq", "studies")
        yield f"postgresql://ckseq@/studies?host={folder}"
    finally:
        as_owner(folders[-1] / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "journal", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_killed_processs_trial_is_taken_over_and_the_number_is_exact(kind, tmp_path, request):
    url = request.getfixturevalue("postgresql") if kind == "postgresql" else f"{kind}:///{tmp_path}/study"
    command = [sys.executable, "-c", WORKER, url, "9"]
    hanging = subprocess.Popen([*command, "hangs"], stdout=subprocess.PIPE, text=True)
    try:
        lost = int(hanging.stdout.readline())
        others = [subprocess.Popen([*command, "works"]) for _ in range(2)]
        time.sleep(0.5)
        hanging.send_signal(signal.SIGKILL)
        assert [other.wait(timeout=60) for other in others] == [0, 0]
    finally:
        hanging.kill()
    study = begin(open_storage(url), "shared")
    trials = study.get_trials(deepcopy=False)
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    assert len(complete) == 9
    assert tally(study) == (9, 0, len(trials) - 9, 0)
    assert trials[lost].state.name == "FAIL"
    # the parameters of the trial that was lost were tried by somebody else, once
    again = [trial for trial in complete if trial.params == trials[lost].params]
    assert len(again) == 1
    assert again[0].user_attrs["process"] != trials[lost].user_attrs["process"]
    assert len({trial.params["x"] for trial in complete}) == 9


def test_a_search_that_was_interrupted_goes_on_as_it_would_have(tmp_path):
    def evaluate(trial):
        return [(trial.suggest_float("x", 0, 1) - 0.3) ** 2]

    def points(*steps):
        url = f"sqlite:///{tmp_path}/{len(steps)}.db"
        for n in steps:
            study = begin(open_storage(url))
            study.sampler = make_sampler("tpe", seed=7, grid=None)
            run(study, n, evaluate)
        return [trial.params["x"] for trial in study.trials]

    whole = points(16)
    assert points(4, 11, 16) == whole
    assert len(set(whole)) == 16


def test_ctrl_c_leaves_the_trial_to_the_next_process(tmp_path):
    study = begin(open_storage(f"sqlite:///{tmp_path}/s.db"))
    stop = [True]

    def evaluate(trial):
        x = trial.suggest_float("x", 0, 1)
        if stop:
            raise KeyboardInterrupt
        return [x]

    with pytest.raises(KeyboardInterrupt):
        run(study, 2, evaluate)
    stop.clear()
    ended = run(study, 2, evaluate)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert ended[0].params == study.trials[0].params


def test_a_failed_trial_is_replaced_and_a_pruned_one_counts(tmp_path):
    study = begin(open_storage(f"journal:///{tmp_path}/s.log"), first={"x": 0.5})

    def evaluate(trial):
        trial.suggest_float("x", 0, 1)
        if trial.number == 1:
            raise CkseqError("no face in any frame")
        if trial.number == 2:
            raise TrialPruned
        return [0.0]

    ended = run(study, 3, evaluate)
    assert [trial.state.name for trial in ended] == ["COMPLETE", "FAIL", "PRUNED", "COMPLETE"]
    assert ended[0].params == {"x": 0.5}
    assert ended[1].user_attrs["error"] == "no face in any frame"
    assert tally(study) == (2, 1, 1, 0)


def test_where_all_fail_the_search_ends(tmp_path):
    study = begin(open_storage(f"sqlite:///{tmp_path}/s.db"))

    def evaluate(trial):
        raise CkseqError("no face in any frame")

    with pytest.raises(DataError, match="10 trials in a row failed; the last: no face in any frame"):
        run(study, 100, evaluate)


def test_who_was_taken_for_dead_comes_too_late(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    sleeper, other = begin(open_storage(url)), begin(open_storage(url))

    def slow(trial):
        trial.suggest_float("x", 0, 1)
        if trial.number == 0:  # while this one sleeps, somebody else gives its trial away and does it
            other.tell(0, state=load_optuna().trial.TrialState.FAIL)
            run(other, 1, lambda trial: [trial.suggest_float("x", 0, 1)])
        return [0.0]

    run(sleeper, 1, slow)
    assert tally(sleeper) == (1, 0, 1, 0)
