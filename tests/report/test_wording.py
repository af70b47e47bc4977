import dataclasses

from made_runs import LABELS, made_predictions, made_run

from ckseq.protocol.intervals import wilson_interval
from ckseq.protocol.score import score
from ckseq.report import wording


def made_scores(outcomes=None, majority=None):
    predictions = made_predictions(LABELS, outcomes) if outcomes else made_predictions()
    truth, predicted = zip(*((row.truth, row.predicted) for row in predictions.rows), strict=True)
    return score(truth, predicted, labels=predictions.labels, confidence=0.95, majority=majority)


def test_rates_include_the_published_one():
    ours, theirs, baseline = wording.rates(made_run(), made_scores(majority=0.25))
    assert (ours.value, ours.interval) == (37 / 42, wilson_interval(37, 42, confidence=0.95))
    assert (theirs.value, theirs.interval) == (0.88, wilson_interval(37, 42, confidence=0.95))
    assert "on their data, not reproduced: a report on CK+" in theirs.remark
    assert (baseline.value, baseline.remark) == (0.25, "always predicting the class that is most frequent in training")


def test_no_published_figure_and_one_without_a_count():
    assert len(wording.rates(made_run(experiment={}), made_scores(majority=0.2))) == 2
    theirs = wording.rates(made_run(experiment={"published": {"accuracy": 0.9}}), made_scores())[1]
    assert (theirs.value, theirs.interval) == (0.9, None)


def test_better_than_the_baselines_or_not():
    better, not_better, unknown = (wording.shows(made_scores(), against=one)[1] for one in ("better", "as_good", None))
    assert better.endswith("it learned something that generalizes to the test set.")
    assert not_better.startswith("Nothing yet: a baseline without motion is as good")
    assert "lowest recall" in unknown


def test_the_class_with_the_lowest_recall():
    assert wording.shows(made_scores())[-1] == (
        "The class with the lowest recall is surprise: 9 of 11 correct, most often confused with happiness."
    )
    perfect = [(label, label, 5) for label in LABELS]
    assert not any("lowest recall" in sentence for sentence in wording.shows(made_scores(perfect)))


def test_shared_subjects_are_reported():
    shared = made_run(protocol={"shared_subjects": 3})
    assert wording.shares_subjects(shared)
    assert any("never seen" in sentence for sentence in wording.does_not_show(shared, made_scores()))
    assert not any("never seen" in sentence for sentence in wording.does_not_show(made_run(), made_scores()))


def test_notes_of_the_run_and_an_interruption():
    run = made_run(notes=["synthetic"], state="interrupted", epochs_done=3)
    stopped, *notes = wording.warnings(run)
    assert "interrupted after 3 epochs" in stopped
    assert notes == ["synthetic"]
    assert wording.warnings(made_run()) == []


RULES = [
    {"name": "class prior", "about": "the most frequent class in training", "accuracy": 0.25, "p_value": None},
    {"name": "sequence length", "about": "a tree", "accuracy": 0.319, "p_value": 0.2},
]
LEAKAGE = {
    "n_test": 42,
    "shared_subjects": 15,
    "test_sequences_of_shared_subjects": 22,
    "test_sequences_of_shared_sessions": 0,
    "n_duplicates": 0,
    "n_near_duplicates": 0,
    "duplicates": [],
    "near_duplicates": [],
    "best_rule": "sequence length",
    "rules": RULES,
}


def test_the_headline_compares_with_a_pixel_free_baseline():
    assert wording.headline(made_run(leakage=LEAKAGE), made_scores()) == (
        "accuracy 0.881 (0.75 to 0.95, Wilson) · best pixel-free baseline 0.319 · "
        "52 % of test sequences show a subject seen in training"
    )
    one = {**LEAKAGE, "test_sequences_of_shared_subjects": 1, "n_test": 1000, "n_duplicates": 1}
    assert wording.headline(made_run(leakage=one), made_scores()).endswith(
        "under 1 % of test sequences show a subject seen in training · "
        "1 pair of near-duplicate test and training sequences"
    )
    # a run without measured leakage
    assert wording.headline(made_run(), made_scores()) == (
        "accuracy 0.881 (0.75 to 0.95, Wilson) · 0 % of test sequences show a subject seen in training"
    )


