"""Truth beside images: the label maps that a cohort's manifest.csv names are no studies."""

from __future__ import annotations

import csv
import os
from pathlib import Path

MANIFEST = "manifest.csv"


def named_label_maps(root: Path) -> frozenset[str]:
    """Paths, relative to ``root``, in the column ``mask`` of the manifest in that folder; none without such a table."""
    try:
        with (root / MANIFEST).open(encoding="utf-8", newline="") as file:
            masks = {str(row.get("mask") or "") for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, csv.Error):
        return frozenset()  # no manifest, or a table of something else: `condyle check manifest` is where its faults are told
    return frozenset(os.path.normpath(mask) for mask in masks if mask)
