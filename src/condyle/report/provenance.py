"""Where the numbers of an evaluation come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from.

    Parameters
    ----------
    inputs : name of each file -> its sha256
    plan : sha256 of the plan's file, '' without one; plan_name : its own name
    thresholds : 'decisions of the reader', or the frozen file with its sha256
    unread, unknown : numbers of studies with truth and no prediction, and with predictions and no truth
    openings : how often this truth was opened before, and how many of these with another plan or none
    warnings : sentences to print first
    package : name and version of what was judged, '' when the table does not say
    frozen : finding -> threshold that makes the calls; empty for decisions of the table
    rule : alpha, and the rule of multiplicity over the endpoints of the plan
    """

    inputs: Mapping[str, str]
    plan: str = ""
    plan_name: str = ""
    thresholds: str = "decisions of the reader"
    unread: int = 0
    unknown: int = 0
    openings: tuple[int, int] = (0, 0)
    warnings: tuple[str, ...] = ()
    package: str = ""
    frozen: Mapping[str, float] = field(default_factory=dict)
    rule: tuple[float, str] = (0.05, "none")


def calls_sentence(provenance: Provenance) -> str:
    """Where calls come from; of masks and marks, when something is a hit."""
    words = provenance.thresholds
    return f"Calls: {words}." if words.startswith(("decisions", "frozen")) else f"{words[:1].upper()}{words[1:]}."


def plan_sentence(provenance: Provenance) -> str:
    """What every page says about the plan."""
    if not provenance.plan:
        return "Exploratory: no plan was fixed."
    return f"Plan {provenance.plan_name or 'without a name'}, sha256 {provenance.plan}, hashed before the truth was opened."
