"""Two readers on the same rows: every difference is second minus first, paired, over patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.evaluate.agreement import confusion, kappa_of
from condyle.evaluate.bootstrap import patient_bootstrap
from condyle.evaluate.clustered_auc import compare_clustered
from condyle.evaluate.delong import compare_paired
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.multiplicity import holm
from condyle.evaluate.noninferiority import noninferior
from condyle.evaluate.paired_predictive import clustered_predictive, generalised_score
from condyle.evaluate.paired_proportions import newcombe_difference, paired_difference
from condyle.evaluate.ranking import auroc
from condyle.evaluate.roc import roc_curve, sensitivity_at
from condyle.evaluate.standalone import Line, Settings, from_interval

Floats = NDArray[np.float64]

JUDGED = ("difference of AUROC", "difference of sensitivity", "difference of specificity")


def compare_readers(
    first: Sequence[FindingTable], second: Sequence[FindingTable], settings: Settings, *, margin: float | None = None
) -> tuple[Line, ...]:
    """Differences of every finding that both readers were given.

    Parameters
    ----------
    first, second : tables over the same rows of truth, in the same order
    margin : of non-inferiority of the second reader, on the scale of AUROC, sensitivity and specificity; the verdict stands
        in the warnings of these lines

    Returns
    -------
    Lines; p of the AUROC differences carry Holm's adjustment over findings in their warnings

    Raises
    ------
    InputError - the tables hold different rows
    """
    return tuple(with_holm(differences(first, second, settings, margin=margin)))


def differences(
    first: Sequence[FindingTable], second: Sequence[FindingTable], settings: Settings, *, margin: float | None = None
) -> list[Line]:
    """As ``compare_readers``, before p are adjusted."""
    lines: list[Line] = []
    for one, other in _pairs(first, second):
        for found in _of_pair(one, other, settings):
            judged = found.measure in JUDGED
            verdict = noninferior(found, margin).sentence if margin is not None and judged and not np.isnan(found.low) else ""
            lines.append(Line(one.finding, "all", "", found.warned(verdict)))
    return lines


def _pairs(first: Sequence[FindingTable], second: Sequence[FindingTable]) -> list[tuple[FindingTable, FindingTable]]:
    others = {table.finding: table for table in second}
    pairs = [(table, others[table.finding]) for table in first if table.finding in others]
    for one, other in pairs:
        if len(one) != len(other) or (one.studies != other.studies).any() or (one.levels != other.levels).any():
            raise InputError(
                "statistics-rows", f"The two tables of {one.finding} hold different rows.", what_to_do="Join both to one truth."
            )
    return pairs


def _of_pair(one: FindingTable, other: FindingTable, settings: Settings) -> list[Estimate]:
    """Rows that both answered, or all rows when failures count as wrong."""
    if settings.failures == "exclude" or one.kind == "measurement":
        values = "score" if one.kind == "binary" else "given"
        both = ~np.isnan(getattr(one, values)) & ~np.isnan(getattr(other, values))
        one, other = one.where(both), other.where(both)
    else:
        one, other = one.answered("wrong"), other.answered("wrong")
    if not len(one):
        return [Estimate("difference", float("nan"), warnings=("No row has answers of both.",))]
    if one.kind == "binary":
        return [_areas(one, other, settings), *_shares(one, other, settings), _at_same_specificity(one, other, settings)]
    return _by_bootstrap(one, other, settings)


def _areas(one: FindingTable, other: FindingTable, settings: Settings) -> Estimate:
    repeated = len(np.unique(one.patients)) < len(one)
    if repeated:
        found = compare_clustered(one.truth, other.score, one.score, one.patients, level=settings.level)
    else:
        found = compare_paired(one.truth, other.score, one.score, level=settings.level)
    values = (auroc(one.truth, table.score) for table in (one, other))
    return replace(found, measure="difference of AUROC").warned("first {:.3f}, second {:.3f}".format(*values))


def _shares(one: FindingTable, other: FindingTable, settings: Settings) -> list[Estimate]:
    decided = ~np.isnan(one.called) & ~np.isnan(other.called)
    one, other = one.where(decided), other.where(decided)
    found = []
    if not len(one):
        return []
    repeated = len(np.unique(one.patients)) < len(one)
    everything = np.ones(len(one), bool)
    for measure, own in (("sensitivity", one.truth == 1), ("specificity", one.truth == 0), ("accuracy", everything)):
        if own.any():
            theirs, ours = ((table.called == table.truth)[own] for table in (other, one))
            found.append(paired_difference(f"difference of {measure}", theirs, ours, one.patients[own], level=settings.level))
            if not repeated:
                found.append(newcombe_difference(f"difference of {measure}, Newcombe", theirs, ours, level=settings.level))
    for value in ("PPV", "NPV"):
        if repeated:
            found.append(clustered_predictive(one.truth, one.called, other.called, one.patients, value, level=settings.level))
        else:
            found.append(generalised_score(one.truth, one.called, other.called, value, level=settings.level))
    return found


def _at_same_specificity(one: FindingTable, other: FindingTable, settings: Settings) -> Estimate:
    """Sensitivity of the second reader where its curve reaches the specificity of the first one's calls, minus the first's."""
    measure = "difference of sensitivity at the first reader's specificity"
    decided = ~np.isnan(one.called)
    truth, called, score = one.truth[decided] == 1, one.called[decided] == 1, other.score[decided]

    def gap(weights: Floats) -> float:
        ups, downs = weights[truth].sum(), weights[~truth].sum()
        if not ups or not downs:
            return float("nan")
        specificity = weights[~truth & ~called].sum() / downs
        return sensitivity_at(roc_curve(truth, score, weights), float(specificity)) - float(weights[truth & called].sum() / ups)

    if not truth.any() or truth.all():
        return Estimate(measure, float("nan"), n=len(truth), events=int(truth.sum()), warnings=("One class only.",))
    found = patient_bootstrap(
        {"gap": gap}, one.patients[decided], n=settings.resamples, seed=settings.seed, confidence=settings.level
    )
    return from_interval(measure, found["gap"], int(truth.sum()), settings)


def _by_bootstrap(one: FindingTable, other: FindingTable, settings: Settings) -> list[Estimate]:
    def gap(value: Callable[[FindingTable, Floats], float], weights: Floats) -> float:
        return value(other, weights) - value(one, weights)

    measures = {"quadratic kappa": _kappa, "mean absolute error": _error} if one.kind == "ordinal" else {"mean absolute error": _error}
    metrics = {f"difference of {name}": partial(gap, value) for name, value in measures.items()}
    found = patient_bootstrap(metrics, one.patients, n=settings.resamples, seed=settings.seed, confidence=settings.level)
    return [from_interval(name, interval, None, settings) for name, interval in found.items()]


def _kappa(table: FindingTable, weights: Floats) -> float:
    return kappa_of(confusion(table.truth, table.given, table.scale, weights), "quadratic")


def _error(table: FindingTable, weights: Floats) -> float:
    return float(np.average(np.abs(table.given - table.truth), weights=weights))


def with_holm(lines: Sequence[Line]) -> list[Line]:
    """Adjusted p of the AUROC differences, over findings and pairs of readers, in their warnings."""
    tested = [line for line in lines if line.estimate.measure == "difference of AUROC" and not np.isnan(line.estimate.p)]
    places = [(line.finding, line.group) for line in tested]
    adjusted = dict(zip(places, holm([line.estimate.p for line in tested]), strict=True)) if tested else {}
    what = "findings" if len({group for _, group in places}) < 2 else "findings and pairs"
    found = []
    for line in lines:
        if line in tested:
            sentence = f"p {line.estimate.p:.3g}; after Holm over {len(tested)} {what}: {adjusted[line.finding, line.group]:.3g}."
            line = replace(line, estimate=line.estimate.warned(sentence))
        found.append(line)
    return found
