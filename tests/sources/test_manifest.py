import csv
import io

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ckseq.errors import DataError
from ckseq.facs import ActionUnit
from ckseq.recording import ImageFiles, VideoFile, subject_known
from ckseq.sources import manifest
from ckseq.sources._frames import safe_id

PNG = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes()


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b", "one"):
        (tmp_path / name).mkdir()
        for number in range(1 if name == "one" else 11):
            (tmp_path / name / f"f{number}.png").write_bytes(PNG)
    (tmp_path / "empty").mkdir()
    (tmp_path / "clip.mp4").write_bytes(b"video")
    (tmp_path / "note.txt").write_bytes(b"text")
    (tmp_path / "face.png").write_bytes(PNG)
    return tmp_path


def table(folder, text, encoding="utf-8"):
    path = folder / "manifest.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_column_marks_neutral_recordings(folder):
    path = table(folder, "path,subject,session,label,neutral\nb,S1,2,joy,\na,S1,1,,Yes\nclip.mp4,S2,3,anger,no\n")
    assert [(one.id, one.neutral) for one in manifest.scan(path)] == [("S1_1", True), ("S1_2", False), ("S2_3", False)]
    assert manifest.problems(path) == []
    with pytest.raises(DataError, match=r"line 2: the column neutral is 'a\.mp4'; write yes, or leave it empty"):
        manifest.scan(table(folder, "path,subject,neutral\nb,S1,a.mp4\n"))


def test_a_column_holds_facs_codes(folder):
    path = table(folder, "path,subject,session,label,action_units\nb,S1,2,joy,6B+12\na,S1,1,,0\nclip.mp4,S2,3,anger,\n")
    coded = {one.id: one.action_units for one in manifest.scan(path)}
    assert coded == {"S1_1": (), "S1_2": (ActionUnit("6", 2), ActionUnit("12")), "S2_3": None}
    with pytest.raises(DataError, match="line 2: 'smile' is no action unit; write FACS codes such as"):
        manifest.scan(table(folder, "path,subject,action_units\nb,S1,smile\n"))


def test_rows_become_recordings(folder):
    path = table(folder, "path,subject,session,label\nb,Anna B.,2,joy\n\na,S1,1,\nclip.mp4,S2,,anger\n")
    first, second, third = manifest.scan(path)
    assert (first.id, first.subject, first.session, first.label) == ("Anna-B._2", "Anna B.", "2", "joy")
    assert (second.id, second.label) == ("S1_1", None)
    assert (third.id, third.session, third.frames) == ("S2_clip", "clip", VideoFile(folder / "clip.mp4"))
    assert isinstance(first.frames, ImageFiles)
    assert [p.name for p in first.frames.paths] == [f"f{n}.png" for n in range(11)]
    assert manifest.scan(folder) == manifest.scan(path)
    assert manifest.recognizes(path)
    assert manifest.recognizes(folder)
    (problem,) = manifest.problems(path)
    assert (problem.what, problem.where) == ("1 recording has no label", f"{path} line 4")


def test_columns_may_stand_in_any_order_after_a_byte_order_mark(folder):
    path = table(folder, "Label, subject,path,age\r\njoy,S1,a,33\r\n", "utf-8-sig")
    (only,) = manifest.scan(path)
    assert (only.id, only.label) == ("S1_a", "joy")
    assert ["'age' is not read" in p.what for p in manifest.problems(path)] == [True]


def test_a_clip_named_by_its_subject_is_not_of_an_unknown_one(folder):
    """An id that is the subject's means that the subject is unknown."""
    (folder / "S7").mkdir()
    for path in (folder / "a").iterdir():
        (folder / "S7" / path.name).write_bytes(path.read_bytes())
    (found,) = manifest.scan(table(folder, "path,subject\nS7,S7\n"))
    assert (found.id, found.subject) == ("S7_S7", "S7")
    assert subject_known(found.subject, found.id)


def test_a_path_that_names_its_subject_already(folder):
    (folder / "a").rename(folder / "S1_take2")
    assert manifest.scan(table(folder, "path,subject\nS1_take2,S1\n"))[0].id == "S1_take2"


