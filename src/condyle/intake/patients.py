"""Who an object belongs to. A careless anonymiser gives all patients one ID, so the ID alone does not tell."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from condyle.intake.header import Header, of_elements

_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Patient:
    """What an object says of its patient. Empty where it says nothing.

    Parameters
    ----------
    number : PatientID
    name : PatientName, folded: 'Müller^Eva' and 'MULLER^EVA^^' are one name
    birth : PatientBirthDate, its digits
    written : PatientName as it stands there
    """

    number: str
    name: str
    birth: str
    written: str = ""

    def contradicts(self, other: Patient) -> bool:
        """Whether both say something and it differs; what one of them leaves out is no contradiction."""
        return any(
            mine and theirs and mine != theirs
            for mine, theirs in ((self.number, other.number), (self.name, other.name), (self.birth, other.birth))
        )

    def merged(self, other: Patient) -> Patient:
        """What both of them say together."""
        return Patient(self.number or other.number, self.name or other.name, self.birth or other.birth, self.written or other.written)


@of_elements("PatientID", "PatientName", "PatientBirthDate")
def patient_of(header: Header) -> Patient:
    """The patient of one object. Of a name in several scripts the first form counts (DICOM PS3.5, 6.2.1.2)."""
    written = header.text("PatientName")
    birth = "".join(char for char in header.text("PatientBirthDate") if char.isdigit())
    name = next((form for form in written.split("=") if form.strip("^ ")), "")
    return Patient(header.text("PatientID"), folded(name), birth, written)


def apart(patients: Iterable[Patient]) -> list[tuple[Patient, list[Patient]]]:
    """Patients of one study -> (all that is said of one person, the patients that are this person).

    Who fits several persons that contradict each other belongs to none of them and stays alone.
    """
    every = list(patients)
    if len(every) == 1:
        return [(every[0], every)]
    persons: list[tuple[Patient, list[Patient]]] = []
    for one in sorted(every, key=lambda patient: -sum(map(bool, (patient.number, patient.name, patient.birth)))):  # the fullest first
        fitting = [place for place, (person, _) in enumerate(persons) if not person.contradicts(one)]
        if len(fitting) == 1:
            person, own = persons[fitting[0]]
            persons[fitting[0]] = person.merged(one), [*own, one]
        else:
            persons.append((one, [one]))
    order = {one: place for place, one in enumerate(every)}
    persons = [(person, sorted(own, key=order.__getitem__)) for person, own in persons]
    return sorted(persons, key=lambda entry: order[entry[1][0]])


def folded(text: str) -> str:
    """Words of a name in lower case without accents, joined by single blanks."""
    if not text.isascii():
        text = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return " ".join(_WORDS.findall(text.casefold()))
