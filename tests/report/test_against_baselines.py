import pytest
from made_runs import LABELS, made_predictions, made_run

from ckseq.protocol.comparison import mcnemar
from ckseq.report.against_baselines import all_kinds, banner, cannot_tell, judged, no_doubts
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


def verdict_of(predictions, *rules, pictures=()):
    """The verdict and the banner; of the hits, those of a recording stand where the fold lists it."""
    ids = [row.recording for row in predictions.rows]
    fill = {"interval": [0.0, 1.0]}
    leakage = {
        "n_test": len(ids),
        "rules": [rule("class prior", "0" * len(ids), None), *rules],
        "pictures": [{**fill, **one} for one in pictures],
    }
    run = made_run(predictions, leakage=leakage, folds=[{"number": 0, "test": ids}])
    scores = scores_of(run, predictions, confidence=0.95)
    found = judged(run, predictions, scores)
    return found, banner(found, scores, SEQUENCE)


def test_a_model_that_is_clearly_better_has_no_banner():
    found, text = verdict_of(predictions_of(12, 3), rule("sequence length", "100" * 12))
    assert (found.outcome, found.baselines, found.as_good, text) == ("better", (), (), "")


@pytest.mark.parametrize(
    ("n_subjects", "others", "expected"),
    [(12, [], ""), (12, [rule("sequence length", "1" * 36)], ""), (12, [rule("class prior", "1" * 36)], "is not"),
     (2, [], "cannot be told to be")],
)  # fmt: skip
def test_labels_are_doubted_only_by_a_model_that_is_better_than_the_class_prior(n_subjects, others, expected):
    found, _ = verdict_of(predictions_of(n_subjects, 36 // n_subjects, n_wrong=2), *others)
    assert no_doubts(None) == ""
    assert (f"the model {expected} better than the class prior" in no_doubts(found)) is bool(expected)
    assert bool(no_doubts(found)) is bool(expected)


def test_a_baseline_with_a_higher_accuracy_is_as_good():
    found, text = verdict_of(predictions_of(12, 3, n_wrong=2), rule("sequence length", "1" * 36))
    assert (found.outcome, found.as_good) == ("as_good", ("sequence length",))
    assert text == (
        "This result shows nothing yet: a pixel-free baseline, sequence length (about sequence length), "
        "reaches 1.000 on the same test sequences, the model 0.944: the model is not better."
    )


def test_a_difference_that_may_be_chance_is_none():
    hits = "1" * 33 + "001"
    found, text = verdict_of(predictions_of(12, 3), rule("sequence length", hits))
    assert found.baselines[0].difference.p_value > 0.05
    assert "the model is not significantly better (p = 1, permutation test over 12 subjects)" in text


@pytest.mark.parametrize(("n_subjects", "told"), [(1, False), (2, False), (5, False), (6, True), (24, True)])
def test_with_too_few_people_for_any_test_it_cannot_be_told(n_subjects, told):
    for hits in ("0", "1"):  # neither where the model is better, nor where a baseline is as good
        found, text = verdict_of(predictions_of(n_subjects, 2), rule("sequence length", hits * 2 * n_subjects))
        assert (found.outcome == "cannot_tell") is not told
        assert ("cannot be told" in text) is not told
        if not told:
            assert found.as_good == ()
            assert "As good as" not in text
            assert "shows nothing" not in text


def test_what_cannot_be_told_says_of_how_many_and_where_the_limit_is():
    _, text = verdict_of(predictions_of(2, 6, n_wrong=3), rule("sequence length", "1" * 8 + "0" * 4))
    assert text == (
        "Whether the model is better than a baseline without motion cannot be told: 2 people were tested, and with "
        "fewer than 6 no paired test reaches p < 0.05. The best, sequence length (about sequence length), reaches "
        "0.667 on the same test sequences, the model 0.750."
    )
    _, text = verdict_of(predictions_of(5, 1, known=False), rule("sequence length", "0" * 5))
    assert "5 sequences were tested" in text


def test_of_unknown_subjects_mcnemars_test_decides():
    found, text = verdict_of(predictions_of(10, 1, known=False), rule("sequence length", "1" * 6 + "0" * 4))
    assert found.baselines[0].difference.p_value == mcnemar(4, 0)
    assert "(p = 0.12, exact McNemar test)" in text
    assert verdict_of(predictions_of(10, 1, known=False), rule("sequence length", "1" * 4 + "0" * 6))[0].as_good == ()


def test_a_mean_picture_speaks_against_motion_only():
    picture = rule("mean picture", "1" * 36)
    assert (
        "This result shows nothing yet about motion: a baseline without motion, mean picture alone"
        in verdict_of(predictions_of(12, 3), pictures=[picture])[1]
    )
    both = verdict_of(predictions_of(12, 3), pictures=[picture, rule("first frame", "1" * 36)])[1]
    assert both.startswith(
        "This result shows nothing yet: a baseline without motion, first frame alone (about first frame)"
    )
    assert both.endswith("As good as the model is also mean picture alone (1.000).")


@pytest.mark.parametrize(("accuracy", "as_good"), [(0.95, True), (0.9, True), (0.5, False)])
def test_a_record_without_the_predictions_of_a_baseline_is_judged_by_the_interval(accuracy, as_good):
    old = {**rule("sequence length", ""), "n_correct": 1, "n": 36, "accuracy": accuracy}
    found, text = verdict_of(predictions_of(12, 3, n_wrong=2), old)
    assert ("sequence length" in found.as_good) is as_good
    assert ("within the confidence interval of the model or above it" in text) is as_good


def test_seeds_of_a_sequence_are_averaged_before_the_test():
    once = predictions_of(12, 3)
    twice = Predictions(LABELS, tuple(row._replace(seed=seed) for seed in (1, 2) for row in once.rows))
    assert verdict_of(twice, rule("sequence length", "100" * 12))[0].outcome == "better"


def test_images_are_called_images():
    predictions = predictions_of(12, 3)
    found, _ = verdict_of(predictions, rule("sequence length", "1" * 36))
    run = made_run(predictions)
    assert "test images" in banner(found, scores_of(run, predictions, confidence=0.95), IMAGE)
    assert all_kinds(IMAGE) == "pixel-free baseline"
    assert "1 image was tested" in cannot_tell(1, IMAGE, by_people=False, kind=all_kinds(IMAGE))


def test_a_run_without_baselines_is_not_judged():
    predictions = predictions_of(12, 3)
    run = made_run(predictions)
    scores = scores_of(run, predictions, confidence=0.95)
    assert judged(run, predictions, scores) is None
    assert banner(None, scores, SEQUENCE) == ""
