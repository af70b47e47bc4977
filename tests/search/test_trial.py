"""The scores of a fold, and what a trial reports to the pruner."""

import made_searches
import pytest

pytest.importorskip("optuna")

from optuna.exceptions import TrialPruned

from ckseq.learn.fit import TrainingState
from ckseq.search.samplers import make_pruner
from ckseq.search.space import load_space
from ckseq.search.study_storage import load_optuna
from ckseq.search.trial import EpochReporter, fold_scores
from ckseq.storage.history import Epoch

SEARCH = """
experiment = "mine.toml"
pruner = "median"
prune_by = "epoch"
objectives = ["error"]
[space]
motion.threshold = {int = [4, 40]}
"""


def test_a_fold_is_scored_class_by_class():
    # the last one is lost in preprocessing, which is no class
    scores = fold_scores(["a"] * 4 + ["b"] * 2, ["a", "a", "a", "b", "a", ""])
    assert scores == {"accuracy": 0.5, "balanced_accuracy": 0.375, "error": 0.5}


def test_a_trial_that_is_worse_after_an_epoch_ends_early(tmp_path):
    study = load_optuna().create_study(pruner=make_pruner("median", n_reports=6), direction="minimize")
    space = load_space(str(made_searches.search_file(tmp_path, SEARCH)))
    recipe = space.recipes({}).experiment

    def values_after(*accuracies):
        trial = study.ask()
        reporter = EpochReporter(trial, space.config, recipe, [{"error": 0.2}])
        epochs = []
        for number, accuracy in enumerate(accuracies, start=1):
            epochs.append(Epoch(number, 1.0, 0.5, 1.0, accuracy, 0.1))
            reporter.report(TrainingState(tuple(epochs), ()))
        study.tell(trial, 0.0)
        return study.trials[trial.number].intermediate_values

    for _ in range(5):
        reported = values_after(0.8, 0.9)
    # the second fold continues the count of the first; the objective is the mean over both
    first = recipe.training.epochs + 1
    assert reported == {first: pytest.approx(0.2), first + 1: pytest.approx(0.15)}
    values_after(0.8, 0.95)
    with pytest.raises(TrialPruned):
        values_after(0.8, 0.5)
