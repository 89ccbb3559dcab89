"""The contract of an exporter, as checks that anybody's exporter can be put through.

An exporter is a plug-in of the kind ``exporters``: ``export(reading) -> dict[str, bytes]``, file names and
their content. Use in a test of your own package:

    import pytest
    from condyle.testing.exporters import CHECKS, TEXT_OF

    TEXT_OF[".pdf"] = my_function_from_bytes_to_text      # only for a format that is not read here yet

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_exporter(check):
        check("my_exporter")

Each check takes the plug-in's name and raises ``AssertionError`` with a sentence.
"""

from __future__ import annotations

import base64
import copy
import csv
import hashlib
import io
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from condyle import registry
from condyle.report.statements import catalogue, entry_of, value_text
from condyle.study import Finding, Reading
from condyle.testing.readings import PLANTED, example_readings

Check = Callable[[str], None]


def equal_input_gives_equal_bytes(name: str) -> None:
    """Two exports of two equal readings are the same, byte for byte: no clock, no random id, no order of a set."""
    for reading in example_readings().values():
        assert _export(name, reading) == _export(name, copy.deepcopy(reading)), f"{name} gave two documents for one reading"


def files_have_plain_names(name: str) -> None:
    """At least one file; names without folders, that any system accepts."""
    for files in (_export(name, reading) for reading in example_readings().values()):
        assert files, f"{name} wrote nothing"
        for file in files:
            plain = file == PurePosixPath(file).name == PureWindowsPath(file).name and not file.startswith(".")
            assert plain, f"{name} wants to write {file!r}"


def every_finding_appears(name: str) -> None:
    """The name or title of each finding, its site, and its number stand in the document."""
    for reading, text in _texts(name):
        joint = catalogue(reading.joint)
        for finding in reading.findings:
            title = entry_of(finding.finding, joint, finding.kind).title
            assert finding.finding in text or title.lower() in text.lower(), f"{name} leaves out {finding.finding}"
            for part in (finding.site.level, finding.site.side, finding.site.compartment):
                assert part in text, f"{name} leaves out the site {part}"
            if finding.kind == "measurement" and finding.decision == "present":
                shown = (value_text(finding).replace("\u00a0", " "), str(finding.value), f"{finding.value:.6g}")
                assert any(value in text for value in shown), f"{name} leaves out the value of {finding.finding} at {finding.site}"


def notes_stand_beside_their_values(name: str) -> None:
    """A remark such as how a value was validated is nowhere left out."""
    for reading, text in _texts(name):
        for finding in reading.findings:
            assert finding.note in text, f"{name} leaves out the remark on {finding.finding} at {finding.site}"


def every_finding_matters(name: str) -> None:
    """Change or drop any one finding, and the document changes: nothing is drawn from a fixed text."""
    for example in example_readings().values():
        bare = tuple(replace(finding, evidence=()) for finding in example.findings)  # pictures would only cost time here
        reading = replace(example, findings=bare, evidence=(), key_images=())
        whole = _export(name, reading)
        for number, finding in enumerate(reading.findings):
            others = reading.findings[:number], reading.findings[number + 1 :]
            for changed in ((*others[0], _turned(finding), *others[1]), (*others[0], *others[1])):
                assert _export(name, replace(reading, findings=changed)) != whole, (
                    f"{name} does not depend on {finding.finding} at {finding.site}"
                )


def not_assessed_is_visible(name: str) -> None:
    """What was not assessed is said in words, with its reason."""
    for reading, text in _texts(name):
        for finding in reading.findings:
            if finding.decision == "not_assessed":
                said = "not assessed" in text.lower() or "not_assessed" in text
                assert said, f"{name} does not say that {finding.finding} was not assessed"
                assert finding.reason in text, f"{name} does not say why {finding.finding} was not assessed"


def uncertain_is_told_from_present_and_absent(name: str) -> None:
    """The same score with another decision is another document, and the word 'uncertain' is there."""
    reading = example_readings()["lumbar"]
    place, finding = next((number, one) for number, one in enumerate(reading.findings) if one.decision == "uncertain")
    documents = []
    for decision in ("absent", "present", "uncertain"):
        changed = (*reading.findings[:place], replace(finding, decision=decision), *reading.findings[place + 1 :])
        documents.append(_export(name, replace(reading, findings=changed)))
    assert documents[0] != documents[1] != documents[2] != documents[0], f"{name} does not tell the decisions apart"
    assert "uncertain" in _text(name, documents[2]).lower(), f"{name} does not say that a finding is uncertain"


def no_patient_data_appears(name: str) -> None:
    """Words planted in free-text headers, witnesses and source paths are nowhere, not even in the bytes."""
    for reading in example_readings().values():
        for file, content in _export(name, reading).items():
            for word in PLANTED:
                assert word.encode() not in content, f"{name} leaks {word!r} into {file}"


def whose_study_and_which_package_is_said(name: str) -> None:
    """The pseudonymous key of the study, and the package with its version."""
    for reading, text in _texts(name):
        for word in (reading.study_key, reading.package.name, reading.package.version):
            assert word in text, f"{name} does not say {word!r}"


