"""The list of public names: one list, imported when used, documented with shapes, and nothing heavy before."""

import ast
import importlib
import inspect
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ckseq

CHECKOUT = Path(__file__).parents[2]
SOURCE = ast.parse((CHECKOUT / "ckseq" / "__init__.py").read_text(encoding="utf-8"))
PUBLIC = [name for name in ckseq.__all__ if not name.startswith("_")]


def test_one_list_names_what_can_be_imported():
    (checked,) = [node for node in SOURCE.body if isinstance(node, ast.If)]
    typed = {(node.module.removeprefix("ckseq."), alias.name) for node in checked.body for alias in node.names}
    assert typed == {(home, name) for home, names in ckseq._HOMES.items() for name in names}
    assert sorted(PUBLIC) == sorted(name for _, name in typed)
    assert dir(ckseq) == sorted(ckseq.__all__)
    for home, name in typed:
        assert getattr(ckseq, name) is getattr(importlib.import_module(f"ckseq.{home}"), name)
    with pytest.raises(AttributeError, match="has no attribute 'sacn'"):
        _ = ckseq.sacn


def test_the_page_of_the_interface_lists_exactly_these_names():
    listed = re.findall(
        r"^[-|] `ckseq\.(\w+)", (CHECKOUT / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_documented_with_its_parameters_and_results(name):
    thing = getattr(ckseq, name)
    doc = inspect.getdoc(thing)
    assert doc
    if inspect.isfunction(thing):
        check_function(thing)
    for member, value in vars(thing).items() if inspect.isclass(thing) else ():
        if inspect.isfunction(value) and not member.startswith("_"):
            assert inspect.getdoc(value), f"{name}.{member}"
            if thing.__module__.startswith("ckseq.api"):
                check_function(value)


def check_function(function):
    doc = inspect.getdoc(function)
    for parameter in inspect.signature(function).parameters:
        assert parameter in ("self", "X", "y") or re.search(rf"\b{parameter}\b", doc), f"{function}: {parameter}"
    if function.__name__ not in ("report", "fit"):
        assert "Returns\n-------" in doc, function
    assert "Raises\n------" in doc, function
    if {"data", "X"} & set(inspect.signature(function).parameters) and function.__name__ not in ("scan", "preprocess"):
        assert re.search(r"\(\w+, [\w, .]+\)", doc), f"{function}: no shape"


@pytest.mark.slow
def test_import_is_instant_and_loads_nothing_until_a_name_is_used():
    code = (
        "import sys; before = set(sys.modules); import ckseq; print(len(set(sys.modules) - before));"
        "ckseq.scan; print(sorted({'tensorflow', 'keras', 'sklearn', 'matplotlib', 'dlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, heavy = done.stdout.splitlines()
    assert int(count) < 12
    assert heavy == "[]"


@pytest.mark.slow
def test_a_type_checker_sees_the_names(tmp_path):
    (tmp_path / "user.py").write_text(
        "import ckseq\n"
        "X, y, groups, ids = ckseq.load_xy('ck.h5', length=24)\n"
        "reveal_type(X.shape)\nreveal_type(ckseq.load_run('run').report().page)\nckseq.scan(3)\n"
    )
    words = [sys.executable, "-m", "mypy", "--config-file", str(CHECKOUT / "setup.cfg"), str(tmp_path / "user.py")]
    said = subprocess.run(words, capture_output=True, text=True, cwd=CHECKOUT).stdout
    assert 'Revealed type is "pathlib.Path"' in said
    assert 'Revealed type is "tuple[Any, ...]"' in said or "builtins.tuple[Any, ...]" in said
    assert 'Argument 1 to "scan" has incompatible type "int"' in said
    assert "Found 1 error" in said


def test_errors_have_three_parts(tmp_path):
    with pytest.raises(ckseq.CallError) as caught:
        ckseq.scan(tmp_path / "none")
    error = caught.value
    assert (error.what, error.where, error.fix) == (
        "there is no such folder or file",
        str(tmp_path / "none"),
        "check the path",
    )
    assert isinstance(error, ckseq.CkseqError)


def test_the_logger_is_silent_by_itself():
    assert any(isinstance(one, logging.NullHandler) for one in logging.getLogger("ckseq").handlers)