def test_recordings_of_one_session_are_numbered_and_that_is_said(folder):
    text = "path,subject,session,label\na,S1,1,joy\nclip.mp4,S1,1_2,fear\nb,S1,1,anger\none,S1,1,fear\n"
    found = manifest.scan(table(folder, text))
    assert [(one.id, one.session, one.label) for one in found] == [
        ("S1_1", "1", "joy"),
        ("S1_1_2", "1_2", "fear"),
        ("S1_1_3", "1", "anger"),
        ("S1_1_4", "1", "fear"),
    ]
    said = [problem.what for problem in manifest.problems(folder)]
    assert "2 of 4 recordings share subject and session with another, and are numbered" in said


def test_a_path_that_is_listed_twice_is_told(folder):
    path = table(folder, "path,subject,label\na,S1,joy\nb,S1,joy\na,S1,fear\n")
    assert [one.id for one in manifest.scan(path)] == ["S1_a", "S1_a_2", "S1_b"]
    said = {problem.what: problem.matters for problem in manifest.problems(path)}
    assert said["1 line lists a path that another line lists, too"] is True


CELLS = st.text(alphabet=st.sampled_from('ab1 ;,\t"é-'), min_size=1, max_size=4).filter(
    lambda text: text.strip().isprintable() and text.strip()
)


@given(
    rows=st.lists(st.tuples(CELLS, st.sampled_from(["", "1", "2"]), CELLS), min_size=1, max_size=4),
    delimiter=st.sampled_from(manifest.DELIMITERS),
    ends=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    form=st.sampled_from(["relative", "absolute", "backslashes"]),
)
def test_however_it_is_written_every_line_is_a_recording(rows, delimiter, ends, encoding, form, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "takes"
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, lineterminator=ends)
    writer.writerow(["path", "subject", "session", "label"])
    for number, (subject, session, label) in enumerate(rows):
        frames = folder / "clips" / str(number)
        frames.mkdir(parents=True, exist_ok=True)
        (frames / "0.png").write_bytes(PNG)
        path = {"relative": f"clips/{number}", "absolute": str(frames), "backslashes": f"clips\\{number}"}[form]
        writer.writerow([path, subject, session, label])
    path = table(folder, written.getvalue(), encoding)
    idents = {}
    for number, (subject, session, _) in enumerate(rows):
        idents.setdefault(safe_id(subject.strip(), session or str(number)), set()).add(subject.strip())
    assume(all(len(subjects) == 1 for subjects in idents.values()))  # two subjects with one id are refused
    found = manifest.scan(path)
    place = {one.frames.paths[0].parent.name: one for one in found}
    assert len({one.id for one in found}) == len(place) == len(rows)
    for number, (subject, session, label) in enumerate(rows):
        one = place[str(number)]
        assert (one.subject, one.label) == (subject.strip(), label.strip())
        assert one.session == (session or str(number))


def test_an_image_is_a_recording_of_one_frame(folder):
    path = table(folder, "path,subject,label\nface.png,S1,joy\n")
    (only,) = manifest.scan(path)
    assert (only.id, only.label, only.frames) == ("S1_face", "joy", ImageFiles((folder / "face.png",)))
    assert manifest.problems(path) == []


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_is_called_empty(folder, text):
    with pytest.raises(DataError, match="is empty, or its first line is"):
        manifest.scan(table(folder, text))


