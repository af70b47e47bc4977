import json
import zlib
from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ckseq.errors import DataError
from ckseq.facs import ActionUnit
from ckseq.recording import ImageFiles, Recording
from ckseq.storage.store import open_store, root_checksum
from ckseq.storage.store_writer import Prepared, assemble, read_part, write_part


def recording(id="S001_001", label="anger"):
    return Recording(id, "S001", "001", label, ImageFiles(()))


def build(folder, *prepared, name="store.h5"):
    parts = folder / "parts"
    parts.mkdir(exist_ok=True)
    for item in prepared:
        write_part(parts, item)
    out = folder / name
    assemble(
        parts,
        {one.recording.id: one.digest for one in prepared},
        out,
        pipeline={"name": "paper"},
        digest="d",
        notes=["synthetic"],
    )
    return out


@pytest.fixture
def store(tmp_path):
    generator = np.random.default_rng(0)
    arrays = {
        "projections": generator.random((4, 2, 9), dtype=np.float32),
        "blobs": generator.random((4, 9, 9)) > 0.5,
        "faces": generator.integers(0, 256, (2, 9, 9), dtype=np.uint8),
    }
    failed = Prepared(recording("S002_001", None), "e", error="no face in any of 3 frames", n_frames=3)
    return build(tmp_path, Prepared(recording(), "d", "s", 5, 0, arrays), failed), arrays


def test_what_was_written_is_read(store):
    path, arrays = store
    with open_store(path) as opened:
        good, failed = opened.entries
        assert (good.n_frames, good.n_steps, good.error) == (5, 4, None)
        assert (failed.label, failed.n_steps, failed.error) == (None, 0, "no face in any of 3 frames")
        for name, read in [("projections", opened.projections), ("blobs", opened.blobs), ("faces", opened.faces)]:
            np.testing.assert_array_equal(read("S001_001"), arrays[name])
            assert read("S001_001").dtype == arrays[name].dtype
        assert opened.pipeline == {"name": "paper"}
        assert (opened.digest, opened.notes) == ("d", ["synthetic"])


def test_facs_codes_survive_in_recordings_and_index(tmp_path):
    units = (ActionUnit("1", 2), ActionUnit("12"))
    coded, neutral, unknown = (
        Prepared(replace(recording(id), action_units=codes), "d")
        for id, codes in [("a", units), ("b", ()), ("c", None)]
    )
    path = build(tmp_path, coded, neutral, unknown)
    with open_store(path) as opened:
        assert [entry.action_units for entry in opened.entries] == [units, (), None]
        assert opened.verify() == []
    with h5py.File(path) as file:
        assert file["recordings/a"].attrs["action_units"] == '[["1", 2], ["12", null]]'
        assert "action_units" not in file["recordings/c"].attrs


def test_an_index_from_before_facs_codes_is_read(tmp_path):
    path = build(tmp_path, Prepared(recording(), "d"))
    with h5py.File(path, "r+") as file:
        index = json.loads(file["index"][()])
        del index[0]["action_units"], file["index"]
        text = json.dumps(index)
        file["index"] = text
        file["index"].attrs["crc32"] = zlib.crc32(text.encode())
        file.attrs["checksum"] = root_checksum(file)
    with open_store(path) as opened:
        assert opened.entries[0].action_units is None


@given(arrays(np.bool_, st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 40))))
def test_blobs_survive_packing_for_every_shape(tmp_path_factory, blobs):
    path = build(tmp_path_factory.mktemp("pack"), Prepared(recording(), "d", arrays={"blobs": blobs}))
    with open_store(path) as opened:
        np.testing.assert_array_equal(opened.blobs("S001_001"), blobs)


def test_the_same_parts_give_the_same_bytes_whatever_the_order_of_writing(tmp_path):
    one, two = (Prepared(recording(id), "d", arrays={"projections": np.ones((2, 2, 3), np.float32)}) for id in "ab")
    first = build(tmp_path, one, two, name="first.h5").read_bytes()
    write_part(tmp_path / "parts", two)
    write_part(tmp_path / "parts", one)
    assemble(tmp_path / "parts", {"a": "d", "b": "d"}, tmp_path / "second.h5", pipeline={"name": "paper"}, digest="d",
             notes=["synthetic"])  # fmt: skip
    assert (tmp_path / "second.h5").read_bytes() == first


