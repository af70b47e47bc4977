"""A cross-validation whose classes move known parts of the face is explained: by these parts, and by nothing else."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from made_stores import RIDGE, face, make_recipe, make_store

from ckseq.errors import CallError, DataError
from ckseq.facs import ActionUnit
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.recording import ImageFiles, Recording
from ckseq.signal.reduce import mean_face, project
from ckseq.storage.explanations import EXPLANATION, EXPLANATIONS, read_explanations
from ckseq.storage.store_writer import Prepared
from ckseq.tasks.crossval import crossval
from ckseq.tasks.explain import explain
from ckseq.tasks.report import report
from ckseq.tasks.train import train
from ckseq.tasks.verify import verify

SIDE = 48
# by class: the rows and columns of a 48x48 face that move, its action unit, and the region that these lie in
MOVES = {
    "happiness": ((32, 38), (14, 34), "12", "mouth"),
    "surprise": ((4, 9), (4, 44), "1", "brow"),
}
CHIN = slice(42, 46), slice(16, 32)
"""The rows and columns that move in every sequence, whatever its class."""


def recordings(n_subjects=10):
    """Every person shows both classes; a part of the face moves in each of them, and the chin in both."""
    rng = np.random.default_rng(0)
    for person in range(n_subjects):
        for code, (label, (down, across, unit, _)) in enumerate(MOVES.items()):
            t = int(rng.integers(6, 10))
            film = np.zeros((t, SIDE, SIDE), bool)
            for rows, columns in ((slice(*down), slice(*across)), CHIN):
                film[:, rows, columns] = rng.random(film[:, rows, columns].shape) < 0.9 * (
                    (np.arange(t)[:, None, None] + 1) / t
                )
            crops = np.stack([face(person, SIDE), face(100 + 2 * person + code, SIDE)])
            id = f"S{person:03}_{code:03}"
            recording = Recording(id, id[:4], id[5:], label, ImageFiles(()), action_units=(ActionUnit(unit, 3),))
            arrays = {
                "projections": project(film),
                "blobs": film,
                "faces": crops,
                "mean_face": mean_face(crops),
                "boxes": np.tile(np.array([[10, 20, 110, 120]], np.int32), (t + 1, 1)),
                "n_found": np.ones(t + 1, np.int32),
            }
            yield Prepared(recording, "d", f"frames of {id}", t + 1, 0, arrays)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    pipeline = load_pipeline("anchored").model_dump(mode="json")
    return make_store(tmp_path_factory.mktemp("store"), recordings(), pipeline=pipeline)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a data set in CK+'s layout without pixels: the points in the first and in the last frame."""
    root = tmp_path_factory.mktemp("data")
    # 68 points in the face box of 100 pixels; those of a row of five move
    first = np.array([(x, y) for y in np.linspace(35, 105, 4) for x in np.linspace(25, 95, 17)])
    for one in recordings():
        subject, session = one.recording.subject, one.recording.session
        down, _, _, _ = MOVES[one.recording.label]
        last = first.copy()
        middle = np.argmin(np.abs(first[:, 1] - 20 - 100 * sum(down) / 2 / SIDE))
        last[first[:, 1] == first[middle, 1]] += (0, 6)
        last[[27, 28, 36, 39, 42, 45]] = first[[27, 28, 36, 39, 42, 45]]
        for name, number, points in (("Landmarks", 1, first), ("Landmarks", one.n_frames, last)):
            folder = root / name / subject / session
            folder.mkdir(parents=True, exist_ok=True)
            np.savetxt(folder / f"{subject}_{session}_{number:08d}_landmarks.txt", points)
        images = root / "cohn-kanade-images" / subject / session
        images.mkdir(parents=True)
        for number in (1, one.n_frames):
            (images / f"{subject}_{session}_{number:08d}.png").write_bytes(b"")
    return root


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return make_recipe(tmp_path_factory.mktemp("recipes"), RIDGE)


@pytest.fixture(scope="module")
def run(store, recipe, tmp_path_factory):
    from ckseq.console import Console

    out = tmp_path_factory.mktemp("runs") / "run"
    crossval(store, experiment=recipe, out=out, keep_models=True, console=Console(quiet=True))
    return out


def explained(run, console, *recordings, **options):
    settings = {"store": None, "data": None, "sanity": False, "seed": 0, "faces": True}
    return explain(run, recordings=recordings, console=console, **settings | options)


