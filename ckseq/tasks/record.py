"""``ckseq record``: a person's own data in CK+'s layout, from a camera or from video files, never without consent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

import ckseq
from ckseq import registry
from ckseq.console import Console
from ckseq.errors import CallError, CkseqError, DataError
from ckseq.preprocessing.pipeline import Pipeline, load_pipeline
from ckseq.recording import VideoFile
from ckseq.report.contact_sheet import contact_sheet
from ckseq.signal.apex import neutral_to_apex
from ckseq.signal.faces import Box, Detector, pick_box
from ckseq.storage.camera import open_camera
from ckseq.storage.files import write_bytes
from ckseq.storage.frames import read_gray
from ckseq.storage.recorded import Take, begin, check_subject, check_target, next_subject, write_take
from ckseq.tracking.alignment import aligned
from ckseq.tracking.box_tracker import follow, search
from ckseq.tracking.motion import blobs_of

Image = NDArray[np.uint8]

CONSENT = (
    "I agree that pictures of my face are kept on this computer and are used to train and test programs that tell how "
    "faces move. I can have all of them deleted at any time."
)
PROMPTS = {
    "anger": "draw your brows down and together, press your lips",
    "contempt": "tighten one corner of your mouth, on one side only",
    "disgust": "wrinkle your nose, raise your upper lip",
    "fear": "raise and draw together your brows, open your eyes, stretch your lips sideways",
    "happiness": "smile: raise your cheeks and the corners of your mouth",
    "sadness": "raise the inner ends of your brows, lower the corners of your mouth",
    "surprise": "raise your brows, open your eyes, drop your jaw",
}

_MOST_FRAMES = 900
_LARGEST_PX = (640, 490)
_COUNTDOWN_S, _REST_S = 3.0, 0.8
_WAIT_S = 30.0
_LOOK_EVERY_FRAMES, _LOOKS_IN_TURN = 5, 4
_LEAST_FRAMES, _LEAST_MOTION = 6, 0.02
_ONSET_SHARE, _APEX_SHARE, _LEAD_FRAMES = 0.1, 0.95, 5
_SMALLEST_FACE_PX, _DARK, _BRIGHT = 110, 50, 205


class Piece(NamedTuple):
    """What is kept of a take, and the picture that shows it."""

    frames: Sequence[Image]
    sheet: Image


def record(
    out: Path,
    *,
    inputs: Sequence[Path],
    camera: int,
    subject: str | None,
    labels: Sequence[str],
    consent: str | None,
    seconds: float,
    unasked: bool,
    console: Console,
) -> dict[str, Any]:
    """Record one person: each emotion once from a camera, or one from each video file.

    Nothing is written before there is a consent line. A take is written whole or not at all, and stays when a later
    one fails.

    Parameters
    ----------
    out : Path
        The data set; begun if it is not there.
    inputs : sequence of Path
        Video files; none means the camera.
    camera : int
        The system's number of the camera.
    subject : str, optional
        ``S012``; the next free one if not given.
    labels : sequence of str
        Of a camera what to show, in this order, by default everything in `PROMPTS`; of video files, one for all.
    consent : str, optional
        The line in which the person agrees; asked for if not given.
    seconds : float
        Length of a take from the camera.
    unasked : bool
        Keep every take without asking.
    console : Console

    Returns
    -------
    dict
        ``data``, ``subject``, ``kept`` (ids) and ``failed`` (what: reason).

    Raises
    ------
    CallError
        ``out`` holds something else, the subject or a label is none, or nobody answers.
    DataError
        There is no camera, it was unplugged, or a take cannot be written.
    """
    check_target(out)
    subject = check_subject(subject or next_subject(out))
    if inputs and len(labels) != 1:
        raise CallError("video files need the one emotion that they show", fix="--label happiness, and one call each")
    agreed = _agree(consent, console)
    # the apex is where a face differs most from the neutral one, not where it moves most
    studio = _Studio(load_pipeline("anchored", ["motion.moving_threshold=0"]))
    kept: list[str] = []
    failed: dict[str, str] = {}

    def keep(label: str, piece: Piece, source: str) -> None:
        begin(out)
        take = Take(subject, label, piece.frames, agreed, source, piece.sheet)
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        kept.append(write_take(out, take, when=now, version=ckseq.__version__))
        console.say(f"{kept[-1]}: {label}, {len(piece.frames)} frames from neutral to apex")

    if inputs:
        for path in inputs:
            try:
                keep(labels[0], studio.cut(_frames_of(path), f"{path.name}: {labels[0]}"), path.name)
            except DataError as error:
                failed[str(path)] = str(error)
                console.warn(f"left out: {error}" if error.where else f"{path} was left out: {error}")
    else:
        try:
            with closing(open_camera(camera)) as frames:  # type: ignore[type-var]
                session = _Session(frames, seconds, console)
                session.meet(studio)
                begin(out)
                for label in labels or PROMPTS:
                    sheet = out / "review.png"
                    piece = _wanted(session, studio, label, sheet, unasked=unasked, console=console)
                    if piece is not None:
                        keep(label, piece, f"camera:{camera}")
        except CkseqError as error:
            if not kept:
                raise
            failed[error.where or f"camera:{camera}"] = str(error)
            console.warn(str(error))
    console.say(
        f"kept in {out}: {', '.join(kept) or 'nothing'}; 'ckseq record forget {subject} --data {out}' deletes it"
    )
    return {"schema": 1, "data": str(out), "subject": subject, "kept": kept, "failed": failed}


def _agree(consent: str | None, console: Console) -> str:
    if consent is None:
        console.say(CONSENT)
        name = console.ask("The person agrees by typing a name or initials (Enter stops)", option='--consent "LINE"')
        consent = f"{CONSENT} Agreed by: {name}" if name else ""
    if not consent.strip():
        raise CallError("no consent, so nothing is recorded", fix="give the person's own words with --consent")
    return consent.strip()


def _frames_of(path: Path) -> list[Image]:
    frames = [_smaller(image) for image in islice(read_gray(VideoFile(path)), _MOST_FRAMES + 1)]
    if len(frames) > _MOST_FRAMES:
        raise DataError(
            f"has more than {_MOST_FRAMES} frames", path, "cut it to one expression, from a neutral face on"
        )
    return frames


def _smaller(image: Image) -> Image:
    """Return a frame as large as CK+'s at most: more pixels only show more of a person."""
    scale = min(1.0, max(_LARGEST_PX) / max(image.shape), min(_LARGEST_PX) / min(image.shape))
    if scale == 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


