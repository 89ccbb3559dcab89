"""Endpoints that a plan fixed: a number that must be exceeded, tested together with the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr
from scipy.stats import binom, t

from condyle.errors import InputError, did_you_mean
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.interval_limits import tail_below
from condyle.evaluate.multiplicity import METHODS, fixed_sequence, holm
from condyle.evaluate.near_one import newcombe_variance

# For the spelling of an endpoint's metric.
MEASURES = (
    "AUROC", "average precision", "sensitivity", "specificity", "PPV", "NPV", "accuracy", "balanced accuracy", "F1", "MCC", "macro AUROC",
    "quadratic kappa", "linear kappa", "mean absolute error", "root mean squared error", "ICC(A,1)", "Brier score", "calibration slope",
    "Dice", "IoU", "surface Dice", "HD95, mm", "ASSD, mm", "CPM", "AP", "AP50",
)  # fmt: skip
RULES = ("none", *METHODS, "fixed-sequence", "gatekeeping")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Measure of a finding (or group of findings) that must lie above ``at_least``, or ``below`` it where lower is better.

    ``site`` is 'all' or a level; ``family`` orders endpoints under gatekeeping.
    """

    finding: str
    measure: str
    at_least: float
    site: str = "all"
    family: int = 1
    below: bool = False

    @property
    def words(self) -> str:
        """'above 0.8', 'below 3'."""
        return f"{'below' if self.below else 'above'} {self.at_least:g}"


@dataclass(frozen=True, slots=True)
class EndpointResult:
    """Parameters
    ----------
    p : one-sided, of "the value is at most at_least" (at least, where lower is better); NaN when there is no number or no interval
    adjusted : after multiplicity; the same as p under 'none' and 'fixed-sequence'
    met : whether the plan's alpha is kept; False where there is no p
    why : it is not met, in a sentence; '' where it is
    judged : False where the plan has it and another analysis judges it
    """

    endpoint: Endpoint
    estimate: Estimate | None
    p: float
    adjusted: float
    met: bool
    why: str = ""
    judged: bool = True

    @property
    def verdict(self) -> str:
        """'met', 'not shown' or 'not judged here', with the reason."""
        return "met" if self.met else f"{'not shown' if self.judged else 'not judged here'}: {self.why}"


def elsewhere(endpoint: Endpoint) -> EndpointResult:
    """An endpoint of the plan that another analysis judges: no p here, so that it counts as not rejected."""
    return EndpointResult(endpoint, None, float("nan"), float("nan"), False, judged=False)


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
    p = [
        float("nan") if one is None else one_sided_p(one, endpoint.at_least, below=endpoint.below)
        for endpoint, one in zip(endpoints, found, strict=True)
    ]
    return decided(endpoints, found, p, alpha=alpha, rule=rule)


def decided_again(results: Sequence[EndpointResult], *, alpha: float, rule: str) -> tuple[EndpointResult, ...]:
    """Results decided together, in the order of the plan, whatever parts of it they were decided in before.

    One that another analysis judges counts with p = 1: it keeps its place in the number of tests, and stops what comes after it in a
    fixed sequence or behind its gate. A larger p never makes another endpoint met, so each analysis keeps the error of the whole plan.
    """
    endpoints, found = [one.endpoint for one in results], [one.estimate for one in results]
    again = decided(endpoints, found, [one.p for one in results], alpha=alpha, rule=rule)
    return tuple(
        new if old.judged else replace(new, judged=False, why=_ELSEWHERE + ("." if rule == "none" else _COUNTS))
        for old, new in zip(results, again, strict=True)
    )


_ELSEWHERE, _COUNTS = "another command judges it", "; in the rule of multiplicity it counts here as not shown (p = 1)."


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
    results = []
    for endpoint, one, plain, after, kept in zip(endpoints, found, p, adjusted, met, strict=True):
        shown = bool(kept) and not np.isnan(plain)
        why = "" if shown else _refusal(endpoint, one, plain, after, alpha, rule)
        results.append(EndpointResult(endpoint, one, plain, float("nan") if np.isnan(plain) else after, shown, why))
    return tuple(results)