def test_the_evidence_is_where_each_class_moves_and_a_model_of_shuffled_labels_has_less(run, data, console):
    result = explained(run, console, data=data, sanity=True)
    found = read_explanations(run)
    assert result["n"] == len(found.recordings) == 20
    for one in found.recordings:
        assert one.predicted == one.truth
        assert one.held_out
        assert one.action_units == ((MOVES[one.truth][2], 3),)
        assert (run / EXPLANATIONS / one.picture).read_bytes().startswith(b"\x89PNG")
    # the chin moves in all, and some move it more
    assert sum(one.where.endswith(MOVES[one.truth][3]) for one in found.recordings) >= 14
    by_name = {(one.against, one.of, one.label): one for one in found.agreement}
    moved = by_name["moved regions", "the run's models", ""]
    assert moved.ratio >= 2
    assert moved.ratio_interval[0] > 1
    assert moved.n_subjects == 10
    shuffled = by_name["moved regions", "models trained on shuffled labels", ""]
    assert shuffled.net_ratio_interval[1] < 1 < moved.net_ratio_interval[0]
    assert shuffled.ratio < 2 <= moved.net_ratio
    # unit 1 is seen in the brow; 12 in the mouth and, where nothing moves here, in the cheeks
    assert by_name["coded units", "the run's models", "surprise"].iou == 1
    assert by_name["coded units", "the run's models", "happiness"].recall == 0.5
    gains = {one.name: one.value for one in found.figures}
    assert (
        gains["insertion less deletion, regions by relevance"]
        > gains["insertion less deletion, regions in random orders"]
    )
    report(run, faces=False, console=console)
    page = (run / "report.html").read_text()
    assert "Where and when the model looks" in page
    assert re.search(r"happiness</th><td>10</td><td class=\"text\">(left|right) mouth", page)
    assert (run / "explanations.png").is_file()


def test_one_more_explanation_is_added_to_those_there_and_the_summary_stays_that_of_more(run, console):
    explained(run, console, "S001_000", "S002_001")
    before = read_explanations(run)
    n = len(before.recordings)
    explained(run, console, "S003_001", "S003_000")
    both = read_explanations(run)
    added = {"S003_000", "S003_001"} - {one.recording for one in before.recordings}
    assert len(both.recordings) == n + len(added)
    assert [one for one in both.recordings if one.recording[:4] != "S003"] == [
        one for one in before.recordings if one.recording[:4] != "S003"
    ]
    explained(run, console, "S004_000")
    after = read_explanations(run)
    assert (after.agreement, after.figures) == (both.agreement, both.figures)
    for one in after.recordings:
        assert (run / EXPLANATIONS / one.picture).is_file()
    explained(run, console, "S004_000", seed=1)
    assert [one.recording for one in read_explanations(run).recordings] == ["S004_000"]


def test_the_same_seed_gives_the_same_file(run, console):
    explained(run, console, "S001_000")
    first = (run / EXPLANATIONS / EXPLANATION).read_bytes()
    explained(run, console, "S001_000")
    assert (run / EXPLANATIONS / EXPLANATION).read_bytes() == first
    assert json.loads(first)["schema"] == 1


def test_models_that_were_not_kept_are_asked_for_and_can_be_made_up_for(store, recipe, tmp_path, console):
    crossval(store, experiment=recipe, out=tmp_path / "run", console=console)
    before = (tmp_path / "run" / "predictions.csv").read_bytes()
    with pytest.raises(DataError, match="kept no models") as caught:
        explained(tmp_path / "run", console)
    assert "--resume --keep-models" in str(caught.value)
    again = {"resume": True, "keep_models": True}
    crossval(store, experiment=recipe, out=tmp_path / "run", **again, console=console)
    assert (tmp_path / "run" / "predictions.csv").read_bytes() == before
    crossval(store, experiment=recipe, out=tmp_path / "run", seeds=2, **again, console=console)
    result = explained(tmp_path / "run", console, "S003_001")
    assert result["n"] == 1
    (stability,) = (one for one in result["figures"] if "between seeds" in one["name"])
    assert stability["value"] == pytest.approx(1)  # a ridge has no random part
    assert not verify((tmp_path / "run",), console=console)["failed"]
    model = next((tmp_path / "run").rglob("model.skops"))
    model.write_bytes(model.read_bytes() + b"0")
    assert verify((tmp_path / "run",), console=console)["failed"]
    with pytest.raises(DataError, match="checksum"):
        explained(tmp_path / "run", console)


