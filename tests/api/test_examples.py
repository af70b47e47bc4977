"""Every public name has an example; pytest runs them (``--doctest-modules``) with the faces of the root's conftest."""

import doctest
import inspect
from pathlib import Path

import pytest

import ckseq


@pytest.mark.parametrize("name", [name for name in ckseq.__all__ if not name.startswith("__")])
def test_every_public_name_has_an_example_that_is_run(name):
    one = getattr(ckseq, name)
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(one))
    assert examples
    assert not any(doctest.SKIP in example.options for example in examples)
    assert one.__doc__ in Path(inspect.getsourcefile(inspect.unwrap(one))).read_text(encoding="utf-8")  # not inherited
