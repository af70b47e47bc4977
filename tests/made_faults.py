"""Seeded hostile inputs: small data sets of every source, what may happen to their files, and what may come of it."""

import os
import shutil
import struct
import time
import zipfile
import zlib

import cv2
import numpy as np
from made_stills import write_fer2013
from made_videos import write_video

from ckseq.console import Console
from ckseq.errors import CkseqError
from ckseq.preprocessing.data_set import find_source
from ckseq.storage.store import open_store
from ckseq.tasks.preprocess import preprocess

PIPELINE = """
[detector]
kind = "whole_frame"
[faces]
policy = "{policy}"
side_px = 24
{color}
[motion]
difference = "{difference}"
[reduce]
keep_crops = true
"""
MAX_S = 10


def frames_of(seed, n=4, side=32):
    """Gray frames of noise with a square that moves."""
    ground = cv2.GaussianBlur(np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8), (0, 0), 2)
    frames = []
    for step in range(n):
        frame = ground.copy()
        frame[8 + 3 * step : 16 + 3 * step, 4:20] = 30 * step
        frames.append(frame)
    return frames


def write_frames(folder, names, seed):
    folder.mkdir(parents=True)
    for name, frame in zip(names, frames_of(seed), strict=True):
        cv2.imwrite(str(folder / name), frame)


def ckplus(root):
    for seed, (subject, session, code) in enumerate([("S005", "001", 3), ("S005", "002", 7), ("S010", "001", None)]):
        id = f"{subject}_{session}"
        names = [f"{id}_{number:08d}.png" for number in range(1, 5)]
        write_frames(root / "cohn-kanade-images" / subject / session, names, seed)
        if code is not None:
            label = root / "Emotion" / subject / session / f"{id}_00000004_emotion.txt"
            label.parent.mkdir(parents=True)
            label.write_text(f"   {code:.7e}\n")


def ckplus_zips(root):
    ckplus(root)
    for folder, archive in (
        ("cohn-kanade-images", "extended-cohn-kanade-images.zip"),
        ("Emotion", "Emotion_labels.zip"),
    ):
        with zipfile.ZipFile(root / archive, "w", zipfile.ZIP_DEFLATED) as opened:
            for path in sorted((root / folder).rglob("*")):
                opened.write(path, path.relative_to(root))
        shutil.rmtree(root / folder)


def class_folders(root):
    for seed, name in enumerate(["anger/S1_a", "anger/S2_a", "fear/S1_b"]):
        write_frames(root / name, [f"{number}.png" for number in range(4)], seed)


def videos(root):
    for seed, name in enumerate(["anger/S1_a.avi", "anger/S2_a.mp4", "fear/S1_b.avi"]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_video(root / name, frames_of(seed, n=8, side=64), codec="mp4v" if name.endswith("mp4") else "MJPG")


def jpegs(root):
    for seed, name in enumerate(["anger/S1_a", "fear/S1_b"]):
        write_frames(root / name, [f"{number}.jpg" for number in range(4)], seed)


def manifest(root):
    lines = ["path,subject,session,label"]
    for seed, (subject, label) in enumerate([("A", "anger"), ("B", "anger"), ("C", "fear")]):
        write_frames(root / "frames" / subject, [f"{number}.png" for number in range(4)], seed)
        lines.append(f"frames/{subject},{subject},1,{label}")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")


def fer2013(root):
    root.mkdir(exist_ok=True)
    write_fer2013(root / "fer2013.csv", per_class=1, codes=range(3))


SOURCES = {made.__name__: made for made in (ckplus, ckplus_zips, class_folders, videos, jpegs, manifest, fer2013)}


def chosen(rng, root, *, endings=None):
    """A file of a data set."""
    paths = [path for path in sorted(root.rglob("*")) if path.is_file() and (not endings or path.suffix in endings)]
    return paths[int(rng.integers(len(paths)))] if paths else None


def _flip(rng, data):
    data = bytearray(data)
    data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _overwrite(rng, data):
    at = int(rng.integers(len(data)))
    return data[:at] + rng.bytes(min(40, len(data) - at)) + data[at + 40 :]


def _claim(rng, data):
    """A file that says it is large, in one format or another."""
    side = int(rng.choice([9_000, 60_000, 2**31 - 1]))
    kind = int(rng.integers(4))
    if kind == 0:
        head = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + data[33:]
    if kind == 1:
        return struct.pack("<2sIIIIiiHH24x", b"BM", len(data), 0, 54, 40, side, side, 1, 24)
    if kind == 2:
        tags = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
        tags += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, side), (279, 4, 1, 100)]
        return (
            b"II*\0\x08\0\0\0"
            + struct.pack("<H", len(tags))
            + b"".join(struct.pack("<HHII", *t) for t in tags)
            + bytes(4)
        )
    return b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<II", 10, 0) + b"\xff" * 6


BYTES = {
    "truncated": lambda rng, data: data[: int(rng.integers(1, max(2, len(data))))],
    "emptied": lambda rng, data: b"",
    "flipped": _flip,
    "overwritten": _overwrite,
    "doubled": lambda rng, data: data + data,
    "noise": lambda rng, data: rng.bytes(int(rng.integers(1, 2000))),
    "text": lambda rng, data: b"this is no such file\n",
    "claim": _claim,
}


def _fifo(rng, path, root):
    path.unlink()
    os.mkfifo(path)


def _dangling(rng, path, root):
    path.unlink()
    path.symlink_to("nowhere")


def _own_link(rng, path, root):
    path.unlink()
    path.symlink_to(path.name)


def _device(rng, path, root):
    path.unlink()
    path.symlink_to("/dev/zero")