def test_an_absolute_path(folder):
    assert manifest.scan(table(folder, f"path,subject\n{folder / 'a'},S1\n"))[0].n_frames == 11


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path,label\na,joy\n",
            "line 1: the column 'subject' is missing; the header must be path,subject,session,label",
        ),
        ("path,subject,lable\na,S1,joy\n", "line 1: the column 'lable' looks like a misspelling of 'label'"),
        ("path,subject,path\na,S1,b\n", "line 1: the column 'path' is there twice"),
        ("path,subject\n", "lists no recording"),
        ("path,subject\na,S1,x\n", "line 2: has 3 cells, the header 2"),
        ("path,subject\na,S1\nb\n", "line 3: has 1 cells"),
        ("path,subject\n,S1\n", "line 2: the path is empty"),
        ("path,subject\na,\n", "line 2: the subject is empty"),
        ("path,subject\n\nnowhere,S1\n", "line 3: path 'nowhere' does not exist"),
        ("path,subject\nempty,S1\n", "line 2: path 'empty' is a folder without images"),
        ("path,subject\nnote.txt,S1\n", "line 2: path 'note.txt' is neither"),
        ("path,subject,session\na,S 1,1\nb,S-1,1\n", "line 3: the id 'S-1_1' is used by line 2"),
        ('path,subject,label\na,S1,"jo\ny"\n', "line 3: the label has a line break"),
        ('path,subject\n"a"b,S1\n', "line 2: is not CSV"),
        ('path,subject\n"a,S1\n', "is not CSV"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(folder, text, message):
    path = table(folder, text)
    with pytest.raises(DataError) as caught:
        manifest.scan(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    (problem,) = manifest.problems(path)
    assert problem.what in message or message.split(": ")[-1] in problem.what or problem.what in str(caught.value)


def test_every_line_that_cannot_be_used_is_listed_at_once(folder):
    lines = ["a,S1,joy", "nowhere,S1,joy", ",S1,joy", "b,,joy", "note.txt,S2,joy", "a", "empty,S3,fear", "gone,S4,joy"]
    path = table(folder, "path,subject,label\n" + "\n".join(lines) + "\n")
    with pytest.raises(DataError) as caught:
        manifest.scan(path)
    assert caught.value.where == str(path)
    assert caught.value.what == (
        "7 lines cannot be used: line 3: path 'nowhere' does not exist; line 4: the path is empty; "
        "line 5: the subject is empty; line 6: path 'note.txt' is neither a folder of frames nor a video file; "
        "line 7: has 1 cells, the header 3; and 2 more, which 'ckseq inspect' lists"
    )
    assert caught.value.fix == "correct them; the columns are path,subject,session,label,neutral,action_units"
    found = manifest.problems(path)
    assert [one.where for one in found] == [f"{path} line {line}" for line in range(3, 10)]
    assert all(one.remedy for one in found)


def test_all_that_is_wrong_with_a_header_is_listed_at_once(folder):
    with pytest.raises(DataError) as caught:
        manifest.scan(table(folder, "label,lable,subjct,label\na,S1,joy,fear\n"))
    assert caught.value.what == (
        "the column 'label' is there twice; the column 'subjct' looks like a misspelling of 'subject'; "
        "the column 'path' is missing"
    )
    assert caught.value.fix == "the header must be path,subject,session,label,neutral,action_units"
    with pytest.raises(DataError, match="line 1: is no header: 'a,s1,joy'; begin with a line of names: the header"):
        manifest.scan(table(folder, "a,S1,joy\nb,S2,joy\n"))


def test_labels_that_look_misspelled_and_lines_without_one(folder):
    rows = [f"a,S{n},happiness" for n in range(20)] + ["b,S30,hapiness", "b,S31,", "b,S32,Anger", "a,S33,surprized"]
    path = table(folder, "path,subject,label\n" + "\n".join(rows) + "\n")
    found = {one.where: one for one in manifest.problems(path) if "label" in one.what}
    assert found[f"{path} line 23"].what == "1 recording has no label"
    slip = found[f"{path} line 22"]
    assert slip.what == "1 recording is labeled 'hapiness', and 20 are labeled 'happiness'"
    assert slip.remedy == "it is read as a class of its own; write happiness if that is meant"
    assert slip.matters
    assert found[f"{path} line 24"].what == "1 recording is labeled 'Anger', and none is labeled 'anger'"
    assert found[f"{path} line 25"].what == "1 recording is labeled 'surprized', and none is labeled 'surprise'"
    assert {one.label for one in manifest.scan(path)} == {"happiness", "hapiness", None, "Anger", "surprized"}


def test_other_encodings_and_missing_files(folder):
    with pytest.raises(DataError, match="is not UTF-8"):
        manifest.scan(table(folder, "path,subject\na,Jürgen\n", "latin-1"))
    with pytest.raises(DataError, match="does not exist"):
        manifest.scan(folder / "none.csv")


def test_one_frame_is_told(folder):
    (problem,) = manifest.problems(table(folder, "path,subject,label\none,S1,joy\n"))
    assert "only one frame" in problem.what


@given(text=st.text(alphabet=st.sampled_from('path,subjectlabel\n"\r\0 a;é'), max_size=60))
def test_any_text_gives_recordings_or_one_clear_line(text, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "manifests"
    folder.mkdir(exist_ok=True)
    message = ""
    try:
        manifest.scan(table(folder, f"path,subject\n{text}"))
    except DataError as error:
        message = str(error)
    assert "\n" not in message


def test_a_folder_of_videos_is_no_folder_of_frames(tmp_path):
    (tmp_path / "b.mp4").touch()
    (tmp_path / "a.MP4").touch()
    with pytest.raises(DataError, match=r"is a folder of videos, not of frames; name the videos, such as a\.MP4"):
        manifest.frames_at(tmp_path)
