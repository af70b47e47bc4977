"""What a paper gets of a run, against texts written by hand; every number in them is one that the record knows."""

import json
import re
import shutil
import subprocess

import pytest
from made_runs import LABELS, made_predictions, made_run

from ckseq.experiment.recipe import load_experiment
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.report.paper import paper_of, paper_of_units, script, section_html
from ckseq.report.scores import scores_of
from ckseq.report.trust import trust
from ckseq.report.units import unit_scores
from ckseq.storage.predictions import Prediction, Predictions

TRAIN = dict(zip(LABELS, (24, 25, 25, 24), strict=True))


def run_of(name, origin, predictions, **changes):
    recipe = load_experiment(name)
    store = {"pipeline": load_pipeline(recipe.pipeline).model_dump(mode="json"), "origin": origin}
    return made_run(predictions, experiment=recipe.model_dump(mode="json"), store=store, **changes)


def one_line(text):
    """Return a text whose lines were broken for reading as it is written."""
    return " ".join(text.split()) + "\n"


def written(run, predictions):
    return paper_of(run, predictions, scores_of(run, predictions, confidence=0.95), trust(predictions, confidence=0.95))


def unit_predictions():
    rows = []
    for number in range(24):
        units = "+".join(unit for unit, every in (("4", 2), ("12", 3)) if number % every == 0) or "0"
        subject = f"S{number % 12:03d}"
        p = (0.7 if number % 2 == 0 else 0.3, 0.6 if number % 4 == 0 else 0.4)
        rows.append(Prediction(f"{subject}_{number:03d}", subject, number % 5, units, "4", p))
    return Predictions(("4", "12"), tuple(rows), multi_label=True)


def test_the_recipe_of_the_paper_on_ckplus():
    predictions = made_predictions()
    protocol = {
        "kind": "paper_split",
        "train_counts": TRAIN,
        "shared_subjects": 3,
        "test_sequences_of_shared_subjects": 12,
        "sentence": "12 of 42 test sequences show a subject seen in training",
    }
    train_only = [f"S1{number:02d}_001" for number in range(98)]
    run = run_of("paper_phase4", "ckplus", predictions, protocol=protocol, train_only=train_only)
    paper = written(run, predictions)
    assert paper.files["methods.txt"] == one_line(
        """We classified 140 sequences from the extended Cohn-Kanade data set (CK+) (Kanade et al., 2000; Lucey et al.,
        2010) into 4 classes (anger 35, disgust 35, happiness 35, surprise 35). 42 sequences of 9 subjects were
        tested. Faces were detected by dlib's frontal face detector (King, 2015) in every frame, cut out, and
        resized to 267 × 267 pixels (gray); of several faces, the last that the detector found was used. Each crop
        was subtracted from the frame before it, modulo 256; differences above 127 gray levels counted as motion.
        The binary images were eroded by a square of 5 × 5 pixels. Each binary image was reduced to the means of its
        columns and of its rows, 2 × 267 values. Sequences shorter than 39 frames of motion were padded with zeros;
        longer ones were left out. The classifier was a convolutional LSTM network (Shi et al., 2015), which read
        the projections. Its settings, by their names in ckseq, were filters 64, kernel 1 × 3, activation relu, dense
        100, dropout 0.5, dropout input 0, dropout dense 0. It has 8,912,404 parameters. It was trained by Adam
        (Kingma and Ba, 2015)
        for 100 epochs with batches of 64 and a learning rate of 0.001. The test set was measured after every epoch
        for the learning curves; no epoch was selected by it. The set-up follows a published one: Ambruoso, A.,
        Borrelli, M. & Veneruso, R. (no year). Emotion recognition con ConvLSTM2D. Project report, University of
        Salerno. 35 settings of the run are as published, and none deviates. A random split regardless of subjects
        gave 98 sequences for training and 42 for testing. 12 of 42 test sequences show a subject seen in training.
        The random seed was 1. Accuracy is given with a 95 % confidence interval by Wilson's score interval (Wilson,
        1927), which counts every sequence as independent. All computations used ckseq 0.1.0 (The ckseq authors,
        version 0.1.0) with NumPy 2.3.5 (CPU, 2 cores)."""
    )
    assert paper.to_add[0] == "how people consented, and who labeled the data"


