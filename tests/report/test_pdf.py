"""The report on paper: readable by another program, no letter missing, the first page enough."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest

from condyle.report.pdf import export
from condyle.study import Finding, Review, Site
from condyle.testing.exporters import TEXT_OF
from condyle.testing.readings import HOSTILE


def text(reading) -> str:
    return TEXT_OF[".pdf"](export(reading)["report.pdf"])


def test_the_first_page_says_what_is_abnormal_doubtful_and_not_assessed(lumbar):
    program = shutil.which("pdftotext") or pytest.skip("pdftotext is not installed (apt-get install poppler-utils)")
    content = export(lumbar)["report.pdf"]
    page = subprocess.run([program, "-l", "1", "-", "-"], input=content, capture_output=True, check=True).stdout.decode()
    told = ("Research use only", "Attention:", "Abnormal", "Disc narrowing (90%)", "Look at this yourself", "Not assessed", "Overview")
    for words in told:
        assert words in " ".join(page.split())


def test_hostile_words_stay_words(lumbar):
    findings = (Finding("x", Site(HOSTILE), "category", "present", value="<img src='http://x/'/>", unit="<b>"), *lumbar.findings)
    said = text(replace(lumbar, findings=findings, flags=(HOSTILE,)))
    assert "alert('x')" in said
    assert "<img src=" in said


def test_letters_are_in_the_file_and_none_is_missing(lumbar):
    program = shutil.which("pdffonts") or pytest.skip("pdffonts is not installed (apt-get install poppler-utils)")
    listed = subprocess.run([program, "-"], input=export(lumbar)["report.pdf"], capture_output=True, check=True).stdout.decode()
    brought = ("ZapfDingbats", "Helvetica")  # of the fourteen that every reader brings; the second is declared, and no letter is set in it
    for line in listed.splitlines()[2:]:
        assert " yes " in line or line.startswith(brought)
    assert "■" not in text(lumbar)


def test_corrections_are_told(lumbar):
    first = lumbar.findings[1]
    changed = replace(first, decision="present", score=None)
    reviews = (Review("changed", first, "AB", "2026-11-22"),)
    final = replace(lumbar, findings=(lumbar.findings[0], changed, *lumbar.findings[2:]), reviews=reviews)
    said = text(final)
    assert "Reviewed by AB: 1 of" in said
    assert "changed by AB on 2026-11-22; the package said: absent (4%)" in said


def test_pictures_are_in_it(lumbar):
    assert export(lumbar)["report.pdf"].count(b"/Subtype /Image") == 2 + 6  # key images, a window a level
    bare = replace(lumbar, key_images=(), evidence=(), findings=tuple(replace(one, evidence=()) for one in lumbar.findings))
    assert export(bare)["report.pdf"].count(b"/Subtype /Image") == 0
