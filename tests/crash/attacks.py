"""What is done to a command while it works, and what must hold afterwards."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import psutil
from scenarios import Scenario

from ckseq.storage.store import open_store

HERE = Path(__file__).parent
SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}
LONGEST_S = 120


class Commands:
    """Commands, started by `command_server`."""

    def __init__(self, *, keras):
        path = os.pathsep.join([str(HERE.parent), str(HERE.parents[1])])
        self._server = subprocess.Popen(
            [sys.executable, str(HERE / "command_server.py"), *(["keras"] if keras else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "MPLBACKEND": "agg"},
        )
        assert self._answer() == "ready"

    def _answer(self):
        return json.loads(self._server.stdout.readline())

    def _ask(self, **request):
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return self._answer()

    def start(self, words, log, *, limit=None, below=None, at=None, signal=None):
        more = {"limit": limit, "below": None if below is None else str(below), "at": at, "signal": signal}
        return Command(self, self._ask(start=[str(word) for word in words], log=str(log), **more), log)

    def poll(self, number):
        return self._ask(poll=number)

    def close(self):
        self._server.stdin.close()
        self._server.wait()


class Command:
    """A command at work: a session of processes."""

    def __init__(self, commands, number, log):
        self._commands, self.number, self.log, self.status = commands, number, Path(log), None

    def ended(self):
        if self.status is None:
            self.status = self._commands.poll(self.number)
        return self.status is not None

    def wait(self, seconds=LONGEST_S):
        """Wait for the end; False where it does not come, and then end it."""
        end = time.monotonic() + seconds
        while not self.ended():
            if time.monotonic() > end:
                os.killpg(self.number, signal.SIGKILL)
                return False
            time.sleep(0.005)
        return True

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def processes(self):
        """Return what is alive of its session."""
        found = []
        for number in psutil.pids():
            try:
                if os.getsid(number) == self.number and psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
                    found.append(number)
            except (OSError, psutil.Error):
                continue
        return found

    def end_workers(self, seconds=10):
        """Return the commands of its processes that are alive after so long; they are ended."""
        end = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < end:
            time.sleep(0.02)
        for number in left:
            os.kill(number, signal.SIGKILL)
        return left


def tree_of(path):
    """Return the bytes of all files below a path; empty where there is none."""
    if path.is_file():
        return {".": path.read_bytes()}
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def leftovers(folder):
    """Return what only a command at work may have there."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if is_leftover(path))


def is_leftover(path):
    if path.parent.name in ("faces", "aligned"):
        return False  # of a cache, which has no locks: its size is limited
    hidden = path.name.startswith(".") and path.name.endswith((".tmp", ".lock", ".new", ".old"))
    return hidden or path.name.endswith(".parts") or path.name == "checkpoint.npz"


