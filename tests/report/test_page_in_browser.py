"""The report's page in a real browser: a cell, a filter, a film, by mouse and by keys alone; also for a phone.

The screenshots that stand in docs come from here, of a run that was trained on drawn faces: ``make screenshots``.
"""

import os
from pathlib import Path

import pytest
from made_browser import CHROMIUM, browser
from made_reports import LABELS, made_explained, write_explained_run, write_made_explanations, write_twin_run
from PIL import Image

from ckseq.console import Console
from ckseq.storage.predictions import read_predictions
from ckseq.tasks.report import report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = write_twin_run(tmp_path_factory.mktemp("drawn"))
    write_made_explanations(folder, LABELS, (made_explained(read_predictions(folder).rows[1]),))
    report(folder, faces=True, console=Console(quiet=True))
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def listed(page):
    return page.value("[...document.querySelectorAll('#list tbody button')].map(button => button.textContent)")


def press(page, key, times=1):
    codes = {"Enter": 13, "ArrowUp": 38, "ArrowDown": 40, "ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "Tab": 9}
    text = {"text": "\r"} if key == "Enter" else {}
    for _ in range(times):
        for kind in ("keyDown", "keyUp"):
            more = text if kind == "keyDown" else {}
            page.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key], **more)


def focused(page):
    return page.value("document.activeElement.textContent")


def test_a_cell_shows_its_sequences_and_filters_narrow_the_list(run, page):
    rows = read_predictions(run).rows
    page.open((run / "report.html").as_uri())
    assert sorted(listed(page)) == sorted(row.recording for row in rows)
    wrong = [row for row in rows if row.truth != row.predicted]
    cell = [LABELS.index(wrong[0].truth), LABELS.index(wrong[0].predicted)]
    page.value('document.querySelector(\'.matrix [data-truth="{}"][data-predicted="{}"]\').click()'.format(*cell))
    same = [row.recording for row in wrong if (row.truth, row.predicted) == (wrong[0].truth, wrong[0].predicted)]
    assert sorted(listed(page)) == sorted(same)
    assert page.text("count") == f"{len(same)} of {len(rows)} predictions, 0 of them correct"
    page.value("document.getElementById('filter-reset').click()")
    page.value(
        "(() => { const filter = document.getElementById('filter-result'); filter.value = 'wrong';"
        " filter.dispatchEvent(new Event('input')); })()"
    )
    by_probability = sorted(wrong, key=lambda row: (-max(row.probabilities), row.recording))
    assert listed(page) == [row.recording for row in by_probability]
    page.value("document.querySelector('[data-sort=recording]').click()")
    assert listed(page) == sorted(row.recording for row in wrong)
    subject = wrong[0].subject
    page.value(f"document.querySelector('[data-subject={subject}]').click()")
    assert sorted(listed(page)) == sorted(row.recording for row in rows if row.subject == subject)


def test_a_sequence_is_opened_and_its_film_scrubbed_by_keys_alone(run, page):
    page.open((run / "report.html").as_uri())
    page.value("document.querySelector('.matrix button').focus()")
    press(page, "ArrowRight")
    press(page, "ArrowDown")
    row, column = page.value("[document.activeElement.dataset.truth, document.activeElement.dataset.predicted]")
    assert (row, column) != ("0", "0")
    press(page, "Enter")
    page.until("document.querySelectorAll('.matrix [aria-pressed=true]').length === 1")
    found = listed(page)
    assert 1 < len(found) < 9
    assert focused(page) == found[0]
    press(page, "ArrowDown")
    assert focused(page) == found[1]
    press(page, "Enter")
    assert page.text("detail-name") == found[1]
    assert page.value("document.querySelector('#list [aria-current=true] button').textContent") == found[1]
    page.value("document.getElementById('step').focus()")
    total = page.value("document.getElementById('step').total")
    assert page.text("shown") == f"{total} of {total}"
    places = "[document.querySelector('#film img').style.left, document.querySelector('#rows i').style.left]"
    at_the_end = page.value(places)
    press(page, "ArrowLeft", 2)
    assert page.text("shown") == f"{total - 2} of {total}"
    assert page.value("document.getElementById('step').getAttribute('aria-valuetext')") == f"{total - 2} of {total}"
    assert page.value(places) != at_the_end
    press(page, "Home")
    assert page.text("shown") == f"1 of {total}"
    assert page.value("document.querySelector('#film img').style.left") in ("0%", "0px")
    assert page.value("document.querySelector('#film img').naturalWidth") > 0
    assert "px" in page.value("getComputedStyle(document.activeElement).outline")


def test_evidence_is_shown_of_a_sequence_that_was_explained_alone(run, page):
    page.open((run / "report.html").as_uri())
    explained, other = (row.recording for row in read_predictions(run).rows[1:3])
    for recording, display in ((explained, "grid"), (other, "none")):
        page.value(
            "[...document.querySelectorAll('#list tbody button')]"
            f".find(button => button.textContent === '{recording}').click()"
        )
        assert page.text("detail-name") == recording
        assert page.value("getComputedStyle(document.getElementById('evidence')).display") == display
        if recording == explained:
            assert "without the motion of the left brow" in page.value(
                "document.querySelector('#evidence p').textContent"
            )
            page.until("[...document.querySelectorAll('#evidence img')].every(image => image.naturalHeight === 6)")


