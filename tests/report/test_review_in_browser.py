"""Corrections as a reader makes them: in a browser, by keyboard, without a server; saved, and put back through the command."""

from __future__ import annotations

import json
import shutil

import pytest

from condyle.report.corrections import corrected, load_corrections
from condyle.report.reading_json import load_reading
from condyle.report.write import write_report
from condyle.study import Site
from tests.command import condyle
from tests.report.test_browser import ARGUMENTS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def report(lumbar, tmp_path):
    write_report(lumbar, tmp_path / "report")
    return tmp_path / "report"


@pytest.fixture
def page(browser, report):
    said = []
    opened = browser.new_page(viewport={"width": 1280, "height": 850}, accept_downloads=True)
    opened.set_default_timeout(120_000)
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto((report / "report.html").as_uri())
    yield opened
    opened.close()
    assert said == []


def answer(page, finding, level="L4-L5"):
    return page.locator(f'.answer[data-finding="{finding}"][data-level="{level}"]')


def save(page, tmp_path, press=None):
    with page.expect_download() as download:
        page.click("#review-save") if press is None else press()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_answers_by_keyboard_become_corrections_and_final_documents(page, report, lumbar, tmp_path):
    page.focus("#review-on")
    page.keyboard.press("Space")
    answers = {
        "herniation": ("change to absent", ""), "pfirrmann": ("change to grade 5", ""), "bulging": ("reject", ""),
        "modic": ("change to present", ""), "disc_height": ("change to ...", "6.4"),
    }  # fmt: skip
    for finding, (keys, typed) in answers.items():
        answer(page, finding).locator("select").focus()
        page.keyboard.type(keys)  # what the keyboard does in a list of choices
        if typed:
            page.keyboard.press("Tab")
            page.keyboard.type(typed)
    page.focus("#review-reader")
    page.keyboard.type("AB")
    page.focus("#review-rest")
    page.keyboard.press("Enter")
    page.focus("#review-save")
    path = save(page, tmp_path, lambda: page.keyboard.press("Enter"))
    assert path.name == "corrections.json"
    final = corrected(lumbar, load_corrections(path))
    now = {one.finding: one for one in final.findings if one.site == Site("L4-L5")}
    assert [now[name].decision for name in ("herniation", "bulging", "modic")] == ["absent", "not_assessed", "present"]
    assert (now["pfirrmann"].grade, now["disc_height"].value) == (5, 6.4)
    assert len(final.reviews) == len(lumbar.findings)
    assert {one.by for one in final.reviews} == {"AB"}
    ran = condyle("read", report / "reading.json", "--corrections", path, "-o", tmp_path / "final", "--format", "html,json,csv,text")
    assert ran.code == 0, ran.err
    assert load_reading(tmp_path / "final" / "reading.json").reviews == final.reviews
    assert "4 changed, 1 rejected" in (tmp_path / "final" / "report.html").read_text()
    assert "the program had said: present" in (tmp_path / "final" / "report.txt").read_text()


def test_a_saved_file_can_be_continued(page, tmp_path):
    page.check("#review-on")
    answer(page, "herniation").locator("select").select_option(label="change to uncertain")
    answer(page, "slip").locator("select").select_option(label="change to ...")
    answer(page, "slip").locator("input").fill("2.5")
    first = save(page, tmp_path)
    kept = json.loads(first.read_text())
    page.reload()
    page.check("#review-on")
    page.set_input_files("#review-load", first)
    page.wait_for_function("document.querySelector('.review-count').textContent.startsWith('2 of')")
    again = json.loads(save(page, tmp_path).read_text())
    assert again == kept
    assert len(kept["corrections"]) == 2


def test_a_file_of_another_report_is_not_taken(page, tmp_path):
    page.check("#review-on")
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"study_key": "ffff", "corrections": []}))
    page.set_input_files("#review-load", path)
    page.wait_for_function("document.querySelector('.review-count').textContent.startsWith('This file holds no')")


def test_nothing_is_saved_while_a_value_is_missing(page):
    page.check("#review-on")
    answer(page, "slip").locator("select").select_option(label="change to ...")
    page.click("#review-save")
    assert page.evaluate("document.activeElement.matches('.answer[data-finding=slip] input')")


def test_a_level_is_accepted_at_once_and_answers_before_are_kept(page):
    page.check("#review-on")
    answer(page, "herniation").locator("select").select_option(label="reject")
    page.locator("#site-L4-L5 .accept-here").click()
    values = page.evaluate("[...document.querySelectorAll('#site-L4-L5 .answer select')].map(e => e.value)")
    assert values.count("rejected") == 1
    assert set(values) == {"accepted", "rejected"}
    assert page.evaluate("[...document.querySelectorAll('#site-L5-S1 .answer select')].every(e => e.value === '')")


def test_the_controls_show_only_while_reviewing_and_fit_a_phone(page):
    assert not answer(page, "herniation").is_visible()
    page.check("#review-on")
    page.set_viewport_size({"width": 390, "height": 844})
    assert answer(page, "herniation").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.emulate_media(media="print")
    assert not page.locator(".review-bar").is_visible()
    assert not answer(page, "herniation").is_visible()


def test_axe_finds_no_barrier_while_reviewing(browser, report):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the Python package axe-playwright-python is not installed")
    opened = browser.new_page(bypass_csp=True, viewport={"width": 1280, "height": 850})
    opened.set_default_timeout(120_000)
    opened.goto((report / "report.html").as_uri())
    opened.check("#review-on")
    found = axe.Axe().run(opened).response
    opened.close()
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
