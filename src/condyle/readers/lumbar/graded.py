"""What the grader says about one level: plain data between grading and documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Graded:
    """One finding at one level.

    Parameters
    ----------
    level, finding : identifiers of the catalogue
    score : calibrated probability that the finding is present (Pfirrmann: that the grade is 4 or 5)
    grade, probabilities : of ordinal findings
    map : class map on the crop's grid, [row, column] float32 >= 0; None when there is none
    map_slot : the input whose picture the map belongs to
    reason : why it is not assessed; everything else is then empty
    """

    level: str
    finding: str
    score: float | None = None
    grade: int | None = None
    probabilities: tuple[float, ...] = ()
    map: NDArray[np.float32] | None = None
    map_slot: str = ""
    reason: str = ""
