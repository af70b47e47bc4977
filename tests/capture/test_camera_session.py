import numpy as np
import pytest

from ckseq.capture.camera_session import assess_frame
from ckseq.signal.faces import Box

BOX = Box(250, 150, 450, 350, 1.0)


@pytest.mark.parametrize(
    ("level", "box", "end", "good"),
    [
        (120, BOX, "face 200 pixels wide, light 120 of 255: good", True),
        (30, BOX, "light 30 of 255: more light", False),
        (230, BOX, "light 230 of 255: less light", False),
        (120, BOX._replace(left=-5), "move to the center", False),
        (120, BOX._replace(right=650), "move to the center", False),
        (120, BOX._replace(right=300), "face 50 pixels wide, light 120 of 255: move closer", False),
        (120, None, "no face; light 120 of 255: look straight into the camera", False),
    ],
)
def test_a_frame_is_assessed_with_advice(level, box, end, good):
    message, found = assess_frame(np.full((480, 640), level, np.uint8), box)
    assert message.endswith(end)
    assert found == good
