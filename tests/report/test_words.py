from made_runs import LABELS, made_predictions, made_run

from ckseq.protocol.score import score, wilson_interval
from ckseq.report import words


def made_scores(outcomes=None):
    predictions = made_predictions(LABELS, outcomes) if outcomes else made_predictions()
    truth, predicted = zip(*((row.truth, row.predicted) for row in predictions.rows), strict=True)
    return score(truth, predicted, labels=predictions.labels, confidence=0.95)


def test_rates_stand_beside_the_published_one_named_as_theirs():
    ours, theirs, always = words.rates(made_run(), made_scores())
    assert (ours.value, ours.interval) == (37 / 42, wilson_interval(37, 42, confidence=0.95))
    assert (theirs.value, theirs.interval) == (0.88, wilson_interval(37, 42, confidence=0.95))
    assert "their data, not measured here: a report on CK+" in theirs.remark
    assert (always.value, always.remark) == (11 / 42, "as if every sequence were anger")


def test_no_published_figure_and_one_without_a_count():
    assert len(words.rates(made_run(experiment={}), made_scores())) == 2
    theirs = words.rates(made_run(experiment={"published": {"accuracy": 0.9}}), made_scores())[1]
    assert (theirs.value, theirs.interval) == (0.9, None)


def test_better_than_the_most_frequent_class_or_not():
    assert "more than always answering the most frequent class would give (0.26)" in words.shows(made_scores())[1]
    chance = [(label, "anger", 5) for label in LABELS]
    assert "do not show that anything was learned" in words.shows(made_scores(chance))[1]


def test_the_weakest_class():
    assert words.shows(made_scores())[-1] == (
        "The weakest class is surprise: 9 of 11 right, mistaken most often for happiness."
    )
    perfect = [(label, label, 5) for label in LABELS]
    assert not any("weakest" in sentence for sentence in words.shows(made_scores(perfect)))


def test_shared_people_are_told():
    shared = made_run(protocol={"shared_subjects": 3})
    assert words.shares_subjects(shared)
    assert any("never seen" in sentence for sentence in words.does_not_show(shared, made_scores()))
    assert not any("never seen" in sentence for sentence in words.does_not_show(made_run(), made_scores()))


def test_notes_of_run_and_store_and_an_end_before_the_end():
    run = made_run(notes=["synthetic"], store={"notes": ["synthetic", "drawn"]}, state="interrupted", epochs_done=3)
    stopped, *notes = words.warnings(run)
    assert "stopped before its end after 3 epochs" in stopped
    assert notes == ["synthetic", "drawn"]
    assert words.warnings(made_run()) == []
