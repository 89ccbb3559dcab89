"""Condyle: a workbench for musculoskeletal MRI.

A study goes in as the hospital sent it; findings come out with the evidence for each.
Importing this package loads nothing heavy; each name below is loaded when first used.

Examples
--------
>>> import condyle
>>> study = condyle.open_study("study/")            # doctest: +SKIP
>>> reader = condyle.load_package("lumbar")         # doctest: +SKIP
>>> reading = reader.read(study)                    # doctest: +SKIP
>>> condyle.write_report(reading, "report/")        # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "open_study": "condyle.intake",
    "open_studies": "condyle.intake",
    "load_volume": "condyle.intake",
    "check": "condyle.quality",
    "prepare": "condyle.prepare",
    "load_package": "condyle.readers",
    "predict": "condyle.cohorts",
    "write_report": "condyle.report",
    "train": "condyle.train",
}

if TYPE_CHECKING:
    from condyle.cohorts import predict as predict
    from condyle.intake import load_volume as load_volume
    from condyle.intake import open_studies as open_studies
    from condyle.intake import open_study as open_study
    from condyle.prepare import prepare as prepare
    from condyle.quality import check as check
    from condyle.readers import load_package as load_package
    from condyle.report import write_report as write_report
    from condyle.train import train as train

__all__ = [
    "__version__",
    "check",
    "load_package",
    "load_volume",
    "open_studies",
    "open_study",
    "predict",
    "prepare",
    "train",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'condyle' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
