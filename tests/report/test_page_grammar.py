"""Whole pages of few people, sequences and mistakes: nouns agree with their numbers, and nothing is named wrong."""

import re

import pytest
from made_grammar import agrees
from made_runs import LABELS, made_predictions, made_run

from ckseq.report.explorer import Explorer
from ckseq.report.face_rights import FaceRights
from ckseq.report.page import render_page
from ckseq.report.scores import scores_of
from ckseq.storage.predictions import Predictions


def text_of(html):
    """The sentences of a page: its paragraphs, items, remarks and headings, without tables and recipes."""
    prose = html.split("<h2>Reproducibility</h2>")[0]
    parts = re.findall(r"<(p|li|small|span|h2|h3|dt|figcaption)\b[^>]*>(.*?)</\1>", prose, re.DOTALL)
    return " | ".join(" ".join(re.sub(r"<[^>]+>", " ", part).split()) for _, part in parts)


@pytest.mark.parametrize("kind", ["projections", "crops"])
@pytest.mark.parametrize("n_people", [1, 2])
@pytest.mark.parametrize(("right", "wrong"), [(1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (2, 2)])
def test_a_page_of_few(right, wrong, n_people, kind):
    outcomes = [("anger", "anger", right), ("anger", "disgust", wrong)]
    rows = [
        row._replace(subject=f"S{number % n_people}")
        for number, row in enumerate(made_predictions(LABELS, outcomes).rows)
    ]
    predictions = Predictions(LABELS, tuple(rows))
    experiment = made_run().experiment | {"input": kind, "sequence": {"length_frames": 1}}
    n = len(rows)
    doubt = {"recording": rows[0].recording, "what": "its box jumps", "remedy": "look at it"}
    rule = {
        "name": "class prior",
        "about": "the most frequent class",
        "accuracy": 0.25,
        "p_value": None,
        "hits": "0" * n,
    }
    leakage = {"n_test": n, "rules": [{**rule, "hits": "0" * n}]}
    run = made_run(predictions, experiment=experiment, leakage=leakage, doubts=[doubt] * min(wrong, 1))
    scores = scores_of(run, predictions, confidence=0.95)
    text = text_of(render_page(run, predictions, scores, {}, Explorer(FaceRights(False))))
    agrees(text)
    assert "sample" not in text.replace("resample", "")
    noun = {"projections": "sequence", "crops": "image"}[kind]
    assert f"{n} test {noun}{'' if n == 1 else 's'}" in text
    if not wrong:
        assert f"Every test {noun} was classified correctly." in text
