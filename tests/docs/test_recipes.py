"""The pages Start and Recipes, done by copying: every command runs, in order, in a folder that has what a reader has.

``CKSEQ_RECIPES=all`` also runs the commands that take minutes; without it they are only parsed, by ``test_pages``.
"""

import os
import re
import shlex
import shutil

import cv2
import numpy as np
import pytest
from made_docs import CHECKOUT, DOCS, blocks, commands

from ckseq.cli.main import cli
from ckseq.console import Console
from ckseq.sources import ckplus
from ckseq.tasks.synth import synth
from ckseq.twin.tree import TwinConfig

pytestmark = pytest.mark.slow
ALL = os.environ.get("CKSEQ_RECIPES") == "all"
# pages of one folder, in which later pages use what earlier ones made
GROUPS = (
    ("start",),
    (
        "recipes/ckplus",
        "protocols",
        "paper",
        "recipes/action_units",
        "recipes/cluster",
        "recipes/search",
        "recipes/live",
    ),
    ("recipes/own_videos",),
    ("recipes/photos",),
)
# what needs a camera, a file or a server that a test does not have, or serves until it is ended
NEVER = ("ckseq live", "ckseq record", "fer-25", "fer2013", "peer_fer", "faces.h5", "postgresql:")
# what takes minutes
LONG = ("paper_phase4", "baselines", "against/", "strictness", "tune", "search/", "motion", "ckseq export", "network")
LONG += (
    "photo_result",
    "drawn",
    "dask:local",
    "leave_one_subject_out",
    "live.h5",
    "anchored.h5",
    "action_units",
    "aus",
    "ckseq explain ",
    "explained",
)
# a reader trains to the end, a test does not need to
SHORTER = {
    "synth twin": "--set emotions_per_subject=3 --set median_frames=8",
    "synth drawn": "--set emotions_per_subject=3 --set median_frames=6",
    "paper_phase4": "--set training.epochs=1 --set model.filters=2 --set sequence.length_frames=20",
    "--experiment motion": "--set training.epochs=2",
    "color_faces": "--set training.epochs=1",
    "action_units": "--set min_positives=2 --set training.epochs=2",
    "--trials 100": "--trials 2 --set search.finalists=0 --set training.epochs=2",
}
# what a page compares with, and takes for granted
BEFORE = {"protocols": ("ckseq crossval ck.h5 --out another_cv",)}
TWIN = TwinConfig(
    seed=4,
    n_subjects=5,
    emotions=("happiness", "sadness", "surprise"),
    emotions_per_subject=3,
    median_frames=8,
    unlabeled_share=0.0,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The twin as CK+, the same sequences as one folder per class, apex frames as photos, and a video."""
    folder = tmp_path_factory.mktemp("recipes")
    synth(folder / "CKPLUS", config=TWIN, jobs=1, overwrite=False, console=Console(quiet=True))
    for number, one in enumerate(ckplus.scan(folder / "CKPLUS")):
        (folder / "mydata" / one.label).mkdir(parents=True, exist_ok=True)
        shutil.copytree(one.frames.paths[0].parent, folder / "mydata" / one.label / one.id)
        part = folder / "photos" / ("test" if number % 3 == 0 else "train") / one.label
        part.mkdir(parents=True, exist_ok=True)
        shutil.copy(one.frames.paths[-1], part / f"{number}.png")
    shutil.copy(one.frames.paths[-1], folder / "PHOTO.jpg")
    frames = [cv2.imread(str(path)) for path in one.frames.paths]
    video = cv2.VideoWriter(str(folder / "NEW.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, frames[0].shape[1::-1])
    for frame in frames:
        video.write(np.ascontiguousarray(frame))
    video.release()
    return folder


def run(line):
    """Run a command line in this process, as `ckseq.cli.main.main` does, and return its exit status."""
    more = next((more for said, more in SHORTER.items() if said in line), "")
    line = re.sub(r" --trials 100| --jobs \d", "", line).replace("--seeds 5", "--seeds 2")
    if line.startswith(("ckseq preprocess", "ckseq experiment")):
        more += " --jobs 1"  # processes that stay would keep the folder of the test before
    if line.startswith(("ckseq crossval", "ckseq experiment")) and "--no-explain" not in line:
        more += " --no-explain"  # which 'ckseq explain' does on the page of CK+
    return cli.main([*shlex.split(line)[1:], *shlex.split(more)], standalone_mode=False) or 0


@pytest.mark.parametrize("pages", GROUPS, ids=lambda pages: pages[0])
def test_pages_are_done_by_copying(pages, data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = [line for page in pages for line in (*BEFORE.get(page, ()), *commands(DOCS / f"{page}.md"))]
    left_out = NEVER if ALL else (*NEVER, *LONG)
    lines = [line for line in dict.fromkeys(lines) if not any(one in line for one in left_out)]
    assert lines
    for name in ("CKPLUS", "mydata", "photos", "PHOTO.jpg", "NEW.mp4"):
        (tmp_path / name).symlink_to(data / name)
    for line in lines:
        assert run(line) == 0, f"{line}\n{capsys.readouterr()}"
    for page in pages:
        for text in blocks(DOCS / f"{page}.md", "python"):
            exec(compile(text, f"{page}.md", "exec"), {})
            assert re.search("Accuracy|sequence", capsys.readouterr().out), text


def test_the_python_of_the_readme_gives_a_score(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "CKPLUS").symlink_to(data / "CKPLUS")
    (text,) = blocks(CHECKOUT / "README.md", "python")
    *before, last = text.strip().splitlines()
    names = {}
    exec("\n".join(before), names)
    assert eval(last, names).shape == (5,)
