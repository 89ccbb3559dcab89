"""What the grader says about one level: plain data between grading and documents."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Graded:
    """One finding at one level.

    Parameters
    ----------
    level, finding : identifiers of the catalogue
    score : calibrated probability that the finding is present (Pfirrmann: that the grade is 4 or 5)
    grade, probabilities : of ordinal findings
    reason : why it is not assessed; everything else is then empty
    """

    level: str
    finding: str
    score: float | None = None
    grade: int | None = None
    probabilities: tuple[float, ...] = ()
    reason: str = ""
