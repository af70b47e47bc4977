"""What the page holds of single sequences: every text as it is, pictures that are small and true."""

import base64
import json
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_reports import made_explained, moving_blobs
from made_runs import LABELS, made_predictions, made_run

from ckseq.console import without_controls
from ckseq.facs import ActionUnit
from ckseq.protocol.score import score
from ckseq.report import sequence_pictures
from ckseq.report.explorer import Explorer, SequencePictures, embedded, picture_blocks
from ckseq.report.face_rights import FaceRights
from ckseq.report.matrix import matrix_rows, subject_rows
from ckseq.report.page import render_page
from ckseq.report.sequence_pictures import blob_film, evidence_pictures, face_strip, projection_strips
from ckseq.report.wording import SEQUENCE
from ckseq.signal.reduce import film_strip, project
from ckseq.storage.explanations import ClassEvidence
from ckseq.storage.predictions import Prediction, Predictions

HOSTILE = "</script><script>alert(1)</script><!--<script>\u2028&\"'"
texts = st.one_of(st.text(min_size=1, max_size=20), st.just(HOSTILE))


class Blocks(HTMLParser):
    """The data of a page, by id, as a browser finds them; and how many scripts may run."""

    def __init__(self, html):
        super().__init__()
        self.data, self.n_scripts, self._id = {}, 0, None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "script":
            self._id = attributes.get("id") if attributes.get("type") == "application/json" else None
            self.n_scripts += self._id is None

    def handle_endtag(self, tag):
        self._id = None

    def handle_data(self, data):
        if self._id:
            self.data[self._id] = self.data.get(self._id, "") + data


def page_of(predictions, **explorer):
    truth, predicted = zip(*((row.truth, row.predicted) for row in predictions.rows), strict=True)
    scores = score(truth, predicted, labels=predictions.labels, confidence=0.95, repeats=len(predictions.seeds))
    return render_page(made_run(), predictions, scores, {}, Explorer(FaceRights(faces=True), **explorer))


def decoded(webp):
    return cv2.imdecode(np.frombuffer(webp, np.uint8), cv2.IMREAD_COLOR_RGB)


@given(
    labels=st.lists(texts, min_size=2, max_size=4, unique=True),
    ids=st.lists(texts, min_size=1, max_size=5, unique=True),
    answers=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=5, max_size=5),
    subject=texts,
)
def test_what_is_embedded_is_what_was_predicted(labels, ids, answers, subject):
    rows = []
    for id, (truth, predicted) in zip(ids, answers, strict=False):
        truth, predicted = truth % len(labels), predicted % len(labels)
        probabilities = tuple(0.9 if i == predicted else 0.1 / (len(labels) - 1) for i in range(len(labels)))
        rows.append(Prediction(id, subject, 0, labels[truth], labels[predicted], probabilities))
    predictions = Predictions(tuple(labels), tuple(rows))
    pictures = {rows[-1].recording: SequencePictures(hidden=True)}
    found = json.loads(json.dumps(embedded(predictions, pictures, SEQUENCE)))
    for i, row in enumerate(rows):
        assert found["recording"][i] == without_controls(row.recording)
        assert found["labels"][found["truth"][i]] == without_controls(row.truth)
        assert found["labels"][found["predicted"][i]] == without_controls(row.predicted)
        assert found["probabilities"][i] == pytest.approx(row.probabilities, abs=5e-5)
    assert found["pictures"] == [None] * (len(rows) - 1) + [0]


@pytest.mark.parametrize("text", [HOSTILE, "<b>", "]]>", "a\x00b", "\u202eevil"])
def test_hostile_texts_stay_texts(text):
    predictions = made_predictions((text, "b"), [(text, "b", 1), ("b", "b", 1)])
    rows = tuple(row._replace(recording=f"{text}{i}", subject=text) for i, row in enumerate(predictions.rows))
    predictions = Predictions(predictions.labels, rows)
    pictures = {rows[0].recording: SequencePictures(units=(ActionUnit(text),))}
    html = page_of(predictions, pictures=pictures, remarks=(text,))
    blocks = Blocks(html)
    assert blocks.n_scripts == 1
    assert set(blocks.data) == {"data", "pictures-0"}
    data = json.loads(blocks.data["data"])
    assert data == embedded(predictions, pictures, SEQUENCE)
    assert without_controls(text) in data["labels"]
    assert json.loads(blocks.data["pictures-0"])["units"] == [text]
    assert html.count("<script>alert(1)") == 0


