"""One finding, truth beside prediction, a row a site: what every table-level statistic takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError

Texts = NDArray[np.str_]
Floats = NDArray[np.float64]

FAILURES = ("exclude", "wrong")


@dataclass(frozen=True, slots=True, eq=False)
class FindingTable:
    """Rows with known truth; arrays are (n,).

    Parameters
    ----------
    finding : name; kind : 'binary', 'ordinal' or 'measurement'
    scale : steps of an ordinal finding
    studies, patients, levels, sides : labels; patients are the independent units
    truth : 0 or 1, step, or number
    score : probability of a binary finding; NaN where none was given
    given : step or number of an ordinal finding or measurement; NaN where none was given
    called : 1 present, 0 absent, NaN undecided or not given
    missed : the reader gave nothing for this row (study not read, site not found, not assessed)
    unit : of measurements
    columns : further columns by name, for subgroups; '' is unknown
    left_out : reason -> number of rows that are not here, such as unknown truth
    """

    finding: str
    kind: str
    studies: Texts
    patients: Texts
    levels: Texts
    sides: Texts
    truth: Floats
    score: Floats
    given: Floats
    called: Floats
    missed: NDArray[np.bool_]
    scale: tuple[int, ...] = ()
    unit: str = ""
    columns: Mapping[str, Texts] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.truth)
        for one in (
            self.studies,
            self.patients,
            self.levels,
            self.sides,
            self.score,
            self.given,
            self.called,
            self.missed,
            *self.columns.values(),
        ):
            if one.shape != (n,):
                raise InputError(
                    "statistics-shape", "Every column of a finding's table must have one length.",
                    what_to_do="Give each column one value a row.",
                )  # fmt: skip

    def __len__(self) -> int:
        return len(self.truth)

    def where(self, rows: NDArray[np.bool_]) -> FindingTable:
        """The rows of a mask."""
        arrays = {one.name: getattr(self, one.name)[rows] for one in fields(self) if isinstance(getattr(self, one.name), np.ndarray)}
        return replace(self, **arrays, columns={name: column[rows] for name, column in self.columns.items()})

    def answered(self, failures: str) -> FindingTable:
        """Rows that a statistic may use.

        Parameters
        ----------
        failures : what becomes of rows without an answer. 'exclude' leaves them out (how many is in ``left_out``); 'wrong'
            keeps them as wrong answers: a positive ranks below every score and is not called, a negative ranks above and is
            called, a grade is off by one step. Measurements have no wrong value and are always left out
        """
        if failures not in FAILURES:
            raise InputError("failures-unknown", f"There is no rule {failures!r} for failures.", what_to_do="Use exclude or wrong.")
        empty = np.isnan(self.score) if self.kind == "binary" else np.isnan(self.given)
        if failures == "exclude" or self.kind == "measurement" or not empty.any():
            kept = self.where(~empty)
            return replace(kept, left_out={**self.left_out, "no answer": int(empty.sum())}) if empty.any() else kept
        if self.kind == "ordinal":
            beside = np.where(self.truth < self.scale[-1], self.truth + 1, self.truth - 1)
            return replace(self, given=np.where(empty, beside, self.given))
        # Just outside the scores that occur: only ranks matter, and calibration is not computed from these.
        low, high = (np.nanmin(self.score), np.nanmax(self.score)) if (~empty).any() else (0.0, 1.0)
        worst = np.where(self.truth == 1, low - 1, high + 1)
        wrong = np.where(empty, 1 - self.truth, self.called)
        return replace(self, score=np.where(empty, worst, self.score), called=wrong)
