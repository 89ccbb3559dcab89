"""A reading becomes a folder of documents, or nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import condyle
from condyle import registry
from condyle.errors import CondyleError, UsageError
from condyle.report import load_reading, write_report


def test_the_documents_are_written_in_the_order_asked_for(lumbar, tmp_path):
    paths = write_report(lumbar, tmp_path / "out", formats=("csv", "html", "json", "csv"))
    assert [path.name for path in paths] == ["findings.csv", "report.html", "reading.json"]
    assert all(path.is_file() for path in paths)
    assert load_reading(paths[2]).study_key == lumbar.study_key


def test_it_is_the_function_of_the_package(lumbar, tmp_path):
    assert condyle.write_report is write_report


def test_an_unknown_format_is_refused_before_anything_is_written(lumbar, tmp_path):
    with pytest.raises(UsageError, match="docx"):
        write_report(lumbar, tmp_path / "out", formats=("html", "docx"))
    with pytest.raises(UsageError, match="No format"):
        write_report(lumbar, tmp_path / "out", formats=())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../report.html", "SHA256SUMS", "sub/report.html"])
def test_an_exporter_cannot_write_elsewhere(lumbar, tmp_path, monkeypatch, name):
    monkeypatch.setattr(registry, "get", lambda kind, _: lambda reading: {name: b"x"})
    with pytest.raises(CondyleError) as error:
        write_report(lumbar, tmp_path / "out", formats=("html",))
    assert error.value.code == "exporter-file-name"
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_really_full_leaves_nothing_that_looks_whole(tmp_path):
    """The kernel itself refuses to write more than 40 kB a file; the page is larger, the table is not."""
    program = """
import resource, sys
from condyle.errors import ResourceError
from condyle.report import write_report
from condyle.testing.readings import lumbar_reading
reading = lumbar_reading()
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    write_report(reading, sys.argv[1])
except ResourceError as error:
    print(error.code)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "out")], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "disk-full", done.stderr
    assert list(tmp_path.iterdir()) == []


def test_import_stays_light():
    program = (
        "import sys, condyle.report, condyle.report.plugins; print([m for m in ('numpy','cv2','jinja2','pydantic') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "[]"
