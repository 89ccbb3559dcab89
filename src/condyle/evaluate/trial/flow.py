"""The flow of units through a trial, as CONSORT and CONSORT-AI draw it: nobody vanishes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from condyle.evaluate.trial.table import Trial, Unit

# Reasons that CONSORT-AI (items 5-iii and 19) wants apart: the input was too poor for the system, or the system failed.
INPUT_REASONS = ("input", "quality", "series", "sequence", "motion", "artefact", "failed", "failure")


@dataclass(frozen=True, slots=True)
class ArmFlow:
    """One arm.

    Parameters
    ----------
    arm : name; assigned : randomised to it
    received, received_other, received_nothing : of these
    excluded_after : reason -> units excluded after randomisation
    without_outcome : outcome -> units randomised without it
    per_protocol : units that received what they were assigned and were not excluded
    clusters : randomised
    """

    arm: str
    assigned: int
    received: int
    received_other: int
    received_nothing: int
    excluded_after: dict[str, int]
    without_outcome: dict[str, int]
    per_protocol: int
    clusters: int


@dataclass(frozen=True, slots=True)
class Flow:
    """The whole trial.

    ``excluded_before`` and ``input_exclusions`` count by reason; the latter are those about input or the system, before or after
    randomisation. ``clusters`` counts each cluster of the randomised units once, ``both`` those with units of both arms.
    """

    assessed: int
    excluded_before: dict[str, int]
    randomised: int
    arms: tuple[ArmFlow, ...]
    input_exclusions: dict[str, int]
    clusters: int
    both: int


def flow(trial: Trial, outcomes: Sequence[str] = ()) -> Flow:
    """Count units at every step; assessed = excluded before + randomised, and every randomised unit stands in one arm."""
    before = Counter(unit.excluded for unit in trial.units if not unit.assigned)
    about_input = Counter(unit.excluded for unit in trial.units if any(word in unit.excluded.lower() for word in INPUT_REASONS))
    arms = tuple(_arm(name, [unit for unit in trial.randomised if unit.assigned == name], outcomes) for name in (trial.control, trial.arm))
    first, second = ({unit.cluster for unit in trial.randomised if unit.assigned == name} for name in (trial.control, trial.arm))
    return Flow(
        len(trial.units), dict(before), len(trial.randomised), arms, dict(about_input), len(first | second), len(first & second)
    )


def per_protocol(units: Sequence[Unit]) -> tuple[Unit, ...]:
    """Units that received what they were assigned and were not excluded."""
    return tuple(unit for unit in units if unit.assigned and unit.received == unit.assigned and not unit.excluded)


def _arm(name: str, units: Sequence[Unit], outcomes: Sequence[str]) -> ArmFlow:
    nothing = sum(not unit.received for unit in units)
    same = sum(unit.received == name for unit in units)
    return ArmFlow(
        name, len(units), same, len(units) - same - nothing, nothing, dict(Counter(unit.excluded for unit in units if unit.excluded)),
        {outcome: sum(unit.number(outcome) is None for unit in units) for outcome in outcomes}, len(per_protocol(units)),
        len({unit.cluster for unit in units}),
    )  # fmt: skip
