"""Siemens mosaic: all slices of a volume as tiles of one picture. It is split into its slices.

The position in the header is that of a slice as large as the whole mosaic; the true corner lies half
the difference inwards. Number of tiles and direction of the slices stand in the vendor's CSA header.
Source: M. Brett, "Siemens mosaic" in the documentation of nibabel (DICOM section).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from condyle.intake.dicom_file import DicomFile, read_with_pydicom
from condyle.intake.frame import Frame
from condyle.intake.quiet import quiet


def is_mosaic(frame: Frame) -> bool:
    """Whether ImageType says so."""
    return "MOSAIC" in frame.kinds["image type"]


def tiles_of(frame: Frame) -> list[Frame] | None:
    """One ``Frame`` a tile, or None when the header does not say how many there are and which way they go."""
    found = _csa(frame.file)
    if found is None or frame.position is None or frame.orientation is None or frame.spacing is None:
        return None
    count, normal = found
    side = math.ceil(math.sqrt(count))
    step = frame.gap or frame.thickness
    if not 1 <= count <= 4096 or frame.rows % side or frame.columns % side or not step:
        return None
    rows, columns = frame.rows // side, frame.columns // side
    along_row, down_column = np.array(frame.orientation[:3]), np.array(frame.orientation[3:])
    corner = (
        np.array(frame.position)
        + along_row * frame.spacing[1] * (frame.columns - columns) / 2
        + down_column * frame.spacing[0] * (frame.rows - rows) / 2
    )
    return [
        frame._replace(
            rows=rows,
            columns=columns,
            tile=(tile // side * rows, tile % side * columns),
            position=tuple(float(value) for value in corner + normal * step * tile),
        )
        for tile in range(count)
    ]


def _csa(file: DicomFile) -> tuple[int, Any] | None:
    """(number of tiles, unit vector from slice to slice) of the CSA image header."""
    dataset = file.dataset if file.dataset is not None else read_with_pydicom(file.blob).dataset
    with quiet():
        from nibabel.nicom import csareader

        try:
            csa = csareader.get_csa_header(dataset, "image")
            if csa is None:
                return None
            count, normal = csareader.get_n_mosaic(csa), csareader.get_slice_normal(csa)
        except Exception:  # a private header in any state: without it the mosaic is refused with a sentence
            return None
    if not count or normal is None or not np.isfinite(normal).all() or abs(np.linalg.norm(normal) - 1) > 0.02:
        return None
    return int(count), np.array(normal, dtype=np.float64)