def test_what_is_missing_is_named(store):
    path, _ = store
    with open_store(path) as opened:
        for id, message in [
            ("S009_001", "no such recording"),
            ("S002_001", "no face in any"),
            ("S001_001", "no halved"),
        ]:
            with pytest.raises(DataError, match=message):
                opened.halved(id)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.7, 0.99])
def test_a_store_cut_short_is_one_clear_line(store, share):
    path, _ = store
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match="--overwrite"), open_store(path):
        pass


@pytest.mark.parametrize(
    ("schema", "message"),
    [(4, "written by ckseq 9.9 .schema 4.*update ckseq"), (0, "of an unknown schema, 0"), (None, "not a store")],
)
def test_another_schema_is_refused(store, schema, message):
    path, _ = store
    with h5py.File(path, "a") as file:
        del file.attrs["schema"]
        file.attrs["ckseq_version"] = "9.9"
        if schema is not None:
            file.attrs["schema"] = schema
    with pytest.raises(DataError, match=message), open_store(path):
        pass


def test_no_such_store(tmp_path):
    with pytest.raises(DataError, match="no such store; make a store with"), open_store(tmp_path / "none.h5"):
        pass


def test_a_part_that_was_cut_short_counts_as_not_there(tmp_path):
    write_part(tmp_path, Prepared(recording(), "d", n_frames=7))
    assert read_part(tmp_path, "S001_001")[:4] == ("d", 7, None, None)
    path = tmp_path / "S001_001.h5"
    path.write_bytes(path.read_bytes()[:200])
    assert read_part(tmp_path, "S001_001") is None
    assert read_part(tmp_path, "S002_001") is None


def test_a_store_of_version_0_1_has_no_checksums_and_is_read(store):
    path, arrays = store
    with h5py.File(path, "a") as file:
        file.attrs["schema"] = 1
        file.attrs["pipeline"] = json.dumps({"name": "paper", "faces": {"colour": "grey"}})  # codespell:ignore
        del file.attrs["checksum"]
        group = file["recordings/S001_001"]
        del group.attrs["checksum"]
        for dataset in group.values():
            del dataset.attrs["crc32"]
    with open_store(path) as opened:
        assert opened.pipeline["faces"] == {"color": "gray"}
        np.testing.assert_array_equal(opened.projections("S001_001"), arrays["projections"])
        assert opened.verify() == []


@pytest.mark.parametrize("packed", [True, False])
def test_no_flipped_bit_changes_anything_in_silence(tmp_path, packed):
    rng = np.random.default_rng(3)
    arrays = {"projections": rng.random((6, 2, 40), np.float32), "blobs": rng.random((6, 40, 40)) > 0.9}
    (tmp_path / "parts").mkdir()
    write_part(tmp_path / "parts", Prepared(recording(), "d", "s", 7, 0, arrays), packed=packed)
    path = tmp_path / "store.h5"
    assemble(tmp_path / "parts", {"S001_001": "d"}, path, pipeline={"name": "paper"}, digest="d", notes=[])
    good = path.read_bytes()

    def everything():
        with open_store(path) as opened:
            metadata = opened.entries, opened.digest, opened.pipeline, opened.notes
            return (*metadata, opened.projections("S001_001").tobytes(), opened.blobs("S001_001").tobytes())

    expected, found = everything(), 0
    for _ in range(300):
        bad = bytearray(good)
        bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
        path.write_bytes(bad)
        try:
            assert everything() == expected
        except DataError:
            found += 1
    assert found > 30


@pytest.mark.parametrize("kind", ["soft", "external", "outside", "virtual"])
def test_nothing_outside_the_file_is_read(store, tmp_path, kind):
    path, _ = store
    (tmp_path / "secret.txt").write_bytes(b"a secret of somebody else" * 100)
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = np.ones((2, 2, 2), np.uint8)
    with h5py.File(path, "a") as file:
        group = file["recordings/S001_001"]
        if "faces" in group:
            del group["faces"]
        if kind == "soft":
            group["faces"] = h5py.SoftLink("/index")
        elif kind == "external":
            group["faces"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "x")
        elif kind == "outside":
            group.create_dataset("faces", (2, 8, 8), np.uint8, external=[(str(tmp_path / "secret.txt"), 0, 128)])
        else:
            layout = h5py.VirtualLayout((2, 2, 2), np.uint8)
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (2, 2, 2))
            group.create_virtual_dataset("faces", layout)
        # an attacker can make fitting checksums
        file.attrs["schema"] = 1
    with open_store(path) as opened, pytest.raises(DataError, match="another"):
        opened.faces("S001_001")
