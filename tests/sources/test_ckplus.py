import random
import shutil
import zipfile

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.errors import DataError
from ckseq.facs import ActionUnit
from ckseq.labels import EMOTIONS
from ckseq.recording import ArchiveMembers, ImageFiles
from ckseq.sources import ckplus
from ckseq.tasks.preprocess import preprocess

PNG = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes()


def write(root, path, content=PNG):
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def sequence(root, subject="S005", session="001", n=4, label=3, images="cohn-kanade-images", emotion="Emotion"):
    for number in range(1, n + 1):
        write(root, f"{images}/{subject}/{session}/{subject}_{session}_{number:08d}.png")
    if label is not None:
        name = f"{emotion}/{subject}/{session}/{subject}_{session}_{n:08d}_emotion.txt"
        write(root, name, f"   {label:.7e}\n".encode())


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "data"
    sequence(root)
    sequence(root, session="002", label=7)
    sequence(root, subject="S010", n=6, label=None)
    return root


def pack(folder, archive):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(folder.rglob("*")):
            opened.write(path, path.relative_to(folder.parent))


def archives(root):
    """The same data as shipped: one archive for the images and one for the labels."""
    packed = root.parent / "packed"
    packed.mkdir()
    pack(root / "cohn-kanade-images", packed / "extended-cohn-kanade-images.zip")
    pack(root / "Emotion", packed / "Emotion_labels.zip")
    return packed


def told(root):
    return [f"{problem.what} | {problem.where} | {problem.remedy}" for problem in ckplus.problems(root)]


def summary(recordings):
    return [(r.id, r.subject, r.session, r.label, r.n_frames) for r in recordings]


EXPECTED = [
    ("S005_001", "S005", "001", "disgust", 4),
    ("S005_002", "S005", "002", "surprise", 4),
    ("S010_001", "S010", "001", None, 6),
]


def test_a_plain_tree(tree):
    assert ckplus.recognizes(tree)
    assert summary(ckplus.scan(tree)) == EXPECTED
    frames = ckplus.scan(tree)[0].frames
    assert isinstance(frames, ImageFiles)
    assert [path.name for path in frames.paths] == [f"S005_001_{n:08d}.png" for n in range(1, 5)]


@pytest.mark.parametrize("emotion", EMOTIONS, ids=lambda emotion: emotion.name)
def test_every_code_has_its_name(tmp_path, emotion):
    sequence(tmp_path, label=emotion.code)
    assert ckplus.scan(tmp_path)[0].label == emotion.name


def test_archives_equal_folders(tree):
    packed = archives(tree)
    assert ckplus.recognizes(packed)
    assert summary(ckplus.scan(packed)) == EXPECTED
    frames = ckplus.scan(packed)[0].frames
    assert isinstance(frames, ArchiveMembers)
    assert frames.members[0] == "cohn-kanade-images/S005/001/S005_001_00000001.png"
    # naming the archive or folder of images finds the labels beside it
    assert summary(ckplus.scan(packed / "extended-cohn-kanade-images.zip")) == EXPECTED
    assert summary(ckplus.scan(tree / "cohn-kanade-images")) == EXPECTED
    assert [line.split(" | ")[0] for line in told(packed)] == [line.split(" | ")[0] for line in told(tree)]


def rename_emotion(root):
    (root / "Emotion").rename(root / "Emotion_labels")


def nest_emotion(root):
    (root / "Emotion_labels").mkdir()
    (root / "Emotion").rename(root / "Emotion_labels" / "Emotion")


def nest_images(root):
    (root / "cohn-kanade-images").rename(root / "inner")
    (root / "cohn-kanade-images").mkdir()
    (root / "inner").rename(root / "cohn-kanade-images" / "cohn-kanade-images")


def nest_all(root):
    root.rename(root.parent / "inner")
    root.mkdir()
    (root.parent / "inner").rename(root / "CK+")


def clutter(root):
    for name in (
        ".DS_Store",
        "cohn-kanade-images/.DS_Store",
        "cohn-kanade-images/S005/001/Thumbs.db",
        "Emotion/._S005",
    ):
        write(root, name, b"junk")
    write(root, "cohn-kanade-images/S005/001/._S005_001_00000001.png", b"junk")
    write(root, "__MACOSX/cohn-kanade-images/S005/001/._S005_001_00000001.png", b"junk")
    write(root, "Emotion/S005/001/.DS_Store", b"junk")


def empty_emotion(root):
    (root / "Emotion/S010/001").mkdir(parents=True)


def slip(root):
    folder = root / "Emotion/S005/001"
    (folder / "S005_001_00000004_emotion.txt").rename(folder / "S0005_001_00000004_emotion.txt")


def capitals(root):
    (root / "Emotion").rename(root / "EMOTION")


def byte_order_mark(root):
    (root / "Emotion/S005/001/S005_001_00000004_emotion.txt").write_bytes(b"\xef\xbb\xbf 3.0000000e+00\r\n")


def integer(root):
    (root / "Emotion/S005/001/S005_001_00000004_emotion.txt").write_text("3")