def test_a_synthetic_run_of_the_default_by_cross_validation():
    predictions = made_predictions(folds=5)
    protocol = {"kind": "subject_k_fold", "n_folds": 5, "n_train": 33, "sentence": "no test subject is in training"}
    model = {"kind": "fusion", "n_parameters": None, "input_shape": [64, 2, 670, 3]}
    trainings = [{"seed": seed, "fold": 0, "n_train": 33, "n_test": 9, "epochs": 0, "seconds": 2.5} for seed in (1, 2)]
    run = run_of(
        "default",
        "synthetic",
        predictions,
        kind="cross_validation",
        protocol=protocol,
        model=model,
        train_only=[],
        seeds=[1, 2],
        trainings=trainings,
        versions={"ckseq": "0.1.0", "python": "3.12.3", "scikit-learn": "1.7.2"},
        leakage={"rules": [{"name": "class prior", "accuracy": 0.26}]},
    )
    paper = written(run, predictions)
    assert paper.files["methods.txt"] == one_line(
        """We classified 42 sequences of 9 subjects from a synthetic data set of drawn faces that show no person into 4
        classes (anger 11, disgust 10, happiness 10, surprise 11). The face was cut out of every frame by one box per
        sequence, which followed from the landmarks of MediaPipe's face mesh (Kartynnik et al., 2019), and resized
        to 267 × 267 pixels (gray). Head motion was removed by
        registering each crop to the first one (translation, rotation and scale). Each crop was scaled to equal
        brightness and blurred by a Gaussian of 2 pixels (standard deviation), and then subtracted from the first
        frame, in separate channels for brighter and darker; differences above 4 gray levels counted as motion. A
        third channel held what differed from the previous crop by more than 2 gray levels. Each binary image was
        reduced to the means of its columns and of its rows, 2 × 267 values. Landmarks of MediaPipe's face mesh
        (Kartynnik et al., 2019) were located in every frame and registered to a mean face. Texture was described by
        histograms of oriented gradients (Dalal and Triggs, 2005) of the registered face. Sequences shorter than 64
        frames of motion were stretched by linear interpolation; longer ones were resampled by linear interpolation.
        The classifier was a ridge regression (Hoerl and Kennard, 1970) of motion and one of motion, shape and
        texture, weighted by leaving out training subjects, which read projections, landmarks and texture. Its
        settings, by their names in ckseq, were pool 3, parts 6, landmarks face_mesh, versions 3, mean gradients no.
        Training samples were augmented at random (shift px 8, scale 0.06, time stretch 0.15, mirror 0.5, gain 0.4).
        Models were tested by
        5-fold cross-validation, folds divided by subject. No test subject is in training. Training was repeated
        with the seeds 1, 2. Accuracy is given with a 95 % confidence interval by Wilson's score interval (Wilson,
        1927), which counts every sequence as independent. Baselines without motion were trained and
        tested on the same folds, and compared with the class prior by the exact one-sided McNemar test (McNemar,
        1947). All computations used ckseq 0.1.0 (The ckseq authors, version 0.1.0) with Python 3.12.3, scikit-learn
        1.7.2 (CPU, 2 cores)."""
    )
    assert "trained by Adam" not in paper.files["methods.txt"]  # no network was trained
    assert paper.to_add == (
        "whether settings were chosen while looking at these test results, and how many were tried",
    )


def test_a_run_on_action_units():
    predictions = unit_predictions()
    protocol = {"kind": "subject_k_fold", "n_folds": 5, "sentence": "no test subject is in training"}
    model = {"kind": "ridge", "n_parameters": None}
    run = run_of("action_units", "other", predictions, protocol=protocol, model=model, train_only=[])
    paper = paper_of_units(run, predictions, unit_scores(predictions, confidence=0.95))
    text = paper.files["methods.txt"]
    assert text.startswith("We detected 2 facial action units (4, 12) in 24 sequences of 12 subjects. Faces were ")
    assert text.endswith(
        "The random seed was 1. Each unit was scored by the area under the ROC curve, which does not depend on its "
        "prevalence (Jeni et al., 2013), with 95 % confidence intervals by a bootstrap over subjects (Davison and "
        "Hinkley, 1997), 2000 draws. All computations used ckseq 0.1.0 (The ckseq authors, version 0.1.0) with NumPy "
        "2.3.5 (CPU, 2 cores).\n"
    )
    assert "Accuracy" not in text
    assert paper.to_add[0] == "name, source and license of the data set"
    assert set(paper.files) == {"methods.txt", "methods.tex", "references.bib", "tables.tex", "units.csv"}
    assert paper.files["units.csv"].splitlines()[1].startswith("4,")


@pytest.mark.parametrize("name", ["paper_phase1", "paper_phase4", "motion", "fer2013_adversarial", "live", "peer_fer"])
def test_every_number_is_one_that_the_record_knows(name):
    predictions = made_predictions()
    run = run_of(name, "other", predictions, model={"kind": load_experiment(name).model_kind})
    text = re.sub(r"\((?:[^()]*, (?:\d{4}|version [\d.]+))+\)", "", written(run, predictions).files["methods.txt"])
    record = run.model_dump(mode="json")
    known = {f"{float(one):g}" for one in re.findall(r"\d+(?:\.\d+)?", json.dumps(record))}
    known |= {
        f"{n}" for n in (42, 43, 4, 9, 95, 2, 256, 2000, len(predictions.labels), 98)
    }  # counted, or of the method
    said = {f"{float(one.replace(',', '')):g}" for one in re.findall(r"\d[\d,]*(?:\.\d+)?(?![\w+])", text)}
    assert said <= known, said - known


