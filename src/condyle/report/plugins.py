"""What the exporters say about themselves before they are loaded.

An exporter is a function ``export(reading: Reading) -> dict[str, bytes]``: file names (no folders)
and their whole content. It is pure; ``write_report`` alone touches the disk.
"""

from __future__ import annotations

from condyle.registry import Plugin

HTML = Plugin("html", "one self-contained page for screen, phone and paper", "condyle.report.html_page:export")
JSON = Plugin(
    "json",
    "the whole reading with its evidence, as reading.schema.json says",
    "condyle.report.reading_json:export",
    source="JSON Schema 2020-12",
)
CSV = Plugin("csv", "one row a finding, the columns of predictions.csv", "condyle.report.findings_csv:export", source="RFC 4180")
