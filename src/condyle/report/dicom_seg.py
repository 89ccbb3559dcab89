"""outlines-SERIES.dcm: the outlines of a reading as a DICOM segmentation, one object a series, on the grid of its source slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from highdicom import AlgorithmIdentificationSequence, PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from condyle.errors import InputError
from condyle.intake.quiet import quiet
from condyle.report.dicom_objects import (
    CANAL,
    DISC,
    MANUFACTURER,
    MODEL,
    NO_SERIAL,
    VERTEBRA,
    Source,
    fingerprint,
    level_code,
    own_code,
    plane_of,
    source_of,
    to_bytes,
    uid,
)
from condyle.study import Evidence, Geometry, Reading, Series, Site, Study  # isort: split

_FINE = 4  # bits of a fraction of a pixel in which outlines are filled


@dataclass(frozen=True, slots=True)
class _Segment:
    label: str
    property: Code
    site: Site
    mask: NDArray[np.uint8]  # [row, column] 0 or 1


def export(reading: Reading, *, source: Study | None = None) -> dict[str, bytes]:
    """The exporter.

    Parameters
    ----------
    source : the study that was read, as DICOM

    Raises
    ------
    InputError - no DICOM source, source images without a date, or a reading without outlines
    """
    found = source_of(reading, source)
    files: dict[str, bytes] = {}
    seed = fingerprint(reading)
    for number, series in enumerate(found.series(), 1):
        for k in sorted({one.slice_index for one in _outlines(reading, series)}):
            name = f"outlines-{series.series_id}"
            files[f"{name}.dcm" if f"{name}.dcm" not in files else f"{name}-{k}.dcm"] = _object(reading, found, series, k, number, seed)
    if not files:
        raise InputError(
            "no-outlines", "There is no outline to write.", where=f"study {reading.study_key}",
            why="The reading holds none on its DICOM series.", what_to_do="Leave the format dicom-seg out.",
        )  # fmt: skip
    return files


def filled(outline: NDArray[np.float64], geometry: Geometry) -> NDArray[np.uint8]:
    """[row, column] 1 inside an outline.

    Parameters
    ----------
    outline : (n, 3) LPS mm, in the plane of a slice of ``geometry``
    """
    mask = np.zeros(geometry.shape[1:], np.uint8)
    place = geometry.to_index(outline)[:, [2, 1]]  # x, y
    cv2.fillPoly(mask, [np.rint(place * (1 << _FINE)).astype(np.int32)], 1, shift=_FINE)
    return mask


def _object(reading: Reading, found: Source, series: Series, k: int, number: int, seed: str) -> bytes:
    assert series.geometry is not None
    segments = _segments(reading, _outlines(reading, series, k), series.geometry)
    package = reading.package
    algorithm = AlgorithmIdentificationSequence(f"Condyle {package.name}"[:64], codes.DCM.ArtificialIntelligence, package.version)
    descriptions = [
        SegmentDescription(
            place, one.label[:64], codes.SCT.AnatomicalStructure, one.property, "AUTOMATIC", algorithm,
            uid(seed, series.series_id, k, place), one.label[:64], [level] if (level := level_code(one.site)) else None,
            display_color=_COLOURS.get(one.property),
        )
        for place, one in enumerate(segments, 1)
    ]  # fmt: skip
    position, orientation, spacing = plane_of(series.geometry, k)
    with quiet():
        header = found.header(series, k)
        segmentation = Segmentation(
            source_images=[header], pixel_array=np.stack([one.mask for one in segments], -1)[None], segmentation_type="BINARY",
            segment_descriptions=descriptions, series_instance_uid=uid(seed, "seg series", series.series_id), series_number=9910 + number,
            sop_instance_uid=uid(seed, "seg", series.series_id, k), instance_number=1, manufacturer=MANUFACTURER,
            manufacturer_model_name=MODEL, software_versions=package.version, device_serial_number=NO_SERIAL,
            pixel_measures=PixelMeasuresSequence(spacing, series.geometry.spacing[0]),
            plane_orientation=PlaneOrientationSequence("PATIENT", orientation),
            plane_positions=[PlanePositionSequence("PATIENT", position)], omit_empty_frames=False, content_label="CONDYLE_OUTLINES",
        )  # fmt: skip
        segmentation.SeriesDescription = "Condyle outlines (research use only)"
        return to_bytes(segmentation, header, seed)


def _outlines(reading: Reading, series: Series, k: int | None = None) -> Sequence[Evidence]:
    return [
        one for one in reading.evidence
        if one.kind == "outline" and one.series_id == series.series_id and len(one.points) > 2 and k in (None, one.slice_index)
    ]  # fmt: skip


def _segments(reading: Reading, outlines: Sequence[Evidence], geometry: Geometry) -> list[_Segment]:
    """One segment an outline; vertebrae, which have no names, are numbered from the first."""
    sites = {one: finding.site for finding in reading.findings for one in finding.evidence}
    labels = [one.label for one in outlines]
    segments = []
    for place, one in enumerate(outlines):
        again = labels[:place].count(one.label)
        label = one.label if labels.count(one.label) == 1 else f"{one.label} {again + 1}"
        property = next((code for word, code in _PROPERTIES.items() if word in one.label), own_code("structure", "Structure"))
        segments.append(_Segment(label, property, sites.get(one.evidence_id, Site()), filled(one.points, geometry)))
    return segments


_PROPERTIES = {"disc": DISC, "vertebra": VERTEBRA, "canal": CANAL}
# Okabe and Ito's palette, told apart by the colour-blind.
_COLOURS = {DISC: CIELabColor(69, 32, 78), VERTEBRA: CIELabColor(68, -14, -33), CANAL: CIELabColor(90, -7, 73)}
