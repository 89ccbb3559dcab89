"""The header of one slice as its file holds it, patient included: for objects that go back into a PACS, and for nothing else."""

from __future__ import annotations

import io
from typing import Any

from condyle.errors import InputError
from condyle.intake.modality import DicomSource
from condyle.intake.quiet import quiet
from condyle.study import Series


def source_header(series: Series, slice_index: int) -> Any:
    """The data set of a slice without its pixels.

    Parameters
    ----------
    series : of DICOM, as opened by ``open_study``
    slice_index : k in the series' own array

    Returns
    -------
    pydicom Dataset - it holds the patient's identity; never write any of it into a document, log or message

    Raises
    ------
    InputError - the series did not come as DICOM, or its file cannot be read any more
    """
    import pydicom

    if not isinstance(series.source, DicomSource):
        raise InputError(
            "dicom-source-needed", f"Series {series.series_id} has no DICOM header.",
            why=f"It came as {series.format}." if series.format != "dicom" else "A stored reading holds no files.",
            what_to_do="Read the DICOM study itself, or choose other formats.",
        )  # fmt: skip
    frame = series.source.frames[slice_index]
    with quiet():
        return pydicom.dcmread(io.BytesIO(frame.file.blob.read()), stop_before_pixels=True, force=True)


def frame_number(series: Series, slice_index: int) -> int:
    """Number of the slice in its file, from 1."""
    return int(series.source.frames[slice_index].number) + 1
