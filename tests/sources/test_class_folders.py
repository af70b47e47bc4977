import pytest

from ckseq.errors import DataError
from ckseq.recording import ImageFiles, VideoFile
from ckseq.sources import class_folders


@pytest.fixture
def root(tmp_path):
    for name in ("anger/S005_001.mp4", "anger/clip2.avi", "joy/p3-smile.mov", "joy/takes/f10.png", "joy/takes/f9.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def test_classes_become_labels_and_names_subjects(root):
    assert class_folders.recognizes(root)
    found = {r.id: r for r in class_folders.scan(root)}
    assert list(found) == ["anger_S005_001", "anger_clip2", "joy_p3-smile", "joy_takes"]
    assert [r.label for r in found.values()] == ["anger", "anger", "joy", "joy"]
    assert [r.subject for r in found.values()] == ["S005", "anger_clip2", "P3", "joy_takes"]
    assert found["anger_clip2"].frames == VideoFile(root / "anger/clip2.avi")
    assert found["joy_takes"].frames == ImageFiles((root / "joy/takes/f9.png", root / "joy/takes/f10.png"))


def test_unknown_subjects_are_told_with_the_mend(root):
    (problem,) = class_folders.problems(root)
    assert problem.what == "the subject of 2 of 4 recordings is unknown; each counts as its own"
    assert "manifest" in problem.remedy


@pytest.mark.parametrize("name", ["video_001", "01-02-03", "img12_a", "2020_01"])
def test_a_name_that_is_no_identity(tmp_path, name):
    (tmp_path / "joy").mkdir()
    (tmp_path / "joy" / f"{name}.mp4").write_bytes(b"x")
    (only,) = class_folders.scan(tmp_path)
    assert only.subject == only.id


def test_what_is_not_read_is_told(root):
    (root / "joy/readme.txt").write_bytes(b"x")
    (root / "joy/.DS_Store").write_bytes(b"x")
    told = [p.what for p in class_folders.problems(root)]
    assert sum("neither a video" in what for what in told) == 1


def test_an_image_in_a_class_is_a_recording_of_one_frame(root):
    (root / "joy/S007_face.png").write_bytes(b"x")
    found = {r.id: r for r in class_folders.scan(root)}
    still = found["joy_S007_face"]
    assert (still.subject, still.label, still.part) == ("S007", "joy", None)
    assert still.frames == ImageFiles((root / "joy/S007_face.png",))
    # only a folder of one frame is odd
    (root / "joy/one").mkdir()
    (root / "joy/one/1.png").write_bytes(b"x")
    assert [p.where for p in class_folders.problems(root) if "one frame" in p.what] == ["joy_one"]


def test_folders_of_images_alone_are_classes_where_there_are_two(tmp_path):
    for label in ("joy", "anger"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.jpg").write_bytes(b"x")
        assert class_folders.recognizes(tmp_path) is (label == "anger")


@pytest.mark.parametrize("names", [("train", "valid", "test"), ("Training", "Validation", "Testing")])
def test_folders_named_train_and_test_are_the_sets_own_division(tmp_path, names):
    for name in names:
        for label in ("joy", "anger"):
            (tmp_path / name / label).mkdir(parents=True)
            (tmp_path / name / label / "1.jpg").write_bytes(b"x")
    found = class_folders.scan(tmp_path)
    assert class_folders.recognizes(tmp_path)
    assert [r.part for r in found] == ["test"] * 2 + ["train"] * 2 + ["validation"] * 2
    assert {r.label for r in found} == {"anger", "joy"}
    assert found[0].id == "test_anger_1"


def test_a_class_that_is_called_test_is_a_class(tmp_path):
    for label in ("joy", "test"):
        (tmp_path / label).mkdir(parents=True)
        (tmp_path / label / "1.jpg").write_bytes(b"x")
    assert [(r.label, r.part) for r in class_folders.scan(tmp_path)] == [("joy", None), ("test", None)]


@pytest.mark.parametrize("above", [".", "train", "test"])
def test_folders_0_to_6_are_the_emotions_of_fer2013(tmp_path, above):
    for code in range(7):
        for part in {"train", "test"} if above != "." else {"."}:
            (tmp_path / part / str(code)).mkdir(parents=True)
            (tmp_path / part / str(code) / "43.jpg").write_bytes(b"x")
    labels = {r.frames.paths[0].parent.name: r.label for r in class_folders.scan(tmp_path)}
    assert labels == dict(zip("0123456", class_folders.FER2013_LABELS, strict=True))
    assert labels["0"] == "anger"
    assert labels["6"] == "neutral"
    (told,) = (problem for problem in class_folders.problems(tmp_path) if "codes" in problem.what)
    assert "3 happiness" in told.what
    # any other set of numbers may mean anything
    (tmp_path / above / "7").mkdir()
    (tmp_path / above / "7" / "1.jpg").write_bytes(b"x")
    assert {r.label for r in class_folders.scan(tmp_path)} == set("01234567")


def test_two_of_one_name(root):
    (root / "anger/clip2.mp4").write_bytes(b"x")
    with pytest.raises(DataError, match="'anger_clip2' a second time"):
        class_folders.scan(root)
    assert "second time" in class_folders.problems(root)[0].what


def test_what_is_not_class_folders(tmp_path):
    assert not class_folders.recognizes(tmp_path / "none")
    with pytest.raises(DataError, match="is not a folder"):
        class_folders.scan(tmp_path / "none")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.txt").write_bytes(b"x")
    assert not class_folders.recognizes(tmp_path)
    with pytest.raises(
        DataError, match="has no class folders with recordings but photos; needed: one folder per class"
    ):
        class_folders.scan(tmp_path)


def test_folders_named_by_subjects_are_not_classes(tmp_path):
    (tmp_path / "S005/001").mkdir(parents=True)
    (tmp_path / "S005/001/S005_001_00000001.png").write_bytes(b"x")
    assert not class_folders.recognizes(tmp_path)


def test_a_class_of_one_recording_that_looks_misspelled(tmp_path):
    for number in range(3):
        for label in ("happiness", "anger", *(["hapiness"] if number == 0 else [])):
            (tmp_path / label).mkdir(exist_ok=True)
            (tmp_path / label / f"S{number}_a.mp4").touch()
    (slip,) = class_folders.problems(tmp_path)
    assert slip.what == "1 recording is labeled 'hapiness', and 3 are labeled 'happiness'"
    assert (slip.where, slip.matters) == (str(tmp_path / "hapiness"), True)
