"""The contract of a reader family: what any reading must be, whatever joint it is about.

A family is a plug-in of the kind ``families``: a function of a ``Package`` that gives a reader with ``info``,
``open()`` (its graphs, at once) and ``read(study, maps=True) -> Reading``. Use in a test of your own family, with a package
and a study that it can read:

    import pytest
    from condyle.testing.families import CHECKS

    @pytest.mark.parametrize("contract", CHECKS, ids=lambda contract: contract.__name__)
    def test_my_family(contract):
        contract(load_package("my_package"), open_study("a_study/"))

Each contract takes the reader and the study, and raises ``AssertionError`` with a sentence.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from condyle.anatomy import joint
from condyle.anatomy.lumbar import TRANSITIONAL_LEVELS
from condyle.errors import InputError
from condyle.readers import Reader
from condyle.study import Finding, Reading, Study

Contract = Callable[[Reader, Study], None]


def check_reads_under_its_own_name(reader: Reader, study: Study) -> None:
    """The reading names the package, the study's keys, and the seconds of its stages."""
    reader.open()
    reading = reader.read(study)
    assert reading.package == reader.info, "the reading names another package"
    assert (reading.study_key, reading.patient_key) == (study.study_key, study.patient_key), "the reading has other keys than the study"
    assert reading.timing, "the reading does not say how long its stages took"
    assert all(seconds >= 0 for seconds in reading.timing.values()), "a stage took negative time"


def check_is_deterministic(reader: Reader, study: Study) -> None:
    """Twice the same study gives the same findings and the same outlines."""
    first, again = reader.read(study), reader.read(study)
    assert first.findings == again.findings, "two readings of one study differ"
    for one, other in zip(first.evidence, again.evidence, strict=True):
        assert one.evidence_id == other.evidence_id, "two readings give evidence in another order"
        assert np.array_equal(one.points, other.points), f"the place of {one.evidence_id} differs between two readings"


def check_says_the_same_without_maps(reader: Reader, study: Study) -> None:
    """Leaving out the class maps changes no finding but the evidence that it names."""
    whole, bare = reader.read(study), reader.read(study, maps=False)
    assert [replace(one, evidence=()) for one in bare.findings] == [replace(one, evidence=()) for one in whole.findings], (
        "a reading without class maps says something else"
    )
    assert not [one for one in bare.evidence if one.kind == "class_map"], "class maps were drawn although they were left out"


def check_every_series_is_accounted_for(reader: Reader, study: Study) -> None:
    """Each series fills an input or is listed with the reason why not."""
    reading = reader.read(study)
    known = [one.series_id for one in study.series]
    assert [one.series_id for one in reading.series] == known, "the reading lists other series than the study"
    assert set(reading.used_series.values()) <= set(known), "the reading used a series that is not in the study"
    said = " ".join(where for where, _ in reading.unused)
    silent = [name for name in known if name not in reading.used_series.values() and name not in said]
    assert not silent, f"series dropped in silence: {silent}"
    assert all(reason for _, reason in reading.unused), "a series was left without a reason"


def check_findings_are_of_the_catalogue(reader: Reader, study: Study) -> None:
    """Known names and sites, each once; kinds, grades and probabilities as the catalogue says."""
    reading = reader.read(study)
    catalogue = joint(reading.joint)
    twice = [key for key, count in Counter((one.finding, one.site) for one in reading.findings).items() if count > 1]
    assert not twice, f"said twice: {twice[:3]}"
    for one in reading.findings:
        entry = catalogue.finding(one.finding)
        assert one.kind == entry.kind, f"{one.finding} is {entry.kind}, not {one.kind}"
        _site_is_known(one, reading)
        if one.decision != "not_assessed":
            _value_is_whole(one, reading)
        else:
            assert one.score is None, f"{one.finding} is not assessed, yet has a score"
            assert one.grade is None, f"{one.finding} is not assessed, yet has a grade"
            assert one.value is None, f"{one.finding} is not assessed, yet has a value"


def check_evidence_lies_in_the_series(reader: Reader, study: Study) -> None:
    """Unique ids, known to the findings that name them; finite places; series and slices that exist."""
    reading = reader.read(study)
    ids = [one.evidence_id for one in reading.evidence]
    assert len(ids) == len(set(ids)), "two pieces of evidence share an id"
    missing = {name for one in reading.findings for name in one.evidence} - set(ids)
    assert not missing, f"findings name evidence that is not there: {sorted(missing)[:3]}"
    images = {image.series_id: image for image in reading.key_images}
    assert set(images) <= set(reading.used_series.values()), "a key image of a series that was not used"
    for one in reading.evidence:
        assert one.series_id in reading.used_series.values(), f"{one.evidence_id} lies on a series that was not used"
        assert np.isfinite(one.points).all(), f"{one.evidence_id} has a place that is no number"
        # A curve over slices goes through the stack; everything else lies on the slice that it names.
        if one.kind != "slice_curve" and one.series_id in images and images[one.series_id].slice_index == one.slice_index:
            geometry = images[one.series_id].geometry
            off = np.abs(geometry.to_index(one.points)[:, 0]) * geometry.spacing[0]
            assert off.max() < 0.51 * geometry.spacing[0], f"{one.evidence_id} lies off the slice that it names"


def check_refuses_a_study_without_its_series(reader: Reader, study: Study) -> None:
    """An error in four parts, not an empty reading, when nothing can be read."""
    empty = replace(study, series=())
    refusal: InputError | None = None
    try:
        reader.read(empty)
    except InputError as error:
        refusal = error
    assert refusal is not None, "a study without series gave a reading"
    assert refusal.what, "refused without a sentence"
    assert refusal.why, "refused without a reason"
    assert refusal.what_to_do, "refused without advice"


CHECKS: tuple[Contract, ...] = (
    check_reads_under_its_own_name,
    check_is_deterministic,
    check_says_the_same_without_maps,
    check_every_series_is_accounted_for,
    check_findings_are_of_the_catalogue,
    check_evidence_lies_in_the_series,
    check_refuses_a_study_without_its_series,
)


def _site_is_known(one: Finding, reading: Reading) -> None:
    catalogue = joint(reading.joint)
    level = one.site.level
    if level in TRANSITIONAL_LEVELS:
        assert "numbering_uncertain" in reading.flags, f"{level} is named although the numbering is called certain"
    else:
        assert not level or level in catalogue.levels, f"unknown level {level!r}"
    assert not one.site.side or one.site.side in catalogue.sides, f"unknown side {one.site.side!r}"


def _value_is_whole(one: Finding, reading: Reading) -> None:
    entry = joint(reading.joint).finding(one.finding)
    if one.kind == "binary":
        assert one.score is not None, f"{one.finding} is decided without a score"
    if one.kind == "ordinal":
        assert entry.scale is not None, f"{one.finding} has no scale"
        assert one.grade in entry.scale.steps, f"{one.finding} has the grade {one.grade}, which is not on its scale"
        assert len(one.probabilities) == len(entry.scale.steps), f"{one.finding} lacks a probability for each step"
        assert math.isclose(sum(one.probabilities), 1.0, abs_tol=1e-4), f"the probabilities of {one.finding} do not sum to 1"
    if one.kind == "measurement":
        assert isinstance(one.value, float), f"{one.finding} is given without a number"
        assert math.isfinite(one.value), f"{one.finding} is not finite"
        assert one.unit == entry.unit, f"{one.finding} is in {one.unit!r}, not {entry.unit!r}"
