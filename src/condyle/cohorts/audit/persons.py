"""Who is on both sides of a split: patients by id, by an id spelt twice, and by what their DICOM headers say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from condyle.cohorts.audit.divisions import Division
from condyle.cohorts.manifest import ManifestRow

# One DICOM identity under more patient_ids than this is what a careless anonymiser writes into every file, not a person.
MOST_IDS = 3


@dataclass(frozen=True, slots=True)
class Person:
    """Studies that are, or may be, of one patient.

    Parameters
    ----------
    how : 'patient_id' (the manifest says so), 'spelling' (ids differ by case or leading zeros), 'headers' (one DICOM identity under
        several ids)
    """

    how: str
    studies: frozenset[str]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A person in several parts of one division; ``rows`` of the manifest."""

    division: str
    how: str
    parts: tuple[str, ...]
    rows: tuple[int, ...]
    studies: tuple[str, ...]


def persons_of(rows: Sequence[ManifestRow], identities: Mapping[str, str]) -> tuple[Person, ...]:
    """Everybody, by each of the three signs.

    Parameters
    ----------
    identities : study_id -> pseudonymous DICOM identity; studies without one left out
    """
    patients = {row.study_id: row.patient_id for row in rows}
    by_id = _grouped(patients)
    by_spelling = _grouped({study: patient.lower().lstrip("0") for study, patient in patients.items()})
    by_header = _grouped({study: key for study, key in identities.items() if study in patients})

    def ids(studies: frozenset[str]) -> int:
        return len({patients[study] for study in studies})

    return (
        *(Person("patient_id", own) for own in by_id),
        *(Person("spelling", own) for own in by_spelling if ids(own) > 1),
        *(Person("headers", own) for own in by_header if 1 < ids(own) <= MOST_IDS),
    )


def anonymous(rows: Sequence[ManifestRow], identities: Mapping[str, str]) -> int:
    """How many studies share a DICOM identity with so many patients that it names nobody."""
    patients = {row.study_id: row.patient_id for row in rows}
    groups = _grouped({study: key for study, key in identities.items() if study in patients})
    return sum(len(own) for own in groups if len({patients[study] for study in own}) > MOST_IDS)


def crossings(division: Division, persons: Sequence[Person], rows: Sequence[ManifestRow]) -> tuple[Crossing, ...]:
    """Persons in several parts of a division, each once, by the surest sign."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        numbers[row.study_id].append(row.row)
    found: list[Crossing] = []
    told: set[frozenset[str]] = set()
    for person in persons:
        parts = division.together(person.studies)
        own = frozenset(study for study in person.studies if study in division.parts)
        if len(parts) > 1 and own not in told:
            told.add(own)
            listed = tuple(sorted(own))
            found.append(
                Crossing(division.name, person.how, tuple(sorted(parts)), tuple(n for study in listed for n in numbers[study]), listed)
            )
    return tuple(found)


def _grouped(keys: Mapping[str, str]) -> tuple[frozenset[str], ...]:
    groups: dict[str, set[str]] = defaultdict(set)
    for study, key in keys.items():
        groups[key].add(study)
    return tuple(map(frozenset, groups.values()))