def _folder_instead(rng, path, root):
    path.unlink()
    path.mkdir()


def _loop(rng, path, root):
    for number in range(4):
        (path.parent / f"loop{number}").symlink_to(path.parent if number % 2 else root)


def _long_name(rng, path, root):
    path.rename(path.with_name("n" * int(rng.integers(200, 255 - len(path.suffix))) + path.suffix))


def _odd_name(rng, path, root):
    stem = os.fsdecode(bytes(rng.choice([b"a\xff\xfe", b"\x1b[31mred", b"a\nb", "\u202ereversed".encode(), b"a,b"])))
    path.rename(path.with_name(stem + path.suffix))


def _two_sizes(rng, path, root):
    cv2.imwrite(str(path), frames_of(0, side=int(rng.choice([16, 31, 48])))[2])


def _foreign(rng, path, root):
    cv2.imwrite(str(path.with_name(f"zz_cover{path.suffix}")), frames_of(99)[1])


def _two_labels(rng, path, root):
    """Copy all of a class into another."""
    if path.parent.parent.parent == root:
        shutil.copytree(path.parent, root / "surprise" / path.parent.name, dirs_exist_ok=True)
    elif path.parent.parent == root:
        (root / "surprise").mkdir(exist_ok=True)
        shutil.copy(path, root / "surprise" / path.name)


PLACES = {
    "fifo": _fifo,
    "dangling": _dangling,
    "own_link": _own_link,
    "device": _device,
    "folder": _folder_instead,
    "loop": _loop,
    "long_name": _long_name,
    "odd_name": _odd_name,
}
PIXELS = {"two_sizes": _two_sizes, "foreign": _foreign}


def _replace_cell(rng, text, cell):
    lines = text.split("\n")
    number = int(rng.integers(1, len(lines) - 1))
    cells = lines[number].split(",")
    cells[int(rng.integers(len(cells)))] = cell
    lines[number] = ",".join(cells)
    return "\n".join(lines)


TABLES = {
    "bom": lambda rng, text: "\ufeff" + text,
    "crlf": lambda rng, text: text.replace("\n", "\r\n"),
    "cr": lambda rng, text: text.replace("\n", "\r"),
    "nul": lambda rng, text: _replace_cell(rng, text, "a\0b"),
    "columns": lambda rng, text: text.replace("\n", "," + ",".join(f"c{n}" for n in range(100_000)) + "\n", 1),
    "quotes": lambda rng, text: _replace_cell(rng, text, '"' * int(rng.integers(1, 9_999))),
    "long_cell": lambda rng, text: _replace_cell(rng, text, "x" * 300_000),
    "digits": lambda rng, text: _replace_cell(rng, text, "9" * 5_000),
    "negative": lambda rng, text: _replace_cell(rng, text, "-1"),
    "slash": lambda rng, text: _replace_cell(rng, text, "/dev/zero"),
    "up": lambda rng, text: _replace_cell(rng, text, "../" * 500),
    "empty_cell": lambda rng, text: _replace_cell(rng, text, ""),
    "one_line": lambda rng, text: text.replace("\n", " "),
    "no_end": lambda rng, text: text.rstrip("\n"),
    "doubled_row": lambda rng, text: text + text.split("\n")[1] + "\n",
    "latin1": lambda rng, text: _replace_cell(rng, text, "\udce9"),
}


class Prepared(dict):
    """Label, frames and tensors by recording of those that were prepared; ``said`` is everything that was said."""

    said = ""
    failed = ()


class _Listener(Console):
    def __init__(self):
        super().__init__(quiet=True)
        self.lines = []

    def warn(self, what):
        self.lines.append(what)


def recipe_in(folder, *, policy="every_frame", difference="signed", color=""):
    path = folder / f"{policy}_{difference}.toml"
    path.write_text(PIPELINE.format(policy=policy, difference=difference, color=color))
    return path


def check_line(text, root):
    """An error is one line that names a place in the data."""
    assert "\n" not in text, text
    assert any(path.name in text for path in (root, *root.rglob("*"))), text
    text.encode()


def prepare(root, recipe, out):
    """Take a data set through the doors: its problems and its store. A `CkseqError` is checked and raised."""
    start = time.monotonic()
    listener = _Listener()
    try:
        problems = find_source(root, None).problems(root)
        out.unlink(missing_ok=True)
        result = preprocess(root, pipeline=str(recipe), out=out, jobs=1, console=listener)
    except CkseqError as error:
        check_line(str(error), root)
        raise
    finally:
        shutil.rmtree(out.with_name(f"{out.name}.parts"), ignore_errors=True)
        assert time.monotonic() - start < MAX_S
    prepared = Prepared()
    with open_store(out) as store:
        notes = store.notes
        for entry in store.entries:
            if entry.error is None:
                arrays = [store.projections(entry.id)] if entry.n_steps else []
                data = b"".join(array.tobytes() for array in [*arrays, store.crops(entry.id)])
                prepared[entry.id] = (entry.label, entry.subject, entry.n_frames, data)
        assert store.verify() == []
    prepared.failed = tuple(result["failed"])
    prepared.said = "\n".join([*listener.lines, *notes, *(f"{p.where} {p.what}" for p in problems)])
    prepared.said.encode()
    return prepared


def silent_differences(before, after):
    """Return the recordings that differ from those of the undamaged data without a word about them."""
    found = []
    for id in before.keys() | after.keys():
        if before.get(id) == after.get(id) or id in after.failed:
            continue
        folder = id.replace("_", "/", 1)
        if id not in after.said and folder not in after.said:
            found.append(id)
    return found