def test_the_mouse_scrubs_the_film(run, page):
    page.open((run / "report.html").as_uri())
    page.value("document.querySelector('#list tbody button').click()")
    box = page.value(
        "(() => { const box = document.querySelector('#rows > div'); box.scrollIntoView({block: 'center'});"
        " const r = box.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()"
    )
    total = page.value("document.getElementById('step').total")
    for share, step in ((0.01, 1), (0.99, total)):
        x, y = box[0] + share * box[2], box[1] + box[3] / 2
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        assert page.text("shown") == f"{step} of {total}"


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_a_phone_light_or_dark(run, page, dark):
    page.open((run / "report.html").as_uri(), width=390, height=844, dark=dark, phone=True)
    page.value("document.querySelector('#list tbody button').click()")
    assert page.value("document.documentElement.scrollWidth") == 390
    paper = page.value("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(18, 24, 30)" if dark else "rgb(255, 255, 255)")
    edges = page.value(
        "[...document.querySelectorAll('#detail img, #step, .matrix')].map(one => one.getBoundingClientRect())"
        ".filter(one => one.width && one.left >= 0).map(one => Math.round(one.left))"
    )
    assert edges
    assert max(edges) < 390


def test_the_page_prints_without_its_controls(run, page):
    page.open((run / "report.html").as_uri())
    page.value("document.querySelector('#list tbody button').click()")
    page.call("Emulation.setEmulatedMedia", media="print")
    for selector in (".filters", "#step", "#detail .head span"):
        assert page.value(f"getComputedStyle(document.querySelector('{selector}')).display") == "none"
    assert page.value("getComputedStyle(document.querySelector('.list')).maxHeight") == "none"
    assert len(page.call("Page.printToPDF")["data"]) > 50_000
    page.call("Emulation.setEmulatedMedia", media="")


def test_nothing_is_asked_of_a_network_or_refused_by_the_policy(run, page):
    page.open((run / "report.html").as_uri())
    loaded = page.value("performance.getEntriesByType('resource').map(one => one.name.slice(0, 5))")
    assert set(loaded) <= {"data:"}
    assert page.value("document.getElementById('explorer').hidden") is False


@pytest.fixture(scope="module")
def shown_run(request, tmp_path_factory):
    """Return the run in the pictures: for docs one that was trained and explained, which takes minutes."""
    if "CKSEQ_SCREENSHOTS" in os.environ:
        return write_explained_run(tmp_path_factory.mktemp("shown"))
    return request.getfixturevalue("run")


def keep(page, path, *, top, bottom, sizes):
    """Keep the page from one element to another as a picture of few colors, whose size is within limits."""
    width = 900
    page.call("Emulation.setScrollbarsHidden", hidden=True)
    # as high as the page, so that nothing has to be scrolled
    whole = page.value("document.documentElement.scrollHeight")
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=whole, deviceScaleFactor=1, mobile=False)
    ends = page.value(f"[({top}).getBoundingClientRect().top, ({bottom}).getBoundingClientRect().bottom]")
    page.picture(path)
    with Image.open(path) as picture:
        part = picture.crop((0, round(ends[0]) - 12, width, round(ends[1]) + 12))
        part.quantize(160).save(path, optimize=True)
    assert sizes[0] < path.stat().st_size < sizes[1]


def test_screenshots_of_a_sequence_and_of_the_explanations(shown_run, page, tmp_path):
    folder = Path(os.environ.get("CKSEQ_SCREENSHOTS", tmp_path))
    page.open((shown_run / "report.html").as_uri(), width=900, height=900)
    # a sequence whose evidence is known, a step before its end
    page.value(
        "(() => { for (const button of document.querySelectorAll('#list tbody button')) { button.click();"
        " if (getComputedStyle(document.getElementById('evidence')).display !== 'none') break; } })()"
    )
    page.value("(() => { const step = document.getElementById('step'); step.stepDown(1); })()")
    page.value("document.getElementById('step').dispatchEvent(new Event('input'))")
    page.until("[...document.querySelectorAll('#detail img')].every(image => image.complete)")
    fieldset = "document.getElementById('filter-truth').closest('fieldset')"
    keep(page, folder / "report.png", top=fieldset, bottom="document.getElementById('detail')", sizes=(20_000, 200_000))
    section = "document.querySelector('img[src][alt^=\"For each class where\"]').closest('figure')"
    keep(page, folder / "explanations.png", top=section, bottom=section, sizes=(5_000, 200_000))


def test_a_text_for_a_paper_is_copied_or_selected(run, page):
    page.open((run / "report.html").as_uri())
    page.value("document.querySelector('[data-copy=\"methods.txt\"]').click()")
    page.until("document.querySelector('.paper [role=status]').textContent")
    methods = (run / "paper" / "methods.txt").read_text(encoding="utf-8")
    assert page.value("getSelection().toString()").split() == methods.split()
