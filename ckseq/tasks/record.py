"""``ckseq record``: a person's own data in CK+'s layout, from a camera or from video files, never without consent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2

import ckseq
from ckseq.capture.camera_session import PROMPTS, CameraSession
from ckseq.capture.clips import ClipCutter, CutClip, read_frames
from ckseq.config import did_you_mean
from ckseq.console import Console
from ckseq.errors import CallError, CkseqError, DataError
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.storage.camera import open_camera
from ckseq.storage.files import write_bytes
from ckseq.storage.recorded import (
    Clip,
    add_clip,
    check_label,
    check_subject,
    check_target,
    create_data_set,
    next_subject,
)

CONSENT = (
    "I agree that pictures of my face are stored on this computer and are used to train and test programs that "
    "classify how faces move. I can have all of them deleted at any time."
)

Save = Callable[[str, CutClip, str], None]
"""Saves a clip, given its label, the clip and its source."""


def record(
    out: Path,
    *,
    inputs: Sequence[Path],
    camera: int,
    subject: str | None,
    labels: Sequence[str],
    consent: str | None,
    seconds: float,
    color: bool = False,
    unasked: bool,
    console: Console,
) -> dict[str, Any]:
    """Record one person: each emotion once from a camera, or one from each video file.

    Nothing is written before there is a consent line. A clip is written completely or not at all, and stays when a
    later one fails.

    Parameters
    ----------
    out : Path
        The data set; created if it does not exist.
    inputs : sequence of Path
        Video files; none means the camera.
    camera : int
        The system's number of the camera.
    subject : str, optional
        ``S012``; the next free one if not given.
    labels : sequence of str
        From a camera what is to be shown, in this order, by default all of `PROMPTS`; the one label of video files.
        Emotions, or any other words.
    consent : str, optional
        The line in which the person agrees; asked for if not given.
    seconds : float
        Length of a recording from the camera.
    color : bool
        Save frames in color, for networks pretrained on color images; CK+'s are gray, and take a third of the space.
    unasked : bool
        Save every clip without asking.
    console : Console

    Returns
    -------
    dict
        ``data``, ``subject``, ``kept`` (ids) and ``failed`` (what: reason).

    Raises
    ------
    CallError
        ``out`` holds something else, the subject or a label is invalid, or nobody answers.
    DataError
        There is no camera, it was unplugged, or a clip cannot be written.
    """
    check_target(out)
    subject = check_subject(subject or next_subject(out))
    labels = [check_label(label) for label in labels]
    if inputs and len(labels) != 1:
        raise CallError("video files need the one label of what they show", fix="--label happiness, and one call each")
    for label in labels:
        if label not in PROMPTS and (hint := did_you_mean(label, PROMPTS)):
            console.warn(f"{label!r} is a label of its own; {hint.strip()}")
    agreed = _ask_consent(consent, console)
    # the apex is where a face differs most from the neutral one, not where it moves most
    cutter = ClipCutter(load_pipeline("anchored", ["motion.moving_threshold=0"]))
    saved: list[str] = []

    def save(label: str, clip: CutClip, source: str) -> None:
        create_data_set(out)
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        full = Clip(subject, label, clip.frames, agreed, source, clip.sheet)
        saved.append(add_clip(out, full, when=now, version=ckseq.__version__))
        console.say(f"{saved[-1]}: {label}, {len(clip.frames)} frames from neutral to apex")

    if inputs:
        failed = _from_files(inputs, labels[0], cutter, save, console, color=color)
    else:
        failed = {}
        try:
            with closing(open_camera(camera)) as frames:  # type: ignore[type-var]
                session = CameraSession(frames, seconds, console, color=color)
                session.wait_for_face(cutter)
                create_data_set(out)
                for label in labels or PROMPTS:
                    clip = _record_until_accepted(session, cutter, label, out, unasked=unasked, console=console)
                    if clip is not None:
                        save(label, clip, f"camera:{camera}")
        except CkseqError as error:
            if not saved:
                raise
            failed[error.where or f"camera:{camera}"] = str(error)
            console.warn(str(error))
    console.say(
        f"saved in {out}: {', '.join(saved) or 'nothing'}; 'ckseq record forget {subject} --data {out}' deletes it"
    )
    return {"schema": 1, "data": str(out), "subject": subject, "kept": saved, "failed": failed}


def _ask_consent(consent: str | None, console: Console) -> str:
    if consent is None:
        console.say(CONSENT)
        name = console.ask("The person agrees by typing a name or initials (Enter stops)", option='--consent "LINE"')
        consent = f"{CONSENT} Agreed by: {name}" if name else ""
    if not consent.strip():
        raise CallError("no consent, so nothing is recorded", fix="give the person's own words with --consent")
    return consent.strip()


def _from_files(
    paths: Sequence[Path], label: str, cutter: ClipCutter, save: Save, console: Console, *, color: bool
) -> dict[str, str]:
    """Save a clip of each video file, and return by path why there is none."""
    failed: dict[str, str] = {}
    for path in paths:
        try:
            save(label, cutter.cut(read_frames(path, color=color), f"{path.name}: {label}"), path.name)
        except DataError as error:
            failed[str(path)] = str(error)
            console.warn(f"left out: {error}" if error.where else f"{path} was left out: {error}")
    return failed


def _record_until_accepted(
    session: CameraSession, cutter: ClipCutter, label: str, out: Path, *, unasked: bool, console: Console
) -> CutClip | None:
    """Record until the person accepts a clip; None where they skip it, or where it failed and nobody is asked."""
    while True:
        clip = None
        try:
            clip = cutter.cut(session.record(label), label)
        except DataError as error:
            if error.where:  # an error of the camera, not of the clip
                raise
            console.warn(f"{label}: {error}")
        if unasked:
            return clip
        answer = _review(clip, out / "review.png", console)
        if answer != "again":
            return clip if answer == "keep" else None


def _review(clip: CutClip | None, sheet: Path, console: Console) -> str:
    """Show a clip as an image, which is deleted afterwards, and return ``keep``, ``again`` or ``skip``."""
    question, answers = "record again, or skip it? [A/s]", {"": "again", "a": "again", "s": "skip"}
    if clip is not None:
        write_bytes(sheet, cv2.imencode(".png", clip.sheet)[1].tobytes())
        question = f"{len(clip.frames)} frames; look at {sheet}: keep it, record again, or skip it? [K/a/s]"
        answers = {"": "keep", "k": "keep", "a": "again", "s": "skip"}
    try:
        while True:
            answer = console.ask(question, option="--yes, which keeps every clip").lower()
            if answer[:1] in answers:
                return answers[answer[:1]]
    finally:
        sheet.unlink(missing_ok=True)
