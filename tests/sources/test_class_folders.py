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
    assert class_folders.recognises(root)
    found = {r.id: r for r in class_folders.scan(root)}
    assert list(found) == ["anger_S005_001", "anger_clip2", "joy_p3-smile", "joy_takes"]
    assert [r.label for r in found.values()] == ["anger", "anger", "joy", "joy"]
    assert [r.subject for r in found.values()] == ["S005", "anger_clip2", "P3", "joy_takes"]
    assert found["anger_clip2"].frames == VideoFile(root / "anger/clip2.avi")
    assert found["joy_takes"].frames == ImageFiles((root / "joy/takes/f9.png", root / "joy/takes/f10.png"))


def test_unknown_subjects_are_told_with_the_mend(root):
    (problem,) = class_folders.problems(root)
    assert problem.what == "the subject of 2 of 4 recordings is not known; each counts as its own"
    assert "manifest" in problem.mend


@pytest.mark.parametrize("name", ["video_001", "01-02-03", "img12_a", "2020_01"])
def test_a_name_that_is_no_identity(tmp_path, name):
    (tmp_path / "joy").mkdir()
    (tmp_path / "joy" / f"{name}.mp4").write_bytes(b"x")
    (only,) = class_folders.scan(tmp_path)
    assert only.subject == only.id


def test_what_is_not_read_is_told(root):
    (root / "joy/face.png").write_bytes(b"x")
    (root / "joy/readme.txt").write_bytes(b"x")
    (root / "joy/.DS_Store").write_bytes(b"x")
    told = [p.what for p in class_folders.problems(root)]
    assert any("1 loose images" in what for what in told)
    assert sum("neither a video" in what for what in told) == 1


def test_two_of_one_name(root):
    (root / "anger/clip2.mp4").write_bytes(b"x")
    with pytest.raises(DataError, match="'anger_clip2' for the second time"):
        class_folders.scan(root)
    assert "second time" in class_folders.problems(root)[0].what


def test_what_is_not_class_folders(tmp_path):
    assert not class_folders.recognises(tmp_path / "none")
    with pytest.raises(DataError, match="is not a folder"):
        class_folders.scan(tmp_path / "none")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.png").write_bytes(b"x")
    assert not class_folders.recognises(tmp_path)
    with pytest.raises(DataError, match="holds no classes of recordings but photos; needed: one folder per class"):
        class_folders.scan(tmp_path)


def test_folders_named_by_subjects_are_not_classes(tmp_path):
    (tmp_path / "S005/001").mkdir(parents=True)
    (tmp_path / "S005/001/S005_001_00000001.png").write_bytes(b"x")
    assert not class_folders.recognises(tmp_path)
