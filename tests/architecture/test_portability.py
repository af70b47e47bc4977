"""What lets ckseq start on Linux, macOS and Windows."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from ckseq.console import Console
from ckseq.redirect import stderr_to_devnull

PACKAGE = Path(__file__).parents[2] / "ckseq"
POSIX_ONLY = ("resource", "fcntl", "termios", "tty", "pty", "pwd", "grp", "syslog", "posix")
NEEDS_A_BRANCH = {
    *("fork", "getuid", "geteuid", "getgid", "chown", "killpg", "setsid", "sysconf", "mkfifo"),
    *("sched_getaffinity", "SIGKILL", "SIGHUP", "SIGUSR1", "SIGALRM", "alarm"),
}


@pytest.mark.slow
def test_every_module_is_imported_without_what_only_posix_has():
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "__main__.py"
    ]
    # libraries read the platform and import these themselves: only imports by ckseq's own files are refused
    code = (
        "import builtins, importlib\n"
        "real = builtins.__import__\n"
        "def checked(name, globals=None, locals=None, fromlist=(), level=0):\n"
        "    importer = (globals or {}).get('__name__', '')\n"
        f"    if name.split('.')[0] in {POSIX_ONLY!r} and importer.startswith('ckseq'):\n"
        "        raise ImportError(f'{name} is imported by {importer}')\n"
        "    return real(name, globals, locals, fromlist, level)\n"
        "builtins.__import__ = checked\n"
        f"for name in {modules!r}:\n    importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_call_that_only_posix_has_stands_behind_a_branch(path):
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in NEEDS_A_BRANCH:
            module = "signal" if node.attr.startswith("SIG") or node.attr == "alarm" else "os"
            assert f'hasattr({module}, "{node.attr}")' in source, f"{path}:{node.lineno}"


def test_a_process_without_standard_error_runs_quietly(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with stderr_to_devnull():
        print("still runs")


def test_stderr_to_devnull_discards_the_descriptor_and_gives_it_back():
    code = (
        "import os, sys\nfrom ckseq.redirect import stderr_to_devnull\n"
        "with stderr_to_devnull():\n    os.write(2, b'hidden')\n    print('hidden', file=sys.stderr, flush=True)\n"
        "os.write(2, b'shown')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "shown"


def test_a_line_that_is_replaced_is_erased_first_and_shows_brackets(monkeypatch, capsys):
    console = Console()
    monkeypatch.setattr(console._out, "_force_terminal", True)
    console.glance("12 [frames]")
    assert capsys.readouterr().out == "\r\x1b[2K12 [frames]"
