"""Free response with inference: AFROC and wAFROC of one reader, of many, and of two arms, from marks sorted out against lesions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np
from scipy.stats import t

from condyle.evaluate.estimate import Estimate, logit_limits
from condyle.evaluate.froc import Marked
from condyle.evaluate.mrmc.figure import Figures
from condyle.evaluate.mrmc.incomplete import influence_covariance, mean_gain, mean_value
from condyle.evaluate.mrmc.marks import MarkedReads, afroc, weighted_afroc


def marked_reads(marked: Mapping[tuple[str, str], Marked], patients: Mapping[str, str]) -> MarkedReads:
    """Readings of all readers in all arms.

    Parameters
    ----------
    marked : (arm, reader) -> marks sorted out against the same lesions of the same studies
    patients : study -> patient

    The lesions of a study weigh alike and sum to 1. An arm and reader that is not in ``marked`` was not read: a reader of one arm only
    stands in the mean of that arm and in no difference.
    """
    arms, readers = (tuple(dict.fromkeys(key[place] for key in marked)) for place in (0, 1))
    first = next(iter(marked.values()))
    scans = [str(scan) for scan in first.scans]
    at = {scan: place for place, scan in enumerate(scans)}
    people = tuple(dict.fromkeys(patients[scan] for scan in scans))
    owner = {person: place for place, person in enumerate(people)}
    of = np.array([at[str(scan)] for scan in first.lesion_scan], np.intp)
    false = np.full((len(arms), len(readers), len(scans)), np.nan)
    found = np.full((len(arms), len(readers), len(of)), np.nan)
    for (arm, reader), one in marked.items():
        cell = arms.index(arm), readers.index(reader)
        false[cell] = -np.inf
        np.maximum.at(false[cell], np.array([at[str(scan)] for scan in one.false_scan], np.intp), one.false_score)
        found[cell] = one.lesion_score
    weight = 1 / np.bincount(of, minlength=len(scans))[of] if len(of) else np.zeros(0)
    return MarkedReads(
        arms, readers, tuple(scans), people, np.array([owner[patients[scan]] for scan in scans], np.intp), false, of, weight, found
    )


def free_response(reads: MarkedReads, *, level: float = 0.95) -> list[tuple[str, Estimate]]:
    """wAFROC and AFROC by arm, and their differences between arms, as (arm or contrast, estimate); n are studies, events lesions.

    One reader: the structural components over patients, logit limits by t. Several: readers and cases random (Obuchowski,
    Rockette and Hillis). Source of the figures: Chakraborty 2017, chapter 14.
    """
    found: list[tuple[str, Estimate]] = []
    n, events = len(reads.cases), len(reads.lesion_case)
    for figure in (weighted_afroc, afroc):
        figures = figure(reads)
        if not reads.diseased.any() or reads.diseased.all():
            sentence = "It needs studies with and without a lesion."
            found.append(("all", Estimate(figures.name, float("nan"), n=len(reads.cases), warnings=(sentence,))))
            continue
        several = len(reads.readers) > 1
        for place, arm in enumerate(reads.arms):
            one = mean_value(figures, arm, level=level) if several else _alone(figures, place, level)
            found.append((arm, replace(one, n=n, events=events)))
        for base, arm in combinations(reads.arms, 2):
            if several:
                found.append((f"{arm} - {base}", replace(mean_gain(figures, base, arm, level=level), n=n, events=events)))
    return found


def _alone(figures: Figures, arm: int, level: float) -> Estimate:
    """One reader in one arm."""
    place = arm * len(figures.readers)
    value, people = float(figures.value[arm, 0]), len(figures.patients)
    se = float(np.sqrt(influence_covariance(figures)[place, place]))
    low, high = logit_limits(value, se, float(t.ppf(0.5 + level / 2, people - 1)))
    lacking = ("No interval at 0 or 1.",) if np.isnan(low) else ()
    return Estimate(
        figures.name, value, low, high, "structural components over patients, logit, t", people, None, people, level, se, df=people - 1,
        warnings=lacking,
    )  # fmt: skip
