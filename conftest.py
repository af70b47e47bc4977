"""What the examples in docstrings and on the pages find: the package, and the drawn faces of docs/api.md."""

import re
import shlex
from pathlib import Path

import pytest

API_PAGE = Path(__file__).parent / "docs" / "api.md"


@pytest.fixture(scope="session")
def example_folder(tmp_path_factory):
    """Return a folder with ``faces``, drawn by the command on the page of the interface."""
    from ckseq.cli.main import cli

    folder = tmp_path_factory.mktemp("examples")
    (command,) = re.findall(r"^ckseq (synth .*)$", API_PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        cli.main([*shlex.split(command), "--quiet", "--jobs", "1"], standalone_mode=False)
    return folder


@pytest.fixture(scope="session")
def example_runs(example_folder):
    """Return the folder with a store and two runs of these faces as well: ``faces.h5``, ``cv`` and ``run``."""
    import ckseq

    with ckseq.preprocess(example_folder / "faces", out=example_folder / "faces.h5", jobs=1) as store:
        ckseq.crossval(store, out=example_folder / "cv")
        ckseq.train(store, out=example_folder / "run")
    return example_folder


@pytest.fixture(autouse=True)
def _example(request):
    """Give an example of a docstring the package, and the folder that holds the files it names."""
    test = getattr(request.node, "dtest", None)
    if test is None:
        yield
        return
    import ckseq

    test.globs["ckseq"] = ckseq
    text = "".join(example.source for example in test.examples)
    needed = "example_runs" if re.search(r'"(faces\.h5|cv|run)"', text) else "example_folder"
    with pytest.MonkeyPatch.context() as patch:
        if re.search(r'"(faces|faces\.h5|cv|run)\b', text):
            patch.chdir(request.getfixturevalue(needed))
        yield
