"""ckseq synth: a data set that is complete or not there."""

import errno
import hashlib

import pytest

import ckseq.tasks.synth as module
from ckseq.errors import CallError, DataError
from ckseq.tasks.synth import synth
from ckseq.twin.tree import TwinConfig

TINY = TwinConfig(
    seed=2, n_subjects=2, emotions=("happiness",), emotions_per_subject=1, median_frames=6, unlabeled_share=0.0
)


def digests(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.slow
def test_same_seed_same_bytes_in_one_process_or_two(tmp_path, console):
    told = synth(tmp_path / "one", config=TINY, jobs=1, overwrite=False, console=console)
    synth(tmp_path / "two", config=TINY, jobs=2, overwrite=False, console=console)
    found = digests(tmp_path / "one")
    assert found == digests(tmp_path / "two")
    assert told["n_subjects"] == told["n_sequences"] == 2
    assert told["labeled"] == {"happiness": 2}
    assert told["n_unlabeled"] == 0
    assert told["n_frames"] == sum(name.endswith(".png") for name in found)
    assert told["path"] == str(tmp_path / "one")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one", "two"]


def test_a_twin_is_replaced_only_when_asked(tmp_path, console):
    out = tmp_path / "twin"
    synth(out, config=TINY, jobs=1, overwrite=False, console=console)
    before = digests(out)
    with pytest.raises(CallError, match="--overwrite"):
        synth(out, config=TINY.model_copy(update={"seed": 3}), jobs=1, overwrite=False, console=console)
    assert digests(out) == before
    synth(out, config=TINY.model_copy(update={"seed": 3}), jobs=1, overwrite=True, console=console)
    assert digests(out) != before


def test_what_is_no_twin_is_never_replaced(tmp_path, console):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CallError, match="not empty"):
        synth(tmp_path, config=TINY, jobs=1, overwrite=True, console=console)
    with pytest.raises(CallError, match="is a file"):
        synth(tmp_path / "thesis.txt", config=TINY, jobs=1, overwrite=True, console=console)
    with pytest.raises(CallError, match="cannot be written"):
        synth(tmp_path / "thesis.txt" / "below", config=TINY, jobs=1, overwrite=True, console=console)
    assert digests(tmp_path).keys() == {"thesis.txt"}


def test_a_full_disk_leaves_nothing_behind(tmp_path, console, monkeypatch):
    def full(sequence, root):
        (root / "half").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device", str(root / "half"))

    monkeypatch.setattr(module, "write", full)
    with pytest.raises(DataError, match="No space left") as caught:
        synth(tmp_path / "twin", config=TINY, jobs=1, overwrite=False, console=console)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_is_refused_and_leaves_the_work_of_the_first_alone(tmp_path, console, monkeypatch):
    config = TwinConfig(n_subjects=1, emotions_per_subject=2, median_frames=6)
    write, refused = module.write, []

    def write_beside_another(sequence, root):
        write(sequence, root)
        with pytest.raises(CallError, match="is being written by process") as caught:
            synth(tmp_path / "twin", config=config, jobs=1, overwrite=False, console=console)
        refused.append(caught)

    synth(tmp_path / "alone", config=config, jobs=1, overwrite=False, console=console)
    monkeypatch.setattr(module, "write", write_beside_another)
    synth(tmp_path / "twin", config=config, jobs=1, overwrite=False, console=console)
    assert refused
    alone, twin = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("alone", "twin")
    )
    assert alone == twin


def test_a_lock_that_was_left_at_a_complete_twin_is_removed(tmp_path, console):
    small = TwinConfig(n_subjects=1, emotions_per_subject=1, median_frames=6)
    synth(tmp_path / "twin", config=small, jobs=1, overwrite=False, console=console)
    (tmp_path / ".twin.lock").touch()
    with pytest.raises(CallError, match="already contains a synthetic data set"):
        synth(tmp_path / "twin", config=small, jobs=1, overwrite=False, console=console)
    assert [path.name for path in tmp_path.iterdir()] == ["twin"]
