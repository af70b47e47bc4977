"""Faces of CK+ are shown only where they may be published, and those of other data as they are."""

import shutil
import zipfile

import h5py
import numpy as np
import pytest
from made_runs import LABELS, made_crops, made_predictions, made_run, write_made_run
from made_stores import made, make_store

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.preprocessing.data_set import find_source, notes_of, origin_of
from ckseq.recording import ArchiveMembers, ImageFiles, Recording, VideoFile
from ckseq.report.face_rights import rights_of
from ckseq.report.store_pictures import explorer_of
from ckseq.sources.ckplus import EXPECTED_COUNTS, SPEC
from ckseq.storage.examples import Example, write_examples
from ckseq.storage.recorded import RECORDED, create_data_set
from ckseq.storage.report_crops import write_crops
from ckseq.tasks.report import report
from ckseq.tasks.synth import config_of, synth
from ckseq.twin.about import SYNTHETIC

QUIET = Console(quiet=True)
PUBLISHABLE = "S052", "S055", "S074", "S106", "S111", "S113", "S121", "S124", "S125", "S130", "S132"


def rights(origin, *, faces=True, everybody=False, **changes):
    return rights_of(made_run(store={"origin": origin}, **changes), faces=faces, everybody=everybody)


def test_of_ckplus_exactly_the_eleven_subjects_are_shown():
    shown = rights("ckplus")
    assert [f"S{n:03}" for n in range(1000) if shown.shows(f"S{n:03}")] == list(PUBLISHABLE)
    assert not any(map(shown.shows, ("", "S52a", "P052", "S010_052", "person")))
    assert shown.shows("52")
    assert "(c) Jeffrey Cohn" in shown.sentence
    assert "S52, S55, S74, S106, S111, S113, S121, S124, S125, S130, S132" in shown.sentence


def test_everybody_is_shown_only_if_asked_and_nobody_without_faces():
    everybody = rights("ckplus", everybody=True)
    assert everybody.shows("S010")
    assert "do not publish this page" in everybody.sentence
    for origin in ("ckplus", "other", None):
        nobody = rights(origin, faces=False)
        assert not nobody.shows("S052")
        assert nobody.sentence == ""


@pytest.mark.parametrize("origin", ["synthetic", "recorded", "other"])
def test_other_faces_are_shown(origin):
    assert rights(origin).shows("S010")
    assert "Cohn" not in rights(origin).sentence


@pytest.mark.parametrize(("note", "shown"), [(SYNTHETIC, True), (RECORDED, True), ("anything", False)])
def test_a_run_of_an_earlier_version_is_told_by_its_notes_and_names(note, shown):
    assert rights(None, notes=[note]).shows("S010") == shown
    others = made_predictions()
    rows = tuple(row._replace(recording=f"clip-{i}") for i, row in enumerate(others.rows))
    run = made_run(type(others)(others.labels, rows), store={"origin": None}, notes=[note])
    assert rights_of(run, faces=True, everybody=False).shows("S010")


def recording(frames):
    return [Recording("a", "S010", "001", "joy", frames)]


def test_copies_of_ckplus_are_told_by_the_names_of_their_frames(tmp_path):
    path = tmp_path / "joy" / "S010_004_00000017.png"
    assert origin_of("class_folders", recording(ImageFiles((path,))), []) == "ckplus_layout"
    assert (
        origin_of("manifest", recording(ArchiveMembers(tmp_path, ("a/S010_004_00000017.png",))), []) == "ckplus_layout"
    )
    assert origin_of("manifest", recording(ImageFiles((tmp_path / "0017.png",))), []) == "other"
    assert origin_of("manifest", recording(VideoFile(tmp_path / "S010_004.mp4")), []) == "other"
    assert origin_of(SPEC.name, recording(ImageFiles((tmp_path / "0017.png",))), []) == "ckplus_layout"
    assert origin_of(SPEC.name, recording(ImageFiles((path,))), [SYNTHETIC]) == "synthetic"
    assert origin_of(SPEC.name, recording(ImageFiles((path,))), [RECORDED]) == "recorded"


def test_ckplus_is_what_has_all_sequences_of_its_classes():
    counts = {name: n for name, n in EXPECTED_COUNTS.items() if name in ("anger", "contempt")}
    labels = [label for label, n in counts.items() for _ in range(n)]
    whole = [Recording(str(n), "S010", "001", label, ImageFiles(())) for n, label in enumerate(labels)]
    assert origin_of(SPEC.name, whole, []) == "ckplus"
    assert origin_of(SPEC.name, whole[1:], []) == "ckplus_layout"
    assert rights("ckplus_layout").shows("S010") is rights("ckplus").shows("S010") is False


