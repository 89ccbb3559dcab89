"""The contract of an exporter that writes DICOM objects back into the archive, as checks for anybody's exporter.

Such a plug-in takes the option ``source`` (the Study that was read) and carries the patient's identity, because a PACS
files by it; so the contract of other documents (``condyle.testing.exporters``) does not hold for it, and this one does.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_exporter(check, tmp_path):
        check("my_exporter", sourced(tmp_path))
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from condyle import registry
from condyle.errors import InputError
from condyle.intake import open_study
from condyle.intake.source_header import source_header
from condyle.simulate.dicom_writer import write_dicom
from condyle.simulate.lumbar.protocols import protocols
from condyle.simulate.study import SimulatedSeries, SimulatedStudy, Truth
from condyle.study import Geometry, Reading, Study, Volume
from condyle.testing.readings import COLUMNS, ROWS, STEP, lumbar_reading

PATIENT = {"PatientName": "TEST^SOURCE", "PatientID": "ID-OF-SOURCE", "PatientBirthDate": "19500101", "PatientSex": "F"}
# Patient, study and frame of reference: what ties an object to its source in an archive.
TIES = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber")


@dataclass(frozen=True, slots=True)
class Sourced:
    """A reading and the DICOM study that it is of."""

    reading: Reading
    study: Study


Check = Callable[[str, Sourced], None]


def sourced(folder: Path) -> Sourced:
    """The example reading of a lumbar spine, with a DICOM study of its geometry written below ``folder``."""
    slices = 15
    affine = np.eye(4)
    affine[:3, :3] = np.array([[4.0, 0, 0], [0, 0, STEP], [0, -STEP, 0]])
    affine[:3, 3] = (3.0 - 7 * 4.0, -90.0, 160.0)  # slice 7 is that of the key images
    geometry = Geometry(affine, (slices, ROWS, COLUMNS))
    rng = np.random.default_rng(1)
    made = {}
    for protocol in protocols(("t1_sag", "t2_sag"), 1.5, ROWS, ROWS * STEP, slices):
        pixels = rng.uniform(0, 1, geometry.shape).astype(np.float32)
        made[protocol.name] = SimulatedSeries(protocol, Volume(pixels, geometry), Volume(np.zeros(geometry.shape, np.uint8), geometry))
    write_dicom(SimulatedStudy("lumbar", 1, "siemens", 1.5, made, Truth({}, {}, {}), headers=PATIENT), folder / "dicom")
    study = open_study(folder)
    ids = {str(one.role.weighting.value): one.series_id for one in study.series}
    renamed = {"s1": ids["t2"], "s2": ids["t1"]}
    base = lumbar_reading()
    reading = replace(
        base, study_key=study.study_key, patient_key=study.patient_key, series=study.series,
        used_series={slot: renamed[one] for slot, one in base.used_series.items()},
        evidence=tuple(replace(one, series_id=renamed[one.series_id]) for one in base.evidence),
        key_images=tuple(replace(one, series_id=renamed[one.series_id]) for one in base.key_images),
    )  # fmt: skip
    return Sourced(reading, study)


def needs_a_dicom_source(name: str, given: Sourced) -> None:
    """Without a source, with one of another format or of another study it refuses, and says what to do."""
    pictures = replace(given.study, series=tuple(replace(one, format="nifti", source=None) for one in given.study.series))
    for source in (None, pictures, replace(given.study, study_key="another")):
        refused: InputError | None = None
        try:
            registry.get("exporters", name)(given.reading, source=source)
        except InputError as error:
            refused = error
        assert refused is not None, f"{name} wrote an object without its source"
        assert refused.what, f"{name} does not say what it refuses"
        assert refused.what_to_do, f"{name} does not say what to do"


def equal_input_gives_equal_bytes(name: str, given: Sourced) -> None:
    """No clock and no random UID: the same reading is the same object."""
    assert _export(name, given) == _export(name, given), f"{name} gave two objects for one reading"


def another_content_is_another_instance(name: str, given: Sourced) -> None:
    """A changed finding is a new SOP instance in a new series: an archive must never find two contents under one UID."""
    first = given.reading.findings[0]
    changed = replace(given.reading, findings=(replace(first, grade=1), *given.reading.findings[1:]))
    uids = [{one.SOPInstanceUID for one in _objects(name, each).values()} for each in (given, replace(given, reading=changed))]
    assert not uids[0] & uids[1], f"{name} gives one UID to two contents"


def patient_and_study_are_those_of_the_source(name: str, given: Sourced) -> None:
    """An archive files it beside the images, as a series of its own."""
    header = source_header(given.study.series[0], 0)
    series = {source_header(one, 0).SeriesInstanceUID for one in given.study.series}
    for file, one in _objects(name, given).items():
        for keyword in TIES:
            assert str(one.get(keyword, "")) == str(header.get(keyword, "")), f"{keyword} of {file} is not that of the source"
        assert one.SeriesInstanceUID not in series, f"{file} claims to be of a series of images"
        assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID, f"{file} has two SOP instance UIDs"


def no_pseudonym_stands_beside_the_identity(name: str, given: Sourced) -> None:
    """Keys of study and patient are nowhere in it: with the identity beside them they would be undone."""
    for file, content in _export(name, given).items():
        for key in (given.reading.study_key, given.reading.patient_key):
            assert key.encode() not in content, f"{file} ties the pseudonym to the patient"


def it_says_who_made_it(name: str, given: Sourced) -> None:
    """Manufacturer and series name tell that a program made it, for research."""
    for file, one in _objects(name, given).items():
        words = f"{one.get('Manufacturer', '')} {one.get('SeriesDescription', '')}".lower()
        assert one.get("Manufacturer"), f"{file} does not say what made it"
        assert "research use only" in words, f"{file} does not say that it is for research"


def files_have_plain_names(name: str, given: Sourced) -> None:
    """Names without folders and without anything of the patient."""
    files = _export(name, given)
    assert files, f"{name} wrote nothing"
    for file in files:
        assert file == Path(file).name, f"{name} wants to write {file!r}"
        assert file.endswith(".dcm"), f"{file} is not named as DICOM"
        assert not any(word.lower() in file.lower() for word in PATIENT.values() if len(word) > 1), f"{file} names the patient"


CHECKS: tuple[Check, ...] = (
    needs_a_dicom_source,
    equal_input_gives_equal_bytes,
    another_content_is_another_instance,
    patient_and_study_are_those_of_the_source,
    no_pseudonym_stands_beside_the_identity,
    it_says_who_made_it,
    files_have_plain_names,
)


def _export(name: str, given: Sourced) -> dict[str, bytes]:
    files: dict[str, bytes] = registry.get("exporters", name)(given.reading, source=given.study)
    return files


def _objects(name: str, given: Sourced) -> dict[str, Any]:
    import pydicom

    return {file: pydicom.dcmread(io.BytesIO(content)) for file, content in _export(name, given).items()}
