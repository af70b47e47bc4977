import json

import pytest
from made_stores import made_recordings, make_store

from ckseq.errors import CallError, DataError
from ckseq.tasks.audit import audit
from ckseq.tasks.protocol import protocol_export, protocol_verify


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"), made_recordings())


def exported(store, out, console, *settings):
    return protocol_export(store, experiment=None, out=out, settings=settings, overwrite=False, console=console)


@pytest.mark.parametrize(
    "kind", ["paper_split", "subject_holdout", "stratified_k_fold", "subject_k_fold", "leave_one_subject_out"]
)
def test_what_is_exported_is_verified_and_divides_alike(store, tmp_path, console, kind):
    file = tmp_path / "folds.json"
    told = exported(store, file, console, f"protocol.kind={kind}")
    found = protocol_verify(file, store, console=console)
    assert (found["digest"], found["kind"], found["n_sequences"]) == (told["digest"], kind, 27)
    settings = ("protocol.kind=from_file", f"protocol.file={file}")
    again = audit(store, experiment=None, settings=settings, console=console)
    assert again["protocol"]["digest"] == told["digest"]
    assert (found["test_sequences_of_shared_subjects"] > 0) == (kind in ("paper_split", "stratified_k_fold"))


def test_a_changed_file_is_found(store, tmp_path, console):
    file = tmp_path / "folds.json"
    exported(store, file, console, "protocol.kind=subject_k_fold")
    tree = json.loads(file.read_text())
    tree["folds"][0].append(tree["folds"][1].pop())
    file.write_text(json.dumps(tree))
    with pytest.raises(DataError, match="was changed: its digest is"):
        protocol_verify(file, store, console=console)
    tree["digest"] = ""
    file.write_text(json.dumps(tree))
    with pytest.raises(DataError, match=r"says subject_k_fold, but .* test sequences show a subject seen in training"):
        protocol_verify(file, store, console=console)


def test_a_file_of_other_data_is_refused(store, tmp_path, console):
    file = tmp_path / "folds.json"
    file.write_text('[["S000_000", "X_1"], ["X_2"]]')
    with pytest.raises(DataError, match=r"lists X_1 and 1 more, which .* does not contain with a label"):
        protocol_verify(file, store, console=console)
    file.write_text('[["S000_900"], ["S000_000"]]')
    with pytest.raises(DataError, match="lists S000_900, which"):
        protocol_verify(file, store, console=console)


def test_a_file_is_not_overwritten_unasked(store, tmp_path, console):
    (tmp_path / "folds.json").write_text("mine")
    with pytest.raises(CallError, match="exists already"):
        exported(store, tmp_path / "folds.json", console)
