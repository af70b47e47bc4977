import numpy as np
import pytest

from ckseq.errors import CallError
from ckseq.inference.causal_pipeline import causal_pipeline, convert_color
from ckseq.preprocessing.pipeline import load_pipeline


def test_a_pipeline_that_looks_ahead_has_a_causal_counterpart_or_is_refused():
    pipeline = load_pipeline("live")
    assert causal_pipeline(pipeline) == (pipeline, [])
    faces = pipeline.faces.model_copy(update={"policy": "anchor"})
    motion = pipeline.motion.model_copy(update={"reference": "first"})
    found, changes = causal_pipeline(pipeline.model_copy(update={"faces": faces, "motion": motion}))
    assert (found.faces.policy, found.motion.reference) == ("tracked", "neutral")
    assert len(changes) == 2
    assert found.align.renewal_frames == found.motion.running_frames
    noisy = pipeline.motion.model_copy(update={"threshold_unit": "noise"})
    with pytest.raises(CallError, match=r"in units of the noise of the whole sequence"):
        causal_pipeline(pipeline.model_copy(update={"motion": noisy}))


def test_frames_are_converted_to_the_colors_of_the_pipeline():
    blue = np.zeros((2, 2, 3), np.uint8)
    blue[..., 0] = 255
    gray = load_pipeline("live")
    color = gray.model_copy(update={"faces": gray.faces.model_copy(update={"color": "rgb"})})
    assert convert_color(blue, gray).tolist() == [[29, 29], [29, 29]]
    assert convert_color(blue, color)[0, 0].tolist() == [0, 0, 255]
    assert convert_color(np.full((2, 2), 7, np.uint8), color)[0, 0].tolist() == [7, 7, 7]
