"""How far two readings of an unchanged spine lie apart: the limits that a comparison in time needs.

``repeatability.json`` holds them for each package, measured by ``scripts/repeatability.py``. A package that is not in it
has no limits, and a comparison then judges nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from condyle.study import Finding, PackageInfo

_LOWEST = 0.005  # scores closer to 0 or 1 than this are not told apart: nobody knows 0.1% from 0.4%


@dataclass(frozen=True, slots=True)
class Limit:
    """What 95 of 100 differences of repeated readings stay within.

    Parameters
    ----------
    unit : 'mm' for measurements, 'grade' for the expected grade, 'logit' for the log odds of a score
    limit : largest of the 95th percentiles of the single sources
    pairs : number of differences, all sources together
    """

    unit: str
    limit: float
    pairs: int


@dataclass(frozen=True, slots=True)
class Repeatability:
    """The limits of one package.

    Parameters
    ----------
    limits : by finding
    source : str - what was repeated, in one sentence
    command : str - how it was measured
    """

    limits: Mapping[str, Limit]
    source: str
    command: str


REMARK = (
    "No scans of one patient repeated without change in between were at hand. A new position on the table, another day and another "
    "scanner may add to these limits."
)


def repeatability(package: PackageInfo) -> Repeatability | None:
    """The limits of exactly this package, or None."""
    found = _table().get(package.sha256)
    if found is None:
        return None
    limits = {name: Limit(one["unit"], one["limit"], one["pairs"]) for name, one in found["limits"].items()}
    return Repeatability(limits, found["source"], found["command"])


def place_on_scale(finding: Finding) -> tuple[float, str] | None:
    """(value, unit) of a finding on the scale on which readings are compared; None when it has none.

    Log odds for scores, because 2% and 10% differ as much as 50% and 84%; for a grade its expected value, which moves
    before the grade itself flips.
    """
    if finding.decision == "not_assessed":
        return None
    if finding.kind == "measurement" and isinstance(finding.value, (int, float)):
        return float(finding.value), finding.unit
    if finding.kind == "ordinal" and finding.probabilities:
        steps = np.arange(1, len(finding.probabilities) + 1)
        return float(np.dot(steps, finding.probabilities) / sum(finding.probabilities)), "grade"
    if finding.kind == "binary" and finding.score is not None:
        score = float(np.clip(finding.score, _LOWEST, 1 - _LOWEST))
        return float(np.log(score / (1 - score))), "logit"
    return None


@cache
def _table() -> dict[str, Any]:
    from importlib.resources import files

    content = json.loads((files("condyle.report") / "repeatability.json").read_text("utf-8"))
    return {one["sha256"]: one for one in content["packages"]}
