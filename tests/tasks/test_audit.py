import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from made_stores import RIDGE, made, made_recordings, make_recipe, make_store

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.storage.complete_run import read_complete_run
from ckseq.tasks.audit import audit
from ckseq.tasks.crossval import crossval
from ckseq.tasks.report import report
from ckseq.tasks.runs import runs

APART = ("protocol.kind=subject_k_fold", "protocol.folds=3")
RANDOM = ("protocol.kind=stratified_k_fold", "protocol.folds=3")


def leaks(store, console, settings, experiment=None):
    return audit(store, experiment=experiment, settings=settings, console=console)


def rule(found, name):
    return next(rule for rule in found["rules"] if rule["name"] == name)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"), made_recordings())


def test_zero_is_reported_where_nothing_leaks(store, console):
    found = leaks(store, console, APART)
    assert found["n_sequences"] == found["n_test"] == 27  # the one without a label is left out
    for name in ("shared_subjects", "test_sequences_of_shared_subjects", "test_sequences_of_shared_sessions"):
        assert found[name] == 0
    assert found["n_duplicates"] == found["n_near_duplicates"] == 0
    assert found["sentences"][:2] == [
        "no test subject is in training",
        "no test sequence is a copy of a training sequence",
    ]
    assert "no pixel-free baseline is significantly better" in found["sentences"][2]
    assert [one["name"] for one in found["pictures"]] == ["first frame", "mean picture"]
    assert "the first frame alone" in found["sentences"][3]
    assert "is not significantly better" in found["sentences"][3]


def test_always_predicting_the_most_frequent_class_is_one_number(store, console, tmp_path):
    """The prior is that of the training part, in the audit as in the report and its table."""
    recipe = make_recipe(tmp_path, RIDGE)
    prior = rule(leaks(store, console, (), recipe), "class prior")["accuracy"]
    crossval(store, experiment=recipe, out=tmp_path / "run", console=console)
    told = report(tmp_path / "run", faces=False, console=console)
    assert told["majority_class_accuracy"] == prior
    text = (tmp_path / "run" / "classification_report.txt").read_text()
    assert f"majority-class baseline (most frequent in training)   {prior:.2f}" in text
    page = (tmp_path / "run" / "report.html").read_text()
    assert f'<dd id="majority">{prior:.2f}</dd>' in page
    assert f"always predicting the most frequent class ({prior:.3f})" in page
    # what the paired test with the model reads: hit or miss of each test sequence, in the order of the folds
    record, predictions = read_complete_run(tmp_path / "run")
    truth = {row.recording: row.truth for row in predictions.rows}
    hits = []
    for fold in record.folds:
        counts = Counter(truth[id] for id in truth if id not in fold.test)
        most = min(counts, key=lambda label: (-counts[label], label))
        hits += ["01"[truth[id] == most] for id in fold.test]
    assert record.leakage.prior.hits == "".join(hits)


def test_a_leak_that_is_as_good_as_the_model_is_a_banner(tmp_path, capsys):
    store = make_store(tmp_path, made_recordings(length_tells=True))
    crossval(store, experiment=make_recipe(tmp_path, RIDGE), out=tmp_path / "run", console=Console(quiet=True))
    told = report(tmp_path / "run", faces=False, console=Console())
    assert "sequence length" in told["as_good_baselines"]
    assert "This result shows nothing yet" in told["nothing_yet"]
    assert "warning: This result shows nothing yet" in capsys.readouterr().err
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.index("This result shows nothing yet") < page.index('class="headline"')
    assert "learned something" not in page


def unknown(recordings, of=lambda number: True):
    """The same recordings, of which the subjects of some are unknown."""
    return [
        replace(one, recording=replace(one.recording, subject=one.recording.id)) if of(number) else one
        for number, one in enumerate(recordings)
    ]


def test_unknown_subjects_are_no_all_clear(tmp_path, console, capsys):
    store = make_store(tmp_path, unknown(made_recordings()))
    found = leaks(store, Console(), RANDOM)
    assert (found["shared_subjects"], found["test_sequences_of_shared_subjects"]) == (None, None)
    assert found["sequences_of_unknown_subjects"] == 27
    assert found["sentences"][0] == (
        "whether test subjects are also in training is unknown: the subjects of 27 sequences are unknown"
    )
    assert "no test subject is in training" not in capsys.readouterr().out
    recipe = make_recipe(tmp_path, RIDGE)
    crossval(store, experiment=recipe, out=tmp_path / "run", settings=RANDOM, console=console)
    told = report(tmp_path / "run", faces=False, console=console)
    assert told["headline"].endswith("subjects unknown: people may be in training and test")
    assert told["accuracy_interval_method"] == "wilson"
    page = (tmp_path / "run" / "report.html").read_text()
    assert "0 % of test" not in page
    assert "no test subject is in training" not in page
    assert "Subject-independent split" not in page
    assert "the subjects are unknown, so every sequence counts as independent" in page
    (run,) = runs(tmp_path / "run", sort="run", only=(), console=console)["runs"]
    assert run["test_sequences_of_shared_subjects"] is None
    assert run["test_set"] == "27 test sequences, subjects unknown: people may be in training and test"