def test_leakage_in_sentences():
    assert wording.leak_sentences(made_run(leakage=LEAKAGE).leakage) == [
        "22 of 42 test sequences show a subject seen in training",
        "no test sequence is a copy of a training sequence",
        "no pixel-free baseline is significantly better than always predicting the most frequent class (0.250); "
        "the best is sequence length (0.319)",
    ]
    pair = {"test": "a1", "train": "b1", "fold": 0, "correlation": 1.0}
    sure = {**RULES[1], "p_value": 0.001}
    much = {
        **LEAKAGE,
        "test_sequences_of_shared_sessions": 3,
        "n_duplicates": 2,
        "duplicates": [pair],
        "rules": [RULES[0], sure],
    }
    assert wording.leak_sentences(made_run(leakage=much).leakage)[1:] == [
        "3 of 42 test sequences are of a session that is also in training",
        "2 pairs of a test and a training sequence have the same frames, such as a1 and b1",
        "sequence length alone (a tree) classifies 0.319 of the test sequences correctly, always predicting the most "
        "frequent class 0.250: the data leak information about the class",
    ]


PICTURES = [
    {"name": "first frame", "about": "a model", "accuracy": 0.93, "p_value": 0.001},
    {"name": "mean picture", "about": "a model", "accuracy": 0.95, "p_value": 0.001},
]


def with_pictures(*p_values, shared=0, **changes):
    fill = {"n_correct": 10, "n": 42, "interval": [0.1, 0.5]}
    pictures = [{**fill, **one, "p_value": p} for one, p in zip(PICTURES, p_values, strict=False)]
    return made_run(leakage={**LEAKAGE, "test_sequences_of_shared_subjects": shared, "pictures": pictures, **changes})


TIED = (
    "the first frame alone, without any motion, reaches 0.930: the class is tied to the recording (light, place, "
    "session) or visible from the start, and no accuracy up to that shows that motion is used"
)


def test_a_first_frame_that_is_enough_is_in_the_head_line_and_a_warning():
    run = with_pictures(0.001, 0.2)
    assert " · the first frame alone, without any motion, reaches 0.930 · " in wording.headline(run, made_scores())
    assert wording.warnings(run) == [TIED]
    assert wording.leak_sentences(run.leakage)[-2:] == [
        TIED,
        "the mean picture alone (0.950) is not significantly better than always predicting the most frequent class",
    ]
    assert "(light, place, session, person)" in wording.leak_sentences(with_pictures(0.001, 0.2, shared=3).leakage)[-2]
    assert not any("mean picture" in text for text in wording.does_not_show(run, made_scores()))


def test_a_mean_picture_that_is_enough_is_no_proof_of_a_leak():
    run = with_pictures(0.02, 0.001)
    assert "first frame" not in wording.headline(run, made_scores())
    assert wording.warnings(run) == []
    first, mean = wording.leak_sentences(run.leakage)[-2:]
    assert first.startswith("the first frame alone (0.930) is not significantly better")
    assert mean.startswith("the mean picture alone, without any motion, reaches 0.950: a still picture is enough")
    assert "where the expression is visible in the picture, this is no leak" in mean
    # the run has 0.881
    assert any("mean picture of each sequence" in text for text in wording.does_not_show(run, made_scores()))


def test_what_was_not_measured_is_said():
    run = with_pictures(0.2, unmeasured=["mean picture: the store lacks that of 3 of 9 sequences"])
    assert wording.leak_sentences(run.leakage)[-1] == (
        "not measured: mean picture: the store lacks that of 3 of 9 sequences; prepare it again to measure it"
    )


def test_a_cross_validation_depends_on_folds_and_seed():
    run = made_run(protocol={"n_folds": 5})
    assert any("these folds and this seed" in text for text in wording.does_not_show(run, made_scores()))


def test_a_published_failure_is_quoted():
    run = made_run(experiment={"published": {"accuracy": "out of memory"}})
    assert len(wording.rates(run, made_scores(majority=0.2))) == 2
    sentences = wording.does_not_show(run, made_scores())
    assert "Whether others did better: they published no accuracy, but 'out of memory'." in sentences


def test_of_few_people_nothing_is_said_of_others():
    scores = made_scores()
    few, enough = (dataclasses.replace(scores, method=scores.method._replace(n_subjects=n)) for n in (2, 10))
    sentence = "How much it differs from person to person: only 2 people were tested."
    assert sentence in wording.does_not_show(made_run(), few)
    assert not any("person to person" in one for one in wording.does_not_show(made_run(), enough))


def test_classes_that_are_equally_often_confused_are_all_named():
    outcomes = [("anger", "anger", 3), ("anger", "disgust", 1), ("anger", "happiness", 1), ("disgust", "disgust", 2)]
    assert wording.shows(made_scores(outcomes))[-1] == (
        "The class with the lowest recall is anger: 3 of 5 correct, confused with disgust and happiness."
    )
