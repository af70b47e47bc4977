"""What setup.cfg promises about the package: its dependencies, its folders and its files."""

import ast
import configparser
import re
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import ckseq

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "ckseq"
DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "dlib": "dlib-bin",
    "sklearn": "scikit-learn",
    "ai_edge_litert": "ai-edge-litert",
    "tomli_w": "tomli-w",
}
"""Import names that differ from the names of their distributions."""

OPTIONAL = {
    "models/minirocket.py": "minirocket",
    "detectors/mtcnn.py": "mtcnn",
    "learn/export.py": "export",
    "learn/runtimes.py": "export",
    "storage/video_writer.py": "video",
    "models": "networks",
    "learn": "networks",
    "executors": "cluster",
    "search": "tune",
    "tasks/tune.py": "tune",
    "web": "live",
    "tasks/live.py": "live",
}
"""Where a file or a room may also import what an extra brings."""


def setup():
    parser = configparser.ConfigParser()
    parser.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    return parser


def names(requirements):
    return {re.match(r"[\w.-]+", line)[0].lower() for line in requirements.split("\n") if line.strip()}


def imported(source):
    """The top-level names imported from outside the standard library, or given to ``_needed``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found = [node.module]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_needed":
            found = [argument.value for argument in node.args]
        else:
            continue
        yield from {name.split(".")[0] for name in found} - sys.stdlib_module_names - {"ckseq"}


def test_every_import_is_declared():
    options = setup()
    required = names(options["options"]["install_requires"])
    extras = {name: names(text) for name, text in options["options.extras_require"].items()}
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        allowed = {extra for where, extra in OPTIONAL.items() if where in (place.as_posix(), place.parts[0])}
        declared = required.union(*(extras[extra] for extra in allowed))
        for name in imported(path.read_text(encoding="utf-8")):
            assert DISTRIBUTIONS.get(name, name) in declared, f"{place}: {name} is not declared in setup.cfg"


def test_every_requirement_is_imported_somewhere():
    options = setup()
    found = {
        DISTRIBUTIONS.get(name, name)
        for path in PACKAGE.rglob("*.py")
        for name in imported(path.read_text(encoding="utf-8"))
    }
    assert names(options["options"]["install_requires"]) <= found


def test_every_import_of_the_tests_is_declared():
    options = setup()
    extras = {name: names(text) for name, text in options["options.extras_require"].items() if name != "gp"}
    declared = names(options["options"]["install_requires"]).union(*extras.values())
    beside = {path.stem for path in (CHECKOUT / "tests").rglob("*.py")}
    for path in sorted((CHECKOUT / "tests").rglob("*.py")):
        for name in set(imported(path.read_text(encoding="utf-8"))) - beside:
            assert DISTRIBUTIONS.get(name, name) in declared, f"{path}: {name} is not declared in setup.cfg"


def test_every_room_is_a_package_of_the_wheel():
    rooms = {f"ckseq.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py")}
    listed = set(setup()["options"]["packages"].split())
    assert listed == rooms | {"ckseq", "ckseq.pipelines", "ckseq.experiments"}


@pytest.mark.slow
def test_the_wheel_holds_every_file(tmp_path):
    built = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-x", "--outdir", tmp_path / "wheel"]
    tracked = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("this is no checkout of git, which lists the files")
    files = [Path(line) for line in tracked.stdout.splitlines()]
    for file in files:  # what is not tracked must not enter the wheel by accident
        if (CHECKOUT / file).is_file():
            (tmp_path / "source" / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "source" / file).write_bytes((CHECKOUT / file).read_bytes())
    subprocess.run([*built, tmp_path / "source"], check=True, capture_output=True)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    shipped = {"pipelines": "ckseq/pipelines", "experiments": "ckseq/experiments", "ckseq": "ckseq"}
    expected = {
        "/".join([shipped[file.parts[0]], *file.parts[1:]])
        for file in files
        if file.parts[0] in shipped and (CHECKOUT / file).is_file()
    }
    expected.remove("ckseq/experiments/results/measure.py")  # a script of the checkout
    assert held == expected


HOMES = {
    "h5py": {"storage"},
    "click": {"cli"},
    "tensorflow": {"models", "learn"},
    "optuna": {"search"},
    "dlib": {"detectors"},
    "distributed": {"executors"},
    "the-server": {"web"},
}


@pytest.mark.parametrize("library", HOMES)
def test_a_contract_names_every_room_but_the_homes_of_a_library(library):
    contract = setup()[f"importlinter:contract:home-of-{library}"]
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    named = {name.removeprefix("ckseq.") for name in contract["source_modules"].split()}
    assert rooms - named == HOMES[library]
    assert named <= rooms


def test_the_citation_names_the_version():
    assert f"\nversion: {ckseq.__version__}\n" in (CHECKOUT / "CITATION.cff").read_text(encoding="utf-8")


def test_lowest_versions_are_read_from_the_requirements():
    script = runpy.run_path(str(CHECKOUT / ".ci" / "lowest"))
    assert script["lowest"]("\nnumpy>=2.0\nopencv>=4.13.0.90,<5") == ["numpy==2.0", "opencv==4.13.0.90"]
    assert len(script["lowest"](setup()["options"]["install_requires"])) > 10
