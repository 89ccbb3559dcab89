"""What a reader study, a trial or an ensemble says, as lines of numbers and sheets of tables: the same shape for every page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from condyle.evaluate.endpoints import Endpoint, EndpointResult, decided, lower_is_better, one_sided_p
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.figures import Figure
from condyle.evaluate.paired_proportions import Pairs, tango_score
from condyle.evaluate.standalone import Line
from condyle.evaluate.unpaired_proportions import difference_score

Cell = str | int | float | Estimate | None


class P(float):
    """A p-value in a table: every digit in the files, '<0.001' on the page; NaN is an empty cell."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table.

    Parameters
    ----------
    name : of its file; title : of the page; note : sentence below it
    columns, rows : of text, counts, numbers or estimates
    how : column -> how its numbers came about, of every column that holds numbers other than counts and estimates
    long : points of curves: a file only, and on no page
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    long: bool = False
    how: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StudyEvidence:
    """Everything of one study.

    Parameters
    ----------
    title : of the page
    summary : sentences that come first: to whom it speaks, what was compared
    lines : every number with its interval; ``site`` says in which arm or contrast, ``group`` of which readers or stratum
    sheets : tables in the order of the page
    endpoints : of the plan
    methods : paragraph of what was run
    warnings : sentences
    figures : to draw
    settings : level, resamples, seed and whatever else the numbers depend on
    """

    title: str
    summary: tuple[str, ...]
    lines: tuple[Line, ...]
    sheets: tuple[Sheet, ...]
    endpoints: tuple[EndpointResult, ...]
    methods: str
    warnings: tuple[str, ...]
    figures: tuple[Figure, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """An endpoint of a plan that compares: the difference must lie above ``-margin`` (0 for superiority).

    Of an error, where lower is better, it must lie below ``margin``; a ratio of times below ``1 + margin``.
    """

    finding: str
    metric: str
    comparison: str
    margin: float = 0.0
    family: int = 1

    @property
    def endpoint(self) -> Endpoint:
        """What must be shown: the limit, and on which side of it the difference must lie."""
        lower = lower_is_better(self.metric)
        null = 1.0 if "ratio" in self.metric.lower() else 0.0
        limit = null + self.margin if lower else null - self.margin
        words = f"{self.comparison}, {self.metric.replace('auroc', 'AUROC')}"
        return Endpoint(self.finding, words, limit, family=self.family, below=lower)


def judge_claims(
    claims: Sequence[Claim], differences: Mapping[Any, Estimate], *, alpha: float, rule: str
) -> tuple[EndpointResult, ...]:
    """Test what the plan claims, together, one-sided at alpha / 2; a claim without a number is not met.

    Parameters
    ----------
    differences : (finding, metric in lower case) -> difference in the direction of the claim; where an analysis holds several
        comparisons, (finding, metric, comparison)
    """
    keys = [(one.finding, one.metric.lower(), one.comparison) for one in claims]
    found = [differences.get(key, differences.get(key[:2])) for key in keys]
    asked = [one.endpoint for one in claims]
    p = [
        float("nan") if one is None else above(one, own.at_least, below=own.below) for one, own in zip(found, asked, strict=True)
    ]
    return decided(asked, found, p, alpha=alpha, rule=rule)


def above(difference: Estimate, limit: float, *, below: bool = False) -> float:
    """One-sided p of "the difference is at most ``limit``" (``below``: at least).

    The dual of its interval: Tango's and Miettinen and Nurminen's score at the limit, from the cells; a standard error with its degrees
    of freedom, of a ratio on the logarithm; a bootstrap by its replicates; another interval as ``one_sided_p`` does.
    """
    if difference.method.startswith(("Tango", "Miettinen")) and difference.counts:
        a, b, c, d = difference.counts
        paired = difference.method.startswith("Tango")
        score = tango_score(Pairs(a, b, c, d), limit) if paired else difference_score(a, b, c, d, limit)
        return float(stats.norm.sf(-score if below else score))
    if np.isnan(difference.estimate) or not difference.se > 0:
        return one_sided_p(difference, limit, below=below)
    far = difference.estimate - limit
    if difference.null == "ratio 1":
        far = float(np.log(difference.estimate / limit)) * difference.estimate
    z = far / difference.se * (-1 if below else 1)
    return float(stats.t.sf(z, difference.df) if np.isfinite(difference.df) else stats.norm.sf(z))


def p_cell(p: float) -> str:
    """p with three decimals, '<0.001' below that, '' when there is none."""
    return "" if np.isnan(p) else "<0.001" if p < 0.0005 else f"{p:.3f}"


def number(value: float, digits: int = 3) -> str:
    """A number for people; '' when it is none."""
    return "" if not np.isfinite(value) else f"{value:.{digits}f}"
