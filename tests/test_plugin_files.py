"""A plug-in by its path is one file, or a package all of whose files are hashed; nothing else of it is imported."""

import hashlib
import shutil
import subprocess
import sys

import pytest
from made_plugins import DETECTOR, MODEL, fresh, new_process  # noqa: F401  (a fixture)
from made_stores import RIDGE, made_recordings, make_recipe, make_store

import ckseq
from ckseq import plugins
from ckseq.plugin_files import digest_of_package, read_code
from ckseq.preprocessing.pipeline import load_pipeline

pytestmark = pytest.mark.usefixtures("fresh")
SCALED = MODEL[MODEL.index("class Scaled(") : MODEL.index("class ScaledConfig")]
LAYERS = "from sklearn.base import BaseEstimator, TransformerMixin\n\nfrom .numbers import one\n\n\n" + SCALED
INIT = MODEL.replace(SCALED, "").replace("import ckseq\n", "import ckseq\n\nfrom .layers import Scaled\n")
INIT = INIT.replace('f"{__name__}.Scaled"', 'f"{__name__}.layers.Scaled"')
FILES = {
    "__init__.py": INIT,
    "layers.py": LAYERS,
    "numbers/__init__.py": "one = 1\n",
    "weights.txt": "0.5\n",
}
BY_FOLDER = RIDGE.replace('"ridge"', '"./scaled"').replace("subject_k_fold", "subject_holdout")


