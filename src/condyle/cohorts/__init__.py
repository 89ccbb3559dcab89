"""Cohorts: manifests, labels, splits, predictions, adapters of public data sets. Nothing heavy is imported until used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "Cohort": "cohort",
    "Label": "labels",
    "ManifestRow": "manifest",
    "Predicted": "predicting",
    "Scanned": "scanning",
    "Splits": "splits",
    "load_cohort": "cohort",
    "load_splits": "splits",
    "make_splits": "splits",
    "open_rows": "opening",
    "predict": "predicting",
    "read_labels": "labels",
    "read_manifest": "manifest",
    "save_splits": "splits",
    "scan": "scanning",
    "write_labels": "labels",
    "write_manifest": "manifest",
}

if TYPE_CHECKING:
    from condyle.cohorts.cohort import Cohort as Cohort
    from condyle.cohorts.cohort import load_cohort as load_cohort
    from condyle.cohorts.labels import Label as Label
    from condyle.cohorts.labels import read_labels as read_labels
    from condyle.cohorts.labels import write_labels as write_labels
    from condyle.cohorts.manifest import ManifestRow as ManifestRow
    from condyle.cohorts.manifest import read_manifest as read_manifest
    from condyle.cohorts.manifest import write_manifest as write_manifest
    from condyle.cohorts.opening import open_rows as open_rows
    from condyle.cohorts.predicting import Predicted as Predicted
    from condyle.cohorts.predicting import predict as predict
    from condyle.cohorts.scanning import Scanned as Scanned
    from condyle.cohorts.scanning import scan as scan
    from condyle.cohorts.splits import Splits as Splits
    from condyle.cohorts.splits import load_splits as load_splits
    from condyle.cohorts.splits import make_splits as make_splits
    from condyle.cohorts.splits import save_splits as save_splits

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'condyle.cohorts' has no attribute {name!r}")
    return getattr(importlib.import_module(f"condyle.cohorts.{_HOMES[name]}"), name)
