"""Endpoints that a plan fixed: a number that must be exceeded, tested together with the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import t

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.multiplicity import METHODS, fixed_sequence, holm

RULES = ("none", *METHODS, "fixed-sequence", "gatekeeping")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Measure of a finding (or group of findings) that must lie above ``at_least``; ``site`` 'all' or a level.

    ``family`` orders endpoints under gatekeeping.
    """

    finding: str
    measure: str
    at_least: float
    site: str = "all"
    family: int = 1


@dataclass(frozen=True, slots=True)
class EndpointResult:
    """Parameters
    ----------
    p : one-sided, of "the value is at most at_least"; NaN when there is no number or no error
    adjusted : after multiplicity; the same as p under 'none' and 'fixed-sequence'
    met : whether the plan's alpha is kept; False where there is no p
    """

    endpoint: Endpoint
    estimate: Estimate | None
    p: float
    adjusted: float
    met: bool


def judge_endpoints(
    endpoints: Sequence[Endpoint], found: Sequence[Estimate | None], *, alpha: float = 0.05, rule: str = "none"
) -> tuple[EndpointResult, ...]:
    """Test every endpoint one-sided at alpha / 2, in the order of the plan.

    Parameters
    ----------
    found : the number of each endpoint, or None when there is none (it then is not met)
    rule : one of ``RULES``; 'fixed-sequence' stops at the first that is not met, 'gatekeeping' at the first family that is not
        met as a whole
    """
    p = [float("nan") if one is None else one_sided_p(one, endpoint.at_least) for endpoint, one in zip(endpoints, found, strict=True)]
    return decided(endpoints, found, p, alpha=alpha, rule=rule)


def decided(
    endpoints: Sequence[Endpoint], found: Sequence[Estimate | None], p: Sequence[float], *, alpha: float, rule: str
) -> tuple[EndpointResult, ...]:
    """One-sided p, in the order of the plan, decided together at alpha / 2; one without p is not met and gates what follows."""
    if rule not in RULES:
        raise InputError(
            "statistics-multiplicity", f"There is no rule {rule!r} of multiplicity.", what_to_do="Use " + ", ".join(RULES) + "."
        )
    safe = [1.0 if np.isnan(one) else one for one in p]
    adjusted = safe
    if safe and rule in METHODS:
        adjusted = METHODS[rule](safe).tolist()
    elif safe and rule == "gatekeeping":
        adjusted = _gated(safe, [one.family for one in endpoints])
    met = fixed_sequence(safe, alpha=alpha / 2) if rule == "fixed-sequence" else tuple(one <= alpha / 2 for one in adjusted)
    return tuple(
        EndpointResult(endpoint, one, plain, float("nan") if np.isnan(plain) else after, bool(kept) and not np.isnan(plain))
        for endpoint, one, plain, after, kept in zip(endpoints, found, p, adjusted, met, strict=True)
    )


def _gated(p: Sequence[float], families: Sequence[int]) -> list[float]:
    """Holm within each family, and never below the largest of the families before: ``multiplicity.gatekeeper`` as adjusted p."""
    found, gate = [1.0] * len(p), 0.0
    for family in sorted(set(families)):
        places = [place for place, own in enumerate(families) if own == family]
        for place, value in zip(places, holm([p[one] for one in places]), strict=True):
            found[place] = max(float(value), gate)
        gate = max(found[place] for place in places)
    return found


def one_sided_p(estimate: Estimate, at_least: float) -> float:
    """p of "the value is at most ``at_least``", the dual of the printed interval.

    Wilson: the score test. A standard error of a share: the logit scale (t where the interval has degrees of freedom).
    Bootstrap and other intervals: NaN, since a percentile limit has no p that belongs to it.
    """
    share, se = estimate.estimate, estimate.se
    if np.isnan(share):
        return float("nan")
    if estimate.method == "Wilson" and 0 < at_least < 1:
        return float(ndtr(-(share - at_least) / np.sqrt(at_least * (1 - at_least) / estimate.n)))
    if not se > 0 or not (0 < share < 1 and 0 < at_least < 1):
        return float("nan")
    gap = np.log(share / (1 - share)) - np.log(at_least / (1 - at_least))
    z = float(gap * share * (1 - share) / se)
    return float(t.sf(z, estimate.df)) if np.isfinite(estimate.df) else float(ndtr(-z))
