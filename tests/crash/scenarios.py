"""The long commands on tiny data: what is prepared for each, its words, and what its result is."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import cv2
import made_people
import made_searches
from made_stores import RIDGE, made_recordings, make_recipe, make_store

from ckseq.storage.store_shards import folder_of

PIPELINE = '[detector]\nkind = "whole_frame"\n[faces]\nside_px = 24\n[motion]\nthreshold = 10\nerosion_px = 1\n'
HOLDOUT = RIDGE.replace('"subject_k_fold"', '"subject_holdout"')
NETWORK = HOLDOUT.replace('kind = "ridge"', 'kind = "tiny"\n[training]\nepochs = 12\nbatch_size = 8')
FOLDS = RIDGE.replace('kind = "ridge"', 'kind = "tiny"\n[training]\nepochs = 4\nbatch_size = 8')
OF_IMAGES = HOLDOUT.replace('"paper"', '"fast.toml"')
SEARCH = """
experiment = "mine.toml"
trials = 2
sampler = "grid"
pruner = "none"
finalists = 0
[space]
motion.threshold = {choice = [4, 40]}
"""


@dataclass(frozen=True)
class Scenario:
    """A command and its data.

    ``make`` fills a folder, which is read only from then on, ``words`` are the command's for a target ``out``,
    ``again`` what is said besides when it is repeated after a kill, ``result`` what it is judged by: bytes by name.
    """

    name: str
    make: Callable[[Path], None]
    words: Callable[[Path, Path], list[str]]
    result: Callable[[Path], dict[str, str]]
    target: str = "out"
    again: tuple[str, ...] = ()
    old: tuple[str, ...] = ()  # makes another target, which the command is then to replace
    shared: bool = False  # several processes may work on one target
    done: str = "there is a run already"  # what the same words say of a complete target
    changed: Callable[[Path], None] | None = None  # makes other data, which take the place of these meanwhile


def images(folder):
    made_people.moving_squares(folder)
    make_recipe(folder, PIPELINE, "fast")
    (folder / "of_images.toml").write_text(OF_IMAGES.replace("fast.toml", str(folder / "fast.toml")))


def other_images(folder):
    images(folder)
    for path in folder.rglob("*.png"):
        cv2.imwrite(str(path), 255 - cv2.imread(str(path)))


def other_store(folder):
    make_store(folder, made_recordings(length_tells=True), digest="feedfeedfeedfeed")


def prepared(folder):
    make_store(folder, made_recordings())
    for name, text in (("network", NETWORK), ("folds", FOLDS), ("ridge", RIDGE)):
        make_recipe(folder, text, name)


def searched(folder):
    made_people.moving_squares(folder)
    made_searches.search_file(folder, SEARCH)


def nothing(folder):
    folder.mkdir(exist_ok=True)


def bytes_of(*patterns):
    """Return what digests the files of a folder by name; what is in a zip file is digested one by one."""

    def result(out):
        files = [out] if out.is_file() else sorted({path for one in patterns for path in out.rglob(one)})
        return {path.relative_to(out.parent).as_posix(): _digest(path) for path in files if path.is_file()}

    return result


def _digest(path):
    if path.name == "history.csv":  # its last column is a time
        return "\n".join(line.rpartition(",")[0] for line in path.read_text().splitlines())
    data = path.read_bytes()
    if path.suffix == ".keras":  # it names the date
        with zipfile.ZipFile(path) as archive:
            data = archive.read("model.weights.h5")
    return blake2b(data, digest_size=16).hexdigest()


def trials_of(out):
    """Return the score of every trial of a study by its values."""
    from ckseq.search.selection import selected_trials
    from ckseq.search.study import open_study

    study = open_study("small", None, out)
    scores = {json.dumps(one.params): repr(one.values) for one in study.trials if one.state.name == "COMPLETE"}
    return scores | {"selected": json.dumps([one.params for one in selected_trials(study)])}


RUN_FILES = ("predictions.csv", "early.csv", "history.csv", "*.npz", "*.keras")


def _preprocess(jobs, *more):
    return lambda data, out: [
        "preprocess", str(data / "all.csv"), "--pipeline", str(data / "fast.toml"), "--out", str(out),
        "--jobs", str(jobs), *more,
    ]  # fmt: skip


def _train(verb, recipe, *more):
    return lambda data, out: [
        verb, str(data / "store.h5"), "--experiment", str(data / f"{recipe}.toml"), "--out", str(out), *more,
    ]  # fmt: skip


def _experiment(data, out):
    name = str(data / "of_images.toml")
    return ["experiment", name, "--data", str(data / "all.csv"), "--out", str(out), "--jobs", "1"]


def _synth(jobs, *more):
    words = ["--subjects", "1", "--set", "emotions_per_subject=2", "--set", "median_frames=6"]
    return lambda data, out: ["synth", str(out), "--jobs", str(jobs), *words, *more]


def _tune(data, out):
    more = ["--search", str(data / "search_small.toml"), "--out", str(out), "--jobs", "1", "--heartbeat", "0.2"]
    return ["tune", str(data / "all.csv"), *more]


def of_many(out):
    """Return the bytes of an index and of all files in its folder."""
    return bytes_of()(out) | bytes_of("*")(folder_of(out))


_RUN = {"result": bytes_of(*RUN_FILES), "again": ("--resume",), "make": prepared, "changed": other_store}
_REPLACED = {"result": bytes_of(*RUN_FILES), "make": prepared, "old": ("--seed", "9")}
_STORE = {"result": bytes_of(), "make": images, "target": "store.h5", "done": "is up to date", "changed": other_images}
_STORE_OF_MANY = {**_STORE, "result": of_many, "changed": None}
_TWIN = {"result": bytes_of("*"), "make": nothing, "done": "already contains"}
SCENARIOS = (
    Scenario("preprocess", words=_preprocess(1), **_STORE),
    Scenario("preprocess on two cores", words=_preprocess(2), **_STORE),
    Scenario(
        "preprocess --overwrite", words=_preprocess(1, "--overwrite"), old=("--set", "motion.threshold=11"), **_STORE
    ),
    Scenario("preprocess into many files", words=_preprocess(1, "--per-file", "5"), **_STORE_OF_MANY),
    Scenario("preprocess --append", words=_preprocess(1, "--append"), old=("--label", "anger"), **_STORE_OF_MANY),
    Scenario("train", words=_train("train", "network"), **_RUN),
    Scenario("train --overwrite", words=_train("train", "network", "--overwrite"), **_REPLACED),
    Scenario("crossval", words=_train("crossval", "folds", "--no-report"), **_RUN),
    Scenario(
        "crossval on two cores", words=_train("crossval", "ridge", "--no-report", "--seeds", "3", "--jobs", "2"), **_RUN
    ),
    Scenario("crossval --overwrite", words=_train("crossval", "ridge", "--no-report", "--overwrite"), **_REPLACED),
    Scenario(
        "experiment", images, _experiment, bytes_of(*RUN_FILES, "store.h5", "figures.json"), done="complete already"
    ),
    Scenario("synth", words=_synth(1), **_TWIN),
    Scenario("synth on two cores", words=_synth(2), **_TWIN),
    Scenario("synth --overwrite", words=_synth(1, "--overwrite"), old=("--seed", "5"), **_TWIN),
    Scenario("tune", searched, _tune, trials_of, shared=True, done="small"),
)
