"""One pass over a cohort: of each study its headers, and of each series what the audit needs of the pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.audit.likeness import Print, print_of
from condyle.cohorts.manifest import ManifestRow, by_study
from condyle.cohorts.opening import RowOpener
from condyle.errors import InputError
from condyle.intake.loading import load_volume
from condyle.study import Series, Volume

# Settings of the scanner. Free text (descriptions, protocol names) is left out: it is a person's, and names may stand in it.
SETTINGS = (
    "manufacturer", "model", "field_strength", "echo_time", "repetition_time", "inversion_time", "flip_angle", "scanning_sequence",
    "sequence_variant", "scan_options", "acquisition_type", "echo_train_length", "pixel_bandwidth", "slice_thickness", "patient_position",
    "software_versions",
)  # fmt: skip
_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_RINGS = 10


@dataclass(frozen=True, slots=True, eq=False)
class SeenSeries:
    """One series; ``row`` of the manifest."""

    study_id: str
    row: int
    name: str
    print: Print


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One study.

    Parameters
    ----------
    identity : pseudonymous identity of the patient in DICOM headers, '' where there are none
    headers : what headers and manifest say of scanner, protocol and patient: numbers and words
    looks : numbers of the pixels that depend on the scanner rather than on the anatomy (noise, sharpness, spread of values)
    """

    study_id: str
    patient_id: str
    site: str
    rows: tuple[int, ...]
    identity: str
    headers: Mapping[str, float | str]
    looks: Mapping[str, float]
    series: tuple[SeenSeries, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """Everything seen, and (rows, reason) of each study that could not be opened and each series that could not be decoded."""

    studies: tuple[Seen, ...]
    left_out: tuple[tuple[str, str], ...]


def look(rows: Sequence[ManifestRow], progress: Callable[[int, int], object] | None = None) -> Looked:
    """Open every study once and decode every series once; one volume is in memory at a time."""
    opener = RowOpener()
    seen: list[Seen] = []
    left_out: list[tuple[str, str]] = []
    studies = by_study(rows)
    for number, (study, own) in enumerate(studies.items()):
        where = "row " + ", ".join(str(row.row) for row in own)
        try:
            seen.append(_seen(opener, study, own, where, left_out))
        except InputError as error:
            left_out.append((where, " ".join(part for part in (error.what, error.why) if part)))
        if progress is not None:
            progress(number + 1, len(studies))
    return Looked(tuple(seen), tuple(left_out))


def _seen(opener: RowOpener, study: str, rows: Sequence[ManifestRow], where: str, left_out: list[tuple[str, str]]) -> Seen:
    opened = opener.open(rows)
    row_of = {row.series_id: row.row for row in rows if row.series_id}
    headers: dict[str, float | str] = dict(_told(rows[0]))
    looks: dict[str, float] = {}
    series = []
    for one in opened.series:
        if not one.used:
            continue
        plane = str(one.role.plane.value or "unknown plane")
        try:
            volume = load_volume(one)
        except InputError as error:
            left_out.append((where, error.what))
            continue
        series.append(SeenSeries(study, row_of.get(one.series_id, rows[0].row), one.series_id, print_of(volume)))
        for name, value in _settings(one, volume).items():
            headers.setdefault(f"{plane} {name}", value)
        for name, number in looks_of(volume).items():
            looks.setdefault(f"{plane} {name}", number)
    headers["series"] = float(len(series))
    identity = next(iter(opener.identities)) if len(opener.identities) == 1 else ""
    return Seen(study, rows[0].patient_id, rows[0].site_id, tuple(row.row for row in rows), identity, headers, looks, tuple(series))


def _told(row: ManifestRow) -> dict[str, float | str]:
    found = {"vendor": row.vendor, "field strength": row.field_strength, "age": row.age, "sex": row.sex, "side": row.side}
    return {name: value for name, value in found.items() if value not in ("", None)}


def _settings(series: Series, volume: Volume) -> dict[str, float | str]:
    found: dict[str, float | str] = {"there": "yes"}
    for name in SETTINGS:
        value = series.headers.get(name)
        if isinstance(value, tuple | list):
            value = value[0] if len(value) == 1 and isinstance(value[0], int | float) else "/".join(map(str, value))
        if value not in (None, ""):
            found[name.replace("_", " ")] = float(value) if isinstance(value, int | float) else str(value)
    for name, step in zip(("slice step", "row step", "column step"), volume.geometry.spacing, strict=True):
        found[name] = round(float(step), 3)
    return found | {name: float(count) for name, count in zip(("slices", "rows", "columns"), volume.shape, strict=True)}


def looks_of(volume: Volume) -> dict[str, float]:
    """Numbers of the middle slice that a scanner leaves in it: spread of values, darkness of the corners, grain, power by fineness."""
    picture = np.asarray(volume.pixels[volume.shape[0] // 2], np.float32)
    low, high = np.percentile(picture, (0.5, 99.5))
    if not high > low or min(picture.shape) < 8:
        return {}
    grey = np.clip((picture - low) / (high - low), 0, 1)
    found = {f"share below {level:.0%}": float((grey < level).mean()) for level in _LEVELS}
    rows, columns = (max(2, size // 12) for size in grey.shape)
    corners = np.stack([grey[a, b] for a in (slice(rows), slice(-rows, None)) for b in (slice(columns), slice(-columns, None))])
    found |= {"corner": float(corners.mean()), "corner grain": float(corners.std())}
    fine = grey[:-1, :-1] - grey[1:, :-1] - grey[:-1, 1:] + grey[1:, 1:]
    found["grain"] = float(np.log(np.median(np.abs(fine)) + 1e-4))
    return found | {f"power {ring}": value for ring, value in enumerate(_power(grey).tolist())}


def _power(grey: NDArray[np.float32]) -> NDArray[np.float64]:
    """(_RINGS,) log share of the power in rings of rising frequency, in cycles per pixel."""
    power = np.abs(np.fft.fft2(grey - grey.mean())) ** 2
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(grey.shape[0]), np.fft.fftfreq(grey.shape[1]), indexing="ij"))
    ring = np.minimum((radius / 0.5 * _RINGS).astype(int), _RINGS)
    sums = np.bincount(ring.ravel(), power.ravel(), _RINGS + 1)[:_RINGS]
    return np.log(sums / max(float(sums.sum()), 1e-12) + 1e-9)
