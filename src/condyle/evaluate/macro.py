"""Means over groups of findings, such as major and minor ones: every finding weighs alike, all share each draw of patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from condyle.evaluate.bootstrap import Interval, interval_of, pulls_of, sums_bootstrap
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.resampling import Draws

Floats = NDArray[np.float64]
CALLED = ("sensitivity", "specificity", "accuracy", "F1")


@dataclass(frozen=True, slots=True)
class Macro:
    """A mean over findings: its interval, over which findings, and their positives together."""

    measure: str
    interval: Interval
    findings: tuple[str, ...]
    events: int


def macro_areas(
    measure: str, tables: Sequence[FindingTable], values: Sequence[float], draws: Mapping[str, Draws],
    without: Mapping[str, Draws] | None, *, seed: int, level: float,
) -> Macro:  # fmt: skip
    """Mean AUROC or average precision.

    Parameters
    ----------
    measure : 'macro AUROC' or 'macro average precision'
    values : of each table; draws : of each finding, all over the same resamples
    without : values without each patient, for BCa; None for percentile limits
    """
    of = "auroc" if measure == "macro AUROC" else "average_precision"
    names = [table.finding for table in tables]
    value = float(np.mean(values))
    pulls = None if without is None else pulls_of(value, np.mean([getattr(without[name], of) for name in names], axis=0))
    people = len(np.unique(np.concatenate([table.patients for table in tables])))
    n, events = sum(map(len, tables)), sum(int(table.truth.sum()) for table in tables)
    one = interval_of(value, np.mean([getattr(draws[name], of) for name in names], axis=0), (n, people), seed, pulls, level)
    return Macro(measure, one, tuple(names), events)


def macro_calls(tables: Sequence[FindingTable], *, n: int, seed: int, level: float, interval: str = "percentile") -> list[Macro]:
    """Means of sensitivity, specificity, accuracy and F1 over findings whose rows were called; patients are drawn once for all."""
    decided = [table.where(~np.isnan(table.called)) for table in tables]
    usable = [own for own in decided if 0 < own.truth.sum() < len(own)]
    if not usable:
        return []
    people = np.unique(np.concatenate([own.patients for own in usable]))
    sums = np.concatenate([_by_patient(own, people) for own in usable], axis=1)
    found = sums_bootstrap(
        sums, lambda one: _means(one, len(usable)), np.arange(len(people)), n=n, seed=seed, confidence=level, interval=interval
    )
    rows, events = sum(map(len, usable)), sum(int(own.truth.sum()) for own in usable)
    names = tuple(own.finding for own in usable)
    return [Macro(f"macro {name}", replace(found[name], n=rows), names, events) for name in CALLED]


def call_metrics(sums: Floats) -> dict[str, Floats]:
    """Metrics of (..., 4) counts in the order of ``cells``; as ``diagnostic`` has them for one table."""
    tp, fp, fn, tn = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "sensitivity": np.asarray(tp / (tp + fn)),
            "specificity": np.asarray(tn / (tn + fp)),
            "accuracy": np.asarray((tp + tn) / (tp + fp + fn + tn)),
            "balanced accuracy": np.asarray((tp / (tp + fn) + tn / (tn + fp)) / 2),
            "F1": np.asarray(2 * tp / (2 * tp + fp + fn)),
            "MCC": np.asarray((tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))),
        }


def cells(table: FindingTable) -> NDArray[np.bool_]:
    """(n, 4): true positive, false positive, false negative, true negative."""
    true, said = table.truth == 1, table.called == 1
    return np.stack([true & said, ~true & said, true & ~said, ~true & ~said], axis=1)


def _by_patient(own: FindingTable, people: NDArray[np.generic]) -> Floats:
    place = np.searchsorted(people, own.patients)
    return np.stack([np.bincount(place, column, len(people)) for column in cells(own).T], axis=1)


def _means(sums: Floats, findings: int) -> dict[str, Floats]:
    every = call_metrics(sums.reshape(*sums.shape[:-1], findings, 4))
    return {name: every[name].mean(axis=-1) for name in CALLED}
