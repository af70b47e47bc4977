import pytest
from made_runs import LABELS, made_predictions, made_run

from ckseq.experiment.recipe import load_experiment
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.report.explorer import Explorer
from ckseq.report.face_rights import FaceRights
from ckseq.report.page import render_page
from ckseq.report.replication import card_html, card_tree, replication_card
from ckseq.report.scores import scores_of
from ckseq.report.wording import rates

PHASES = ("paper_phase1", "paper_phase2", "paper_phase3", "paper_phase4")
ALL = [(label, label, n) for label, n in zip(LABELS, (11, 10, 10, 11), strict=True)]
TRAIN = dict(zip(LABELS, (24, 25, 25, 24), strict=True))


def run_of(experiment="paper_phase4", settings=(), pipeline=None, **changes):
    recipe = load_experiment(experiment, settings)
    store = {"pipeline": load_pipeline(pipeline or recipe.pipeline).model_dump(mode="json")}
    predictions = made_predictions(LABELS, ALL)
    protocol = {"train_counts": TRAIN}
    parts = {"experiment": recipe.model_dump(mode="json"), "store": store, "protocol": protocol}
    return made_run(predictions, **{**parts, **changes}), predictions


def card_of(*args, **changes):
    run, predictions = run_of(*args, **changes)
    return replication_card(run, scores_of(run, predictions, confidence=0.95))


def deviations(card):
    return {one.name: (one.published, one.here) for one in card.deviations}


def test_the_recipe_as_published_deviates_in_nothing():
    card = card_of()
    assert card.deviations == ()
    assert [one.name for one in card.settings if one.deviates is None] == ["data set"]
    assert "Emotion recognition con ConvLSTM2D" in card.citation
    assert card.accuracy.value == 0.88
    assert card.sentence == f"{len(card.settings) - 1} settings of the run are as published, and none deviates"


@pytest.mark.parametrize("name", PHASES)
def test_every_phase_declares_what_its_own_recipe_and_pipeline_are(name):
    """Whatever the recipe of a phase sets itself is as published, but for what the source contradicts itself in."""
    card = card_of(name)
    ours = {"sequences of each class", "test sequences"}  # the made run is one of phase 4
    assert set(deviations(card)) <= ours
    assert name == "paper_phase4" or "sequences of each class" in deviations(card)


@pytest.mark.parametrize(
    ("settings", "name", "both"),
    [
        (["training.epochs=12"], "epochs", ("100", "12")),
        (["model.filters=32"], "filters", ("64", "32")),
        (["model.kernel=[3, 3]"], "kernel", ("1, 3", "3, 3")),
        (["protocol.kind=subject_holdout"], "split", ("paper_split", "subject_holdout")),
        (['classes=["anger", "fear"]'], "classes", ("anger, disgust, happiness, surprise", "anger, fear")),
        (["augmentation.mirror=0.5"], "augmentation", ("none", "mirror 0.5")),
    ],
)
def test_every_setting_that_was_changed_deviates(settings, name, both):
    assert deviations(card_of(settings=settings)) == {name: both}


def test_another_order_of_the_classes_is_no_deviation():
    assert card_of(settings=['classes=["surprise", "anger", "happiness", "disgust"]']).deviations == ()


def test_a_store_of_another_pipeline_deviates_in_all_that_differs():
    found = deviations(card_of(pipeline="anchored"))
    assert found["face box"] == ("every_frame", "anchor")
    assert found["difference of frames"] == ("wrapped", "signed")
    assert found["threshold, gray levels"] == ("127", "4")
    assert "epochs" not in found


def test_fewer_sequences_and_several_seeds_deviate():
    fewer = {"train_counts": {**TRAIN, "anger": 20}}
    found = deviations(card_of(protocol=fewer))
    assert found == {"sequences of each class": ("35", "anger 31, disgust 35, happiness 35, surprise 35")}
    one = {"seed": 1, "fold": 0, "n_train": 98, "n_test": 42, "epochs": 100, "seconds": 1.0}
    assert deviations(card_of(trainings=[one, {**one, "seed": 2}])) == {"trainings (seeds and folds)": ("1", "2")}


@pytest.mark.parametrize(
    ("origin", "found"),
    [("synthetic", {"data set": ("CK+", "synthetic faces")}), ("ckplus", {}), ("ckplus_layout", {}), ("other", {})],
)
def test_the_data_set_is_told_as_far_as_it_is_known(origin, found):
    card = card_of(store={"origin": origin})
    assert deviations(card) == found
    assert ("data set" in [one.name for one in card.settings if one.deviates is None]) == (
        origin in ("other", "ckplus_layout")
    )


def test_what_a_run_does_not_record_is_said_to_be_unknown():
    card = card_of(store={"pipeline": {}}, protocol={"train_counts": {}})
    unknown = {one.name for one in card.settings if one.deviates is None}
    assert {"face detector", "sequences of each class", "data set"} <= unknown
    assert card.deviations == ()


def test_the_published_accuracy_stands_in_the_card_alone():
    run, predictions = run_of(settings=["training.epochs=12"])
    scores = scores_of(run, predictions, confidence=0.95)
    assert [rate.name for rate in rates(run, scores)] == ["this run"]
    html = render_page(run, predictions, scores, {}, Explorer(FaceRights(faces=False)))
    before, card = html.split("<h2>Replication card</h2>")
    assert "0.88" not in before
    assert (
        '<tr class="deviates"><th class="text">epochs</th><td class="text">100</td><td class="text">12 <strong>' in card
    )
    assert "1 deviation from the published set-up, as far as it is stated." in card
    assert "0.88 (0.75 to 0.95, Wilson)" in card


def test_why_the_published_accuracy_is_in_no_figure_is_said():
    recipe = load_experiment("paper_phase4")
    store = {"pipeline": load_pipeline(recipe.pipeline).model_dump(mode="json"), "origin": "synthetic"}
    for changes, of in (({"store": store}, ", of CK+ and not of synthetic faces"), ({}, "")):
        run, predictions = run_of(**changes)
        scores = scores_of(run, predictions, confidence=0.95)
        html = card_html(replication_card(run, scores), run, scores)
        assert f"is drawn in no figure: it is of other test sequences{of}." in html
        # said only where it is so
        assert ("The data set is not recorded" in html) is not bool(of)


def test_a_published_failure_is_told_in_its_words():
    card = card_of("paper_phase1")
    assert (card.accuracy, card.said) == (None, "out of memory")
    assert card_tree(card)["published_accuracy"] == "out of memory"


def test_other_experiments_have_no_card():
    run = made_run()
    assert replication_card(run, scores_of(run, made_predictions(), confidence=0.95)) is None
