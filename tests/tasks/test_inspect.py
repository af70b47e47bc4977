import json
import re

import cv2
import numpy as np
import pytest
from made_stills import made_image, write_fer2013
from made_videos import write_video

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.preprocessing.data_set import find_source
from ckseq.preprocessing.example_images import example_images
from ckseq.tasks.inspect import inspect


def image(suffix, shape):
    return cv2.imencode(suffix, np.zeros(shape, np.uint8))[1].tobytes()


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "data"
    for subject, n, label in (("S005", 3, 3), ("S010", 6, 7), ("S011", 4, None)):
        shape = (8, 12, 3) if subject == "S010" else (9, 12)
        for number in range(1, n + 1):
            put(root / f"cohn-kanade-images/{subject}/001/{subject}_001_{number:08d}.png", image(".png", shape))
        if label:
            put(root / f"Emotion/{subject}/001/{subject}_001_{n:08d}_emotion.txt", f"{label:.7e}".encode())
    return root


def test_what_is_there_against_what_there_should_be(tree, console):
    found = inspect(tree, source=None, console=console)
    assert json.loads(json.dumps(found)) == found
    assert found["source"] == "ckplus"
    assert found["counts"] == {
        "sequences": 3, "subjects": 3, "unknown_subjects": 0, "frames": 13, "videos": 0, "labeled": 2, "disgust": 1,
        "surprise": 1,
    }  # fmt: skip
    assert found["should_hold"]["sequences"] == 593
    emotions = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
    assert sum(found["should_hold"][emotion] for emotion in emotions) == found["should_hold"]["labeled"] == 327
    assert found["lengths"] == {"min": 3, "median": 4, "max": 6, "histogram": {"3": 1, "4": 1, "6": 1}}
    assert found["images"] == [
        {"width": 12, "height": 8, "color": True, "n": 6},
        {"width": 12, "height": 9, "color": False, "n": 7},
    ]


@pytest.mark.parametrize(("n_black", "said"), [(0, None), (3, "S005_001: 3"), (45, "S005_001: 30 or more")])
def test_a_sequence_that_begins_black_is_named(tmp_path, console, n_black, said):
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 3, (64, 1))
    frames = [np.zeros_like(ramp)] * n_black + [ramp] * 2 + [np.zeros_like(ramp)]
    for number, frame in enumerate(frames, start=1):
        content = cv2.imencode(".png", frame)[1].tobytes()
        put(tmp_path / f"cohn-kanade-images/S005/001/S005_001_{number:08d}.png", content)
    put(tmp_path / f"Emotion/S005/001/S005_001_{len(frames):08d}_emotion.txt", b"   3.0000000e+00")
    problems = inspect(tmp_path, source=None, console=console)["problems"]
    flat = [problem["where"] for problem in problems if "black or flat" in problem["what"]]
    assert flat == ([] if said is None else [said])


def test_figures_show_some_images_of_each_class_and_one_of_each(tmp_path, console, capsys):
    table = write_fer2013(tmp_path / "fer2013.csv", codes=(0, 3, 6), per_class=6)
    found = inspect(table, source=None, out=tmp_path / "figures", per_class=4, console=Console())
    assert found["parts"] == {"train": 12, "validation": 3, "test": 3}
    assert "published split: 12 training, 3 validation, 3 test" in capsys.readouterr().out
    names = ["classes.png", "examples.png", "one_of_each.png"]
    assert found["figures"] == [str(tmp_path / "figures" / name) for name in names]
    sizes = [cv2.imread(path).shape[:2] for path in found["figures"]]
    assert sizes[1][0] > 2 * sizes[2][0]  # three rows and one
    images = example_images(find_source(table, None).scan(table), per_class=4)
    assert {label: len(of_class) for label, of_class in images.items()} == {"neutral": 4, "anger": 4, "happiness": 4}
    np.testing.assert_array_equal(images["happiness"][0][..., 1], made_image(3, 0))


def test_a_figure_passes_over_what_cannot_be_read(tmp_path, console):
    for label in ("joy", "anger"):
        put(tmp_path / "data" / label / "1.png", b"no image")
        put(tmp_path / "data" / label / "2.png", image(".png", (9, 12)))
    images = example_images(find_source(tmp_path / "data", None).scan(tmp_path / "data"), per_class=2)
    assert {label: len(of_class) for label, of_class in images.items()} == {"anger": 1, "joy": 1}
    for path in (tmp_path / "data").rglob("2.png"):
        path.unlink()
    found = inspect(tmp_path / "data", source=None, out=tmp_path / "figures", console=console)
    assert found["figures"] == []


def test_it_is_printed_with_every_problem(tree, capsys):
    put(tree / "cohn-kanade-images/S005/001/S005_001_00000009.png", b"")
    put(tree / "cohn-kanade-images/S010/001/S010_001_00000007.png", image(".png", (30, 30)))
    inspect(tree, source=None, console=Console())
    printed = capsys.readouterr().out
    for text in (
        "593",
        "10,708",
        "-590",
        "4 to 7",
        "12x9",
        "30x30",
        "no image header",
        "has gaps",
        "differ in size",
    ):
        assert text in printed, text


