"""Folds of the lumbar family: by patient, balanced over findings, weightings at hand and masks.

Every split of a pipeline - outer folds, inner folds, the segmenter's and the grader's alike - comes from here, so a patient whom
one part did not see is unseen by all of its parts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from condyle.cohorts.cohort import Cohort
from condyle.cohorts.splits import deal

# A finding counts as a rare property of a patient from this value on; all others from 1.
PRESENT_FROM = {"pfirrmann": 4}


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
        if value >= PRESENT_FROM.get(finding, 1):
            own.add(finding)
    return {patient: frozenset(own) for patient, own in tags.items()}


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
    tags = patient_tags(labels, properties)
    return deal({patient: dict.fromkeys(own, 1) for patient, own in tags.items()}, n_folds, seed)
