"""Shortcuts: what can be told of a finding, or of the site, without looking at the joint.

Four questions, each asked of held-out patients: do headers alone predict a finding; does the site alone; can the site be told from
grain and sharpness of the pixels; and do these predict better when the same site (or patient) is on both sides of the split.

Source: Zech et al., PLoS Med 2018;15:e1002683 (hospital systems told from pixels); Badgeley et al., npj Digit Med 2019;2:31 (fracture
predicted from variables of scanner and patient).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from condyle.cohorts.audit.looking import Seen
from condyle.cohorts.audit.ridge import Facts, Floats, held_out_scores
from condyle.cohorts.labels import Label, catalogue
from condyle.cohorts.splits import deal
from condyle.evaluate.clustered_auc import clustered_auroc, compare_clustered
from condyle.evaluate.estimate import Estimate

FOLDS = 5
LEAST_PATIENTS = 10  # with and without a finding, and of a site
PERMUTATIONS = 200
ALPHA = 0.01  # of each question, all findings counted: a clean cohort passes all questions together 19 times in 20


@dataclass(frozen=True, slots=True)
class Told:
    """How well something is told: ``shown`` with a 95 % interval and p, ``adjusted`` the p for all that were asked together."""

    what: str
    shown: Estimate
    adjusted: float

    @property
    def stands_out(self) -> bool:
        """Whether it is told better than by chance."""
        return self.shown.estimate > 0.5 and self.adjusted < ALPHA


@dataclass(frozen=True, slots=True)
class Gap:
    """A finding told by headers and pixel statistics, with the same groups on both sides of the split and with whole groups left out.

    ``sure`` is the difference with an interval that holds for all findings together.
    """

    what: str
    mixed: Told
    apart: Estimate
    difference: Estimate
    sure: Estimate

    @property
    def stands_out(self) -> bool:
        """Whether it is told better than by chance, and worse of whole groups: what chance alone told cannot have been the group."""
        return self.mixed.stands_out and bool(self.sure.low > 0)


def findings_present(labels: Sequence[Label], studies: Sequence[str]) -> tuple[tuple[str, ...], Floats]:
    """(findings, [study, finding] 1 present at any site, 0 absent wherever it is known, NaN unknown).

    An ordinal finding is present in the upper half of its scale; measurements and categories are left out.
    """
    entries, place = catalogue(), {study: row for row, study in enumerate(studies)}
    kinds = ("binary", "ordinal")
    known = [one for one in labels if isinstance(one.value, float) and one.study_id in place and entries[one.finding].kind in kinds]
    names = tuple(dict.fromkeys(one.finding for one in known))
    values = np.full((len(studies), len(names)), np.nan)
    for one in known:
        scale = entries[one.finding].scale
        worst = scale.steps[(len(scale.steps) + 1) // 2] if scale is not None else 1
        at = (place[one.study_id], names.index(one.finding))
        values[at] = np.fmax(values[at], float(isinstance(one.value, float) and one.value >= worst))
    return names, values


def predicted(names: Sequence[str], targets: Floats, facts: Sequence[Facts], seen: Sequence[Seen], *, seed: int) -> tuple[Told, ...]:
    """How well facts predict each finding in patients that were held out; findings with too few patients are left out."""
    patients = [one.patient_id for one in seen]
    if not _usable(targets, patients):
        return ()
    return _told(names, targets, facts, patients, folds_of(patients, targets, seed), seed)


def sites_told(seen: Sequence[Seen], *, seed: int) -> tuple[tuple[str, ...], tuple[Told, ...]]:
    """(sites with enough patients, how well each is told from the pixels of held-out patients)."""
    patients = Counter(site for site, _ in {(one.site, one.patient_id) for one in seen} if site)
    sites = tuple(sorted(site for site, count in patients.items() if count >= LEAST_PATIENTS))
    own = [one for one in seen if one.site in sites and one.looks]
    if len(sites) < 2 or len(own) < 2 * FOLDS:
        return sites, ()
    targets = np.array([[float(one.site == site) for site in sites] for one in own])
    owners = [one.patient_id for one in own]
    return sites, _told(sites, targets, [one.looks for one in own], owners, folds_of(owners, targets, seed), seed)


def gaps(names: Sequence[str], targets: Floats, seen: Sequence[Seen], groups: Sequence[str], *, seed: int) -> tuple[Gap, ...]:
    """Each finding told with studies dealt at random, against whole groups (patients or sites) held out.

    Empty when there are fewer than three groups, or every group is one study, so that both splits are the same.
    """
    if len(set(groups)) < 3 or len(set(groups)) == len(groups):
        return ()
    facts: list[Facts] = [{**one.headers, **one.looks} for one in seen]
    patients = [one.patient_id for one in seen]
    usable, studies = _usable(targets, patients), [one.study_id for one in seen]
    at_random = folds_of(studies, targets, seed)
    # Dealt anew among studies: among patients, a label that is recognised by its patient would be recognised again.
    mixed = _told(names, targets, facts, patients, at_random, seed, dealt_among=studies)
    one_side = held_out_scores(facts, targets, at_random)
    apart = held_out_scores(facts, targets, folds_of(groups, targets, seed))
    found = []
    for told in mixed:
        column = names.index(told.what)
        known = ~np.isnan(targets[:, column]) & ~np.isnan(one_side[:, column]) & ~np.isnan(apart[:, column])
        truth, whose = targets[known, column], np.array(patients)[known]
        if 0 < truth.sum() < len(truth):
            pair = (truth, one_side[known, column], apart[known, column], whose)
            differences = (compare_clustered(*pair), compare_clustered(*pair, level=1 - ALPHA / len(usable)))
            found.append(Gap(told.what, told, clustered_auroc(truth, apart[known, column], whose), *differences))
    return tuple(found)


def folds_of(groups: Sequence[str], targets: Floats, seed: int) -> NDArray[np.intp]:
    """[study] fold of each, groups together, findings and studies shared out evenly."""
    holdings: dict[str, Counter[str]] = {group: Counter() for group in groups}
    for group, values in zip(groups, targets, strict=True):
        holdings[group].update({str(column): 1 for column, value in enumerate(values.tolist()) if value == 1})
    dealt = deal(holdings, min(FOLDS, len(holdings)), seed, sizes=Counter(groups))
    return np.array([dealt[group] for group in groups], np.intp)


def _told(
    names: Sequence[str], targets: Floats, facts: Sequence[Facts], patients: Sequence[str], folds: NDArray[np.intp], seed: int, *,
    dealt_among: Sequence[str] | None = None,
) -> tuple[Told, ...]:  # fmt: skip
    """Each target's AUROC, with the p of its labels dealt anew among the patients (or ``dealt_among``).

    Scores of folds share their training studies, so an interval for independent scores is too narrow to judge chance by.
    """
    usable, whose, owners = _usable(targets, patients), np.array(patients), np.array(dealt_among or patients)
    found = []
    for column in usable:
        rng = np.random.default_rng([seed, column])
        own = np.column_stack([targets[:, column], permuted(targets[:, column], owners, PERMUTATIONS, rng)])
        scores = held_out_scores(facts, own, folds)
        known = ~np.isnan(own[:, 0]) & ~np.isnan(scores[:, 0])
        if not 0 < own[known, 0].sum() < known.sum():
            continue
        areas = _areas(own[known], scores[known])
        # The tail of a normal curve: areas of dealt labels are near to normal, and counting would need thousands of deals.
        spread = float(np.nanstd(areas[1:]))
        p = float(norm.sf((areas[0] - np.nanmean(areas[1:])) / spread)) if spread > 0 else 1.0
        shown = clustered_auroc(own[known, 0], scores[known, 0], whose[known])
        shown = replace(shown, p=p, null="labels dealt anew", resamples=PERMUTATIONS, drawn=PERMUTATIONS, seed=seed)
        found.append(Told(names[column], shown, min(1.0, p * len(usable))))
    return tuple(found)


def permuted(values: Floats, owners: NDArray[np.str_], times: int, rng: np.random.Generator) -> Floats:
    """[study, times] known values dealt anew among owners with as many studies; unknown ones stay where they are."""
    known = np.flatnonzero(~np.isnan(values))
    out = np.repeat(values[:, None], times, axis=1)
    order = known[np.argsort(owners[known], kind="stable")]
    _, counts = np.unique(owners[known], return_counts=True)
    blocks = np.split(order, np.cumsum(counts)[:-1])
    for size in np.unique(counts).tolist():
        own = np.stack([block for block in blocks if len(block) == size])
        for number in range(times):
            out[own, number] = values[own[rng.permutation(len(own))]]
    return out


def _areas(truth: Floats, scores: Floats) -> Floats:
    """[target] AUROC of each column, ties one half; NaN for one class alone or scores that are missing."""
    ranks = rankdata(scores, axis=0)
    positives = truth.sum(axis=0)
    negatives = len(truth) - positives
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(((ranks * truth).sum(axis=0) - positives * (positives + 1) / 2) / (positives * negatives))


def _usable(targets: Floats, patients: Sequence[str]) -> tuple[int, ...]:
    """Columns with enough patients on both sides."""
    whose = np.array(patients)

    def count(column: int, value: float) -> int:
        return len(set(whose[targets[:, column] == value].tolist()))

    return tuple(column for column in range(targets.shape[1]) if min(count(column, 0.0), count(column, 1.0)) >= LEAST_PATIENTS)
