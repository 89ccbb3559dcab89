"""What the exporters say about themselves before they are loaded.

An exporter is a function ``export(reading: Reading) -> dict[str, bytes]``: file names (no folders)
and their whole content. ``write_report`` alone writes to the disk. ``options`` name what an exporter is given
beside the reading: ``source`` (the Study that was read, for formats that go back into a PACS), ``language``, ``phrases``.
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
TEXT = Plugin(
    "text", "plain draft report: technique, findings by level, impression", "condyle.report.text:export", options=("language", "phrases")
)
PDF = Plugin("pdf", "the report on paper: summary, key images, tables", "condyle.report.pdf:export", extra="pdf", source="ISO 32000-1")
DICOM_SR = Plugin(
    "dicom-sr", "findings as a structured report for the PACS, with the patient's identity", "condyle.report.dicom_sr:export",
    extra="dicom-out", source="DICOM PS3.16, TID 1500", options=("source",),
)  # fmt: skip
DICOM_SEG = Plugin(
    "dicom-seg", "outlines as a segmentation for the PACS, with the patient's identity", "condyle.report.dicom_seg:export",
    extra="dicom-out", source="DICOM PS3.3, A.51", options=("source",),
)  # fmt: skip
DICOM_SC = Plugin(
    "dicom-sc", "key images as secondary captures for the PACS, with the patient's identity", "condyle.report.dicom_sc:export",
    extra="dicom-out", source="DICOM PS3.3, A.8", options=("source",),
)  # fmt: skip
