"""Decoding of compressed frames."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake.dicom_file import DicomFile


def decode_frame(file: DicomFile, index: int) -> NDArray[Any]:
    """Stored values [row, column] of one compressed frame."""
    import pydicom
    from pydicom.pixels import pixel_array

    try:
        dataset = pydicom.dcmread(io.BytesIO(file.blob.read()), force=True)
        return np.asarray(pixel_array(dataset, index=index, raw=True))
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            "pixels-damaged", "The pixels of a file cannot be read.", where=file.where, why=f"Decoding fails ({type(error).__name__}).",
            what_to_do="Send the series again from its source.",
        ) from None  # fmt: skip
