"""Whom a package was fitted on: hashes of patients in ``patients.json``, so that it is not judged on them (fault G25).

    {"schema_version": 1, "kind": "keyed", "salt": "...", "key_check": "...", "patients": ["...", ...]}

A hash of an id that can be guessed is no secret: whoever holds the package and a list of candidates can try them. What is hashed is
therefore, as a rule, the id's HMAC with the local key (``keyed``): only who has the key file can ask. Ids that are public may be
hashed as they are (``salted``), and then everybody can. The salt differs from package to package, so that lists cannot be joined.

Source: docs/decisions/0009-patients-of-a-package.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from condyle.errors import PackageError
from condyle.intake.identity import patient_key
from condyle.readers.package import Package

FILE = "patients.json"
MOST_BYTES = 64 * 2**20  # more than a million patients
_CHECKED = "condyle"  # what stands for the key itself; no patient is called so with the blank that ids get

_Hash = r"^[0-9a-f]{32}$"


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1]
    kind: Literal["keyed", "salted"]
    salt: str = Field(pattern=_Hash)
    key_check: str = Field(pattern=rf"{_Hash}|^$")
    patients: frozenset[str]


@dataclass(frozen=True, slots=True)
class FittedOn:
    """The patients of a package, as hashes.

    Parameters
    ----------
    kind : 'keyed' or 'salted'
    salt, key_check : hexadecimal; ``key_check`` tells whether this machine's key made the list
    hashes : one a patient
    """

    kind: str
    salt: str
    key_check: str
    hashes: frozenset[str]

    @property
    def askable(self) -> bool:
        """Whether the question has an answer here: a keyed list was made with this machine's key."""
        return self.kind == "salted" or self.key_check == _hash(self.salt, patient_key(_CHECKED))

    def knows(self, patient_id: str) -> bool:
        """Whether the package was fitted on this patient, whose id is spelt as it was in training."""
        return _of(patient_id, self.kind, self.salt) in self.hashes


def patients_file(patients: Iterable[str], kind: Literal["keyed", "salted"], files: Mapping[str, bytes]) -> bytes:
    """``patients.json`` of a package.

    Parameters
    ----------
    patients : patient_ids of the manifest that any part of the package was fitted or chosen on
    files : the package's other files; the salt comes from them, so that equal packages are equal to the byte

    Raises
    ------
    InputError - the local key cannot be read
    """
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        digest.update(name.encode() + hashlib.sha256(data).digest())
    salt = digest.hexdigest()[:32]
    check = _hash(salt, patient_key(_CHECKED)) if kind == "keyed" else ""
    hashes = sorted({_of(patient, kind, salt) for patient in patients})
    content = {"schema_version": 1, "kind": kind, "salt": salt, "key_check": check, "patients": hashes}
    return (json.dumps(content, indent=1) + "\n").encode()


def fitted_on(package: Package) -> FittedOn | None:
    """The patients of a package; None where it does not say, as packages made before do not.

    Raises
    ------
    PackageError - the list is not as it must be
    """
    raw = package.files.get(FILE)
    if raw is None:
        return None
    try:
        if len(raw) > MOST_BYTES:
            raise ValueError("too long")
        content = _Content.model_validate_json(raw)
    except (ValidationError, ValueError):
        raise PackageError(
            "package-damaged", "The list of patients of the package is not as it must be.", where=f"{package.spec.name}: {FILE}",
            why="It has other keys or values than this Condyle knows.", what_to_do="Fetch the package again, or update Condyle.",
        ) from None  # fmt: skip
    return FittedOn(content.kind, content.salt, content.key_check, content.patients)


def _of(patient_id: str, kind: str, salt: str) -> str:
    return _hash(salt, patient_key(f"id {patient_id}") if kind == "keyed" else f"id {patient_id}")


def _hash(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt} {text}".encode()).hexdigest()[:32]
