"""reading.json: a whole reading as one file, out and back in.

``reading_document`` says what the file holds; ``reading.schema.json`` is that in JSON Schema.
Writing needs no validation library; whatever comes in from outside is validated in full.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from condyle.errors import CondyleError, InputError, TableError
from condyle.report.inline_png import to_inline
from condyle.study import Evidence, Geometry, KeyImage, Reading, Series

SCHEMA_VERSION = "1.1"
KNOWN_VERSIONS = ("1.0", SCHEMA_VERSION)
MAX_BYTES = 256 * 2**20

# The headers that may stand in a document: numbers and coded words, never free text.
_TECHNICAL = (
    "manufacturer", "model", "field_strength", "echo_time", "repetition_time", "inversion_time", "flip_angle",
    "scanning_sequence", "sequence_variant", "scan_options", "image_type", "slice_thickness", "acquisition_type", "echo_train_length",
)  # fmt: skip
_KNOWN_WORDS = frozenset({
    "sagittal", "coronal", "axial", "t1", "t2", "pd", "stir", "t2star", "other", "none", "intravenous", "arthrogram", "given",
    "left", "right", "both", "true", "false", "unknown",
})  # fmt: skip


def export(reading: Reading) -> dict[str, bytes]:
    """The exporter. Raises CondyleError for a reading that holds a number which is not finite."""
    return {"reading.json": to_bytes(to_document(reading))}


def to_document(reading: Reading) -> dict[str, Any]:
    """The reading as plain data, in the order of the file."""
    slots: dict[str, list[str]] = {}
    for slot, series_id in reading.used_series.items():
        slots.setdefault(series_id, []).append(slot)
    return {
        "schema_version": SCHEMA_VERSION,
        "study": {"study_key": reading.study_key, "patient_key": reading.patient_key, "joint": reading.joint},
        "flags": list(reading.flags),
        "series": [_series(one, slots.get(one.series_id, []), why_unused(one, reading)) for one in reading.series],
        "unused": [{"where": where, "reason": reason} for where, reason in reading.unused],
        "checks": [asdict(check) for check in reading.checks],
        "problems": [asdict(problem) for problem in reading.problems],
        "findings": [asdict(finding) for finding in reading.findings],
        "evidence": [_evidence(one) for one in reading.evidence],
        "key_images": [_key_image(one) for one in reading.key_images],
        "package": asdict(reading.package),
        "condyle": {"version": reading.condyle_version},
        "timing": dict(reading.timing),
        "seed": reading.seed,
        "reviews": [asdict(review) for review in reading.reviews],
        "comparison": None if reading.comparison is None else asdict(reading.comparison),
    }


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """Compact JSON with one entry of a list a line, so that two readings can be compared by eye."""
    try:
        parts = [f"{json.dumps(key)}: {_lines(value)}" for key, value in document.items()]
    except ValueError as error:
        raise CondyleError(
            "reading-not-finite",
            "The reading holds a number that is not finite.",
            why="A value that is not known must be absent or 'not assessed', never NaN.",
            what_to_do="Report this to the maker of the package.",
        ) from error
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode("utf-8")


def load_reading(path: str | Path) -> Reading:
    """A reading from its file; ``Series.source`` and free-text headers are not in it.

    Raises
    ------
    InputError - unreadable, too large, not JSON, or of another schema version
    TableError - a valid JSON file that is not a reading: all problems at once
    """
    path = Path(path)
    what = f"The file {path.name!r} cannot be read as a reading."
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(
                "reading-too-large", what, why=f"It is larger than {MAX_BYTES >> 20} MiB.", what_to_do="Give a reading.json of Condyle."
            )
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError("reading-unreadable", what, why=f"{error.strerror}.", what_to_do="Check the path and its rights.") from error
    except (ValueError, RecursionError) as error:
        raise InputError("reading-invalid", what, why="It is not JSON.", what_to_do="Give a reading.json of Condyle.") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version not in KNOWN_VERSIONS:
        raise InputError(
            "reading-version", what, why=f"Its schema version is {version!r:.40}; this Condyle knows {' and '.join(KNOWN_VERSIONS)}.",
            what_to_do="Read the study again with this version of Condyle.",
        )  # fmt: skip
    from condyle.report.reading_document import from_document, problems_of

    if problems := problems_of(content):
        raise TableError(
            "reading-invalid", what, why="It does not follow reading.schema.json.", what_to_do="Read the study again.", problems=problems
        )
    return from_document(content)


def _lines(value: Any) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(_compact(entry) for entry in value) + "\n]"
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not belong into a reading")


def _series(series: Series, slots: list[str], reason: str) -> dict[str, Any]:
    role = asdict(series.role)
    for trait in role.values():
        # What a witness said may be a piece of free text, and free text may hold a name.
        trait["witnesses"] = [(source, said if said.lower() in _KNOWN_WORDS else "(text)") for source, said in trait["witnesses"]]
    return {
        "series_id": series.series_id,
        "format": series.format,
        "number": series.number,
        "used": series.used,
        "slots": slots,
        "reason": reason,
        "role": role,
        "geometry": None if series.geometry is None else _geometry(series.geometry),
        "technical": {name: _technical(series.headers[name]) for name in _TECHNICAL if series.headers.get(name) not in (None, "", ())},
        "problems": [asdict(problem) for problem in series.problems],
    }


def why_unused(series: Series, reading: Reading) -> str:
    """Why a series filled no slot of the package: what the reader said, else its own problems; empty when it filled one."""
    if series.series_id in reading.used_series.values():
        return ""
    said = [reason for where, reason in reading.unused if where == f"series {series.series_id}"]
    errors = [problem.what for problem in series.problems if problem.severity == "error"]
    return " ".join(dict.fromkeys(said or errors)) or "The package has no use for a series of this role."


def stray_files(reading: Reading) -> list[tuple[str, str]]:
    """What ``unused`` says of anything but the series of the reading."""
    series = {f"series {one.series_id}" for one in reading.series}
    return [(where, reason) for where, reason in reading.unused if where not in series]


def _technical(value: Any) -> float | str:
    if isinstance(value, (int, float, np.number)):
        return float(value)
    if isinstance(value, (list, tuple)):
        return "\\".join(str(part) for part in value)[:64]
    return str(value)[:64]


def _geometry(geometry: Geometry) -> dict[str, Any]:
    return {
        "affine": geometry.affine.tolist(),
        "shape": list(geometry.shape),
        "calibrated": geometry.calibrated,
        "spacing_source": geometry.spacing_source,
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "evidence_id": evidence.evidence_id,
        "kind": evidence.kind,
        "series_id": evidence.series_id,
        "slice_index": int(evidence.slice_index),
        "label": evidence.label,
        "points": np.round(np.asarray(evidence.points, np.float64), 3).tolist(),  # to a thousandth of a millimetre
        "image": None if evidence.image is None else asdict(to_inline(evidence.image)),
    }


def _key_image(image: KeyImage) -> dict[str, Any]:
    return {
        "series_id": image.series_id,
        "slice_index": int(image.slice_index),
        "title": image.title,
        "geometry": _geometry(image.geometry),
        "image": asdict(to_inline(image.pixels)),
    }
