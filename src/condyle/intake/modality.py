"""Stored values -> modality values of a DICOM series: padding, MONOCHROME1, rescale, in that order (methods D.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.intake.frame import Frame
from condyle.intake.nominal import unplaced
from condyle.intake.pixels import damaged, read_frames
from condyle.study import Series, Volume


@dataclass(frozen=True, slots=True)
class DicomSource:
    """What ``load_dicom`` needs of a series: its frames in order."""

    frames: tuple[Frame, ...]


def load_dicom(series: Series) -> Volume:
    """Modality values of a DICOM series. Raises ``InputError`` naming the file that cannot be decoded."""
    source: DicomSource = series.source
    pixels = modality_values(source.frames, read_frames(source.frames))
    geometry = series.geometry or unplaced(pixels.shape)
    if geometry.shape != pixels.shape:
        raise damaged(source.frames[0].where, f"its pixels have the shape {pixels.shape}, the header says {geometry.shape}")
    return Volume(pixels, geometry, series.series_id)


def modality_values(frames: Sequence[Frame], stored: NDArray[Any]) -> NDArray[Any]:
    """Values of [slice, row, column] stored values; float32 unless every rescale is the identity.

    The rescale is applied slice by slice: Philips gives every slice its own (PS3.3 C.11.1). Padding
    takes the smallest real value, so that it cannot stretch a percentile (PS3.3 C.7.5.1.1.2).
    """
    _replace_padding(frames[0], stored)
    if inverted(frames[0]):
        top = -1 if stored.dtype.kind == "i" else (1 << frames[0].file.bits_stored) - 1
        np.subtract(stored.dtype.type(top), stored, out=stored)
    if all(frame.slope == 1.0 and frame.intercept == 0.0 for frame in frames):
        return stored
    slopes = np.array([frame.slope for frame in frames], np.float32)[:, None, None]
    intercepts = np.array([frame.intercept for frame in frames], np.float32)[:, None, None]
    return np.asarray(stored * slopes + intercepts, np.float32)


def inverted(frame: Frame) -> bool:
    """Whether low stored values are bright."""
    return frame.file.header.text("PhotometricInterpretation") == "MONOCHROME1"


def _replace_padding(frame: Frame, stored: NDArray[Any]) -> None:
    header, signed = frame.file.header, frame.file.signed
    value = header.padding("PixelPaddingValue", signed)
    if not value:  # absent, or zero: then it is as dark as air
        return
    limit = header.padding("PixelPaddingRangeLimit", signed)
    low, high = sorted((value, value if limit is None else limit))
    padded = (stored >= low) & (stored <= high)
    if padded.any() and not padded.all():
        stored[padded] = stored[~padded].max() if inverted(frame) else stored[~padded].min()