def test_a_cross_validation_explains_a_sample_and_keeps_no_model(store, recipe, tmp_path, console):
    out = tmp_path / "run"
    result = crossval(store, experiment=recipe, out=out, explain=True, console=console)
    assert result["explained"] == 8
    found = read_explanations(out)
    assert [sum(one.truth == label for one in found.recordings) for label in MOVES] == [4, 4]
    assert all(one.held_out for one in found.recordings)
    assert any(note.startswith("12 test sequences of the run are not explained") for note in found.notes)
    assert not list(out.rglob("model.skops"))
    assert not verify((out,), console=console)["failed"]
    report(out, faces=False, console=console)
    page = (out / "report.html").read_text()
    assert "Where and when the model looks" in page
    assert "--resume --keep-models --no-explain&#39;, then &#39;ckseq explain RUN&#39;" in page
    # the same sequences by the same models as in a full explanation
    full = tmp_path / "full"
    crossval(store, experiment=recipe, out=full, explain=True, keep_models=True, console=console)
    assert len(list(full.rglob("model.skops"))) == 3  # one for each fold
    sampled = read_explanations(full)
    explained(full, console)
    every = {one.recording: one for one in read_explanations(full).recordings}
    assert [every[one.recording].classes for one in sampled.recordings] == [one.classes for one in found.recordings]


def test_a_sample_is_explained_after_an_interruption_and_only_once(store, recipe, tmp_path, console):
    out = tmp_path / "run"
    crossval(store, experiment=recipe, out=out, console=console)
    again = {"resume": True, "explain": True}
    assert crossval(store, experiment=recipe, out=out, **again, console=console)["explained"] == 0  # without models
    crossval(store, experiment=recipe, out=out, resume=True, keep_models=True, console=console)
    assert crossval(store, experiment=recipe, out=out, **again, console=console)["explained"] == 8
    assert crossval(store, experiment=recipe, out=out, **again, console=console)["explained"] == 0


def test_why_a_run_is_not_explained_stands_in_its_report(recipe, tmp_path, console):
    pipeline = load_pipeline("anchored", ["reduce.keep_blobs=false"]).model_dump(mode="json")
    bare = [
        replace(one, arrays={name: array for name, array in one.arrays.items() if name != "blobs"})
        for one in recordings()
    ]
    store = make_store(tmp_path, bare, pipeline=pipeline)
    assert crossval(store, experiment=recipe, out=tmp_path / "run", explain=True, console=console)["explained"] == 0
    report(tmp_path / "run", faces=False, console=console)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Nothing is explained: the store keeps no blobs and the model reads no landmarks" in page


def test_a_training_explains_its_test_part_and_says_what_it_has_seen(store, recipe, tmp_path, console):
    settings = ("protocol.kind=subject_holdout",)
    train(store, experiment=recipe, out=tmp_path / "run", settings=settings, console=console)
    result = explained(tmp_path / "run", console)
    tested = {one["recording"] for one in result["recordings"]}
    assert 0 < len(tested) < 20
    seen = next(f"S{n:03}_000" for n in range(10) if f"S{n:03}_000" not in tested)
    assert any("may have seen" in note for note in explained(tmp_path / "run", console, seen)["notes"])
    assert not read_explanations(tmp_path / "run").recordings[0].held_out


def test_wrong_calls_are_told_what_to_do(run, tmp_path, console):
    with pytest.raises(CallError, match="no recording S999_001"):
        explained(run, console, "S999_001")
    with pytest.raises(DataError, match="is missing"):
        explained(run, console, store=tmp_path / "gone.h5")
    with pytest.raises(CallError, match="contradict"):
        explained(run, console, faces=False, all_faces=True)
    damaged = run / EXPLANATIONS / EXPLANATION
    kept = damaged.read_bytes() if damaged.is_file() else b""
    damaged.parent.mkdir(exist_ok=True)
    damaged.write_bytes(kept[: len(kept) // 2])
    with pytest.raises(DataError, match="no explanation"):
        read_explanations(run)
    damaged.write_bytes(kept)
