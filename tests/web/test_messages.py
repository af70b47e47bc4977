"""One schema for server and page: the fields that page.js reads are those of the models."""

import json
import re
from pathlib import Path

import pytest

from ckseq.web import app
from ckseq.web.messages import About, fields_by_type, javascript

PAGE = (Path(app.__file__).parent / "page.js").read_text()
# what page.js calls a message of each type, everywhere
VARIABLES = {
    "about": "About",
    "frame": "FrameAnswer",
    "face": "FaceBox",
    "largest": "LargestFace",
    "motion": "FaceMotion",
    "crop": "FaceCrop",
    "clip": "ClipAnswer",
    "segment": "Segment",
    "failure": "Failure",
}


@pytest.mark.parametrize(("variable", "type_"), VARIABLES.items())
def test_the_page_reads_all_fields_of_a_message_and_no_others(variable, type_):
    read = set(re.findall(rf"(?<!\w)(?<!\w\.){variable}\.(\w+)", PAGE))
    assert read == set(fields_by_type()[type_])


def test_every_type_of_message_is_read_and_annotated():
    assert set(VARIABLES.values()) == set(fields_by_type())
    annotated = re.findall(r"@param {(\w+)(?:\[\])?} (\w+)", PAGE)
    assert len(annotated) >= 7
    assert all(VARIABLES[variable.removesuffix("s")] == type_ for type_, variable in annotated)


def test_the_page_is_given_the_types_and_fields():
    text = javascript()
    (constant,) = re.findall(r"(?s)const MESSAGE_FIELDS = (.*);", text)
    assert json.loads(constant) == fields_by_type()
    assert " * @property {FaceMotion|null} motion - " in text
    assert ' * @property {"no face"|"still"|"moving"|"visible"} state' in text
    assert " * @property {number[]} box - " in text
    assert set(re.findall(r"checked\(\"(\w+)\"", PAGE)) == {"About", "FrameAnswer", "ClipAnswer", "Failure"}


def test_a_message_has_no_other_fields():
    with pytest.raises(ValueError, match="extra"):
        About(run="r", labels=(), notes=(), shows="crop", max_clip_bytes=1, more=2)
