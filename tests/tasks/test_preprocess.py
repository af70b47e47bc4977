import os
import signal
import subprocess
import sys
import textwrap
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from made_videos import write_video

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.preprocessing import one_recording, stages, store_builder
from ckseq.storage.cache import Cache
from ckseq.storage.lock import locked
from ckseq.storage.store import open_store
from ckseq.tasks.preprocess import preprocess


@pytest.fixture
def pipeline(tmp_path):
    path = tmp_path / "fast.toml"
    path.write_text(
        textwrap.dedent("""
        [detector]
        kind = "whole_frame"
        [faces]
        side_px = 48
        [motion]
        threshold = 10
        erosion_px = 1
    """)
    )
    return str(path)


@pytest.fixture
def data(tmp_path, moving_texture):
    """Six recordings of frames as a manifest."""
    lines = ["path,subject,session,label"]
    for number in range(6):
        folder = tmp_path / "frames" / f"r{number}"
        folder.mkdir(parents=True)
        for step, frame in enumerate(moving_texture[: 6 + number]):
            cv2.imwrite(str(folder / f"{step:04d}.png"), frame)
        lines.append(f"frames/r{number},S{number // 2:03d},{number:03d},{'anger' if number % 2 else 'fear'}")
    manifest = tmp_path / "all.csv"
    manifest.write_text("\n".join(lines) + "\n")
    return manifest


def prepare(data, out, pipeline, console, **more):
    return preprocess(data, pipeline=pipeline, out=out, jobs=1, console=console, **more)


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes_with_any_number_of_processes(tmp_path, data, pipeline, console):
    prepare(data, tmp_path / "one.h5", pipeline, console)
    preprocess(data, pipeline=pipeline, out=tmp_path / "two.h5", jobs=2, console=console)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_what_fails_is_stored_with_its_reason_and_the_rest_goes_on(tmp_path, data, pipeline, console):
    cut = tmp_path / "frames" / "r2" / "0003.png"
    cut.write_bytes(cut.read_bytes()[:900])
    for image in sorted((tmp_path / "frames" / "r4").iterdir())[1:]:
        image.unlink()
    result = prepare(data, tmp_path / "s.h5", pipeline, console)
    assert result["n_recordings"] == 6
    assert len(result["failed"]) == 2
    assert any("0003.png" in reason for reason in result["failed"].values())
    assert any("motion needs two" in reason for reason in result["failed"].values())
    with open_store(tmp_path / "s.h5") as store:
        assert {entry.id: entry.error for entry in store.entries if entry.error} == result["failed"]
        assert sum(entry.n_steps > 0 for entry in store.entries) == 4


def test_a_store_that_is_up_to_date_is_left_alone_and_another_is_not_replaced(tmp_path, data, pipeline, console):
    out = tmp_path / "s.h5"
    prepare(data, out, pipeline, console)
    before = out.stat().st_mtime_ns
    assert prepare(data, out, pipeline, console)["n_from_before"] == 6
    assert out.stat().st_mtime_ns == before
    with pytest.raises(CallError, match=r"holds something else.*--overwrite"):
        prepare(data, out, pipeline, console, settings=["motion.threshold=11"])
    prepare(data, out, pipeline, console, settings=["motion.threshold=11"], overwrite=True)
    with open_store(out) as store:
        assert store.pipeline["motion"]["threshold"] == 11


def test_a_changed_frame_is_noticed(tmp_path, data, pipeline, console):
    prepare(data, tmp_path / "s.h5", pipeline, console)
    image = tmp_path / "frames" / "r1" / "0002.png"
    cv2.imwrite(str(image), 255 - cv2.imread(str(image), cv2.IMREAD_GRAYSCALE))
    with pytest.raises(CallError, match="holds something else"):
        prepare(data, tmp_path / "s.h5", pipeline, console)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("cached", [False, True])
