"""What is known of each study, as the network learns it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.labels import Label
from condyle.errors import InputError


def targets_of(
    labels: Sequence[Label], studies: Sequence[str], findings: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """([study, finding] share of sources that call it present, NaN where unknown; [study, finding] weight).

    Parameters
    ----------
    findings : 'finding' is present when it is at any site; 'finding/site' speaks of one compartment, level or side

    Notes
    -----
    Labels are found by name, never by their order (fault G35). Where several readers or sources speak of one site the mean of their
    values counts, weighed by their reliability (1 where none is given); the weight is the mean reliability. A site about which
    nobody says anything leaves "present anywhere" open unless another site is present.
    """
    place = {study: number for number, study in enumerate(studies)}
    said: dict[tuple[str, str], dict[str, list[tuple[float, float]]]] = {}
    for label in labels:
        if label.study_id in place and isinstance(label.value, int | float):
            site = label.level or label.side
            own = said.setdefault((label.study_id, label.finding), {}).setdefault(site, [])
            own.append((float(label.value >= 1), 1.0 if label.reliability is None else label.reliability))
    targets = np.full((len(studies), len(findings)), np.nan, np.float32)
    weights = np.ones(targets.shape, np.float32)
    for column, name in enumerate(findings):
        finding, _, site = name.partition("/")
        for study, row in place.items():
            sites = said.get((study, finding), {})
            chosen = [sites[site]] if site in sites and site else [] if site else list(sites.values())
            votes = [(_mean(own), np.mean([weight for _, weight in own])) for own in chosen if sum(weight for _, weight in own) > 0]
            if votes:
                targets[row, column], weights[row, column] = max(votes)
    return targets, weights


def demand_both_classes(targets: NDArray[np.float32], findings: Sequence[str], where: str) -> None:
    """Refuse to train on findings that are never, or always, present.

    Raises
    ------
    InputError - all such findings by name
    """
    lacking = []
    for name, own in zip(findings, targets.T, strict=True):
        known = own[~np.isnan(own)]
        present, absent = int((known > 0.5).sum()), int((known <= 0.5).sum())
        if not present or not absent:
            lacking.append(f"{name} ({present} present, {absent} absent, {len(own) - len(known)} unknown)")
    if lacking:
        raise InputError(
            "finding-of-one-class", f"Findings cannot be learnt in {where}: {', '.join(lacking)}.",
            why="A finding needs studies in which it is present and studies in which it is absent.",
            what_to_do="Add labels or studies, take fewer folds, or take the finding out of the recipe.",
        )  # fmt: skip


def _mean(votes: Sequence[tuple[float, float]]) -> float:
    total = sum(weight for _, weight in votes)
    return sum(value * weight for value, weight in votes) / total if total else 0.0