def zipped(folder, archive, inside):
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(folder.rglob("*")):
            opened.write(path, f"{inside}{path.relative_to(folder)}")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    tree = tmp_path_factory.mktemp("drawn") / "twin"
    config = config_of(1, 0, ["emotions_per_subject=1", "unlabeled_share=0", "median_frames=6"])
    synth(tree, config=config, jobs=1, overwrite=False, console=QUIET)
    return tree


@pytest.mark.parametrize("what", ["folder", "images", "inside", "archives", "archive", "copied images"])
def test_what_is_synthetic_says_so_however_it_is_archived(tree, tmp_path, what):
    place = tmp_path / "zipped"
    place.mkdir()
    if what == "archives":
        for kind in ("cohn-kanade-images", "Emotion"):
            zipped(tree / kind, place / f"{kind}.zip", f"{kind}/")
    elif what in ("archive", "inside"):
        zipped(tree, place / "extended-cohn-kanade-images.zip", "twin/")
    elif what == "copied images":
        shutil.copytree(tree / "cohn-kanade-images", place / "cohn-kanade-images")
    data = {
        "folder": tree,
        "images": tree / "cohn-kanade-images",
        "archive": place / "extended-cohn-kanade-images.zip",
    }.get(what, place)
    notes = notes_of(data)
    source = find_source(data, None)
    assert notes == [SYNTHETIC]
    assert origin_of(source.name, source.scan(data), notes) == "synthetic"
    if what not in ("archive", "inside"):  # where the other files lie among the images
        assert not [one for one in source.problems(data) if "outside the layout" in one.what]


