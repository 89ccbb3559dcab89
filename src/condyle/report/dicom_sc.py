"""key-SERIES.dcm: the key images with outlines and names as DICOM secondary captures, for viewers that show neither SR nor SEG."""

from __future__ import annotations

import textwrap

import cv2
import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray

from condyle.intake.quiet import quiet
from condyle.report.dicom_objects import MANUFACTURER, Source, fingerprint, source_of, to_bytes, uid
from condyle.report.draw import drawn
from condyle.report.pictures import pictures
from condyle.report.statements import catalogue
from condyle.report.summary import summarise
from condyle.study import Geometry, Reading, Series, Study

_SCALE = 2.0
_WORDS = ("Condyle {version}, package {package}. RESEARCH USE ONLY.", "Drawn by a program; check on the source images.")

_UNPAIRED = {"lumbar": "LSPINE"}  # joints without a side, as BodyPartExamined names them (PS3.16, Annex L)


def export(reading: Reading, *, source: Study | None = None) -> dict[str, bytes]:
    """The exporter.

    Parameters
    ----------
    source : the study that was read, as DICOM

    Raises
    ------
    InputError - no DICOM source, or source images without a date
    """
    found = source_of(reading, source)
    by_id = {one.series_id: one for one in found.series()}
    seed, files = fingerprint(reading), {}
    shown = zip(reading.key_images, pictures(reading, catalogue(reading.joint)), strict=True)
    for number, (image, picture) in enumerate(shown, 1):
        if image.series_id in by_id:
            pixels = _with_words(drawn(picture, image, scale=_SCALE), reading)
            name = f"key-{image.series_id}.dcm" if f"key-{image.series_id}.dcm" not in files else f"key-{image.series_id}-{number}.dcm"
            files[name] = _object(found, by_id[image.series_id], image.slice_index, image.geometry, pixels, number, seed, image.title)
    return files


def patient_orientation(geometry: Geometry) -> tuple[str, str]:
    """Where the rows and the columns of a picture run to (PS3.3 C.7.6.1.1.1): ('P', 'F') for a sagittal picture, front to the left."""
    return _letter(geometry.directions[:, 2]), _letter(geometry.directions[:, 1])


def _letter(direction: NDArray[np.float64]) -> str:
    axis = int(np.argmax(np.abs(direction)))
    return ("LR", "PA", "HF")[axis][0 if direction[axis] > 0 else 1]


def _object(
    found: Source, series: Series, k: int, geometry: Geometry, pixels: NDArray[np.uint8], number: int, seed: str, title: str
) -> bytes:
    with quiet():
        header = found.header(series, k)
        image = SCImage.from_ref_dataset(
            header, cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), "RGB", 8, "PATIENT", series_instance_uid=uid(seed, "sc series"),
            series_number=9920, sop_instance_uid=uid(seed, "sc", number), instance_number=number, manufacturer=MANUFACTURER,
            patient_orientation=patient_orientation(geometry), transfer_syntax_uid="1.2.840.10008.1.2.1",
        )  # fmt: skip
        image.SeriesDescription = "Condyle key images (research use only)"
        image.ImageComments = title[:128]
        image.ConversionType = "WSD"  # made on a workstation
        # Multi-frame objects say it elsewhere, if at all. Without it, whether there is a side is open (PS3.3 C.7.3.1).
        if part := header.get("BodyPartExamined") or _UNPAIRED.get(found.reading.joint):
            image.BodyPartExamined = part
        image.BurnedInAnnotation = "NO"  # names of levels, but nothing that tells who the patient is
        image.DerivationDescription = "Outlines and names of levels drawn on a resampled slice"
        return to_bytes(image, header, seed)


def _with_words(pixels: NDArray[np.uint8], reading: Reading) -> NDArray[np.uint8]:
    """The picture above a strip that says who drew it and what is in doubt about it."""
    words = [one.format(version=reading.condyle_version, package=f"{reading.package.name} {reading.package.version}") for one in _WORDS]
    words += summarise(reading).flags
    words = [line for text in words for line in textwrap.wrap(text, pixels.shape[1] // 8)]
    strip = np.zeros((22 * len(words) + 12, pixels.shape[1], 3), np.uint8)
    scale = min(0.5, pixels.shape[1] / 1150)
    for place, text in enumerate(words):
        plain = text.encode("ascii", "replace").decode("ascii")
        cv2.putText(strip, plain, (8, 22 * (place + 1)), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([pixels, strip])