def test_seeds_are_told_where_there_are_several():
    rows = made_predictions().rows
    twice = Predictions(LABELS, tuple(row._replace(seed=seed) for seed in (1, 2) for row in rows))
    assert embedded(twice, {}, SEQUENCE)["seed"] == [1] * len(rows) + [2] * len(rows)
    assert embedded(made_predictions(), {}, SEQUENCE)["seed"] is None
    html = page_of(twice)
    assert 'id="filter-seed"' in html
    assert "over all 2 seeds" in html


def test_unknown_subjects_are_not_invented():
    rows = tuple(row._replace(subject=row.recording) for row in made_predictions().rows)
    unknown = Predictions(LABELS, rows)
    assert set(embedded(unknown, {}, SEQUENCE)["subject"]) == {"unknown"}
    assert "Per subject" not in page_of(unknown)
    assert "Per subject" in page_of(made_predictions())


def test_a_film_shows_the_blobs_of_its_steps():
    blobs = np.zeros((40, 96, 96, 2), bool)
    for step in range(40):
        blobs[step, :48, :, 0] = step % 2
        blobs[step, 48:, : 48 + step, 1] = True
    film = blob_film(blobs)
    sheet = decoded(film.image)
    n, side = len(film.steps), sheet.shape[0]
    assert (film.steps[0], film.steps[-1], n) == (0, 39, 32)
    assert sheet.shape == (side, n * side, 3)
    assert film.signed
    for place, step in enumerate(film.steps):
        frame = sheet[:, place * side : (place + 1) * side]
        orange, blue, white = (217, 95, 2), (31, 78, 156), (255, 255, 255)
        assert np.abs(frame[side // 4, side // 2].astype(int) - (orange if step % 2 else white)).max() <= 1
        assert np.abs(frame[-2, 2].astype(int) - blue).max() <= 1
        edge = (48 + step) / 96
        assert (frame[-2] == blue).all(axis=1).mean() == pytest.approx(edge, abs=1.5 / side)


def test_a_film_of_a_still_and_of_one_channel_is_gray():
    for shape in ((1, 30, 30), (2, 30, 30, 1)):
        pixels = decoded(blob_film(np.ones(shape, bool)).image)
        assert pixels.shape[0] == 30
        assert np.ptp(pixels.astype(int), axis=2).max() == 0


@pytest.mark.parametrize("share", [0.05, 0.5, None])
def test_a_film_stays_small_whatever_moves(share):
    rng = np.random.default_rng(0)
    blobs = rng.random((60, 120, 120, 2)) > 0.5 if share is None else moving_blobs(rng, 60, share=share)
    assert len(blob_film(blobs).image) <= sequence_pictures.MOST_FILM_BYTES


def test_strips_show_the_projections_with_time_to_the_right():
    blobs = np.zeros((12, 40, 40), bool)
    blobs[3:6, 10:20] = True  # rows 10 to 19, in three of twelve steps
    strips = projection_strips(project(blobs))
    rows, columns = decoded(strips.rows), decoded(strips.columns)
    assert strips.n_steps == 12
    assert rows.shape == (40, 12, 3)
    dark = rows[..., 0] < 60
    assert dark[10:20, 3:6].all()
    assert dark.sum() == 30
    assert (columns[:, 3:6] < 255).all()
    assert (np.delete(columns, slice(3, 6), axis=1) == 255).all()
    long = projection_strips(np.zeros((500, 2, 30), np.float32))
    assert decoded(long.rows).shape == (30, 160, 3)
    assert long.n_steps == 500


def test_faces_stand_side_by_side_in_their_order():
    crops = np.stack([np.full((70, 70), level, np.uint8) for level in range(0, 250, 25)])
    strip = face_strip(film_strip(crops))
    pixels = decoded(strip.image)
    assert pixels.shape == (64, 6 * 64, 3)
    middle = pixels[32, 32::64, 0].astype(int)
    assert np.abs(middle - [0, 50, 100, 125, 175, 225]).max() <= 3


def test_evidence_is_red_where_it_is_and_blue_where_it_speaks_against():
    row = made_predictions().rows[0]
    evidence = evidence_pictures(made_explained(row))
    face, rows, columns = (decoded(one).astype(int) for one in (evidence.face, evidence.rows, evidence.columns))
    assert (face.shape, rows.shape, columns.shape) == ((6, 6, 3), (6, 9, 3), (6, 9, 3))
    for picture, place in ((face, (0, 5)), (rows, (0, 4)), (columns, (5, 4))):
        red = picture[..., 0] - picture[..., 2]
        assert np.unravel_index(red.argmax(), red.shape) == place
        assert red[place] > 50
    assert face[5, 0, 2] - face[5, 0, 0] > 50
    assert "motion of the left brow, and without that of the time steps 5 to 7" in evidence.sentence
    nothing = ClassEvidence(groups={}, time=(0.0,) * 9)
    assert evidence_pictures(made_explained(row, classes={row.predicted: nothing})).images == {}


def test_what_the_blocks_hold_is_what_was_given():
    blobs = moving_blobs(np.random.default_rng(1), 5, share=0.2, n=60)
    given = SequencePictures(
        faces=face_strip(np.zeros((3, 64, 64), np.uint8)),
        film=blob_film(blobs),
        strips=projection_strips(project(blobs)),
        units=(ActionUnit("12", 3), ActionUnit("99")),
        evidence=evidence_pictures(made_explained(made_predictions().rows[0])),
    )
    (block,) = map(json.loads, picture_blocks({"a": given}))
    assert base64.b64decode(block["film"]["image"]) == given.film.image
    assert base64.b64decode(block["strips"]["rows"]) == given.strips.rows
    assert (block["faces"]["n"], block["film"]["steps"], block["strips"]["steps"]) == (3, [0, 1, 2, 3, 4], 5)
    assert block["units"] == ["12 lip corner puller, intensity C", "99"]
    images = [block["faces"]["image"], block["film"]["image"], block["strips"]["columns"], block["strips"]["rows"]]
    images += [block["evidence"][name] for name in ("face", "columns", "rows")]
    assert given.n_bytes == sum(map(len, images))


def test_a_page_of_327_sequences_has_at_most_10_mb():
    """Of lengths and densities of motion as in drawn and in warped faces, which have up to 0.3 of a frame on."""
    rng = np.random.default_rng(0)
    kinds = []
    for t, share in ((10, 0.05), (18, 0.15), (25, 0.2), (40, 0.3), (70, 0.4)):
        blobs = moving_blobs(rng, t, share=share)
        faces = np.stack([cv2.GaussianBlur(rng.integers(0, 256, (64, 64), dtype=np.uint8), (0, 0), 2.5)] * 6)
        kinds.append(SequencePictures(face_strip(faces), blob_film(blobs), projection_strips(project(blobs))))
    labels = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
    predictions = made_predictions(labels, [(label, label, 46) for label in labels] + [("fear", "anger", 5)])
    pictures = {row.recording: kinds[i % len(kinds)] for i, row in enumerate(predictions.rows)}
    assert len(pictures) == 327
    assert max(one.n_bytes for one in kinds) <= 25_000
    figures = 1_500_000  # bytes of the other figures in the page
    assert len(page_of(predictions, pictures=pictures)) + figures <= 10_000_000


def test_the_matrix_of_the_page_has_the_numbers_of_the_scores():
    predictions = made_predictions()
    truth, predicted = zip(*((row.truth, row.predicted) for row in predictions.rows), strict=True)
    scores = score(truth, predicted, labels=LABELS, confidence=0.95)
    rows = matrix_rows(scores)
    assert [[cell.n for cell in row.cells] for row in rows] == scores.matrix.tolist()
    assert [row.support for row in rows] == [11, 10, 10, 11]
    assert rows[3].cells[2].rate == pytest.approx(2 / 11)
    empty = matrix_rows(score(["a"], ["a"], labels=("a", "b"), confidence=0.95))
    assert [cell.rate for cell in empty[1].cells] == [0, 0]


def test_subjects_are_listed_with_their_mistakes_the_lowest_accuracy_first():
    def row(subject, truth, predicted):
        return Prediction(f"{subject}{truth}{predicted}", subject, 0, truth, predicted, (0.5, 0.5))

    pairs = [("B", "a", "a"), ("A", "a", "b"), ("A", "b", "a"), ("A", "b", "a"), ("A", "a", "a"), ("C", "b", "b")]
    found = subject_rows([row(*one) for one in pairs])
    assert found == (
        ("A", 4, 1, (("b", "a", 2), ("a", "b", 1))),
        ("B", 1, 1, ()),
        ("C", 1, 1, ()),
    )