@pytest.mark.parametrize(
    "change",
    [
        rename_emotion,
        nest_emotion,
        nest_images,
        nest_all,
        clutter,
        empty_emotion,
        slip,
        capitals,
        byte_order_mark,
        integer,
    ],
)
def test_harmless_oddities_change_nothing(tree, change):
    change(tree)
    assert summary(ckplus.scan(tree)) == EXPECTED
    assert ckplus.recognizes(tree)


@pytest.mark.parametrize("change", [nest_emotion, nest_images, clutter, empty_emotion, slip])
def test_the_same_oddities_in_archives(tree, change):
    change(tree)
    packed = tree.parent / "packed"
    packed.mkdir()
    pack(tree / "cohn-kanade-images", packed / "extended-cohn-kanade-images.zip")
    pack(tree / ("Emotion_labels" if change is nest_emotion else "Emotion"), packed / "Emotion_labels.zip")
    assert summary(ckplus.scan(packed)) == EXPECTED


LABEL = "Emotion/S005/001/S005_001_00000004_emotion.txt"


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        (LABEL, b"happy", "the label 'happy' is not a number"),
        (LABEL, b"", "is an empty label"),
        (LABEL, b"\x00\x01\x02", "is not a number"),
        (LABEL, b"   8.0000000e+00\n", "is not one of 0 to 7"),
        (LABEL, b"-1", "is not one of 0 to 7"),
        (LABEL, b"3.5", "is not one of 0 to 7"),
        (LABEL, b"nan", "is not one of 0 to 7"),
        (LABEL, b"1e999", "is not one of 0 to 7"),
        (LABEL, b"3.0 5.0", "holds 2 labels"),
        (LABEL, b"3" * 70_000, "larger than 64 KiB"),
        ("Emotion/S005/001/S005_001_00000003_emotion.txt", b"3.0", "is one of 2 labels of S005_001"),
        ("Emotion_labels/S005/001/S005_001_00000004_emotion.txt", b"5.0", "is one of 2 labels of S005_001"),
        ("Emotion/S005/001/S006_001_00000004_emotion.txt", b"3.0", "named after another subject"),
    ],
)
def test_a_label_that_cannot_be_used(tree, path, content, message):
    bad = write(tree, path, content)
    with pytest.raises(DataError, match=message) as caught:
        ckplus.scan(tree)
    assert str(bad.parent.relative_to(tree).parent) in str(caught.value)
    assert caught.value.fix
    assert "\n" not in str(caught.value)
    assert message in told(tree)[0]


def test_of_many_bad_labels_each_is_told(tree):
    write(tree, LABEL, b"x")
    write(tree, "Emotion/S005/002/S005_002_00000004_emotion.txt", b"9")
    with pytest.raises(DataError, match="1 more such labels"):
        ckplus.scan(tree)
    assert sum("the label" in line for line in told(tree)) == 2


@given(content=st.binary(max_size=12))
def test_any_bytes_are_a_label_or_one_clear_line(content, tmp_path_factory):
    root = tmp_path_factory.getbasetemp() / "fuzz"
    if not root.exists():
        sequence(root)
    write(root, LABEL, content)
    try:
        (recording,) = ckplus.scan(root)
    except DataError as caught:
        error = caught
    else:
        assert recording.label in {emotion.name for emotion in EMOTIONS}
        return
    assert "\n" not in str(error)
    assert error.fix


def test_oddities_of_frames(tree):
    folder = "cohn-kanade-images/S010/001"
    (tree / folder / "S010_001_00000003.png").unlink()
    write(tree, f"{folder}/S010_001_00000005.jpg")
    write(tree, f"{folder}/extra.png")
    write(tree, f"{folder}/S011_001_00000007.png")
    write(tree, "Emotion/S099/001/S099_001_00000007_emotion.txt", b"1.0")
    write(tree, "cohn-kanade-images/notes.md", b"")
    (tree / "cohn-kanade-images/S011/001").mkdir(parents=True)
    sequence(tree, subject="S012", n=1, label=None)
    write(tree, "Emotion/S012/001/S012_001_00000009_emotion.txt", b"1.0")
    lines = told(tree)
    for what in (
        "numbering of its frames has gaps",
        "two frames have the same number",
        "not named S005_001_00000001.png",
        "named after another subject or session | " + str(tree / folder),
        "emotion files of a session without images",
        "outside the layout",
        "has no images",
        "only one frame",
        "not named after the last frame",
        "there are no FACS",
        "there are no Landmarks",
        "1 sequence has no label",
    ):
        assert any(what in line for line in lines), (what, lines)
    recording = next(r for r in ckplus.scan(tree) if r.id == "S010_001")
    assert [path.name for path in recording.frames.paths][-3:] == [
        "S010_001_00000006.png",
        "S011_001_00000007.png",
        "extra.png",
    ]


def test_frames_are_sorted_by_number_not_by_text(tmp_path):
    for number in ("9", "10", "00000002"):
        write(tmp_path, f"cohn-kanade-images/S005/001/S005_001_{number}.png")
    assert [p.stem[9:] for p in ckplus.scan(tmp_path)[0].frames.paths] == ["00000002", "9", "10"]


