"""What works where only the required packages are installed: everything but neural networks and extras."""

import configparser
import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
EXTRAS = ("tensorflow", "keras", "torch", "optuna", "starlette", "onnx", "av", "mtcnn", "aeon")
RUN = """
import sys
from ckseq.cli.main import cli
for line in sys.argv[1].splitlines():
    try:
        status = cli.main(line.split(), standalone_mode=False)
    except Exception as error:
        status = f"{type(error).__name__}: {error}"
    print("STATUS", line.split()[0], status or 0, flush=True)
print("LOADED", *sorted(set(sys.modules) & {"tensorflow", "keras"}))
"""


def closure(names):
    """The distributions that pip would install for some requirements."""
    found, waiting = {}, list(names)
    while waiting:
        name = re.match(r"[\w.-]+", waiting.pop())[0].lower().replace("_", "-")
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:  # for another platform or Python
            continue
        waiting += [one for one in found[name].requires or [] if "extra ==" not in one]
    return found


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    """The arguments and the environment of a Python that finds the required packages alone."""
    plain = sys._base_executable
    probe = f"import importlib.util as u; print([n for n in {EXTRAS!r} if u.find_spec(n)])"
    if "[]" not in subprocess.run([plain, "-c", probe], capture_output=True, text=True, check=True).stdout:
        pytest.skip("this Python has the extras outside any virtual environment")
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    site = tmp_path_factory.mktemp("site")
    for one in closure(setup["options"]["install_requires"].split()).values():
        for top in {file.parts[0] for file in one.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            target = Path(str(one.locate_file(top)))
            if target.exists() and not (site / top).exists():
                (site / top).symlink_to(target, target_is_directory=target.is_dir())
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(site)]), "PYTHONNOUSERSITE": "1"}
    return [plain], environment


def run(light, folder, *lines):
    python, environment = light
    command = [*python, "-c", RUN, "\n".join(lines)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    statuses = [line.split(maxsplit=2)[1:] for line in done.stdout.splitlines() if line.startswith("STATUS")]
    loaded = next(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("LOADED"))
    return statuses, loaded, done.stdout + done.stderr


@pytest.mark.slow
def test_from_pictures_to_predictions_without_tensorflow(light, tmp_path):
    statuses, loaded, output = run(
        light,
        tmp_path,
        'synth data --subjects 5 --jobs 1 --set emotions=["anger","surprise"] --set emotions_per_subject=2'
        " --set median_frames=6 --quiet",
        "preprocess data --out ck.h5 --jobs 2 --quiet",
        "crossval ck.h5 --out cv --quiet --no-explain --set classes=[]",
        "experiment default --store ck.h5 --out whole --quiet --set classes=[]",
        "config --quiet",
    )
    assert [status for _, status in statuses] == ["0"] * len(statuses), output
    assert loaded == []
    assert (tmp_path / "cv" / "report.html").is_file()
    assert (tmp_path / "whole" / "run" / "report.html").is_file()
    assert list((tmp_path / "whole" / "run" / "explanations").iterdir())

    clip = next((tmp_path / "data" / "cohn-kanade-images").glob("*/*"))
    statuses, _, output = run(
        light,
        tmp_path,
        f"predict whole/run {clip.relative_to(tmp_path)} --quiet",
        "train ck.h5 --experiment motion --out m --quiet --set classes=[]",
        "experiment motion --data data --out paper --quiet --set classes=[]",
        "experiment motion --store ck.h5 --out paper --quiet --set classes=[]",
        "export whole/run --format onnx --quiet",
        "demo --out demo --quiet",
    )
    assert statuses.pop(0) == ["predict", "0"], output
    for name, status in statuses:
        assert status.startswith("CallError"), output
        if name != "export":
            assert "pip install 'ckseq[networks]'" in status
    assert not (tmp_path / "paper" / "store.h5").exists(), "refused before anything was prepared"
    assert not (tmp_path / "demo").exists()