def write(folder, files=None):
    for name, text in (files or FILES).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def sums(files):
    """What ``sha256sum`` prints, hashed."""
    lines = [f"{hashlib.sha256(files[name].encode()).hexdigest()}  {name}\n" for name in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    pipeline = load_pipeline("paper").model_dump(mode="json")
    return make_store(tmp_path_factory.mktemp("store"), made_recordings(), pipeline=pipeline)


def test_the_digest_is_of_all_files_but_caches_and_hidden_ones(tmp_path):
    folder = write(tmp_path / "scaled")
    before = digest_of_package(folder)
    assert before == sums(FILES) == read_code(folder).sha256
    write(folder, {"__pycache__/layers.pyc": "x", ".git/config": "x", ".hidden": "x", "numbers/__pycache__/a.pyc": "x"})
    assert digest_of_package(folder) == before
    (folder / "weights.txt").write_text("0.6\n")
    changed = digest_of_package(folder)
    (folder / "weights.txt").rename(folder / "w.txt")
    assert len({before, changed, digest_of_package(folder)}) == 3


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_a_reader_can_compute_it(tmp_path):
    folder = write(tmp_path / "scaled")
    line = "find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    found = subprocess.run(["bash", "-c", line], cwd=folder, check=True, capture_output=True, text=True).stdout
    assert found.split()[0] == digest_of_package(folder)


def test_a_package_is_trained_recorded_and_predicts_again(store, tmp_path, console):
    folder = write(tmp_path / "scaled")
    run = ckseq.train(store, out=tmp_path / "run", experiment=make_recipe(tmp_path, BY_FOLDER))
    facts = {"name": "scaled/", "version": "2.1", "sha256": sums(FILES)}
    assert run.record.experiment["model"] == {"kind": str(folder), "plugin": facts, "factor": 2.0}
    assert any("the model is a plug-in, not part of ckseq: scaled/ 2.1" in note for note in run.record.notes)
    assert not list(folder.rglob("__pycache__"))
    from ckseq.tasks.reproduce import reproduce

    with new_process():
        with pytest.raises(ckseq.CallError, match=r"needs the plug-in scaled/ 2\.1.*--plugin FOLDER"):
            reproduce(run.folder, store=None, out=None, console=console)
        ckseq.load_run(run.folder, plugins=[folder])
        again = reproduce(run.folder, store=None, out=None, console=console)
    assert again["verdict"] == "bit-equal"
    with new_process():
        (folder / "weights.txt").write_text("0.6\n")
        ckseq.load_run(run.folder, plugins=[folder])
        with pytest.raises(ckseq.CallError, match="give the folder as it was"):
            reproduce(run.folder, store=None, out=None, console=console)


def test_what_runs_is_what_was_hashed(tmp_path):
    """A module that is imported late is that of the moment of hashing, and none that was added since."""
    late = DETECTOR + "\n\ndef late():\n    from .later import number\n\n    return number\n\n\n"
    late += "def added():\n    from . import new\n"
    folder = write(tmp_path / "middle", {"__init__.py": late, "later.py": "number = 1\n"})
    plugin = plugins.admit("detectors", str(folder))
    write(folder, {"later.py": "number = 2\n", "new.py": ""})
    assert plugin.module.late() == 1
    with pytest.raises(ImportError, match="new"):
        plugin.module.added()


@pytest.mark.parametrize(
    "line", ["import helper", "from helper import x", "from . import helper", "import helper.part"]
)
def test_a_file_does_not_import_the_file_beside_it(line, tmp_path, monkeypatch):
    """Not even where that folder is on the path, as in a notebook."""
    write(tmp_path, {"helper.py": "x = 1\n", "middle.py": f"{line}\n{DETECTOR}"})
    for _ in range(2):
        with pytest.raises(
            ckseq.CallError, match=r"imports .*, .* no SHA-256 is recorded.* make it a package"
        ) as caught:
            plugins.admit("detectors", str(tmp_path / "middle.py"))
        assert caught.value.where == str(tmp_path / "middle.py")
        monkeypatch.syspath_prepend(tmp_path)
    assert "helper" not in sys.modules


def test_a_package_imports_its_own_modules_relatively_only(tmp_path):
    folder = write(tmp_path / "middle", {"__init__.py": DETECTOR, "a.py": "import b\n", "b.py": ""})
    with pytest.raises(ckseq.CallError, match=r"imports b, .*'from \. import") as caught:
        plugins.admit("detectors", str(folder))
    assert caught.value.where == str(folder / "a.py")
    (folder / "a.py").write_text("from middle import b\n")
    with pytest.raises(ckseq.CallError, match="imports middle"):
        plugins.admit("detectors", str(folder))


def test_a_name_beside_it_that_is_a_package_of_its_own_right_is_no_matter(tmp_path):
    write(tmp_path, {"numpy.py": "raise SystemError\n", "ckseq/__init__.py": "raise SystemError\n"})
    (tmp_path / "middle.py").write_text(f"import numpy\n{DETECTOR}")
    assert plugins.admit("detectors", str(tmp_path / "middle.py")).module.numpy.__name__ == "numpy"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"other.py": DETECTOR}, r"is a folder without __init__\.py; name a \.py file"),
        ({"__init__.py": "from .missing import x"}, "the plug-in middle/ has no module missing"),
        ({"__init__.py": "from .. import x"}, "beyond top-level package"),
        ({"__init__.py": ""}, "ends in no SPEC"),
        ({"__init__.py": DETECTOR, **{f"{n}.txt": "" for n in range(1000)}}, "more than 1000 files"),
    ],
)
def test_what_is_no_package_of_a_plug_in_says_so(files, message, tmp_path):
    folder = write(tmp_path / "middle", files)
    with pytest.raises(ckseq.CallError, match=message):
        plugins.admit("detectors", str(folder))
    assert not [name for name in sys.modules if name.startswith("ckseq_plugin_middle") and "." in name]


def test_an_installed_plug_in_is_hashed_with_its_package(tmp_path, monkeypatch):
    from made_plugins import install

    site = install(tmp_path / "site", middle=DETECTOR)
    monkeypatch.syspath_prepend(site)
    (one,) = plugins.installed("detectors")
    assert one.sha256 == sums({"__init__.py": "", "middle.py": DETECTOR})
    (site / "ckseq_demo_plugins" / "helper.py").write_text("x = 1\n")
    (changed,) = plugins.installed("detectors")
    assert changed.sha256 == plugins.admit("detectors", "middle").sha256 != one.sha256
