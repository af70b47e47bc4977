"""The parts that a data set itself is divided into, and the roles that they have in a run."""

from __future__ import annotations

from ckseq.storage.run_record import RunRecord


def swapped_parts(run: RunRecord) -> str:
    """Return that the data set's own parts change roles: its validation part is the test set; empty otherwise."""
    if run.protocol.kind != "given" or run.value("protocol.test_part") != "validation" or not n_validation(run):
        return ""
    tested = "tested on the part that the data set calls validation (in FER2013 PublicTest)"
    if run.value("training.validation") != "given":
        return f"{tested}; its test part (in FER2013 PrivateTest) is not used"
    return f"{tested}, validated on the part that it calls test (in FER2013 PrivateTest)"


def n_validation(run: RunRecord) -> int:
    """Return the number of samples in the data set's own validation part, or in that which has its role."""
    return len(run.folds[0].validation) if len(run.folds) == 1 else 0
