"""What is known of each study, as the network learns it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.cohort import Cohort
from condyle.cohorts.labels import Label
from condyle.errors import InputError
from condyle.readers.grades import Link, step_of
from condyle.train.multiplane.recipe import MultiplaneRecipe

ANY = "abnormality"
Sites = dict[str, list[tuple[float, float]]]  # site -> (value, reliability) of everybody who speaks of it


def targets_of(
    labels: Sequence[Label], studies: Sequence[str], findings: Sequence[str], link: Link = "cumulative"
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """([study, finding] share of sources that call it present, NaN where unknown; [study, finding] weight).

    Parameters
    ----------
    findings : 'finding' is present when it is at any site; 'finding/site' speaks of one compartment, level or side; 'finding>=step' of
        a grade of at least this step
    link : 'corn' leaves a step unknown where the one below was not reached

    Notes
    -----
    Labels are found by name, never by their order (fault G35). Where several readers or sources speak of one site the mean of their
    values counts, weighed by their reliability (1 where none is given); the weight is the mean reliability. Where sites are spoken of
    singly, "present anywhere" is absent only when each of the sites that the cohort knows of the finding is known to be absent, or
    somebody speaks of the whole; else it stays open.
    """
    place = {study: number for number, study in enumerate(studies)}
    said: dict[tuple[str, str], Sites] = {}
    every: dict[str, set[str]] = {}  # finding -> sites that anybody speaks of in any study, also to say that nothing is known
    for label in labels:
        every.setdefault(label.finding, set()).update({label.level or label.side} - {""})
        if label.study_id in place and isinstance(label.value, int | float):
            site = label.level or label.side
            own = said.setdefault((label.study_id, label.finding), {}).setdefault(site, [])
            own.append((float(label.value), 1.0 if label.reliability is None else label.reliability))
    targets = np.full((len(studies), len(findings)), np.nan, np.float32)
    weights = np.ones(targets.shape, np.float32)
    for column, name in enumerate(findings):
        place_of, step = step_of(name)
        finding, _, site = place_of.partition("/")
        reached = 1 if step is None else step
        for study, row in place.items():
            sites = said.get((study, finding), {})
            chosen = [sites[site]] if site in sites and site else [] if site else list(sites.values())
            heard = [own for own in chosen if sum(weight for _, weight in own) > 0]
            votes = [(_share(own, reached), float(np.mean([weight for _, weight in own]))) for own in heard]
            if not votes and finding == ANY:
                votes = _from_others(said, every, study)
            partly = not site and _partly(sites, every.get(finding, set()))
            if votes and (max(votes)[0] > 0.5 or not partly):
                targets[row, column], weights[row, column] = max(votes)
    if link == "corn":
        below = targets.copy()
        for column in range(1, len(findings)):
            (one, step), (other, _) = step_of(findings[column]), step_of(findings[column - 1])
            if step is not None and one == other:
                targets[~(below[:, column - 1] > 0.5), column] = np.nan
    return targets, weights


def never_told(recipe: MultiplaneRecipe, cohort: Cohort) -> tuple[str, ...]:
    """Findings of the recipe about which no study of the cohort says anything."""
    told, _ = targets_of(cohort.labels, list(cohort.studies), recipe.columns, recipe.loss.ordinal)
    spoken = {step_of(name)[0] for name, own in zip(recipe.columns, told.T, strict=True) if not np.isnan(own).all()}
    return tuple(name for name in recipe.data.findings if name not in spoken)


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


def _partly(sites: Sites, every: set[str]) -> bool:
    """Whether some sites of a finding are spoken of, and neither the whole nor all that the cohort knows."""
    named = {spoken for spoken, own in sites.items() if sum(weight for _, weight in own) > 0}
    return bool(named) and "" not in named and not every <= named


def _from_others(said: Mapping[tuple[str, str], Sites], every: Mapping[str, set[str]], study: str) -> list[tuple[float, float]]:
    """Whether anything is abnormal, as the other findings say: yes when one is present, no when every finding that the cohort speaks of
    is known to be absent in this study."""
    own = {name: said.get((study, name), {}) for name in {name for _, name in said if name != ANY}}
    if any(_share(votes, 1) > 0.5 for sites in own.values() for votes in sites.values()):
        return [(1.0, 1.0)]
    return [(0.0, 1.0)] if own and all(sites and not _partly(sites, every[name]) for name, sites in own.items()) else []


def _share(votes: Sequence[tuple[float, float]], step: int) -> float:
    """Share of the votes, weighed, for at least this step."""
    total = sum(weight for _, weight in votes)
    return sum(weight for value, weight in votes if value >= step) / total if total else 0.0
