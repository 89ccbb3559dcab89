"""Check: a measured property of a study against a threshold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one quality check on one series or on the whole study.

    Parameters
    ----------
    name : str - plug-in name of the check (``motion``)
    passed : bool or None - None when it could not be measured (the sentence says why)
    measured, threshold : float or None - in ``unit``
    unit : str
    sentence : str - what was found, in one sentence
    advice : str - what a technologist could do while the patient is still there
    series_id : str - empty for the whole study
    """

    name: str
    passed: bool | None
    measured: float | None
    threshold: float | None
    unit: str
    sentence: str
    advice: str = ""
    series_id: str = ""