def test_what_a_record_does_not_hold_is_left_out():
    predictions = made_predictions()
    run = made_run(predictions, store={"pipeline": {}, "origin": None}, experiment={}, versions={}, device="")
    paper = written(run, predictions)
    assert paper.files["methods.txt"] == one_line(
        """We classified 43 sequences into 4 classes (anger, disgust, happiness, surprise). 42 sequences of 9 subjects
        were tested. The classifier was a convolutional LSTM network (Shi et al., 2015). It has 8,912,404
        parameters. A random split regardless of subjects gave 98 sequences for training and 42 for testing. No test
        subject is in training. The random seed was 1. Accuracy is given with a 95 % confidence interval by Wilson's
        score interval (Wilson, 1927), which counts every sequence as independent. All computations used ckseq 0.1.0
        (The ckseq authors, version 0.1.0)."""
    )
    assert paper.to_add[0] == "name, source and license of the data set"


def test_a_plug_in_and_an_unfinished_run_are_called_so():
    predictions = made_predictions()
    path = "/home/anna/my_model.py"
    section = {
        "kind": path,
        "plugin": {"name": "my_model", "version": "1.2", "sha256": 8 * "0a31bb8e"},
        "strength": 0.1,
    }
    model = {"kind": path, "n_parameters": None}
    run = made_run(predictions, model=model, experiment={"model": section}, state="interrupted")
    paper = written(run, predictions)
    text = paper.files["methods.txt"]
    assert "The classifier was the plug-in my_model 1.2 (SHA-256 0a31bb8e0a31)." in text
    assert "Its settings, by their names in ckseq, were strength 0.1." in text
    assert "anna" not in text
    assert paper.to_add[0] == "that the run is not complete: these results are not final"


def test_every_citation_has_its_entry_and_every_entry_is_cited():
    predictions = made_predictions()
    model = {"kind": "fusion", "n_parameters": None}
    paper = written(run_of("default", "ckplus", predictions, model=model), predictions)
    cited = {key for keys in re.findall(r"\\cite\{([^}]*)\}", paper.files["methods.tex"]) for key in keys.split(",")}
    entries = re.findall(r"^@\w+\{(\w+),", paper.files["references.bib"], re.MULTILINE)
    assert cited == set(entries)
    assert len(entries) == len(cited)
    assert {"lucey2010", "kartynnik2019", "hoerl1970", "ckseq"} <= cited
    assert "version = {0.1.0}" in paper.files["references.bib"]
    assert "[@" not in paper.files["methods.txt"] + paper.files["methods.tex"]


def test_the_tables_are_latex_and_csv_of_the_same_numbers():
    predictions = made_predictions(("a_b", "50 %"), [("a_b", "a_b", 3), ("a_b", "50 %", 1), ("50 %", "50 %", 4)])
    files = written(made_run(predictions), predictions).files
    tex = files["tables.tex"]
    assert r"    a\_b & 1.00 & 0.75 & 0.30 to 0.95 & 0.86 & 4 \\" in tex
    assert r"    a\_b & 3 & 1 \\" in tex
    assert files["confusion.csv"].splitlines() == ["truth,a_b,50 %", "a_b,3,1", "50 %,0,4"]
    assert files["classes.csv"].splitlines()[1].startswith("a_b,1.0,0.75,0.30")
    for name in ("begin", "end"):
        assert tex.count(rf"\{name}{{table}}") == tex.count(rf"\{name}{{tabular}}") == 3


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no LaTeX")
def test_latex_takes_it(tmp_path):
    predictions = made_predictions(("a_b", "50 %"), [("a_b", "a_b", 3), ("50 %", "50 %", 4)])
    for name, text in written(run_of("default", "ckplus", predictions), predictions).files.items():
        (tmp_path / name).write_text(text)
    page = r"\documentclass{article}\usepackage[utf8]{inputenc}\usepackage{booktabs}\begin{document}"
    page += r"\input{methods}\input{tables}\bibliographystyle{plain}\bibliography{references}\end{document}"
    (tmp_path / "page.tex").write_text(page)
    subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page"], cwd=tmp_path, check=True)


def test_the_section_has_a_button_for_every_text_and_no_markup_of_data():
    predictions = made_predictions(("<b>", "c"), [("<b>", "<b>", 2), ("c", "c", 2)])
    html = section_html(written(made_run(predictions), predictions))
    assert "<b>" not in html
    for name in ("methods.txt", "methods.tex", "references.bib", "tables.tex"):
        assert f'data-copy="{name}"' in html
        assert f'id="copy-{name}"' in html
    assert "classes.csv, confusion.csv, metrics.csv" in html
    assert "innerHTML" not in script()
