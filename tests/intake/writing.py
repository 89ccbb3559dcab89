"""Writers of small DICOM series, by pydicom, so that geometry is written by other hands than those that read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from condyle.errors import InputError
from condyle.intake import load_volume, open_studies, open_study
from condyle.study import Volume

ROOT = "1.2.826.0.1.3680043.10.1499."
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def mr_object(
    pixels: NDArray[Any], *, number: int = 1, study: str = "1", series: str = "1", syntax: UID = ExplicitVRLittleEndian
) -> FileDataset:
    """A plain MR object; attributes may be changed before it is saved."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = UID(f"{ROOT}{study}.{series}.{number}")
    meta.TransferSyntaxUID = syntax
    one = FileDataset(
        "", {}, file_meta=meta, preamble=b"\0" * 128, is_implicit_VR=syntax.is_implicit_VR, is_little_endian=syntax.is_little_endian
    )
    one.SOPClassUID, one.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    one.Modality, one.PatientID, one.PatientName = "MR", f"P{study}", "Nobody^Known"
    one.StudyInstanceUID, one.SeriesInstanceUID = UID(f"{ROOT}{study}"), UID(f"{ROOT}{study}.{series}")
    one.SeriesNumber, one.InstanceNumber = int(series), number
    one.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    one.ImageOrientationPatient, one.ImagePositionPatient, one.PixelSpacing = list(SAGITTAL), [0.0, 0.0, 0.0], [0.5, 0.5]
    one.SliceThickness, one.EchoTime, one.RepetitionTime = 4.0, 100.0, 3000.0
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.Rows, one.Columns = pixels.shape
    one.BitsAllocated = one.BitsStored = pixels.dtype.itemsize * 8
    one.HighBit, one.PixelRepresentation = one.BitsStored - 1, int(pixels.dtype.kind == "i")
    one.PixelData = pixels.tobytes()
    one["PixelData"].VR = "OW"
    return one


def write_series(
    folder: Path,
    volume: NDArray[Any],
    *,
    orientation: Sequence[float] = SAGITTAL,
    origin: Sequence[float] = (0.0, 0.0, 0.0),
    step: Sequence[float] | None = None,
    names: Sequence[str] | None = None,
    numbers: Sequence[int] | None = None,
    change: Callable[[Dataset, int], None] | None = None,
    **identity: str,
) -> list[Path]:
    """Write ``volume`` [slice, row, column] as one file a slice; slice k lies at ``origin`` + k ``step``."""
    folder.mkdir(parents=True, exist_ok=True)
    if step is None:
        step = 4.0 * np.cross(orientation[:3], orientation[3:])
    paths = []
    for k, pixels in enumerate(volume):
        one = mr_object(pixels, number=numbers[k] if numbers else k + 1, **identity)  # type: ignore[arg-type]
        one.ImageOrientationPatient = [float(f"{value:.12g}") for value in orientation]
        one.ImagePositionPatient = [float(f"{value:.12g}") for value in np.add(origin, k * np.array(step))]
        if change is not None:
            change(one, k)
        paths.append(folder / (names[k] if names else f"{k:04d}.dcm"))
        one.save_as(paths[-1], enforce_file_format=True)
    return paths


def read_all(path: Path) -> list[Volume]:
    """Every series of a path, decoded. Raises the first error, of opening or of decoding."""
    return [load_volume(series) for series in open_study(path).series]


def trouble_at(path: Path) -> str:
    """Where the error lies when a path cannot be opened and decoded; empty when it can. Any other exception is a fault."""
    try:
        for study in open_studies(path).studies:
            for series in study.series:
                assert load_volume(series).pixels.size
    except InputError as error:
        return error.where
    return ""
