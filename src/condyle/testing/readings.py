"""Example readings for the batteries: drawn, not measured. They say nothing about any reader's accuracy.

``PLANTED`` holds words that stand only where documents must not look (free-text headers, the source of a
series): a document in which one of them appears leaks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from condyle.study import Check, Evidence, Finding, Geometry, KeyImage, PackageInfo, Problem, Reading, Role, Series, Site, Trait
from condyle.study.reading import Decision

PLANTED = ("Mustermann", "Erika", "19630412", "PID-0815")
HOSTILE = "<script>alert('x')</script>"

ROWS, COLUMNS, STEP = 320, 256, 1.0
LEVELS = ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2", "T12-L1")
_BINARY = ("disc_narrowing", "bulging", "herniation", "spondylolisthesis", "upper_endplate", "lower_endplate")
_NO_T1 = "Modic change needs T1 and T2; no T1 series was found"


def example_readings() -> dict[str, Reading]:
    """A lumbar reading with everything in it, a knee without levels, and a study in which nothing could be assessed."""
    return {"lumbar": lumbar_reading(), "knee": knee_reading(), "nothing": nothing_assessed()}


def lumbar_reading() -> Reading:
    """Six levels on two key images: abnormal, uncertain, absent and unassessed findings; outlines and class maps; hostile words."""
    findings, evidence = _lumbar_findings()
    return Reading(
        study_key="0123456789abcdef",
        patient_key="fedcba9876543210",
        joint="lumbar",
        series=(_series("s1", 3, "t2", 2600.0), _series("s2", 4, "t1", 520.0), _unused_series()),
        used_series={"sagittal_t2": "s1", "sagittal_t1": "s2"},
        checks=(
            Check("coverage", True, 6.0, 5.0, "levels", "Six levels from T12-L1 to L5-S1 are in the field of view."),
            Check(
                "motion",
                False,
                0.31,
                0.2,
                "",
                "Ghosts along the phase direction point to motion on sagittal T2.",
                "Repeat the sagittal T2.",
                "s1",
            ),
            Check("noise", None, None, None, "", "Noise could not be measured: the background was set to zero."),
        ),
        problems=(
            Problem(
                "slices-missing",
                "warning",
                "Two slices are missing from the axial stack.",
                "series 5",
                "Their positions leave a gap.",
                "Send them again.",
            ),
            Problem("hostile-name", "note", f"A file was left out: {HOSTILE}", f"IMG/{HOSTILE}", "It holds no image.", "Nothing."),
        ),
        findings=findings,
        evidence=evidence,
        key_images=(_key_image("s1", "Sagittal T2, slice 8 of 15", bright=200), _key_image("s2", "Sagittal T1, slice 8 of 15", bright=90)),
        package=PackageInfo(
            "lumbar",
            "1.0.0",
            "ab" * 32,
            "Research on sagittal lumbar MRI of adults; not for clinical decisions.",
            "Drawn examples; no patient.",
            ("No clinical DICOM was read.", f"Limits may hold {HOSTILE}."),
            "CC-BY 4.0",
            "Drawn for tests",
        ),
        flags=("numbering_uncertain",),
        unused=(("DOC/readme.txt", "It is not an image."), (f"{HOSTILE}.dcm", "It is damaged.")),
        timing={"intake": 0.21, "segment": 0.64, "grade": 0.4},
        seed=7,
        condyle_version="0.1.0",
    )


def knee_reading() -> Reading:
    """A joint without levels: sides and compartments, no evidence, no key image."""
    sites = [Site(side="left", compartment=name) for name in ("medial", "lateral")]
    findings = [Finding("meniscal_tear", sites[0], "binary", "present", 0.91, threshold=0.4)]
    findings += [Finding("meniscal_tear", sites[1], "binary", "uncertain", 0.41, threshold=0.4)]
    whole = Site(side="left")
    findings += [Finding("effusion", whole, "binary", "absent", 0.08, threshold=0.5)]
    findings += [Finding("plica", whole, "binary", "not_assessed", reason="no axial series was found")]
    base = nothing_assessed()
    return Reading(
        base.study_key,
        base.patient_key,
        "knee",
        base.series,
        {},
        (),
        (),
        tuple(findings),
        (),
        (),
        PackageInfo("knee_two", "0.3.0", "cd" * 32, "Research.", "Drawn examples."),
        condyle_version="0.1.0",
    )


def nothing_assessed() -> Reading:
    """One unused series, no level, every finding left out with its reason."""
    reason = "no sagittal series was found"
    findings = tuple(Finding(name, Site(), "binary", "not_assessed", reason=reason) for name in ("herniation", "bulging"))
    return Reading(
        "00000000000000aa",
        "00000000000000bb",
        "lumbar",
        (_unused_series(),),
        {},
        (),
        (),
        findings,
        (),
        (),
        PackageInfo("lumbar", "1.0.0", "ab" * 32, "Research.", "Drawn examples."),
        condyle_version="0.1.0",
    )


def _lumbar_findings() -> tuple[tuple[Finding, ...], tuple[Evidence, ...]]:
    findings: list[Finding] = []
    evidence: list[Evidence] = []
    for number, level in enumerate(LEVELS):
        site = Site(level=level)
        outline = Evidence(f"disc-{level}", "outline", "s1", 7, _world(_disc_outline(number)), label="disc outline")
        evidence.append(outline)
        grade, probabilities = (4, (0.01, 0.04, 0.2, 0.6, 0.15)) if number < 2 else (2, (0.2, 0.55, 0.2, 0.04, 0.01))
        findings.append(
            Finding("pfirrmann", site, "ordinal", "present", grade=grade, probabilities=probabilities, evidence=(outline.evidence_id,))
        )
        for place, name in enumerate(_BINARY):
            score = (0.9 - 0.14 * place) if number == 1 else (0.5 if (number, name) == (0, "herniation") else 0.04 + 0.01 * place)
            decision: Decision = "uncertain" if 0.45 < score < 0.55 else "present" if score > 0.45 else "absent"
            map_id = f"map-{name}-{level}"
            has_map = name in ("herniation", "bulging")
            if has_map:
                evidence.append(Evidence(map_id, "class_map", "s1", 7, _world(_patch(number)), _bump(score), f"class map of {name}"))
            ids = (outline.evidence_id, map_id) if has_map else (outline.evidence_id,)
            findings.append(Finding(name, site, "binary", decision, score, threshold=0.5, evidence=ids))
        findings.append(Finding("modic", site, "binary", "not_assessed", reason=_NO_T1))
        findings.append(Finding("modic_type", site, "category", "not_assessed", reason="the package does not tell types"))
        findings.append(
            Finding("disc_height", site, "measurement", "present", value=9.5 - number / 2, unit="mm", evidence=(outline.evidence_id,))
        )
        if number == 5:
            findings.append(
                Finding("slip", site, "measurement", "not_assessed", reason="a corner of the vertebra lies outside the picture")
            )
        else:
            note = "Validated on drawings only." if number == 0 else ""
            findings.append(Finding("slip", site, "measurement", "present", value=-0.4 + number, unit="mm", note=note))
    evidence.append(Evidence("canal", "outline", "s1", 7, _world(_canal()), label="spinal canal"))
    return tuple(findings), tuple(evidence)


def _series(series_id: str, number: int, weighting: str, repetition_time: float) -> Series:
    role = Role(Trait("sagittal", "geometry", 1.0), Trait(weighting, "timing", 0.97, (("timing", weighting), ("text", "t2 Mustermann"))))
    headers = {
        "manufacturer": "Drawn",
        "repetition_time": repetition_time,
        "series_description": "Sag Mustermann Erika",
        "study_description": "PID-0815",
    }
    affine = _geometry().affine.copy()
    affine[:3, 0] *= 4.0
    geometry = Geometry(affine, (15, ROWS, COLUMNS))
    return Series(series_id, "dicom", "/archive/Mustermann_Erika_19630412/IM0001", geometry, role, number, headers)


def _unused_series() -> Series:
    problem = Problem("too-few-slices", "error", f"The series has one slice only {HOSTILE}.", "series 9", "A localiser.", "Nothing.")
    return Series("s9", "dicom", None, None, Role(plane=Trait("axial", "geometry", 0.9, conflict=True)), 9, {}, (problem,), used=False)


def _geometry() -> Geometry:
    """One sagittal slice: rows run to the feet, columns to the back."""
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1.0, 0, 0], [0, 0, STEP], [0, -STEP, 0]])
    affine[:3, 3] = (3.0, -90.0, 160.0)
    return Geometry(affine, (1, ROWS, COLUMNS))


def _key_image(series_id: str, title: str, bright: int) -> KeyImage:
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    pixels = (30 + 60 * columns / COLUMNS + 10 * np.sin(rows / 9)).astype(np.float64)
    for number in range(len(LEVELS)):
        row, column = _centre(number)
        pixels[((rows - row) / 7) ** 2 + ((columns - column) / 20) ** 2 < 1] = bright - 12 * number
    pixels[np.abs(columns - _centre_column(rows) - 33) < 7] = bright
    return KeyImage(series_id, 7, np.clip(pixels, 0, 255).astype(np.uint8), _geometry(), title)


def _centre(number: int) -> tuple[float, float]:
    row = 275.0 - 42 * number
    return row, float(_centre_column(np.array(row)))


def _centre_column(row: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(120 - 14 * np.sin((row - 40) / 240 * np.pi))


def _disc_outline(number: int) -> NDArray[np.float64]:
    """(n, 2) rows and columns of an ellipse."""
    row, column = _centre(number)
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([row + 7 * np.sin(angle), column + 20 * np.cos(angle)], -1)


def _canal() -> NDArray[np.float64]:
    rows = np.linspace(20, 300, 15)
    back, front = _centre_column(rows) + 40, _centre_column(rows) + 26
    return np.concatenate([np.stack([rows, back], -1), np.stack([rows, front], -1)[::-1]])


def _patch(number: int) -> NDArray[np.float64]:
    row, column = _centre(number)
    return np.array([[row - 18, column - 28], [row - 18, column + 28], [row + 18, column + 28], [row + 18, column - 28]])


def _bump(height: float) -> NDArray[np.float32]:
    rows, columns = np.mgrid[-1:1:24j, -1:1:32j]
    return np.asarray(height * np.exp(-((rows / 0.5) ** 2) - ((columns - 0.5) / 0.4) ** 2), np.float32)


def _world(places: NDArray[np.float64]) -> NDArray[np.float64]:
    return _geometry().to_world(np.concatenate([np.zeros((len(places), 1)), places], -1))
