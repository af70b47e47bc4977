import pytest
from made_runs import LABELS, made_predictions, made_run

from ckseq.protocol.comparison import mcnemar
from ckseq.report.against_baselines import as_good_baselines, banner
from ckseq.report.scores import scores_of
from ckseq.report.wording import IMAGE, SEQUENCE
from ckseq.storage.predictions import Predictions


def predictions_of(n_subjects, n_each, n_wrong=0, *, known=True):
    """All correct but the first sequences."""
    n = n_subjects * n_each
    right = made_predictions(LABELS, [("anger", "disgust", n_wrong), ("anger", "anger", n - n_wrong)])
    rows = [row._replace(subject=f"P{number // n_each}", fold=0) for number, row in enumerate(right.rows)]
    return Predictions(LABELS, tuple(row if known else row._replace(subject=row.recording) for row in rows))


def rule(name, hits, p_value=0.001):
    n = hits.count("1")
    facts = {"name": name, "about": f"about {name}", "n_correct": n, "n": len(hits), "accuracy": n / max(1, len(hits))}
    return {**facts, "p_value": p_value, "hits": hits}


def judged(predictions, *rules, pictures=()):
    """The baselines that are as good; of the hits, those of a recording stand where the fold lists it."""
    ids = [row.recording for row in predictions.rows]
    fill = {"interval": [0.0, 1.0]}
    leakage = {
        "n_test": len(ids),
        "rules": [rule("class prior", "0" * len(ids), None), *rules],
        "pictures": [{**fill, **one} for one in pictures],
    }
    run = made_run(predictions, leakage=leakage, folds=[{"number": 0, "test": ids}])
    scores = scores_of(run, predictions, confidence=0.95)
    found = as_good_baselines(run, predictions, scores)
    return found, banner(found, scores, SEQUENCE)


def test_a_model_that_is_clearly_better_has_no_banner():
    assert judged(predictions_of(12, 3), rule("sequence length", "100" * 12)) == ((), "")


def test_a_baseline_with_a_higher_accuracy_is_as_good():
    found, text = judged(predictions_of(12, 3, n_wrong=2), rule("sequence length", "1" * 36))
    assert [one.baseline.name for one in found] == ["sequence length"]
    assert text == (
        "This result shows nothing yet: a baseline without pixels or motion, sequence length (about sequence length), "
        "reaches 1.000 on the same test sequences, the model 0.944: the model is not better."
    )


def test_a_difference_that_may_be_chance_is_none():
    hits = "1" * 33 + "001"
    found, text = judged(predictions_of(12, 3), rule("sequence length", hits))
    assert found[0].difference.p_value > 0.05
    assert "the model is not significantly better (p = 1, permutation test over 12 subjects)" in text


def test_with_few_people_nothing_can_be_shown_and_the_banner_says_so():
    found, text = judged(predictions_of(4, 5), rule("sequence length", "0" * 20))
    assert {one.difference.p_value for one in found} == {0.125}
    assert "permutation test over 4 subjects, with whom no p-value can be below 0.12" in text
    assert "As good as the model is also" in text


def test_of_unknown_subjects_mcnemars_test_decides():
    found, text = judged(predictions_of(10, 1, known=False), rule("sequence length", "1" * 6 + "0" * 4))
    assert found[0].difference.p_value == mcnemar(4, 0)
    assert "(p = 0.12, exact McNemar test)" in text
    assert judged(predictions_of(10, 1, known=False), rule("sequence length", "1" * 4 + "0" * 6))[0] == ()


def test_a_mean_picture_speaks_against_motion_only():
    picture = rule("mean picture", "1" * 36)
    assert (
        "This result shows nothing yet about motion: a baseline without motion, mean picture"
        in judged(predictions_of(12, 3), pictures=[picture])[1]
    )
    both = judged(predictions_of(12, 3), pictures=[picture, rule("first frame", "1" * 36)])[1]
    assert both.startswith("This result shows nothing yet: a baseline without pixels or motion, first frame")
    assert both.endswith("As good as the model is also mean picture (1.000).")


@pytest.mark.parametrize(("accuracy", "as_good"), [(0.95, True), (0.9, True), (0.5, False)])
def test_a_record_without_the_predictions_of_a_baseline_is_judged_by_the_interval(accuracy, as_good):
    old = {**rule("sequence length", ""), "n_correct": 1, "n": 36, "accuracy": accuracy}
    found, text = judged(predictions_of(12, 3, n_wrong=2), old)
    assert ("sequence length" in [one.baseline.name for one in found]) is as_good
    assert ("within the confidence interval of the model or above it" in text) is as_good


def test_seeds_of_a_sequence_are_averaged_before_the_test():
    once = predictions_of(12, 3)
    twice = Predictions(LABELS, tuple(row._replace(seed=seed) for seed in (1, 2) for row in once.rows))
    assert judged(twice, rule("sequence length", "100" * 12))[0] == ()


def test_images_are_called_images():
    predictions = predictions_of(12, 3)
    found, _ = judged(predictions, rule("sequence length", "1" * 36))
    run = made_run(predictions)
    assert "test images" in banner(found, scores_of(run, predictions, confidence=0.95), IMAGE)
