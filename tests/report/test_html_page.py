"""The page: self-contained, escaped, one script that its policy names, the same for the same reading."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

from condyle.report.html_page import export
from condyle.study import Finding, PackageInfo, Site
from condyle.testing.readings import HOSTILE


def page(reading):
    return export(reading)["report.html"].decode()


def test_the_policy_allows_style_and_script_of_this_page_and_nothing_else(reading):
    text = page(reading)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#39;", "'")
    (style,), (script,) = (re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S) for tag in ("style", "script"))
    styled, scripted = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (style, script))
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{styled}'; script-src 'sha256-{scripted}'; "
        "base-uri 'none'; form-action 'none'"
    )
    for way_out in ("fetch", "XMLHttp", "WebSocket", "sendBeacon", "innerHTML", "eval", "localStorage", "document.write"):
        assert way_out not in script
    assert " style=" not in text
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_words_stay_words_wherever_a_reading_holds_text(lumbar):
    package = PackageInfo(*[HOSTILE] * 5, (HOSTILE,), HOSTILE, HOSTILE)
    findings = (
        Finding(HOSTILE, Site(HOSTILE, HOSTILE, HOSTILE), "binary", "present", 0.9, evidence=("disc-L5-S1",)),
        Finding("x", Site(HOSTILE), "category", "present", value=HOSTILE, unit=HOSTILE),
        Finding("y", Site(HOSTILE), "measurement", "not_assessed", reason=HOSTILE),
    )
    image = replace(lumbar.key_images[0], title=HOSTILE)
    evidence = tuple(replace(one, label=HOSTILE) for one in lumbar.evidence)
    hostile = replace(
        lumbar, study_key=HOSTILE, patient_key=HOSTILE, joint=HOSTILE, package=package, findings=findings, flags=(HOSTILE,),
        key_images=(image,), evidence=evidence, used_series={HOSTILE: "s1"}, timing={HOSTILE: 1.0}, condyle_version=HOSTILE,
    )  # fmt: skip
    text = page(hostile)
    assert text.count("<script") == 1
    assert text.count("&lt;script&gt;") > 20


def test_the_first_block_comes_before_everything_else(lumbar):
    text = page(lumbar)
    words = ("Research use only", " Abnormal</h3>", " Look at this yourself</h3>", " Not assessed</h3>", 'id="images"', 'id="by-site"')
    places = [text.index(word) for word in words]
    assert places == sorted(places)


def test_a_finding_without_a_map_has_no_switch(lumbar):
    text = page(lumbar)
    assert re.findall(r'name="map" id="map-(\w+)"', text) == ["none", "0", "1"]
    assert "Class map" not in page(replace(lumbar, evidence=(), findings=tuple(replace(one, evidence=()) for one in lumbar.findings)))


def test_every_link_inside_the_page_has_its_target(reading):
    text = page(reading)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    assert {name for names in re.findall(r'aria-labelledby="([^"]+)"', text) for name in names.split()} <= set(ids)


def test_what_a_grade_means_stands_there_with_its_source(lumbar):
    text = page(lumbar)
    assert "black and collapsed" in text
    assert "Source: Pfirrmann et al., Spine 2001;26:1873-1878" in text


def test_quality_provenance_and_series_are_told(lumbar):
    text = page(lumbar)
    for words in (
        "While the patient is still there: Repeat the sagittal T2.", "Noise could not be measured", "yes, as sagittal t2",
        "witnesses disagree", "no. The series has one slice only", "sha256 <code>" + "ab" * 32, "seed 7", "segment 0.64", "CC-BY 4.0",
        "No clinical DICOM was read.",
        "Files that belong to no series", "DOC/readme.txt",
    ):  # fmt: skip
        assert words in text, words


def test_a_reading_that_came_back_from_json_gives_the_same_words(lumbar, tmp_path):
    from condyle.report.reading_json import export as as_json
    from condyle.report.reading_json import load_reading

    (tmp_path / "reading.json").write_bytes(as_json(lumbar)["reading.json"])
    pictures = re.compile(r"data:image/png;base64,[^\"]*|[ML]?-?\d+\.\d+")
    assert pictures.sub("", page(load_reading(tmp_path / "reading.json"))) == pictures.sub("", page(lumbar))


def test_why_a_series_was_not_used_is_what_the_reader_said(lumbar):
    said = replace(lumbar, unused=(*lumbar.unused, ("series s9", "Another series was preferred.")))
    assert "no. Another series was preferred." in page(said)
    assert "Series 9 (axial)</b>, not used: Another series was preferred." in page(said)
    assert "Files that belong to no series" in page(said)
    assert '<span class="where">series s9' not in page(said)
