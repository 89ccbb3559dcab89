"""What a finding says to a person: its weight, its words, how sure it is."""

from __future__ import annotations

from typing import Literal

from condyle.anatomy import JOINTS, FindingEntry, Joint
from condyle.study import Finding, Series

# 'given': a measurement, a category or a grade that is not among the abnormal ones.
Weight = Literal["abnormal", "uncertain", "given", "normal", "not_assessed"]
MARKED = ("abnormal", "uncertain")
WEIGHTS: tuple[Weight, ...] = ("abnormal", "uncertain", "given", "normal", "not_assessed")


def catalogue(joint: str) -> Joint:
    """The joint's entry; for a joint that only another package knows, an entry without findings."""
    return JOINTS.get(joint) or Joint(joint, joint.replace("_", " ").capitalize(), (), (), (), ())


def entry_of(finding: str, joint: Joint, kind: str = "binary") -> FindingEntry:
    """The catalogue's entry, or a plain one for a finding that only another package knows."""
    for entry in joint.findings:
        if entry.name == finding:
            return entry
    return FindingEntry(finding, finding.replace("_", " ").capitalize(), kind)


def weight(finding: Finding, joint: Joint) -> Weight:
    """How a document treats a finding. A grade is abnormal from the scale's ``marked_from`` on."""
    if finding.decision == "not_assessed":
        return "not_assessed"
    if finding.decision == "uncertain":
        return "uncertain"
    if finding.decision == "absent":
        return "normal"
    if finding.kind == "binary":
        return "abnormal"
    scale = entry_of(finding.finding, joint, finding.kind).scale
    if finding.kind == "ordinal" and scale and scale.marked_from is not None and finding.grade is not None:
        return "abnormal" if finding.grade >= scale.marked_from else "given"
    return "given"


def title(finding: Finding, joint: Joint) -> str:
    return entry_of(finding.finding, joint, finding.kind).title


def statement(finding: Finding, joint: Joint) -> str:
    """'Disc herniation', 'Pfirrmann 4', 'Disc height 7.2 mm': what is said, without how sure."""
    entry = entry_of(finding.finding, joint, finding.kind)
    if finding.kind == "ordinal" and finding.grade is not None:
        return f"{entry.scale.name.capitalize() if entry.scale else entry.title} {finding.grade}"
    if finding.kind in ("measurement", "category") and finding.value is not None:
        return f"{entry.title} {value_text(finding)}"
    return entry.title


def how_sure(finding: Finding, joint: Joint) -> str:
    """'87%' for a score; 'grade 4–5: 60%' for a grade of a scale with abnormal steps."""
    probability = sure_probability(finding, joint)
    if probability is None:
        return ""
    scale = entry_of(finding.finding, joint, finding.kind).scale
    if finding.kind == "ordinal" and scale and scale.marked_from is not None:
        return f"grade {scale.marked_from}–{scale.steps[-1]}: {percent(probability)}"
    return percent(probability)


def sure_probability(finding: Finding, joint: Joint) -> float | None:
    """The score; for a grade the probability of the abnormal steps or, where the scale names none, of the grade itself."""
    scale = entry_of(finding.finding, joint, finding.kind).scale
    if finding.kind != "ordinal" or scale is None or scale.marked_from is None:
        return own_probability(finding, joint)
    if len(finding.probabilities) != len(scale.steps):
        return None
    return min(1.0, sum(p for step, p in zip(scale.steps, finding.probabilities, strict=True) if step >= scale.marked_from))


def own_probability(finding: Finding, joint: Joint) -> float | None:
    """Probability of what is shown: the score, or the probability of the given grade."""
    if finding.kind != "ordinal":
        return finding.score
    scale = entry_of(finding.finding, joint, finding.kind).scale
    if not scale or finding.grade not in scale.steps or len(finding.probabilities) != len(scale.steps):
        return None
    return finding.probabilities[scale.steps.index(finding.grade)]


def value_text(finding: Finding) -> str:
    if finding.value is None:
        return ""
    digits = 1 if finding.unit else 2  # a ratio is told to a hundredth, a length to a tenth of a millimetre
    value = finding.value if isinstance(finding.value, str) else f"{finding.value:.{digits}f}".replace("-", "−")
    return f"{value}\u00a0{finding.unit}".strip()


def percent(probability: float) -> str:
    """Whole percent; never 0% or 100%, which nobody knows."""
    whole = round(100 * float(probability))
    return "<1%" if whole < 1 else ">99%" if whole > 99 else f"{whole}%"


def series_title(series: Series) -> str:
    """'Series 5 (axial T2)': the number that the scanner gave, and what it is taken for."""
    name = f"Series {series.number}" if series.number is not None else f"Series {series.series_id}"
    plane, weighting = series.role.plane.value, series.role.weighting.value
    words = [str(plane or ""), str(weighting).upper() if weighting not in (None, "other") else ""]
    taken_for = " ".join(word for word in words if word)
    return f"{name} ({taken_for})" if taken_for else name
