import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.signal.apex import latest_expression, neutral_to_apex

SHARES = {"onset_share": 0.1, "apex_share": 0.95, "lead_frames": 5}


def clip(n_neutral, n_rise, n_hold, n_fall=0):
    """A clip of known times: neutral, up to 0.4 of the face, held, back again."""
    rise = np.linspace(0, 0.4, n_rise + 1)[1:]
    return np.concatenate([np.zeros(n_neutral), rise, np.full(n_hold, 0.4), np.linspace(0.4, 0, n_fall)])


@pytest.mark.parametrize("n_fall", [0, 12])
def test_a_known_clip_is_cut_at_onset_and_apex(n_fall):
    first, end = neutral_to_apex(clip(40, 20, 60, n_fall), **SHARES)
    assert 35 <= first <= 37
    assert 58 <= end <= 61


def test_a_blink_before_it_is_not_the_beginning():
    motion = clip(40, 20, 30)
    motion[10:14] = 0.06
    assert neutral_to_apex(motion, **SHARES)[0] >= 35


def test_one_frame_that_flickers_is_not_the_apex():
    motion = clip(40, 20, 30)
    motion[5] = 0.9
    assert neutral_to_apex(motion, **SHARES)[1] >= 58


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_it_is_always_a_part_with_at_least_one_frame(motion):
    first, end = neutral_to_apex(np.array(motion), **SHARES)
    assert 0 <= first < end <= len(motion)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0, 1))
def test_the_latest_expression_is_a_slice_that_contains_the_apex(motion, still_share):
    motion = np.array(motion)
    begin, end = latest_expression(motion, still_share=still_share, apex_share=0.95)
    assert 0 <= begin < end <= len(motion)
    assert motion[begin:end].max() >= 0.95 * motion[begin:].max()
    assert end == len(motion) or motion[end - 1] >= 0.95 * motion[end:].max()