def test_an_archive_that_says_nothing_or_cannot_be_read_has_no_notes(tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"PK no zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as opened:
        opened.writestr("ABOUT.txt", "A data set of mine\nmore")
    assert notes_of(tmp_path) == notes_of(tmp_path / "broken.zip") == []


def test_recorded_data_say_so_in_the_words_that_are_looked_for(tmp_path):
    create_data_set(tmp_path)
    assert (tmp_path / "ABOUT.txt").read_text().splitlines()[0] == RECORDED


def write_run_of(folder, origin, subjects):
    """Write a run with crops and examples of every class, the people named so in turn."""
    rows = [
        row._replace(recording=f"{subjects[i % len(subjects)]}_{i:03}", subject=subjects[i % len(subjects)])
        for i, row in enumerate(made_predictions().rows)
    ]
    predictions = type(made_predictions())(LABELS, tuple(rows))
    write_made_run(folder, predictions, store={"origin": origin}, examples=False, history=False)
    rng = np.random.default_rng(1)
    first = {row.truth: row for row in reversed(rows)}
    blobs, projections = np.ones((3, 24, 24), bool), np.ones((3, 2, 24), np.float32)
    faces = rng.integers(0, 256, (2, 24, 24), dtype=np.uint8)
    write_examples(folder, [Example(row.recording, row.truth, faces, blobs, projections) for row in first.values()])
    return folder, predictions


def test_no_picture_of_a_report_shows_a_face_that_may_not_be_published(tmp_path):
    folder, predictions = write_run_of(tmp_path / "run", "ckplus", ["S010", "S011"])
    written = {}
    for seed in (1, 2):  # other faces, same report
        write_crops(folder, made_crops(predictions, seed=seed))
        files = report(folder, faces=True, console=QUIET)["files"]
        assert "mistakes.png" not in files
        written[seed] = {name: (folder / name).read_bytes() for name in files}
    assert written[1] == written[2]
    page = written[1]["report.html"].decode()
    assert "(c) Jeffrey Cohn" in page
    with pytest.raises(CallError, match="contradict"):
        report(folder, faces=False, all_faces=True, console=QUIET)


def test_of_mixed_people_only_some_are_shown_unless_all_are_asked_for(tmp_path):
    folder, _ = write_run_of(tmp_path / "run", "ckplus", ["S010", "S052"])
    written = []
    for all_faces in (False, True):
        files = report(folder, faces=True, all_faces=all_faces, console=QUIET)["files"]
        written.append({name: (folder / name).read_bytes() for name in files})
    restricted, everybody = written
    faces = {"answers.png", "mistakes.png", "sequences.png", "report.html"}
    assert {name for name in everybody if restricted[name] != everybody[name]} == faces
    height = [int.from_bytes(one["mistakes.png"][20:24]) for one in written]
    assert height[0] < height[1]  # fewer faces
    assert b"do not publish this page" in everybody["report.html"]


def store_of(folder, subjects):
    rng = np.random.default_rng(0)
    crops = np.stack([np.full((48, 48), level, np.uint8) for level in (80, 160)])
    recordings = [
        made(subject, f"{number:03}", LABELS[number % 4], rng.random((6, 2, 10), np.float32), crops)
        for number, subject in enumerate(subjects)
    ]
    return make_store(folder, recordings)


def explored(folder, subjects, origin="ckplus", *, predictions=None, store=None, **changes):
    path = store_of(folder, subjects)
    predictions = predictions or predictions_of(subjects)
    record = {"path": str(path), "digest": "0123456789abcdef", "origin": origin, **changes}
    run = made_run(predictions, store=record)
    allowed = rights_of(run, faces=True, everybody=False)
    return explorer_of(folder / "run", run, predictions, allowed, store=store, console=QUIET)


def predictions_of(subjects, wrong=()):
    rows = made_predictions().rows
    found = []
    for number, subject in enumerate(subjects):
        row = rows[0]._replace(recording=f"{subject}_{number:03}", subject=subject, truth=LABELS[0])
        if number in wrong:
            row = row._replace(truth=LABELS[1])
        found.append(row)
    return type(made_predictions())(LABELS, tuple(found))


def test_the_faces_of_single_sequences_obey_too_while_motion_of_everybody_is_shown(tmp_path):
    pictures = explored(tmp_path, ["S010", "S052"]).pictures
    hidden, shown = pictures["S010_000"], pictures["S052_001"]
    assert (hidden.faces, hidden.hidden) == (None, True)
    assert (shown.faces.n_faces, shown.hidden) == (2, False)
    assert all(one.film is not None and one.strips is not None for one in (hidden, shown))


def test_a_store_that_has_gone_is_named_with_what_to_do(tmp_path):
    explorer = explored(tmp_path, ["S052"], path="elsewhere/gone.h5")
    assert not explorer.pictures
    (remark,) = explorer.remarks
    assert "gone.h5 was not at hand" in remark
    assert "ckseq report run --store gone.h5" in remark
    assert not explored(tmp_path / "b", ["S052"], digest="another").pictures


def test_a_store_beside_the_run_is_found_and_one_that_is_named(tmp_path):
    assert explored(tmp_path, ["S052"], path="elsewhere/store.h5").pictures

    store = (tmp_path / "store.h5").rename(tmp_path / "moved.h5")
    assert explored(tmp_path / "b", ["S052"], path="elsewhere/gone.h5", store=store).pictures
    with pytest.raises(CallError, match="another store than that of the run"):
        explored(tmp_path / "c", ["S052"], digest="another", store=store)


def test_a_damaged_store_is_no_failure_unless_it_was_named(tmp_path):
    store = store_of(tmp_path, ["S052"])
    with h5py.File(store, "a") as file:
        file["recordings/S052_000/projections"][0] = 9
    predictions = predictions_of(["S052"])
    run = made_run(predictions, store={"path": str(store), "digest": "0123456789abcdef", "origin": "other"})
    asked = tmp_path / "run", run, predictions, rights_of(run, faces=True, everybody=False)
    explorer = explorer_of(*asked, store=None, console=QUIET)
    assert not explorer.pictures
    assert "projections was changed after it was written" in explorer.remarks[0]
    with pytest.raises(DataError, match="projections was changed"):
        explorer_of(*asked, store=store, console=QUIET)


def test_of_more_pictures_than_fit_the_misclassified_are_kept(tmp_path, monkeypatch):
    subjects = [f"S{number:03}" for number in range(6)]
    predictions = predictions_of(subjects, wrong=[4])
    one = explored(tmp_path / "a", subjects, "other", predictions=predictions).pictures["S004_004"]
    monkeypatch.setattr("ckseq.report.store_pictures.MOST_PICTURE_BYTES", 2 * one.n_bytes + 60)
    explorer = explored(tmp_path / "b", subjects, "other", predictions=predictions)
    assert list(explorer.pictures) == ["S004_004", "S000_000"]
    assert "The pictures of 2 sequences are in this page" in explorer.remarks[0]
    assert "the other 4" in explorer.remarks[0]