class _Studio:
    """What finds the face in a take, and where its expression begins and ends."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._detector: Detector = registry.load("detectors", pipeline.detector_kind).SPEC.load(pipeline.detector)

    def look(self, image: Image) -> Box | None:
        """Return the most central face of a frame."""
        boxes = search(image, self._detector, scale=0.5)
        return pick_box(boxes, pick="central", shape=(image.shape[0], image.shape[1])) if boxes else None

    def cut(self, frames: Sequence[Image], title: str) -> Piece:
        """Return a take from neutral to apex.

        Raises
        ------
        DataError
            It shows no face, hardly any motion, or is too short.
        """
        if len(frames) < _LEAST_FRAMES:
            raise DataError(f"{len(frames)} frames are too few", fix=f"at least {_LEAST_FRAMES} are needed")
        faces = follow(frames, self._detector, self._pipeline.faces)
        blobs = blobs_of(aligned(faces.crops, self._pipeline.align), self._pipeline.motion)
        moved = blobs.reshape(len(blobs), -1).mean(axis=1)
        motion = np.concatenate([[0.0], moved])
        if motion.max() < _LEAST_MOTION:
            raise DataError("hardly anything moved", fix="begin with a neutral face, then show it more strongly")
        first, end = neutral_to_apex(motion, onset_share=_ONSET_SHARE, apex_share=_APEX_SHARE, lead_frames=_LEAD_FRAMES)
        first = max(0, min(first, end - _LEAST_FRAMES))
        end = max(end, first + _LEAST_FRAMES)
        sheet = contact_sheet(frames, faces.boxes, motion, kept=(first, end), title=title)
        return Piece(frames[first:end], sheet)


class _Session:
    """One person before the camera; the camera's frames are the clock."""

    def __init__(self, frames: Iterator[tuple[float, Image]], seconds: float, console: Console) -> None:
        self._camera, self._seconds, self._console = frames, seconds, console

    def _frames(self) -> Iterator[tuple[float, Image]]:
        for time_s, image in self._camera:
            yield time_s, _smaller(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8))

    def meet(self, studio: _Studio) -> None:
        """Wait until the detector sees a face well, telling what it sees.

        Raises
        ------
        DataError
            It does not, for half a minute.
        """
        in_turn, begun, told = 0, None, ""
        for number, (time_s, image) in enumerate(self._frames()):
            begun = time_s if begun is None else begun
            if number % _LOOK_EVERY_FRAMES:
                continue
            told, good = seen(image, studio.look(image))
            self._console.glance(told)
            in_turn = in_turn + 1 if good else 0
            if in_turn == _LOOKS_IN_TURN:
                self._console.glance("")
                self._console.say(told)
                return
            if time_s - begun > _WAIT_S:
                raise DataError(
                    f"after {_WAIT_S:.0f} s the face is not seen well: {told}", fix="mend that and try again"
                )

    def take(self, label: str) -> list[Image]:
        """Count down, then record a neutral face and the expression."""
        self._console.say(f"{label.upper()}: {PROMPTS[label]}")
        start = None
        kept: list[Image] = []
        for time_s, image in self._frames():
            start = time_s if start is None else start
            since_s = time_s - start - _COUNTDOWN_S
            if since_s < 0:
                self._console.glance(f"rest your face: {-since_s:.0f}")
                continue
            now = "rest your face" if since_s < _REST_S else f"NOW: {label}, more, and hold it"
            self._console.glance(f"recording  {now}")
            kept.append(image)
            if since_s >= self._seconds:
                break
        self._console.glance("")
        return kept


