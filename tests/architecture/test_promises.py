"""The promises of the architecture that import-linter does not see."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "ckseq"
MODULES = sorted(PACKAGE.rglob("*.py"))


def loaded_by(*arguments):
    """The modules that a call of the command line has imported by its end."""
    code = (
        "import sys, ckseq.cli.main\n"
        f"sys.argv = ['ckseq', *{arguments!r}]\n"
        "try:\n    ckseq.cli.main.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("--help",), ("train", "--help"), ("preprocess", "--help")])
def test_help_loads_nothing_heavy(arguments):
    assert not loaded_by(*arguments) & {"tensorflow", "keras", "sklearn", "matplotlib", "dlib", "h5py", "cv2", "scipy"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_of_readable_size_and_says_what_it_is(path):
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= 400
    assert ast.get_docstring(ast.parse(source))


def test_a_room_is_a_charter_without_re_exports():
    for path in PACKAGE.glob("*/__init__.py"):
        assert len(ast.parse(path.read_text(encoding="utf-8")).body) == 1, path


def test_h5py_has_one_home_and_pickle_none():
    for path in MODULES:
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        }
        is_of_stores = path.parent.name == "storage" and path.name.startswith(("hdf5", "store"))
        assert "h5py" not in imported or is_of_stores
        assert "click" not in imported or path.parent.name == "cli"
        assert not imported & {"pickle", "cloudpickle", "shelve", "dill"}
