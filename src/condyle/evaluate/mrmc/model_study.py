"""A model beside readers, finding by finding: the first step of a reader study, everybody unaided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate, cut
from condyle.evaluate.finding_table import Floats, Texts
from condyle.evaluate.mrmc.analysis import FEW_PATIENTS, NO_VARIANCE, Approach
from condyle.evaluate.mrmc.each_reader import reader_value
from condyle.evaluate.mrmc.figure import Figures, sensitivity, specificity
from condyle.evaluate.mrmc.macro import macro
from condyle.evaluate.mrmc.operating_point import at_readers_specificity
from condyle.evaluate.mrmc.reads import Reads
from condyle.evaluate.mrmc.study import METRICS
from condyle.evaluate.mrmc.table import Read, Truth, assemble, findings_of
from condyle.evaluate.mrmc.versus_readers import versus_readers
from condyle.evaluate.multiplicity import holm

MODEL = "model"


@dataclass(frozen=True, slots=True)
class ReaderPoint:
    """One reader on the ROC plane; shares have Wilson limits, over patients where one has several cases."""

    reader: str
    seniority: str
    sensitivity: Estimate
    specificity: Estimate


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """The model against the readers, or against one group of them, for a finding and metric.

    ``difference`` is model - mean of readers; ``p_adjusted`` is Holm over findings within metric and group; NaN for
    macro averages.
    """

    finding: str
    metric: str
    group: str
    model_value: float
    readers_mean: float
    difference: Estimate
    p_adjusted: float
    readers: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class ModelStudy:
    """Everything of a model beside readers.

    Parameters
    ----------
    approach : random and fixed factors
    comparisons : findings by metric by group of readers (``all`` and each seniority)
    points : finding -> readers on the ROC plane
    curves : finding -> (truth, score of the model, patient) of the cases that every reader has read, for its ROC curve
    at_specificity : finding -> (sensitivity of the model at the readers' specificity, difference from the readers)
    excluded : finding -> what was left out, by reason
    """

    approach: Approach
    comparisons: tuple[ModelComparison, ...]
    points: dict[str, tuple[ReaderPoint, ...]]
    curves: dict[str, tuple[Floats, Floats, Texts]]
    at_specificity: dict[str, tuple[Estimate, Estimate]]
    excluded: dict[str, dict[str, int]]

    def of(self, finding: str, metric: str, group: str = "all") -> ModelComparison:
        """The comparison of a finding, metric and group."""
        return next(one for one in self.comparisons if (one.finding, one.metric, one.group) == (finding, metric, group))


def model_study(
    predictions: Mapping[tuple[str, tuple[str, str, str]], float],
    thresholds: Mapping[str, float],
    reads: Sequence[Read],
    truth: Sequence[Truth],
    *,
    arm: str,
    findings: Sequence[str] = (),
    groups_of_findings: Mapping[str, Sequence[str]] | None = None,
    approach: Approach | None = None,
    level: float = 0.95,
    n: int = 2000,
    seed: int = 0,
) -> ModelStudy:
    """Compare a model with readers of one arm.

    Parameters
    ----------
    predictions : (finding, (study, level, side)) -> score of the model
    thresholds : finding -> threshold fixed before; a finding without one has no sensitivity and specificity
    arm : of the readers, such as ``unaided``
    groups_of_findings : name -> findings whose macro average is compared too; one that lacks a finding is not made
    approach : random and fixed factors; its method is ``auto`` or ``or``, the only one for a model beside readers

    Raises
    ------
    InputError - a finding without reads, nothing to compare, another method
    """
    approach = approach or Approach()
    if approach.method not in ("auto", "or"):
        raise InputError("mrmc-factors", "A model beside readers is analysed by Obuchowski-Rockette.", what_to_do="Leave the method out.")
    least = 1 if approach.readers == "fixed" else 2
    wanted = tuple(findings) or findings_of(reads)
    seniority = {read.reader: read.seniority for read in reads}
    found: list[ModelComparison] = []
    built: dict[tuple[str, str], dict[str, Figures]] = defaultdict(dict)
    points: dict[str, tuple[ReaderPoint, ...]] = {}
    curves: dict[str, tuple[Floats, Floats, Texts]] = {}
    at: dict[str, tuple[Estimate, Estimate]] = {}
    excluded: dict[str, dict[str, int]] = {}
    filled = {column for column in ("score", "decision") if any(getattr(read, column) is not None for read in reads)}
    for finding in wanted:
        for metric, (column, figure) in METRICS.items():
            if column not in filled or (column == "decision" and finding not in thresholds):
                continue
            gathered = assemble(reads, truth, finding, value=column, arms=(arm,))
            both, lost = _complete(gathered.reads, predictions, finding, thresholds.get(finding) if column == "decision" else None)
            excluded[finding] = {**gathered.excluded, **lost}
            groups = {"all": tuple(gathered.reads.readers), **_ranks(gathered.reads.readers, seniority)}
            for group, members in groups.items():
                if len(members) >= least:
                    figures = built[metric, group][finding] = figure(both.of_readers((MODEL, *members)))
                    found.append(_comparison(finding, metric, group, figures, approach, level))
            if metric == "sensitivity":
                points[finding] = tuple(_point(both, name, seniority.get(name, ""), level) for name in gathered.reads.readers)
                scores, _ = _complete(gathered.reads, predictions, finding, None)
                curves[finding] = (scores.truth.astype(np.float64), scores.score[0, 0], np.array(scores.patients)[scores.patient])
                at[finding] = at_readers_specificity(
                    scores.of_readers((MODEL,)), both.of_readers(gathered.reads.readers), n=n, seed=seed, level=level
                )
    for (metric, group), by_finding in built.items():
        for name, of in (groups_of_findings or {}).items():
            parts = [by_finding[one] for one in of if one in by_finding]
            if len(parts) == len(of) and all(one.readers == parts[0].readers for one in parts):
                found.append(_comparison(f"macro {name}", metric, group, macro(parts), approach, level))
    if not found:
        raise InputError(
            "model-study-none", "There is nothing to compare.", what_to_do="Give readers' scores, or decisions and a threshold."
        )
    return ModelStudy(approach, _adjusted(found), points, curves, at, excluded)


def _complete(
    reads: Reads, predictions: Mapping[tuple[str, tuple[str, str, str]], float], finding: str, threshold: float | None
) -> tuple[Reads, dict[str, int]]:
    """The model as one more reader, on the cases that it and every reader have read; how many that leaves out."""
    given = {" ".join(filter(None, case)): score for (name, case), score in predictions.items() if name == finding}
    scores = np.array([given.get(case, np.nan) for case in reads.cases])
    own = scores if threshold is None else np.where(np.isnan(scores), np.nan, (scores >= threshold).astype(np.float64))
    whole = ~np.isnan(own) & reads.read[0].all(0)
    kept = np.flatnonzero(whole)
    people, owner = np.unique(reads.patient[kept], return_inverse=True)
    lost = {
        "cases without a prediction": int(np.isnan(own).sum()),
        "cases that a reader did not read": int((~reads.read[0].all(0) & ~np.isnan(own)).sum()),
    }
    both = np.concatenate([own[None, kept], reads.score[0][:, kept]])[None]
    return (
        Reads(
            reads.arms, (MODEL, *reads.readers), tuple(reads.cases[k] for k in kept), tuple(reads.patients[k] for k in people), owner,
            reads.truth[kept], both,
        ),
        {reason: count for reason, count in lost.items() if count},
    )  # fmt: skip


def _ranks(readers: Sequence[str], seniority: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    ranks = dict.fromkeys(seniority.get(name, "") for name in readers)
    return {rank: tuple(name for name in readers if seniority.get(name) == rank) for rank in ranks if rank}


def _comparison(finding: str, metric: str, group: str, figures: Figures, approach: Approach, level: float) -> ModelComparison:
    n, events, patients = figures.counts
    if np.isnan(figures.value).any() or np.isnan(figures.without).any() or patients < 2:
        own, others = float(figures.value[0, 0]), figures.value[0, 1:]
        nothing = Estimate(
            f"difference of {metric}", own - float(others.mean()), method="mean of the readers", n=n, events=events, clusters=patients,
            level=level, warnings=(FEW_PATIENTS,),
        )  # fmt: skip
        readers = tuple(zip(figures.readers[1:], others.tolist(), strict=True))
        return ModelComparison(finding, metric, group, own, float(others.mean()), nothing, float("nan"), readers)
    found = versus_readers(figures, MODEL, readers=approach.readers, cases=approach.cases, level=level)
    none = () if found.se > 1e-12 else (NO_VARIANCE,)
    low, high = (-found.high, -found.low) if not none else (float("nan"),) * 2
    difference = cut(Estimate(
        f"difference of {metric}", -found.difference, low, high,
        f"Obuchowski-Rockette-Hillis, model fixed, {len(found.readers)} {approach.factors}", n, events, patients, found.level,
        found.se, -found.statistic, found.df, found.p, "difference 0" if np.isfinite(found.p) else "", warnings=(*found.warnings, *none),
    ))  # fmt: skip
    readers = tuple((name, value) for name, value, _ in found.readers)
    return ModelComparison(finding, metric, group, found.model_value, found.readers_mean, difference, float("nan"), readers)


def _point(both: Reads, name: str, rank: str, level: float) -> ReaderPoint:
    own = both.of_readers((name,))
    made = [reader_value(figure(own), own.arms[0], name, 0.0, metric=figure.__name__, level=level) for figure in (sensitivity, specificity)]
    return ReaderPoint(name, rank, *made)


def _adjusted(found: Sequence[ModelComparison]) -> tuple[ModelComparison, ...]:
    families: dict[tuple[str, str], list[int]] = {}
    for place, one in enumerate(found):
        if np.isfinite(one.difference.p) and not one.finding.startswith("macro "):
            families.setdefault((one.metric, one.group), []).append(place)
    changed = list(found)
    for places in families.values():
        for place, p in zip(places, holm([found[one].difference.p for one in places]), strict=True):
            changed[place] = replace(found[place], p_adjusted=float(p))
    return tuple(changed)