class Target:
    """A scenario, its data, and its undisturbed result."""

    def __init__(self, scenario: Scenario, commands: Commands, folder: Path):
        self.scenario, self.commands, self.folder = scenario, commands, folder
        self.data = folder / "data"
        self.data.mkdir()
        scenario.make(self.data)
        self.old = None
        if scenario.old:
            self.old = folder / "old" / scenario.target
            self.old.parent.mkdir()
            words = [word for word in self.words(self.old) if word != "--overwrite"]
            self.run([*words, *scenario.old])
        start = time.monotonic()
        with self.place() as out:
            command = self.run(self.words(out), below=out.parent)
            self.seconds = time.monotonic() - start
            self.n_operations = int(command.log.with_suffix(".count").read_text())
            self.result = scenario.result(out)
            self.n_bytes = sum(map(len, tree_of(out).values()))
            assert self.result
            assert leftovers(out.parent) == []

    def words(self, out):
        return self.scenario.words(self.data, out)

    def start(self, words, **more):
        handle, log = tempfile.mkstemp(dir=self.folder, suffix=".log")
        os.close(handle)
        return self.commands.start(words, log, **more)

    def run(self, words, **more):
        command = self.start(words, **more)
        assert command.wait()
        assert command.status == 0, command.said()
        return command

    @contextmanager
    def place(self, parent=None):
        """Give a target in a fresh folder, with the old one where there is one to replace."""
        folder = Path(tempfile.mkdtemp(dir=parent or self.folder))
        out = folder / self.scenario.target
        self.restore(out)
        yield out
        shutil.rmtree(folder)

    def restore(self, out):
        if self.old is not None:
            copy = shutil.copytree if self.old.is_dir() else shutil.copy
            copy(self.old, out)

    def attack(self, kind, rng: random.Random):
        """Disturb the command once; return what was wrong."""
        method = {"full disk": self.full_disk, "file size": self.file_size, "two": self.two, "change": self.change}
        return method[kind](rng) if kind in method else self.kill(SIGNALS[kind], rng)

    def kill(self, number, rng):
        """A signal at some moment, or at some operation on a file."""
        with self.place() as out:
            before = tree_of(out)
            if rng.random() < 0.3:
                delay = rng.uniform(0.02, 1.02 * self.seconds)
                when = f"after {delay:.2f} of {self.seconds:.2f} s"
                command = self.start(self.words(out))
                self._sleep(command, delay)
                if not command.ended():
                    (os.killpg if number == signal.SIGINT else os.kill)(command.number, number)
            else:
                at = rng.randint(1, self.n_operations)
                when = f"at operation {at} of {self.n_operations}"
                command = self.start(self.words(out), below=out.parent, at=at, signal=number)
                self._sleep(command, 20 + 10 * self.seconds)
            return [f"{when}: {one}" for one in self.after(command, out, before)]

    @staticmethod
    def _sleep(command, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not command.ended():
            time.sleep(0.001)

    def after(self, command, out, before):
        """Return what is wrong after a command was disturbed: now, and after the next one."""
        found = []
        if not command.wait(20):
            found.append("it hangs")
        if left := command.end_workers():
            found.append(f"{len(left)} processes are alive 10 s later")
        said = command.said()
        # the shell's status of a signal, an error, or the success of one that was too late
        if "Traceback" in said or "internal error" in said:
            found.append(f"it said: {said[-600:]}")
        # between the two renames of an exchange the old target has another name, from which the next command takes it
        aside = out.with_name(f".{out.name}.old")
        if self.old is not None and command.status != 0 and before not in (tree_of(out), tree_of(aside)):
            found += [] if self.is_result(out) else ["the old target was changed or lost"]
        return found + self.again(out, succeeded=command.status == 0)

    def again(self, out, *, succeeded=False):
        """Run the command again and return what is wrong with what it ends in."""
        found = []
        if not succeeded:
            command = self.start([*self.words(out), *self.scenario.again])
            if not command.wait():
                return ["the next one hangs"]
            if command.status != 0 and not (self.scenario.done in command.said() and self.is_result(out)):
                return [f"the next one ended with {command.status}: {command.said()[-600:]}"]
        if not self.is_result(out):
            found.append("the result is another one")
        if left := leftovers(out.parent):
            found.append(f"left over: {left}")
        return found

    def is_result(self, out):
        try:
            return self.scenario.result(out) == self.result
        except Exception:
            return False

    def full_disk(self, rng):
        """A disk that is full at some byte, and later has space."""
        disk = Path(tempfile.mkdtemp(dir=self.folder))
        most = max(16384, int(1.3 * self.n_bytes) + (self.n_bytes if self.old is None else 0))
        size = rng.randrange(8192, most)
        need = 0 if self.old is None else sum(map(len, tree_of(self.old).values())) + 65536
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size + need}", "none", str(disk)], check=True)
        try:
            with self.place(disk) as out:
                before = tree_of(out)
                command = self.start(self.words(out))
                found = [] if command.wait(60) else ["it hangs"]
                found += self.refused(command, out, before)
                subprocess.run(["mount", "-o", "remount,size=256m", str(disk)], check=True)
                found += self.again(out, succeeded=command.status == 0)
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=True)
        return [f"of {size} bytes: {one}" for one in found]

    def file_size(self, rng):
        """A limit on the size of a file stands for the disk that is full."""
        with self.place() as out:
            before, limit = tree_of(out), rng.randrange(0, max(4096, self.n_bytes))
            command = self.start(self.words(out), limit=limit)
            found = [] if command.wait(60) else ["it hangs"]
            found += self.refused(command, out, before)
            found += self.again(out, succeeded=command.status == 0)
            return [f"{limit} bytes a file: {one}" for one in found]

    def refused(self, command, out, before):
        said = command.said()
        errors = [line for line in said.splitlines() if line.startswith("ckseq: ")]
        found = []
        if left := command.end_workers():
            found.append(f"{len(left)} processes are alive 10 s later")
        if command.status != 0 and (len(errors) != 1 or "Traceback" in said or "internal error" in said):
            found.append(f"status {command.status}, it said: {said[-800:]}")
        if self.old is not None and command.status != 0 and tree_of(out) != before:
            found.append("the old target was changed or lost")
        return found

    def two(self, rng):
        """The same command twice at once: the second is refused, or comes too late."""
        with self.place() as out:
            first = self.start(self.words(out))
            self._sleep(first, rng.uniform(0, 0.9 * self.seconds))
            second = self.start(self.words(out))
            found = [] if first.wait() and second.wait() else ["one hangs"]
            if not self.scenario.shared:
                statuses = {first.status, second.status}
                by_the_way = [one.said() for one in (first, second) if one.status != 0]
                fine = ("is being written by process", self.scenario.done)
                if 0 not in statuses:
                    found.append(f"both failed: {by_the_way}")
                found += [
                    one for one in by_the_way if not any(text in one for text in fine) or one.count("ckseq: ") != 1
                ]
            elif (first.status, second.status) != (0, 0):
                found.append(f"{first.said()[-600:]} {second.said()[-600:]}")
            if not self.is_result(out):
                found.append("the result is another one")
            if left := leftovers(out.parent):
                found.append(f"left over: {left}")
            return found

    def change(self, rng):
        """Its inputs change while it works: what it claims to be made from is what it is made from, or it fails."""
        with self.place() as out:
            data, other = out.parent / "data", out.parent / "other"
            shutil.copytree(self.data, data)
            self.scenario.changed(other)
            command = self.start(self.scenario.words(data, out))
            self._sleep(command, rng.uniform(0.02, self.seconds))
            if (other / "store.h5").exists():
                (other / "store.h5").replace(data / "store.h5")
            else:
                for path in rng.sample(sorted((data / "frames").iterdir()), 18):
                    path.rename(other / path.name)
                    (other / "frames" / path.name).rename(path)
                    time.sleep(rng.uniform(0, 0.05))
            found = [] if command.wait() else ["it hangs"]
            if command.status == 0 and not self.is_result(out):
                found += self.made_otherwise(out)
            elif command.status != 0 and command.said().count("ckseq: ") != 1:
                found.append(f"it said: {command.said()[-600:]}")
            return found

    @cached_property
    def results(self):
        """The undisturbed target, and that of the other data."""
        self.scenario.changed(self.folder / "changed")
        first, second = (self.folder / name / self.scenario.target for name in ("result", "result of changed"))
        for place, data in ((first, self.data), (second, self.folder / "changed")):
            place.parent.mkdir()
            for recipe in self.data.glob("*.toml"):
                shutil.copy(recipe, data) if data != self.data else None
            self.run(self.scenario.words(data, place))
        return first, second

    def made_otherwise(self, out):
        first, second = self.results
        if out.is_dir():
            # of a store that was replaced at the very end no crops are kept, and a warning says so
            made, *whole = (self.scenario.result(one) for one in (out, first, second))
            without = {name: one for name, one in whole[0].items() if not name.endswith("crops.npz")}
            found = sorted(set(made.items()) ^ set(whole[0].items()))
            return [] if made in (without, whole[1]) else [f"the run is that of neither store: {found}"]
        found = []
        with open_store(out) as made, open_store(first) as old, open_store(second) as new:
            for entry in made.entries:
                like = [one for one in (old, new) if any(e.source_digest == entry.source_digest for e in one.entries)]
                if entry.error is None and (
                    not like or made.projections(entry.id).tobytes() != like[0].projections(entry.id).tobytes()
                ):
                    found.append(f"{entry.id} is not made from the frames whose digest it has")
        return found