def test_quiet_prints_nothing(tree, console, capsys):
    inspect(tree, source="ckplus", console=console)
    assert capsys.readouterr().out == ""


def test_a_bad_label_is_an_error_after_every_problem_is_printed(tree, capsys):
    put(tree / "Emotion/S011/001/S011_001_00000004_emotion.txt", b"joy")
    with pytest.raises(DataError, match="the label 'joy' is not a number"):
        inspect(tree, source=None, console=Console())
    assert "problems" in capsys.readouterr().out


def test_videos_have_no_length_before_decoding(tmp_path, console):
    for name in ("joy/S1_a.mp4", "joy/S1_b.mp4", "anger/1.mp4"):
        put(tmp_path / name, b"")
        write_video(tmp_path / name, np.full((7, 32, 32), 90, np.uint8))
    put(tmp_path / "joy/S1_c.mp4", b"x")
    found = inspect(tmp_path, source=None, console=console)
    assert found["counts"] == {
        "sequences": 4, "subjects": 1, "unknown_subjects": 1, "frames": 21, "videos": 4, "labeled": 4, "anger": 1,
        "joy": 3,
    }  # fmt: skip
    assert found["lengths"] is None
    assert found["should_hold"] is None
    unread = [one["where"] for one in found["problems"] if "is not a video that can be decoded" in one["what"]]
    assert unread == [str(tmp_path / "joy/S1_c.mp4")]


def test_unknown_subjects_are_not_counted(tmp_path, capsys):
    found = inspect(write_fer2013(tmp_path / "fer2013.csv", codes=(0, 3)), source=None, console=Console())
    n = found["counts"]["sequences"]
    assert (found["counts"]["subjects"], found["counts"]["unknown_subjects"]) == (0, n)
    assert found["verdict"]["what"] == f"{n} images; {n} labeled, of unknown subjects"
    assert re.search(r"subjects +│ +unknown", capsys.readouterr().out)


def test_single_images_are_called_so_and_have_no_lengths(tmp_path, capsys):
    for label in ("joy", "fear"):
        put(tmp_path / label / "1.png", image(".png", (9, 9)))
    assert inspect(tmp_path, source=None, console=Console())["counts"]["sequences"] == 2
    said = capsys.readouterr().out
    assert re.search(r"│ images +│ +2 │", said)
    assert "sequence" not in said


def test_a_place_that_no_source_knows(tmp_path):
    with pytest.raises(CallError, match="there is no such folder"):
        find_source(tmp_path / "none", None)
    put(tmp_path / "thesis.pdf", b"x")
    with pytest.raises(DataError) as caught:
        find_source(tmp_path, None)
    assert caught.value.what == "is not a data set that ckseq knows: it holds thesis.pdf"
    layouts = r"needed: \(1\) CK\+: .*\(2\) one folder per class: .*\(3\) a table such as fer2013.*\(4\) .* manifest"
    assert re.match(layouts, caught.value.fix)
    assert caught.value.fix.endswith("see 'Your own videos' in the documentation")
    assert len(caught.value.fix) < 480
    with pytest.raises(DataError, match="one file of another kind"):
        find_source(tmp_path / "thesis.pdf", None)


@pytest.mark.parametrize(
    ("name", "place", "hint"),
    [
        ("1.png", ".", "put the files of each class into a folder of its own, or list them in a manifest"),
        ("clip.mp4", "clip.mp4", "'ckseq predict RUN' reads single files"),
        ("ck.h5", "ck.h5", "name it with --store"),
    ],
)
def test_what_is_nearly_a_data_set_has_a_remedy_of_its_own(tmp_path, name, place, hint):
    put(tmp_path / name, b"x")
    with pytest.raises(DataError) as caught:
        find_source(tmp_path / place, None)
    assert caught.value.fix.startswith(hint)


def test_a_name_is_believed_and_a_slip_explained(tree):
    assert find_source(tree, "manifest").name == "manifest"
    with pytest.raises(CallError, match="did you mean 'ckplus'"):
        find_source(tree, "ckpluss")


def test_a_place_that_may_be_two_things(tree):
    put(tree / "manifest.csv", b"path,subject\n")
    with pytest.raises(CallError, match="may be any of: ckplus, manifest; name one by --source"):
        find_source(tree, None)


@pytest.mark.parametrize("there", ["Emotion", "Emotion_labels.zip", "FACS_labels.zip"])
def test_labels_of_ckplus_without_images_are_called_so(tmp_path, console, there):
    put(tmp_path / there / "a" if there == "Emotion" else tmp_path / there, b"")
    fix = "put extended-cohn-kanade-images.zip, or the folder cohn-kanade-images"
    for place, source in ((tmp_path, None), (tmp_path, "ckplus"), (tmp_path / there, None)):
        message = rf"has beside its images \({re.escape(there)}\); {fix}"
        with pytest.raises(DataError, match=message):
            inspect(place, source=source, console=console)


def test_what_emotions_need_is_said_where_there_is_no_label(tree, console, capsys):
    (tree / "Emotion").rename(tree.parent / "Emotion")
    found = inspect(tree, source=None, console=console)
    assert "in the layout of CK+" in found["verdict"]["what"]
    assert "no emotion can be learned: put Emotion_labels.zip" in capsys.readouterr().err
