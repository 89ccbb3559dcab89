"""Folds by patient, balanced over everything that is rare.

Every split of training - outer folds, inner folds, the segmenter's and the grader's alike - comes from
``assign_folds``, so a patient whom one part of a pipeline did not see is unseen by all of its parts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from condyle.cohorts.cohort import Cohort
from condyle.errors import UsageError

# A finding counts as a rare property of a patient from this value on; all others from 1.
_PRESENT_FROM = {"pfirrmann": 4}


def patient_tags(
    labels: Iterable[tuple[str, str, float]], properties: Mapping[str, Collection[str]] | None = None
) -> dict[str, frozenset[str]]:
    """What each patient has that the folds should share out evenly.

    Parameters
    ----------
    labels : (patient_id, finding, value) of every known label
    properties : further tags by patient_id, such as 'mask', 't1', 't2'

    Returns
    -------
    patient_id -> tags: the findings present at any site (Pfirrmann: grade 4 or 5), and the properties.
    Patients named only in one of the two are included.
    """
    tags: dict[str, set[str]] = {patient: set(given) for patient, given in (properties or {}).items()}
    for patient, finding, value in labels:
        own = tags.setdefault(patient, set())
        if value >= _PRESENT_FROM.get(finding, 1):
            own.add(finding)
    return {patient: frozenset(own) for patient, own in tags.items()}


def assign_folds(tags: Mapping[str, Collection[str]], n_folds: int, seed: int) -> dict[str, int]:
    """Deal patients into folds so that every tag is shared out evenly, the rarest tag first.

    Parameters
    ----------
    tags : patient_id -> tags. One entry a patient: all studies, pictures and levels follow their patient.
    n_folds : at least 2, at most the number of patients
    seed : of the order in which equal choices are made

    Returns
    -------
    patient_id -> fold in 0..n_folds-1. Depends on the set of patients, their tags and the seed only,
    never on the order of the mapping; fold sizes differ by one patient at most.

    Raises
    ------
    UsageError - fewer patients than folds, or fewer than two folds

    Source: iterative stratification, Sechidis et al., ECML PKDD 2011, algorithm 1, with fold sizes capped.
    """
    if not 2 <= n_folds <= len(tags):
        raise UsageError(
            "folds-impossible",
            f"{len(tags)} patients cannot be split into {n_folds} folds.",
            what_to_do="Use at least two folds and at least as many patients as folds.",
        )
    rng = np.random.default_rng(seed)
    patients = sorted(tags)
    order = {patient: rank for rank, patient in enumerate(rng.permutation(patients).tolist())}
    capacity = [len(patients) // n_folds + (fold < len(patients) % n_folds) for fold in range(n_folds)]
    remaining = set(patients)
    holders = {tag: {p for p in patients if tag in tags[p]} for tag in sorted({t for own in tags.values() for t in own})}
    wanted = {tag: [len(own) / n_folds] * n_folds for tag, own in holders.items()}
    folds: dict[str, int] = {}

    def need(patient: str, fold: int) -> float:
        return sum(wanted[own][fold] for own in sorted(tags[patient]))

    def place(patient: str, tag: str | None) -> None:
        open_folds = [fold for fold in range(n_folds) if capacity[fold] > 0]
        fold = max(open_folds, key=lambda f: (wanted[tag][f] if tag else 0.0, need(patient, f), capacity[f], -f))
        folds[patient] = fold
        capacity[fold] -= 1
        remaining.discard(patient)
        for own in tags[patient]:
            wanted[own][fold] -= 1

    while True:
        left = {tag: own & remaining for tag, own in holders.items() if own & remaining}
        if not left:
            break
        rarest = min(left, key=lambda tag: (len(left[tag]), tag))
        for patient in sorted(left[rarest], key=order.__getitem__):
            place(patient, rarest)
    for patient in sorted(remaining, key=order.__getitem__):
        place(patient, None)
    return folds


def cohort_folds(cohort: Cohort, n_folds: int, seed: int) -> dict[str, int]:
    """The folds of a cohort: every patient of its manifest, stratified for findings, weightings at hand and masks.

    Returns patient_id -> fold. Segmenter and grader both ask here, so that no patient is unseen by one and seen by
    the other.
    """
    properties: dict[str, set[str]] = {patient: set() for patient in cohort.patients.values()}
    for row in (*cohort.rows, *cohort.slices):
        own = properties[row.patient_id]
        own.add(f"{row.weighting}/{row.extra.get('sequence', '')}")
        if row.mask is not None:
            own.add("mask")
    labels = [
        (label.patient_id, label.finding, int(label.value)) for label in cohort.labels if isinstance(label.value, int | float)
    ]
    return assign_folds(patient_tags(labels, properties), n_folds, seed)
