"""A whole trial: flow, balance, every outcome by intention to treat and per protocol, in all and by stratum, with Holm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from condyle.evaluate.estimate import Estimate
from condyle.evaluate.multiplicity import holm
from condyle.evaluate.trial.balance import BalanceLine, balance
from condyle.evaluate.trial.effect import BinaryEffect, TimeEffect, binary_effect, interaction, time_effect
from condyle.evaluate.trial.flow import Flow, flow, per_protocol
from condyle.evaluate.trial.table import Trial, Unit

INTENTION, PROTOCOL = "intention to treat", "per protocol"


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """One outcome in one population and stratum.

    Parameters
    ----------
    outcome, population, stratum : ``stratum`` is '' for all
    effect : binary or time
    p_adjusted : Holm over the outcomes of the family (all binary outcomes) in intention to treat, all strata; NaN elsewhere
    """

    outcome: str
    population: str
    stratum: str
    effect: BinaryEffect | TimeEffect
    p_adjusted: float

    @property
    def estimate(self) -> Estimate:
        """Risk difference, or time ratio."""
        return self.effect.difference if isinstance(self.effect, BinaryEffect) else self.effect.ratio


@dataclass(frozen=True, slots=True)
class TrialStudy:
    """Everything a trial says.

    Parameters
    ----------
    interactions : outcome -> difference of the strata's risk differences; None with other than two strata
    """

    control: str
    arm: str
    flow: Flow
    balance: tuple[BalanceLine, ...]
    lines: tuple[OutcomeLine, ...]
    interactions: dict[str, Estimate | None]
    warnings: tuple[str, ...]

    def of(self, outcome: str, population: str = INTENTION, stratum: str = "") -> OutcomeLine:
        """The line of an outcome."""
        return next(one for one in self.lines if (one.outcome, one.population, one.stratum) == (outcome, population, stratum))


def trial_study(
    trial: Trial,
    *,
    binary: Sequence[str] = (),
    times: Sequence[str] = (),
    baseline: Sequence[str] = (),
    level: float = 0.95,
) -> TrialStudy:
    """Analyse a trial as randomised, and per protocol beside it.

    Parameters
    ----------
    binary : 0/1 outcomes, a family of tests for Holm; times : outcomes that are times
    baseline : columns of the balance table

    Raises
    ------
    InputError - an outcome that one arm does not have
    """
    populations = {INTENTION: trial.randomised, PROTOCOL: per_protocol(trial.randomised)}
    strata = sorted({unit.stratum for unit in trial.randomised if unit.stratum})
    kinds: list[tuple[str, Callable[..., BinaryEffect | TimeEffect]]] = [(name, binary_effect) for name in binary]
    kinds += [(name, time_effect) for name in times]
    lines: list[OutcomeLine] = []
    for outcome, kind in kinds:
        for population, units in populations.items():
            for stratum in ("", *strata) if len(strata) > 1 else ("",):
                own = [unit for unit in units if stratum in ("", unit.stratum)]
                if _enough(own, outcome, trial, several=kind is time_effect):
                    effect = kind(own, outcome, trial.control, trial.arm, level=level)
                    lines.append(OutcomeLine(outcome, population, stratum, effect, float("nan")))
    counted = flow(trial, (*binary, *times))
    return TrialStudy(
        trial.control, trial.arm, counted, balance(trial, baseline), _adjusted(lines, binary),
        {name: interaction(trial.randomised, name, trial.arm, level=level) for name in binary}, _warnings(counted),
    )  # fmt: skip


def _enough(units: Sequence[Unit], outcome: str, trial: Trial, *, several: bool) -> bool:
    """Two arms with the outcome, and more clusters than parameters; of a time ``several`` different values."""
    known = [unit for unit in units if unit.number(outcome) is not None]
    if several and len({unit.number(outcome) for unit in known}) < 3:
        return False
    return {unit.assigned for unit in known} == {trial.control, trial.arm} and len({unit.cluster for unit in known}) > 3


def _adjusted(lines: Sequence[OutcomeLine], family: Sequence[str]) -> tuple[OutcomeLine, ...]:
    places = [
        place
        for place, line in enumerate(lines)
        if line.outcome in family and (line.population, line.stratum) == (INTENTION, "") and np.isfinite(line.estimate.p)
    ]
    changed = list(lines)
    for place, p in zip(places, holm([lines[one].estimate.p for one in places]) if places else (), strict=True):
        line = lines[place]
        changed[place] = OutcomeLine(line.outcome, line.population, line.stratum, line.effect, float(p))
    return tuple(changed)


def _warnings(counted: Flow) -> tuple[str, ...]:
    said = _mixed(counted)
    for arm in counted.arms:
        off = arm.received_other + arm.received_nothing
        if off:
            said.append(f"{off} of {arm.assigned} units assigned to {arm.arm} did not receive it; they are analysed as assigned.")
        for outcome, gone in arm.without_outcome.items():
            if gone > 0.05 * arm.assigned:
                said.append(f"{outcome} is missing in {gone} of {arm.assigned} units of {arm.arm}: see the bounds.")
    return tuple(said)


def _mixed(counted: Flow) -> list[str]:
    """Clusters with units of both arms: units were randomised, or two clusters share a name. The table cannot tell."""
    if not counted.both:
        return []
    return [
        f"{counted.both} of {counted.clusters} clusters have units of both arms. That is right where units, not clusters, were randomised; "
        "else two clusters share a name in the table, or units stand under the arm that they received."
    ]