def _refusal(endpoint: Endpoint, one: Estimate | None, p: float, adjusted: float, alpha: float, rule: str) -> str:
    """Why an endpoint is not met."""
    if one is None:
        where = "" if endpoint.site == "all" else f" at {endpoint.site}"
        return f"this run gives no {endpoint.measure} of {endpoint.finding}{where}.{did_you_mean(endpoint.measure, MEASURES)}"
    if np.isnan(one.estimate):
        return "the value is not defined" + (f". {one.warnings[0]}" if one.warnings else ".")
    if np.isnan(p):
        return "there is no interval, so nothing can be tested" + (f". {one.warnings[0]}" if one.warnings else ".")
    if adjusted <= alpha / 2:
        return "an endpoint before it was not met, and the plan tests in order."
    by = "" if rule in ("none", "fixed-sequence") else f" after {rule}"
    return f"its one-sided p{by} is {adjusted:.3g}, above {alpha / 2:g}."


def _gated(p: Sequence[float], families: Sequence[int]) -> list[float]:
    """Holm within each family, and never below the largest of the families before: ``multiplicity.gatekeeper`` as adjusted p."""
    found, gate = [1.0] * len(p), 0.0
    for family in sorted(set(families)):
        places = [place for place, own in enumerate(families) if own == family]
        for place, value in zip(places, holm([p[one] for one in places]), strict=True):
            found[place] = max(float(value), gate)
        gate = max(found[place] for place in places)
    return found


def lower_is_better(measure: str) -> bool:
    """Whether a smaller value of a measure is the better one: errors, distances, Brier score, times."""
    return any(word in measure.lower() for word in ("error", "brier score", "hd95", "assd", "time ratio"))


def one_sided_p(estimate: Estimate, at_least: float, *, below: bool = False) -> float:
    """p of "the value is at most ``at_least``" (``below``: at least), the dual of the printed interval.

    Wilson: the score test. Clopper-Pearson: the exact binomial test. Bootstrap: the share of resamples on the wrong side (carried
    through the correction of BCa). Newcombe's method 5: its own score. Wald, normal, t and their logit forms: the same statistic at
    ``at_least``. Any other interval: its tail, (1 - level) / 2, when its limit lies on the right side,
    else 1, which is never too small. NaN without an interval.
    """
    value, method = estimate.estimate, estimate.method
    if np.isnan(value):
        return float("nan")
    if estimate.replicates is not None and np.isfinite(estimate.low):
        return _of_replicates(estimate, at_least, below)
    sign = -1.0 if below else 1.0
    share = 0 < at_least < 1 and 0 <= value <= 1
    if method == "Wilson" and share:
        return float(ndtr(-sign * (value - at_least) / np.sqrt(at_least * (1 - at_least) / estimate.n)))
    if method.startswith("Clopper-Pearson") and share:
        # Over patients the estimate is 0 or 1, and each patient is one unit.
        n = estimate.clusters if "patients" in method else estimate.n
        events = round(value * n)
        return float(binom.cdf(events, n, at_least) if below else binom.sf(events - 1, n, at_least))
    if method == "Newcombe 2006, method 5" and share and estimate.events:
        spread = newcombe_variance(at_least, estimate.events, estimate.n - estimate.events)
        return float(ndtr(-sign * (value - at_least) / np.sqrt(spread)))
    if estimate.se > 0 and "logit" in method and share and 0 < value < 1:
        gap = np.log(value / (1 - value)) - np.log(at_least / (1 - at_least))
        return _upper_tail(sign * float(gap * value * (1 - value) / estimate.se), estimate.df)
    if estimate.se > 0 and "log" not in method and method.endswith(("Wald", "normal", ", t")):
        return _upper_tail(sign * (value - at_least) / estimate.se, estimate.df)
    if not np.isfinite(estimate.low):
        return float("nan")
    shown = estimate.high < at_least if below else estimate.low > at_least
    return (1 - estimate.level) / 2 if shown else 1.0


def _upper_tail(z: float, df: float) -> float:
    return float(t.sf(z, df)) if np.isfinite(df) else float(ndtr(-z))


def _of_replicates(estimate: Estimate, limit: float, below: bool) -> float:
    replicates = np.asarray(estimate.replicates)
    if not below:
        return tail_below(limit, replicates, estimate.bias)
    z0, acceleration = estimate.bias
    return tail_below(-limit, -replicates, (-z0, -acceleration))
