from dataclasses import replace

import pytest
from made_stores import RIDGE, made_recordings, make_recipe, make_store

from ckseq.experiment.dataset import gather
from ckseq.experiment.recipe import load_experiment
from ckseq.experiment.record import record_of
from ckseq.storage.store import open_store
from ckseq.tracking.quality import Quality


@pytest.mark.slow
def test_a_run_records_its_doubtful_sequences(tmp_path):
    good = Quality(0, 3, 3, True, 0.1, 0.2)
    recordings = [replace(one, quality=good) for one in made_recordings()]
    recordings[4] = replace(recordings[4], quality=replace(good, largest_jump=0.8, on_share=0.9))
    recordings[-1] = replace(recordings[-1], quality=replace(good, on_share=0.9))  # has no label, so takes no part
    recipe = load_experiment(make_recipe(tmp_path, RIDGE), ())
    with open_store(make_store(tmp_path, recordings)) as store:
        run = record_of(store, gather(store, recipe), recipe, kind="cross_validation", seeds=[1])
    assert [(doubt.recording, doubt.what) for doubt in run.doubts] == [
        (recordings[4].recording.id, "its box jumps by 0.80 of its side"),
        (recordings[4].recording.id, "90 % of its motion is on"),
    ]
