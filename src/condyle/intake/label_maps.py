"""Truth beside images: label maps are no studies, whether a manifest names them or their values give them away."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.study import Series

MANIFEST = "manifest.csv"
FEW = 32  # different values; the noise of an MR picture alone makes more, twenty vertebrae and discs do not
_LOOKS = (1 << 20, 1 << 28)  # voxels: nearly every picture shows what it is at the first look


def named_label_maps(root: Path) -> frozenset[str]:
    """Paths, relative to ``root``, in the column ``mask`` of the manifest in that folder; none without such a table."""
    try:
        with (root / MANIFEST).open(encoding="utf-8", newline="") as file:
            masks = {str(row.get("mask") or "") for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, csv.Error):
        return frozenset()  # no manifest, or a table of something else: `condyle check manifest` is where its faults are told
    return frozenset(os.path.normpath(mask) for mask in masks if mask)


def is_label_map(series: Series) -> bool:
    """Whether a series of a file without DICOM identity holds few values, so that it is a label map or empty."""
    for count in _LOOKS:
        try:
            stored: NDArray[Any] = series.source.voxels(count)
        except InputError:
            return False  # told when it is loaded
        if not _few(stored):
            return False
        if stored.size < count:
            break
    return True


def _few(stored: NDArray[Any]) -> bool:
    """Few different values for so many places: a picture of a handful of pixels proves nothing."""
    most = min(FEW, stored.size // 256)
    scattered = stored[:: max(stored.size // 4096, 1)]
    return len(np.unique(scattered)) <= most and len(np.unique(stored)) <= most
