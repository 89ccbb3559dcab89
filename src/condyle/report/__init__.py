"""Readings become documents: one exporter a file, found through the registry.

Light to import; each name below is loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "Outcome": "condyle.report.index_page",
    "contact_sheet": "condyle.report.sheet",
    "index_row": "condyle.report.index_page",
    "load_reading": "condyle.report.reading_json",
    "write_index": "condyle.report.index_page",
    "write_report": "condyle.report.write",
}

if TYPE_CHECKING:
    from condyle.report.index_page import Outcome as Outcome
    from condyle.report.index_page import index_row as index_row
    from condyle.report.index_page import write_index as write_index
    from condyle.report.reading_json import load_reading as load_reading
    from condyle.report.sheet import contact_sheet as contact_sheet
    from condyle.report.write import write_report as write_report

__all__ = ["Outcome", "contact_sheet", "index_row", "load_reading", "write_index", "write_report"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'condyle.report' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
