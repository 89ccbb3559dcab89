"""From a score to a decision: the package's threshold, never one of our own."""

from __future__ import annotations

from collections.abc import Iterable

from condyle.errors import PackageError
from condyle.readers.spec import PackageSpec, ThresholdSpec

MARKED = ("present", "uncertain")  # decisions that evidence is shown for


def decide(score: float, threshold: ThresholdSpec) -> str:
    """'present' from the threshold on, 'uncertain' inside its band."""
    if threshold.band is not None and threshold.band[0] <= score < threshold.band[1]:
        return "uncertain"
    return "present" if score >= threshold.value else "absent"


def demand_thresholds(spec: PackageSpec, names: Iterable[str]) -> None:
    """Refuse a package without a threshold for each of these findings: 0.5 would be a number that nobody chose.

    Raises
    ------
    PackageError - all findings without a threshold
    """
    if lacking := [name for name in names if name not in spec.thresholds]:
        raise PackageError(
            "package-without-threshold", f"The package {spec.name!r} has no threshold for {', '.join(lacking)}.",
            where="package.yaml: thresholds",
            why="A score becomes a decision only by a threshold that was chosen on held-out studies.",
            what_to_do="Train it again, or fetch a whole package.",
        )  # fmt: skip
