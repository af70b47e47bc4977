"""The table of a timeline."""

import csv
import json

import numpy as np

from ckseq.inference.timeline_files import OutputFiles, TimelineTable, write_summary
from ckseq.signal.faces import Box
from ckseq.tracking.face_tracker import TrackedFace
from ckseq.tracking.segments import VideoSummary
from ckseq.tracking.stream import FrameResult
from ckseq.tracking.timeline import Decision


def test_a_class_that_looks_like_a_formula_is_inert_in_the_table_and_plain_in_the_figure(tmp_path, monkeypatch):
    labels = ("=1+1", "joy")
    files = OutputFiles(tmp_path, "video", draw=False)
    p = np.array([0.75, 0.25], np.float32)
    frame = FrameResult(Box(1, 2, 3, 4, 1.0), None, None, None, True)
    with TimelineTable(files.path("csv"), labels, 0.2) as table:
        table.update(0.5, [TrackedFace(1, True, frame, Decision(0.5, "moving", p, p, 0, 0, 0.5))])
        table.update(1.0, [TrackedFace(1, True, frame, Decision(1.0, "moving", p, p, 1, 1, 0.5))])
    with files.path("csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["label"], first["sure"], first["p_=1+1"]) == ("'=1+1", "'=1+1", "0.750000")
    assert (second["label"], second["sure"]) == ("joy", "joy")
    drawn = []
    monkeypatch.setattr(
        "ckseq.report.timeline.draw_timeline",
        lambda samples, names, title, multi_label: drawn.append((samples, names)) or b"",
    )
    write_summary(files, VideoSummary(2, 0, 1.0, 1, []), labels)
    ((samples, names),) = drawn
    assert [sample.label for sample in samples] == ["=1+1", "joy"]
    assert names == labels
    assert json.loads(files.path("json").read_text())["labels"] == list(labels)