def test_frames_that_change_while_they_are_read_are_no_recording(
    tmp_path, data, pipeline, console, monkeypatch, cached, held
):
    # files that are too large to be held are read again when they are decoded
    room, name = (one_recording, "in_memory") if held else (stages, "read_gray")
    read = getattr(room, name)

    def read_late(frames):
        found = read(frames) if held else None
        if frames.paths[0].parent.name == "r1":
            image = frames.paths[2]
            cv2.imwrite(str(image), 255 - cv2.imread(str(image), cv2.IMREAD_GRAYSCALE))
        return found or read(frames)

    monkeypatch.setattr(room, name, read_late)
    monkeypatch.setattr("ckseq.storage.frames.MAX_HELD_BYTES", 2**20 if held else 0)
    more = {"cache": Cache(tmp_path / "cache")} if cached else {}
    (failed,) = prepare(data, tmp_path / "s.h5", pipeline, console, **more)["failed"].values()
    assert "were changed while they were read" in failed
    monkeypatch.undo()
    # and the cache does not have them either
    assert prepare(data, tmp_path / "t.h5", pipeline, console, **more)["from_cache"] == 5 * cached


def test_what_a_process_left_that_was_killed_after_writing_the_store_is_removed(tmp_path, data, pipeline, console):
    out = tmp_path / "s.h5"
    prepare(data, out, pipeline, console)
    before = set(tmp_path.iterdir())
    (tmp_path / "s.h5.parts").mkdir()
    for name in ("s.h5.parts/r1.h5", "s.h5.parts/.r2.h5.x.tmp", ".s.h5.lock", ".s.h5.x.tmp"):
        (tmp_path / name).touch()
    with locked(out):  # not while somebody is at work
        prepare(data, out, pipeline, console)
        assert (tmp_path / "s.h5.parts" / "r1.h5").exists()
    prepare(data, out, pipeline, console)
    assert set(tmp_path.iterdir()) == before


