"""One person before a camera: feedback on face and light, a countdown, and the frames of each expression."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from ckseq.capture.clips import ClipCutter, Image, as_gray, reduce_size
from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.signal.faces import Box

PROMPTS = {
    "anger": "draw your brows down and together, press your lips",
    "contempt": "tighten one corner of your mouth, on one side only",
    "disgust": "wrinkle your nose, raise your upper lip",
    "fear": "raise and draw together your brows, open your eyes, stretch your lips sideways",
    "happiness": "smile: raise your cheeks and the corners of your mouth",
    "sadness": "raise the inner ends of your brows, lower the corners of your mouth",
    "surprise": "raise your brows, open your eyes, drop your jaw",
}
"""How each emotion is shown; other labels are recorded, too."""

_COUNTDOWN_S, _NEUTRAL_S = 3.0, 0.8
_MAX_WAIT_S = 30.0
_DETECT_EVERY_FRAMES, _GOOD_IN_A_ROW = 5, 4
_MIN_FACE_PX, _DARK, _BRIGHT = 110, 50, 205


class CameraSession:
    """Records expressions of one person; the times of the camera's frames are the clock.

    Parameters
    ----------
    frames : iterator of (float, (h, w, 3) uint8)
        As of `ckseq.storage.camera.open_camera`.
    seconds : float
        Length of a recording after the countdown.
    console : Console
    color : bool
        Frames are (h, w, 3) RGB instead of (h, w) gray.
    """

    def __init__(
        self, frames: Iterator[tuple[float, Image]], seconds: float, console: Console, *, color: bool = False
    ) -> None:
        self._camera, self._seconds, self._console = frames, seconds, console
        self._code = cv2.COLOR_BGR2RGB if color else cv2.COLOR_BGR2GRAY

    def _frames(self) -> Iterator[tuple[float, Image]]:
        for time_s, image in self._camera:
            yield time_s, reduce_size(np.asarray(cv2.cvtColor(image, self._code), np.uint8))

    def wait_for_face(self, cutter: ClipCutter) -> None:
        """Wait until the face is well visible, with advice on what to change.

        Raises
        ------
        DataError
            It is not, for half a minute.
        """
        n_good, start, message = 0, None, ""
        for number, (time_s, image) in enumerate(self._frames()):
            start = time_s if start is None else start
            if number % _DETECT_EVERY_FRAMES:
                continue
            message, good = assess_frame(as_gray(image), cutter.detect(image))
            self._console.glance(message)
            n_good = n_good + 1 if good else 0
            if n_good == _GOOD_IN_A_ROW:
                self._console.glance("")
                self._console.say(message)
                return
            if time_s - start > _MAX_WAIT_S:
                what = f"after {_MAX_WAIT_S:.0f} s the face is not well visible: {message}"
                raise DataError(what, fix="change that and try again")

    def record(self, label: str) -> list[Image]:
        """Count down, then return the frames of a neutral face and the expression."""
        self._console.say(f"{label.upper()}: {PROMPTS.get(label, 'begin with a neutral face, then show it')}")
        start = None
        recorded: list[Image] = []
        for time_s, image in self._frames():
            start = time_s if start is None else start
            elapsed_s = time_s - start - _COUNTDOWN_S
            if elapsed_s < 0:
                self._console.glance(f"neutral face: {-elapsed_s:.0f}")
                continue
            prompt = "neutral face" if elapsed_s < _NEUTRAL_S else f"NOW: {label}, more, and hold it"
            self._console.glance(f"recording  {prompt}")
            recorded.append(image)
            if elapsed_s >= self._seconds:
                break
        self._console.glance("")
        return recorded


def assess_frame(image: Image, box: Box | None) -> tuple[str, bool]:
    """Describe face and light of a frame, with advice on what to change, and return whether it is good enough.

    >>> assess_frame(np.full((480, 640), 120, np.uint8), Box(250, 150, 450, 350, 1.0))
    ('face 200 pixels wide, light 120 of 255: good', True)
    >>> assess_frame(np.full((480, 640), 30, np.uint8), None)
    ('no face; light 30 of 255: more light', False)
    """
    light = int(image.mean())
    advice = "more light" if light < _DARK else "less light" if light > _BRIGHT else ""
    if box is None:
        return f"no face; light {light} of 255: {advice or 'look straight into the camera'}", False
    width = box.right - box.left
    height_px, width_px = image.shape
    if box.left < 0 or box.top < 0 or box.right > width_px or box.bottom > height_px:
        advice = "move to the center"
    elif width < _MIN_FACE_PX:
        advice = "move closer"
    return f"face {width} pixels wide, light {light} of 255: {advice or 'good'}", not advice
