"""Long commands are killed, interrupted, run twice at once, run out of disk, and lose their inputs.

After each the same command ends in the same bytes, nothing is left over, no process stays, and what it was to replace
is there. ``CKSEQ_CRASHES`` sets the number of disturbances, ``CKSEQ_SEED`` draws others.
"""

import os
import random
import subprocess
import tempfile
from itertools import cycle, islice

import pytest
from attacks import Commands, Target
from scenarios import SCENARIOS

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="commands are started by forking")]

N_CRASHES = int(os.environ.get("CKSEQ_CRASHES", "8"))
# a few take the commands that are quick
QUICK = (
    "preprocess",
    "preprocess --overwrite",
    "preprocess into many files",
    "preprocess --append",
    "crossval --overwrite",
    "synth",
)
CHOSEN = [one for one in SCENARIOS if len(SCENARIOS) <= N_CRASHES // 2 or one.name in QUICK]
SEED = int(os.environ.get("CKSEQ_SEED", "0"))
KINDS = ("SIGKILL", "SIGTERM", "two", "Ctrl-C", "full disk", "SIGKILL", "change", "file size")


def can_mount():
    """Whether a small disk can be made, which only the superuser may do, and not in every container."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder]
        try:
            done = subprocess.run(words, capture_output=True)
        except OSError:
            return False
        return done.returncode == 0 and subprocess.run(["umount", folder]).returncode == 0


@pytest.fixture(scope="module")
def commands():
    commands = Commands(keras=len(CHOSEN) == len(SCENARIOS))
    yield commands
    commands.close()


@pytest.fixture(scope="module")
def possible():
    return [kind for kind in KINDS if kind != "full disk" or can_mount()]


@pytest.mark.parametrize("number", range(len(CHOSEN)), ids=[one.name for one in CHOSEN])
def test_nothing_is_lost_left_over_or_wrong(commands, possible, tmp_path, number):
    scenario = CHOSEN[number]
    if scenario.name == "tune":
        pytest.importorskip("optuna")
    n = N_CRASHES // len(CHOSEN) + (number < N_CRASHES % len(CHOSEN))
    rng = random.Random(f"{SEED} {scenario.name}")
    kinds = [kind for kind in possible if kind != "change" or scenario.changed is not None]
    # other commands begin with other kinds, so that a few disturbances are of all kinds together
    first = (SEED + n * number) % len(kinds)
    drawn = list(islice(cycle(kinds), first, first + n))
    target = Target(scenario, commands, tmp_path)
    found = [f"{kind}, {one}" for kind in drawn for one in target.attack(kind, rng)]
    print(f"{scenario.name}: {', '.join(f'{drawn.count(kind)} {kind}' for kind in dict.fromkeys(drawn))}")
    for one in found:
        print(f"  {one}", flush=True)
    assert found == []
