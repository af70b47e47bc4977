"""What a data set is enough for."""

from dataclasses import replace
from pathlib import Path

import pytest

from ckseq.errors import DataError
from ckseq.experiment.early_checks import check_before_work
from ckseq.experiment.recipe import load_experiment
from ckseq.experiment.verdict import verdict
from ckseq.facs import ActionUnit
from ckseq.labels import EMOTIONS
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.recording import ImageFiles, Recording

NAMES = tuple(emotion.name for emotion in EMOTIONS if emotion.code)


def recordings(n_subjects, labels=NAMES, n_frames=12):
    frames = ImageFiles(tuple(Path(f"{n}.png") for n in range(n_frames)))
    return [
        Recording(f"S{subject}_{number}", f"S{subject}", str(number), label, frames)
        for subject in range(n_subjects)
        for number, label in enumerate(labels)
    ]


def test_a_part_of_the_original_is_enough_for_some_experiments():
    found = verdict(recordings(20), original="CK+", expected={"sequences": 593, "labeled": 327})
    assert found.what == "140 sequences in the layout of CK+, which has 593; 140 labeled, of 20 subjects"
    assert {"default", "motion", "live", "paper_phase3"} <= set(found.enough_for)
    assert found.not_for["calibrated"] == "no recording is marked as its subject's neutral face"
    assert found.smaller == {"paper_phase4": "20 of each class, 35 are asked for"}
    assert "smaller than asked for: paper_phase4 (20 of each class, 35 are asked for)" in found.lines()
    assert not {"fer2013_small", "small_stills"} & set(found.enough_for)


def test_the_whole_original_is_called_complete():
    found = verdict(recordings(35), original="CK+", expected={"sequences": 245, "labeled": 245})
    assert found.what == "the complete CK+; 245 labeled, of 35 subjects"
    assert not found.smaller
    unlabeled = verdict(recordings(35, [*NAMES[1:], None]), original="CK+", expected={"sequences": 245, "labeled": 245})
    assert unlabeled.what.startswith("245 sequences in the layout of CK+, which has 245; 210 labeled")


@pytest.mark.parametrize(
    ("n_subjects", "labels", "reason"),
    [
        (1, NAMES, "all sequences show one subject"),
        (9, ("anger",), "fewer than two classes are labeled"),
        (9, (None, "anger"), "fewer than two classes are labeled"),
    ],
)
def test_what_is_missing_is_the_reason(n_subjects, labels, reason):
    found = verdict(recordings(n_subjects, labels), original=None, expected={})
    assert "default" not in found.enough_for
    assert found.not_for["default"].startswith(reason)
    assert any(reason in line for line in found.lines())


def test_single_images_are_judged_for_experiments_on_images():
    found = verdict(recordings(30, n_frames=1), original=None, expected={})
    assert found.what == "210 images; 210 labeled, of 30 subjects"
    assert "small_stills" in found.enough_for
    assert not {"default", "paper_phase4"} & {*found.enough_for, *found.not_for}
    assert "file" in found.not_for["peer_fer"]


def test_action_units_need_facs_codes():
    uncoded = recordings(20)
    found = verdict(uncoded, original=None, expected={})
    assert "action_units" not in found.enough_for
    assert found.not_for["action_units"] == "0 recordings with FACS codes cannot be divided"
    recipe = load_experiment("action_units")
    with pytest.raises(DataError, match=r"0 recordings with FACS codes .* FACS_labels\.zip .* column action_units"):
        check_before_work(uncoded, load_pipeline(recipe.pipeline), recipe)
    # unit 12 is shown by 15 of 140, and 4 by too few
    units = [(ActionUnit("12"),)] * 15 + [(ActionUnit("4"),)] * 3 + [()] * 122
    coded = [replace(one, action_units=found) for one, found in zip(uncoded, units, strict=True)]
    assert "action_units" in verdict(coded, original=None, expected={}).enough_for
    rare = [replace(one, action_units=one.action_units if number > 14 else ()) for number, one in enumerate(coded)]
    reason = "no action unit is shown by 10 sequences or more, of two subjects"
    assert verdict(rare, original=None, expected={}).not_for["action_units"] == reason


def test_subjects_of_whom_some_are_unknown():
    known = recordings(5)
    nameless = [replace(one, id=f"x{number}", subject=f"x{number}") for number, one in enumerate(recordings(2))]
    assert verdict([*known, *nameless], original=None, expected={}).what.endswith("of 5 subjects, 14 of unknown")