def test_of_some_unknown_subjects_the_known_ones_are_counted_at_least(tmp_path, console):
    store = make_store(tmp_path, unknown(made_recordings(), of=lambda number: number == 0))
    found = leaks(store, console, RANDOM)
    n = found["test_sequences_of_shared_subjects"]
    assert 0 < n < 27
    assert found["sentences"][0] == (
        f"at least {n} of 27 test sequences show a subject seen in training; the subject of 1 sequence is unknown"
    )


def test_a_random_split_shares_people_and_identity_pays(store, console):
    found = leaks(store, console, RANDOM)
    assert found["test_sequences_of_shared_subjects"] == 27
    assert found["sentences"][0] == "27 of 27 test sequences show a subject seen in training"
    assert rule(found, "identity exclusion")["accuracy"] > rule(found, "class prior")["accuracy"]


def test_a_planted_duplicate_is_found(tmp_path, console):
    recordings = list(made_recordings())
    copied = recordings[0]
    noisy = np.clip(copied.arrays["faces"] + np.random.default_rng(1).normal(0, 1, (2, 48, 48)), 0, 255)
    recordings.append(
        made("T900", "001", copied.recording.label, copied.arrays["projections"][1:], noisy.astype(np.uint8))
    )
    found = leaks(make_store(tmp_path, recordings), console, ("protocol.kind=leave_one_subject_out",))
    assert found["n_duplicates"] == 0
    pairs = {(pair["test"], pair["train"]) for pair in found["near_duplicates"]}
    assert pairs == {("T900_001", "S000_000"), ("S000_000", "T900_001")}
    assert any("2 pairs of a test and a training sequence have nearly the same" in s for s in found["sentences"])


def test_equal_frames_are_found_by_their_digest(tmp_path, console):
    recordings = list(made_recordings())
    first = recordings[0]
    rng = np.random.default_rng(2)
    strange = rng.integers(0, 256, (2, 48, 48), dtype=np.uint8)
    recordings.append(
        made("T900", "001", "anger", first.arrays["projections"], strange, digest=f"frames of {first.recording.id}")
    )
    found = leaks(make_store(tmp_path, recordings), console, ("protocol.kind=leave_one_subject_out",))
    assert found["n_duplicates"] == 2


def test_a_planted_length_leak_is_found(tmp_path, console):
    found = leaks(make_store(tmp_path, made_recordings(length_tells=True)), console, APART)
    assert found["best_rule"] in ("sequence length", "frames with a face")
    assert rule(found, "sequence length")["accuracy"] == 1
    assert any("the data leak information about the class" in sentence for sentence in found["sentences"])


def test_a_planted_light_is_found_in_the_first_frame(tmp_path, console, capsys):
    recordings = [
        replace(one, arrays={**one.arrays, "faces": one.arrays["faces"] // 2 + 60 * (one.recording.label == "fear")})
        for one in made_recordings()
    ]
    for one in recordings:
        del one.arrays["mean_face"]
    found = leaks(make_store(tmp_path, recordings), Console(), ("protocol.kind=leave_one_subject_out",))
    (first,) = found["pictures"]
    assert first["accuracy"] > 0.5
    assert first["p_value"] < 0.01
    said = capsys.readouterr().out
    assert re.search(r"first frame +\d+ of 27", said)
    tied, unmeasured = found["sentences"][-2:]
    assert tied.startswith("the first frame alone, without any motion, reaches 0.")
    assert unmeasured.startswith("not measured: mean picture: the store lacks that of 27 of 27 sequences")


def test_an_experiments_own_classes_are_audited(store, console, tmp_path):
    recipe = make_recipe(tmp_path, 'classes = ["anger", "fear"]\n' + RIDGE.lstrip())
    assert leaks(store, console, (), recipe)["n_sequences"] == 18
    assert leaks(store, console, RANDOM, recipe)["protocol"]["kind"] == "stratified_k_fold"


def test_what_cannot_be_audited_is_refused(store, console):
    with pytest.raises(CallError, match=r"without an experiment there is no model\.kind"):
        leaks(store, console, ("model.kind=ridge",))
    with pytest.raises(DataError, match="20 folds are asked for, and there are 9 subjects"):
        leaks(store, console, ("protocol.kind=subject_k_fold", "protocol.folds=20"))
    with pytest.raises(CallError, match="from_file needs a file"):
        leaks(store, console, ("protocol.kind=from_file",))
