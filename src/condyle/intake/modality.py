"""Stored values -> modality values of a DICOM series: padding, MONOCHROME1, rescale, in that order (methods D.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake.frame import Frame
from condyle.intake.nominal import unplaced
from condyle.intake.pixel_notes import pixel_notes
from condyle.intake.pixels import damaged, read_frames
from condyle.study import Series, Volume


@dataclass(frozen=True, slots=True)
class DicomSource:
    """What ``load_dicom`` needs of a series: its frames in order."""

    frames: tuple[Frame, ...]


def load_dicom(series: Series) -> Volume:
    """Modality values of a DICOM series. Raises ``InputError`` naming the file that cannot be decoded or turned into values."""
    source: DicomSource = series.source
    for problem in pixel_notes(source.frames):
        if problem.severity == "error":
            raise InputError(problem.code, problem.what, where=problem.where, why=problem.why, what_to_do=problem.what_to_do)
    pixels = modality_values(source.frames, read_frames(source.frames))
    geometry = series.geometry or unplaced(pixels.shape)
    if geometry.shape != pixels.shape:
        raise damaged(source.frames[0].where, f"its pixels have the shape {pixels.shape}, the header says {geometry.shape}")
    return Volume(pixels, geometry, series.series_id)


def modality_values(frames: Sequence[Frame], stored: NDArray[Any]) -> NDArray[Any]:
    """Values of [slice, row, column] stored values, which are changed; float32 unless every rescale is the identity.

    The rescale is applied slice by slice: Philips gives every slice its own (PS3.3 C.11.1). Padding
    takes the smallest real value, so that it cannot stretch a percentile (PS3.3 C.7.5.1.1.2).
    """
    padded = _padded(frames, stored)
    for frame, slot in zip(frames, stored, strict=True):
        if frame.file.layout.inverted:
            top = -1 if stored.dtype.kind == "i" else (1 << frame.file.layout.bits_stored) - 1
            np.subtract(stored.dtype.type(top), slot, out=slot)
    if padded is not None and padded.any() and not padded.all():
        stored[padded] = stored[~padded].min()
    if all(frame.slope == 1.0 and frame.intercept == 0.0 for frame in frames):
        return stored
    slopes = np.array([frame.slope for frame in frames], np.float32)[:, None, None]
    intercepts = np.array([frame.intercept for frame in frames], np.float32)[:, None, None]
    return np.asarray(stored * slopes + intercepts, np.float32)


def _padded(frames: Sequence[Frame], stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where stored values stand for "no pixel here"; None when no header names such values."""
    ranges = [_padding(frame) for frame in frames]
    if not any(ranges):
        return None
    padded = np.zeros(stored.shape, bool)
    for slot, values, found in zip(padded, stored, ranges, strict=True):
        if found is not None:
            slot[...] = (values >= found[0]) & (values <= found[1])
    return padded


def _padding(frame: Frame) -> tuple[int, int] | None:
    """The padded range; None for a lone zero, which is as dark as air and often a real value, unless the grey scale is inverted."""
    layout = frame.file.layout
    return None if layout.padding == (0, 0) and not layout.inverted else layout.padding
