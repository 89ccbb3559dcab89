"""A simulated study as DICOM: MR Image Storage, explicit little endian, one file a slice.

Every file says that it is simulated (names, institution, comments). UIDs derive from the seed. Pixel spacing is written rows
first, slice distance is the distance of slices (not of the slab), demographics stay empty, every file has its own SOP instance
UID in data set and file meta (the faults of methods G42).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.study import SimulatedSeries, SimulatedStudy
from condyle.simulate.vendors import Vendor, overrides, vendor_of

_MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
# A fixed day for every study: simulated studies have no date, but hospitals' software sorts by one.
_DAY, _TIME = "20000101", "120000"


def uid(*parts: object) -> str:
    """A UID under 2.25 (UUID-derived root, PS3.5 B.2) that depends on nothing but its parts."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def write_dicom(study: SimulatedStudy, folder: Path) -> list[Path]:
    """Write all series below ``folder``, one sub-folder each.

    Returns
    -------
    The files written, in the order of series and slices.
    """
    vendor = vendor_of(study.vendor)
    files: list[Path] = []
    for number, (name, one) in enumerate(study.series.items(), 1):
        place = folder / f"{number:02d}_{name}"
        place.mkdir(parents=True)
        stored, slope = _stored(one.volume.pixels, vendor)
        base = _series_headers(study, one, vendor, number, slope, stored)
        for k in range(stored.shape[0]):
            if k not in one.missing:
                files.append(_write_slice(study, one, vendor, number, k, stored, base, place))
    return files


def _stored(pixels: NDArray[np.float32], vendor: Vendor) -> tuple[NDArray[Any], float]:
    """Scanner units as stored integers, and the slope."""
    top = max(float(np.quantile(pixels, 0.9995)), 1e-6)
    scaled = np.rint(pixels * (vendor.full_scale / top)).clip(0, 2 ** (vendor.bits - vendor.signed) - 1)
    return scaled.astype("<i2" if vendor.signed else "<u2"), vendor.slope or 1.0


def _series_headers(
    study: SimulatedStudy, one: SimulatedSeries, vendor: Vendor, number: int, slope: float, stored: NDArray[Any]
) -> dict[str, Any]:
    geometry = one.volume.geometry
    directions = geometry.directions
    lows, highs = np.quantile(stored[::2, ::4, ::4], [0.02, 0.995])
    fixed = {
        "SpecificCharacterSet": "ISO_IR 100", "SOPClassUID": _MR_IMAGE_STORAGE, "Modality": "MR",
        "StudyDate": _DAY, "SeriesDate": _DAY, "AcquisitionDate": _DAY, "ContentDate": _DAY,
        "StudyTime": _TIME, "SeriesTime": _TIME, "AcquisitionTime": _TIME, "ContentTime": _TIME,
        "AccessionNumber": "", "ReferringPhysicianName": "", "InstitutionName": "Condyle simulation",
        "StudyDescription": f"CONDYLE SIMULATION {study.body_part}", "StudyID": "1", "BodyPartExamined": study.body_part,
        "PatientName": f"SIMULATED^NOBODY {study.seed}", "PatientID": patient_id(study),
        "PatientBirthDate": "", "PatientSex": "",
        "PatientPosition": "HFS", "ImageComments": "Simulated by Condyle. Not a patient.",
        "StudyInstanceUID": uid(study.joint, study.seed, "study"), "SeriesInstanceUID": uid(study.joint, study.seed, one.protocol.name),
        "FrameOfReferenceUID": uid(study.joint, study.seed, "frame"), "PositionReferenceIndicator": "",
        "SeriesNumber": number, "AcquisitionNumber": 1, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "Rows": geometry.shape[1], "Columns": geometry.shape[2],
        "BitsAllocated": 16, "BitsStored": vendor.bits, "HighBit": vendor.bits - 1,
        "PixelRepresentation": int(vendor.signed), "PixelSpacing": _decimals(geometry.spacing[1:]),
        "ImageOrientationPatient": _decimals([*directions[:, 2], *directions[:, 1]]),
        "WindowCenter": round(float(slope * (lows + highs) / 2)), "WindowWidth": round(float(slope * (highs - lows)) + 1),
    }  # fmt: skip
    if vendor.slope is not None:
        fixed |= {"RescaleIntercept": 0, "RescaleSlope": slope, "RescaleType": "normalized"}
    given = overrides(fixed | vendor.headers(one.protocol, study.tesla), study.headers)
    return {name: _decimals([value])[0] if isinstance(value, float) else value for name, value in given.items()}


def _decimals(values: Iterable[float]) -> list[str]:
    """Decimal strings of at most sixteen characters (VR DS)."""
    return [f"{float(value):.10g}" for value in values]


def patient_id(study: SimulatedStudy) -> str:
    return f"SIM-{study.joint.upper()}-{study.seed:06d}"


def _write_slice(
    study: SimulatedStudy, one: SimulatedSeries, vendor: Vendor, number: int, k: int, stored: NDArray[Any],
    base: dict[str, Any], place: Path,
) -> Path:  # fmt: skip
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset

    geometry = one.volume.geometry
    position = geometry.to_world([k, 0, 0])
    instance = uid(study.joint, study.seed, one.protocol.name, k)
    dataset: Any = Dataset()
    for keyword, value in base.items():
        setattr(dataset, keyword, value)
    dataset.SOPInstanceUID = instance
    dataset.InstanceNumber = k + 1
    dataset.ImagePositionPatient = _decimals(position)
    dataset.SliceLocation = _decimals([float(position @ geometry.normal)])[0]
    if "StackID" in base:
        dataset.InStackPositionNumber = k + 1
    dataset.PixelData = stored[k].tobytes()
    dataset["PixelData"].VR = "OW"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = _MR_IMAGE_STORAGE, instance
    meta.TransferSyntaxUID = _EXPLICIT_LITTLE
    meta.ImplementationClassUID, meta.ImplementationVersionName = uid("condyle", "simulate"), "CONDYLE_SIM"
    dataset.file_meta = meta
    path = place / vendor.file_name(number, k + 1, instance)
    dataset.save_as(path, enforce_file_format=True)
    return path
