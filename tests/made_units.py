"""Stores whose recordings show action units that are known: each is a place that moves."""

from dataclasses import replace

import numpy as np
from made_stores import face, made, make_store

from ckseq.facs import ActionUnit
from ckseq.preprocessing.pipeline import load_pipeline

UNITS = ("1", "4", "12")
EMOTIONS = {"happiness": {"12"}, "sadness": {"1", "4"}}


def unit_recordings(n_subjects=8, n_each=5):
    """Every person shows five random sets of units, every other recording without a label; one is not coded."""
    rng = np.random.default_rng(0)
    for person in range(n_subjects):
        for number in range(n_each):
            shown = [unit for unit in UNITS if rng.random() < 0.4]
            projections = rng.random((6, 2, 12), dtype=np.float32) / 4
            for unit in shown:
                place = 4 * UNITS.index(unit)
                projections[:, :, place : place + 4] += 0.4
            label = "happiness" if "12" in shown else "sadness"
            crops = np.stack([face(person), face(100 * (person + 1) + number)])
            one = made(f"S{person:03}", f"{number:03}", label if number % 2 else None, projections, crops)
            codes = tuple(ActionUnit(unit, 2) for unit in shown)
            # a unit that is too rare to be learned
            codes += (ActionUnit("27"),) * (number == 0 and person < 2)
            yield replace(one, recording=replace(one.recording, action_units=codes))
    yield made("S000", "900", "sadness", projections, crops)


def make_unit_store(folder):
    """Write a store of `unit_recordings`, as if made with the pipeline paper."""
    return make_store(folder, unit_recordings(), pipeline=load_pipeline("paper").model_dump(mode="json"))