def files_are_valid(name: str) -> None:
    """Each file can be read by a reader of its standard; hostile words in a reading stay words."""
    for reading in example_readings().values():
        for file, content in _export(name, reading).items():
            suffix = PurePosixPath(file).suffix
            assert suffix in TEXT_OF, f"the battery cannot read {file}: add a reader of {suffix!r} to TEXT_OF"
            TEXT_OF[suffix](content)


CHECKS: tuple[Check, ...] = (
    equal_input_gives_equal_bytes,
    files_have_plain_names,
    every_finding_appears,
    notes_stand_beside_their_values,
    every_finding_matters,
    not_assessed_is_visible,
    uncertain_is_told_from_present_and_absent,
    no_patient_data_appears,
    whose_study_and_which_package_is_said,
    files_are_valid,
)


class _Page(HTMLParser):
    """The words of a page; refuses event handlers, anything loaded from elsewhere, and scripts that its own policy does not name."""

    _VOID = frozenset({"meta", "br", "hr", "img", "input", "link", "rect", "path", "circle", "image", "use"})

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("iframe", "object", "embed", "link", "base", "form"), f"the page holds <{tag}>"
        assert tag != "script" or not attrs, "a script has attributes"
        if tag == "meta" and dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs).get("content") or ""
            assert "unsafe" not in self.policy, "the policy allows what it does not know"
        for key, value in attrs:
            assert not key.startswith("on"), f"<{tag}> has the handler {key}"
            if key in ("href", "src", "xlink:href", "srcset"):
                near = (value or "").startswith(("#", "data:image/png;base64,"))
                assert near, f"<{tag}> loads {str(value)[:60]!r}"
            if key in ("title", "aria-label", "alt"):
                self.words.append(value or "")
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self._VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._VOID:
            assert self.open, f"</{tag}> was never opened"
            assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            digest = base64.b64encode(hashlib.sha256(data.encode()).digest()).decode()
            assert f"script-src 'sha256-{digest}'" in self.policy, "the page holds a script that its policy does not name"
        elif "style" not in self.open:
            self.words.append(data)


def _html_text(content: bytes) -> str:
    page = _Page()
    page.feed(content.decode("utf-8"))
    page.close()
    assert not page.open, f"<{page.open[-1]}> is not closed"
    return " ".join(" ".join(page.words).split())


def _json_text(content: bytes) -> str:
    def refuse(word: str) -> Any:
        raise AssertionError(f"{word} is no JSON")

    return json.dumps(json.loads(content, parse_constant=refuse), ensure_ascii=False)


def _csv_text(content: bytes) -> str:
    rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))
    assert len({len(row) for row in rows}) == 1, "the rows of the table differ in length"
    return "\n".join("\t".join(row) for row in rows)


def _plain_text(content: bytes) -> str:
    text = content.decode("utf-8")
    assert all(character.isprintable() or character == "\n" for character in text), "the text holds control characters"
    return text


def _pdf_text(content: bytes) -> str:
    """By poppler's pdftotext: an independent reader, and a complaint of it is a fault of the file."""
    program = shutil.which("pdftotext")
    if program is None:
        import pytest

        pytest.skip("pdftotext is not installed (apt-get install poppler-utils)")
    done = subprocess.run([program, "-layout", "-", "-"], input=content, capture_output=True, check=True, timeout=120)
    assert not done.stderr, done.stderr.decode()
    for word in (b"/JavaScript", b"/OpenAction", b"/EmbeddedFile", b"/Launch", b"/URI"):
        assert word not in content, f"the file holds {word.decode()}"
    flowing = subprocess.run([program, "-raw", "-", "-"], input=content, capture_output=True, check=True, timeout=120).stdout
    return " ".join((done.stdout + flowing).decode("utf-8").replace("-\n", "-").split())


# How to turn a file into text for the checks, by suffix. Each raises for a file that is not valid.
TEXT_OF: dict[str, Callable[[bytes], str]] = {
    ".html": _html_text, ".json": _json_text, ".csv": _csv_text, ".txt": _plain_text, ".pdf": _pdf_text,
}  # fmt: skip


def _export(name: str, reading: Reading) -> dict[str, bytes]:
    files: dict[str, bytes] = registry.get("exporters", name)(reading)
    return files


def _text(name: str, files: dict[str, bytes]) -> str:
    return "\n".join(TEXT_OF[PurePosixPath(file).suffix](content) for file, content in files.items())


def _texts(name: str) -> Iterator[tuple[Reading, str]]:
    for reading in example_readings().values():
        yield reading, _text(name, _export(name, reading))


def _turned(finding: Finding) -> Finding:
    """The same finding, saying something else."""
    if finding.decision == "not_assessed":
        return replace(finding, reason="for another reason")
    if finding.kind == "ordinal" and finding.grade is not None:
        return replace(finding, grade=finding.grade - 1)
    if isinstance(finding.value, float):
        return replace(finding, value=finding.value + 1.0)
    return replace(finding, decision="absent" if finding.decision == "present" else "present")