def test_what_somebody_keeps_beside_the_parts_is_left_alone(tmp_path, data, pipeline, console):
    parts = tmp_path / "s.h5.parts"
    parts.mkdir()
    (parts / "notes.txt").write_text("mine")
    prepare(data, tmp_path / "s.h5", pipeline, console)
    assert [path.name for path in parts.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("announced", [True, False])
def test_progress_of_videos_ends_where_it_said(tmp_path, moving_texture, pipeline, capsys, monkeypatch, announced):
    lines = ["path,subject"]
    for number in range(2):
        write_video(tmp_path / f"{number}.mp4", moving_texture[: 6 + number])
        lines.append(f"{number}.mp4,S{number}")
    (tmp_path / "all.csv").write_text("\n".join(lines) + "\n")
    if not announced:  # as of containers without an index
        monkeypatch.setattr(store_builder, "Video", lambda path: SimpleNamespace(n_announced=0))
    prepare(tmp_path / "all.csv", tmp_path / "s.h5", pipeline, Console())
    assert ("frames 13/13  " if announced else "clips 2/2  ") in capsys.readouterr().out


def test_only_the_labels_asked_for(tmp_path, data, pipeline, console):
    assert prepare(data, tmp_path / "s.h5", pipeline, console, classes=["fear"])["n_recordings"] == 3
    with pytest.raises(DataError, match="no recording is labeled joy; labels there: anger, fear"):
        prepare(data, tmp_path / "t.h5", pipeline, console, classes=["joy"])


def test_a_data_set_that_fails_whole_leaves_no_store(tmp_path, data, pipeline, console):
    for image in (tmp_path / "frames").rglob("*.png"):
        image.write_bytes(b"")
    with pytest.raises(DataError, match="none of 6 recordings could be prepared"):
        prepare(data, tmp_path / "s.h5", pipeline, console)
    assert not (tmp_path / "s.h5").exists()


SCRIPT = """
import sys, time
from pathlib import Path
import ckseq.tasks.preprocess as task
import ckseq.preprocessing.one_recording as builder
from ckseq.console import Console
whole = builder.run_stages
def slow(frames, recipe, **more):
    time.sleep(float(sys.argv[4]))
    return whole(frames, recipe, **more)
builder.run_stages = slow
task.preprocess(Path(sys.argv[1]), pipeline=sys.argv[2], out=Path(sys.argv[3]), jobs=1, console=Console(quiet=True))
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_stopped(tmp_path, data, pipeline, console):
    prepare(data, tmp_path / "whole.h5", pipeline, console)
    out = tmp_path / "s.h5"
    arguments = [sys.executable, "-c", SCRIPT, str(data), pipeline, str(out), "0.4"]
    process = subprocess.Popen(arguments)
    parts = tmp_path / "s.h5.parts"
    deadline = time.monotonic() + 60
    while len(list(parts.glob("*.h5"))) < 3:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    ready = len(list(parts.glob("*.h5")))
    result = prepare(data, out, pipeline, console)
    assert 3 <= ready < 6
    assert result["n_from_before"] == ready
    assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert not parts.exists()


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_what_was_done_is_kept(tmp_path, data, pipeline, console):
    """A limit on the size of a file stands for the disk that is full."""
    out = tmp_path / "s.h5"
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
    arguments = [sys.executable, "-c", limit + SCRIPT, str(data), pipeline, str(out), "0"]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode != 0
    assert "cannot be written" in done.stderr
    assert "free some space" in done.stderr
    assert not out.exists()
    assert prepare(data, out, pipeline, console)["failed"] == {}


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="the superuser may write anywhere")
def test_a_read_only_target_is_one_line(tmp_path, data, pipeline, console):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(CallError, match="cannot be made"):
        prepare(data, folder / "s.h5", pipeline, console)


@pytest.mark.slow
def test_memory_stays_bounded(tmp_path, data, pipeline):
    """Three times the recordings may not need more memory, but for some noise; what HDF5 caches is full by then."""
    header, *lines = data.read_text().splitlines()
    manifests = [data.with_name("some.csv"), data.with_name("many.csv")]
    for manifest, n_copies in zip(manifests, (50, 150), strict=True):
        copies = [line.replace(",S", f",C{copy}S") for copy in range(n_copies) for line in lines]
        manifest.write_text("\n".join([header, *copies]) + "\n")
    # not resource.getrusage: its peak is handed on from the process that started this one
    code = SCRIPT + "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    peaks = []
    for manifest in manifests:
        arguments = [sys.executable, "-c", code, str(manifest), pipeline, str(tmp_path / f"{manifest.stem}.h5"), "0"]
        peaks.append(int(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout))
    assert peaks[1] < 1.1 * peaks[0]
    assert peaks[1] < 500 * 1024  # kilobytes


def test_crops_are_taken_from_the_cache_and_the_tensors_are_the_same(tmp_path, data, pipeline, console, monkeypatch):
    plain = tmp_path / "plain.h5"
    aligned = ("align.method=translation", "motion.threshold=25")
    prepare(data, plain, pipeline, console, settings=aligned)
    first = prepare(data, tmp_path / "first.h5", pipeline, console, cache=Cache(tmp_path / "cache"))
    assert first["from_cache"] == 0
    # the same crops, aligned; then, aligned as before, another threshold: no face is looked for again
    monkeypatch.setattr("ckseq.preprocessing.stages.track_face", None)
    more = {"cache": Cache(tmp_path / "cache")}
    second = prepare(data, tmp_path / "second.h5", pipeline, console, settings=aligned[:1], **more)
    monkeypatch.setattr("ckseq.preprocessing.stages.align_crops", None)
    third = prepare(data, tmp_path / "third.h5", pipeline, console, settings=aligned, **more)
    assert (second["from_cache"], third["from_cache"]) == (6, 6)
    assert (tmp_path / "third.h5").read_bytes() == plain.read_bytes()


def test_other_frames_or_another_box_are_no_business_of_the_cache(tmp_path, data, pipeline, console):
    more = {"cache": Cache(tmp_path / "cache")}
    prepare(data, tmp_path / "first.h5", pipeline, console, **more)
    assert (
        prepare(data, tmp_path / "b.h5", pipeline, console, settings=("faces.side_px=40",), **more)["from_cache"] == 0
    )
    changed = tmp_path / "frames" / "r0" / "0002.png"
    cv2.imwrite(str(changed), 255 - cv2.imread(str(changed)))
    assert prepare(data, tmp_path / "c.h5", pipeline, console, **more)["from_cache"] == 5


def test_every_box_policy_takes_recordings_from_the_disk(tmp_path, data, pipeline, console):
    stores = []
    for policy in ("every_frame", "anchor", "smoothed"):
        out = tmp_path / f"{policy}.h5"
        assert not prepare(data, out, pipeline, console, settings=(f"faces.policy={policy}",))["failed"]
        with open_store(out) as store:
            stores.append([store.projections(entry.id) for entry in store.entries])
    # the whole frame is the box whatever follows it
    for one, other in zip(stores[0] * 2, stores[1] + stores[2], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("policy", "n_doubtful"), [("anchor", 0), ("every_frame", 1)])
def test_a_sequence_that_begins_black_is_reported(tmp_path, moving_texture, console, capsys, policy, n_doubtful):
    lines = ["path,subject,session,label"]
    for number, n_black in enumerate((0, 3)):
        folder = tmp_path / f"r{number}"
        folder.mkdir()
        frames = [np.zeros_like(moving_texture[0])] * n_black + list(moving_texture[:6])
        for step, frame in enumerate(frames):
            cv2.imwrite(str(folder / f"{step:04d}.png"), frame)
        lines.append(f"r{number},S00{number},001,anger")
    manifest = tmp_path / "all.csv"
    manifest.write_text("\n".join(lines) + "\n")
    settings = [
        "detector.kind=whole_frame",
        f"faces.policy={policy}",
        "faces.side_px=48",
        "motion.difference=signed",
        "motion.reference=first",
        "motion.erosion_px=1",
    ]
    for _ in range(2):  # the second time it is up to date
        found = preprocess(
            manifest, pipeline="paper", out=tmp_path / "s.h5", settings=settings, jobs=1, console=Console()
        )
        said = capsys.readouterr()
        assert list(found["doubtful"]) == ["S001_001"] * n_doubtful
        dropped = "before the first face were dropped in 1 recording: S001_001"
        assert (dropped in said.out) == (policy == "anchor")
        if n_doubtful:
            found_doubts = [doubt["what"] for doubt in found["doubtful"]["S001_001"]]
            assert found_doubts[0] == "no face was verified in its first crop"
            assert "of 2 recordings 1 is doubtful: S001_001 (no face was verified in its first crop" in said.err
    with open_store(tmp_path / "s.h5") as store:
        plain, black = store.entries
        assert (plain.quality.n_dropped, black.quality.n_dropped) == (0, 3 - 3 * n_doubtful)
        same = store.projections(plain.id).tobytes() == store.projections(black.id).tobytes()
        assert same == (policy == "anchor")


def test_the_mean_picture_is_that_of_the_crops(tmp_path, data, pipeline, console):
    prepare(data, tmp_path / "s.h5", pipeline, console, settings=["reduce.keep_crops=true"])
    with open_store(tmp_path / "s.h5") as store:
        for entry in store.entries:
            crops = store.crops(entry.id)
            small = [cv2.resize(crop, (32, 32), interpolation=cv2.INTER_AREA) for crop in crops]
            np.testing.assert_allclose(store.mean_face(entry.id), np.mean(small, axis=0), atol=0.5)
        assert store.mean_face(entry.id).std() > 3


def test_the_film_strip_is_some_of_the_crops_from_the_first_to_the_last(tmp_path, data, pipeline, console):
    prepare(data, tmp_path / "s.h5", pipeline, console, settings=["reduce.keep_crops=true"])
    with open_store(tmp_path / "s.h5") as store:
        assert store.origin == "other"
        for entry in store.entries:
            crops, strip = store.crops(entry.id), store.film_strip(entry.id)
            assert strip.shape == (min(6, len(crops)), 64, 64)
            for crop, picture in ((crops[0], strip[0]), (crops[-1], strip[-1])):
                np.testing.assert_array_equal(picture, cv2.resize(crop, (64, 64), interpolation=cv2.INTER_AREA))