def test_a_session_that_is_there_twice_is_read_once(tree):
    sequence(tree, n=9, label=None, images="cohn-kanade-images/cohn-kanade-images")
    assert summary(ckplus.scan(tree)) == EXPECTED
    assert any("is also elsewhere" in line for line in told(tree))


def test_a_folder_wins_over_its_archive(tree):
    pack(tree / "cohn-kanade-images", tree / "extended-cohn-kanade-images.zip")
    assert isinstance(ckplus.scan(tree)[0].frames, ImageFiles)
    assert any("a folder of the same kind next to it" in line for line in told(tree))


def test_companions_are_counted(tree):
    write(tree, "FACS/S005/001/S0005_001_00000004_facs.txt", b"9 3")
    write(tree, "Landmarks/S005/001/S005_001_00000001_landmarks.txt", b"1 1")
    lines = told(tree)
    assert any("1 FACS files where 3 were expected" in line for line in lines)
    assert any("1 Landmarks files where 14 were expected" in line for line in lines)


def test_facs_codes_are_read(tree):
    write(tree, "FACS/S005/001/S005_001_00000004_facs.txt", b"   1.7e+01   3.0\n   9.0   0.0\n")
    write(tree, "FACS/S010/001/S010_001_00000006_facs.txt", b"0 0")
    coded = {one.id: one.action_units for one in ckplus.scan(tree)}
    assert coded == {"S005_001": (ActionUnit("9"), ActionUnit("17", 3)), "S005_002": None, "S010_001": ()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is an empty FACS file"),
        (b"nine 3", "'nine 3' is no action unit with its intensity"),
        (b"9", "'9' is no action unit"),
        (b"9 3 1", "is no action unit"),
        (b"9.5 1", "the action unit 9.5 is not one of FACS"),
        (b"100 1", "the action unit 100 is not"),
        (b"9 6", "the intensity 6 is not one of 0 to 5"),
        (b"9 nan", "the intensity nan is not"),
    ],
)
def test_codes_that_cannot_be_used_are_told_and_harm_no_emotion(tree, content, message):
    write(tree, "FACS/S005/001/S005_001_00000004_facs.txt", content)
    assert summary(ckplus.scan(tree)) == EXPECTED
    assert ckplus.scan(tree)[0].action_units is None
    assert any(message in line and "its codes are not used" in line for line in told(tree))


def test_of_two_contradicting_facs_files_neither_is_used(tree):
    for number, content in ((3, b"9 1"), (4, b"12 1")):
        write(tree, f"FACS/S005/001/S005_001_0000000{number}_facs.txt", content)
    assert ckplus.scan(tree)[0].action_units is None
    assert any("contradicts another FACS file" in line for line in told(tree))


@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_on_the_disk_does_not_matter(seed, tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    known = base / "ordered"
    if not known.exists():
        sequence(known)
        sequence(known, subject="S101", session="010", n=11)
        sequence(known, subject="S101", session="009", label=None)
    shuffled = base / f"shuffled{seed}"
    paths = [path for path in known.rglob("*") if path.is_file()]
    random.Random(seed).shuffle(paths)
    for path in paths:
        write(shuffled, path.relative_to(known), path.read_bytes())
    assert summary(ckplus.scan(shuffled)) == summary(ckplus.scan(known))
    shutil.rmtree(shuffled)


@pytest.mark.parametrize("content", [(), ("photos/a.png",)])
def test_what_is_not_ckplus_says_what_was_looked_for(tmp_path, content):
    for path in content:
        write(tmp_path, path)
    assert not ckplus.recognizes(tmp_path)
    with pytest.raises(DataError, match=r"is not CK\+: it holds (nothing|photos); looked for .*cohn-kanade-images"):
        ckplus.scan(tmp_path)


def test_an_empty_images_folder_and_a_missing_root(tmp_path):
    (tmp_path / "cohn-kanade-images").mkdir()
    with pytest.raises(DataError, match="no images in folders such as S005/001"):
        ckplus.scan(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        ckplus.scan(tmp_path / "none")
    assert not ckplus.recognizes(tmp_path / "none")


def test_without_labels_the_archive_that_is_missing_is_named(tree, tmp_path, console):
    shutil.rmtree(tree / "Emotion")
    missing = {one.where: one for one in ckplus.problems(tree)}
    assert missing["Emotion_labels.zip"].what == "there are no labels"
    assert missing["Emotion_labels.zip"].remedy.startswith("download it; put Emotion_labels.zip, or the folder Emotion")
    assert missing["Emotion_labels.zip"].matters
    assert "FACS_labels.zip" in missing["FACS"].remedy
    assert "Landmarks.zip" in missing["Landmarks"].remedy
    with pytest.raises(DataError, match=r"no recording has a label; put Emotion_labels\.zip, or the folder"):
        preprocess(tree, pipeline="paper", out=tmp_path / "s.h5", classes=(), console=console)