def seen(image: Image, box: Box | None) -> tuple[str, bool]:
    """Say what the detector sees in a frame, what to do about it, and whether it is good enough.

    >>> seen(np.full((480, 640), 120, np.uint8), Box(250, 150, 450, 350, 1.0))
    ('face 200 pixels wide, light 120 of 255: good', True)
    >>> seen(np.full((480, 640), 30, np.uint8), None)
    ('no face; light 30 of 255: more light', False)
    """
    light = int(image.mean())
    advice = "more light" if light < _DARK else "less light" if light > _BRIGHT else ""
    if box is None:
        return f"no face; light {light} of 255: {advice or 'look straight into the camera'}", False
    width = box.right - box.left
    height_px, width_px = image.shape
    if box.left < 0 or box.top < 0 or box.right > width_px or box.bottom > height_px:
        advice = "to the middle, please"
    elif width < _SMALLEST_FACE_PX:
        advice = "come nearer"
    return f"face {width} pixels wide, light {light} of 255: {advice or 'good'}", not advice


def _wanted(
    session: _Session, studio: _Studio, label: str, sheet: Path, *, unasked: bool, console: Console
) -> Piece | None:
    """Take until the person keeps one; None where they skip it, or where it failed and nobody is asked."""
    while True:
        piece = None
        try:
            frames = session.take(label)
            piece = studio.cut(frames, label)
        except DataError as error:
            if error.where:  # the camera's, not the take's
                raise
            console.warn(f"{label}: {error}")
        if unasked:
            return piece
        answer = _answer(piece, sheet, console)
        if answer != "again":
            return piece if answer == "keep" else None


def _answer(piece: Piece | None, sheet: Path, console: Console) -> str:
    """Show a take as a picture, which is gone afterwards, and return ``keep``, ``again`` or ``skip``."""
    question, answers = "once more, or skip it? [A/s]", {"": "again", "a": "again", "s": "skip"}
    if piece is not None:
        write_bytes(sheet, cv2.imencode(".png", piece.sheet)[1].tobytes())
        question = f"{len(piece.frames)} frames; look at {sheet}: keep it, once more, or skip it? [K/a/s]"
        answers = {"": "keep", "k": "keep", "a": "again", "s": "skip"}
    try:
        while True:
            said = console.ask(question, option="--yes, which keeps every take").lower()
            if said[:1] in answers:
                return answers[said[:1]]
    finally:
        sheet.unlink(missing_ok=True)
