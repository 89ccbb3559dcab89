"""The audit finds each planted fault, and is silent without one."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from condyle.cli.app import run
from condyle.cohorts.audit.auditing import audit
from condyle.cohorts.audit.likeness import pairs_of, print_of
from condyle.cohorts.audit.looking import Seen
from condyle.cohorts.audit.points import TOGETHER
from condyle.cohorts.audit.telling import grouped_part, headers_part, sites_part
from condyle.cohorts.manifest import read_manifest
from condyle.errors import InputError, TableError
from condyle.intake import load_volume, open_study
from condyle.report.audit_page import Audit, audit_document, audit_page
from condyle.simulate import write_cohort
from condyle.study import Volume
from condyle.study.geometry import Geometry
from tests.cohorts.audit.drawn import add, anatomy, rows_of, table, write


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("clean") / "cohort")


def state(found: Audit) -> dict[str, bool | None]:
    return {part.check.name: part.check.passed for part in found.parts}


def test_a_clean_cohort_is_silent(clean: Path) -> None:
    found = audit(clean)
    assert state(found) == {
        "patients": True, "exact_copies": True, "near_copies": True, "headers": True, "sites": True, "random_against_patient": True,
        "random_against_site": True,
    }  # fmt: skip
    assert found.clean
    assert found.headline == "Nothing was found."
    assert found.counts == {"rows": 60, "studies": 60, "patients": 60, "series": 60, "sites": 3, "findings": 3}


def test_a_patient_in_two_splits(clean: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "cohort", 8)
    rows = rows_of(folder / "manifest.csv")
    rows[5]["patient_id"] = rows[4]["patient_id"]  # p4 is test
    rows[7]["patient_id"] = "P06"  # p6 is train as well: allowed, but is it p6?
    table(folder / "manifest.csv", rows)
    (folder / "labels.csv").unlink()
    found = audit(folder).parts[0]
    assert found.check.passed is False
    assert found.check.measured == 1
    assert found.sheets[0].rows == [("manifest split", "test, train", "one patient_id", "6, 7")]


def test_ids_spelt_in_two_ways_cross_in_a_split_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "cohort", 6)
    rows = rows_of(folder / "manifest.csv")
    for row in rows:
        row["split"] = ""
    rows[0]["patient_id"], rows[1]["patient_id"] = "0017", "17"
    table(folder / "manifest.csv", rows)
    (folder / "labels.csv").unlink()
    (tmp_path / "splits.csv").write_text(
        "patient_id,split\n0017,train\n17,test\np2,train\np3,train\np3,test\np4,train\np5,test\nnobody,test\n"
    )
    found = audit(folder, splits=[tmp_path / "splits.csv"]).parts[0]
    assert [(row[2], row[3]) for row in found.sheets[0].rows] == [
        ("one patient_id", "5"), ("ids that differ by case or leading zeros", "2, 3")
    ]  # fmt: skip
    assert found.sheets[2].rows == [("splits.csv", "test, train", 6, 0, 1)]
    assert audit(folder).parts[0].check.passed is None  # no split at all


def test_one_person_of_the_headers_under_two_ids(tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    write_cohort("knee", folder, studies=1, seed=3, matrix=48, slices=4, series=["pd_fs_cor"])
    rows = rows_of(folder / "manifest.csv")
    for number, name in enumerate(("other", "third")):
        (folder / name).mkdir()
        sources = sorted((folder / rows[0]["path"]).rglob("*.dcm"))
        for source in sources:
            (folder / name / f"{source.parent.name}-{source.name}").write_bytes(source.read_bytes())
        rows.append({**rows[0], "study_id": name, "patient_id": f"p{number}", "path": name, "mask": ""})
    table(folder / "manifest.csv", rows)
    (folder / "labels.csv").unlink()
    people, exact, *_ = audit(folder).parts
    assert "several patient_ids" in people.check.sentence
    assert people.sheets[1].rows == [("one identity in the DICOM headers", "2, 3, 4")]
    assert exact.check.measured == 3  # the same series thrice


def test_copies_of_a_patient_under_another_name(clean: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "cohort", 12)
    add(folder, anatomy(3), "again", "p3", split="train")  # p3 twice, same side: counted, no fault
    add(folder, anatomy(4), "sent", "q4", split="train")  # p4 is in the test set
    window = np.clip((anatomy(5).astype(float) - 80) / 3.1, 0, 255).astype(np.uint8)
    exported = np.stack([cv2.resize(one, (96, 96), interpolation=cv2.INTER_LINEAR) for one in window])
    add(folder, exported[:, :, ::-1], "exported", "q5", split="train")
    found = audit(folder)
    people, exact, near = found.parts[:3]
    assert people.check.passed is True
    assert exact.check.measured == 1
    assert [(row[0], row[2], row[4], row[6]) for row in exact.sheets[0].rows] == [
        ("two patients", 6, 15, "manifest split: test, train"), ("two studies of a patient", 5, 14, "")
    ]  # fmt: skip
    assert [(row[0], row[2], row[4]) for row in near.sheets[0].rows] == [("two patients", 7, 16)]
    assert near.check.passed is False
    assert near.pictures[0].left.shape == (72, 72)
    assert near.pictures[0].right.shape == (96, 96)


def test_borders_cut_off_or_added_hide_no_copy(tmp_path: Path) -> None:
    """Each kind of saving again under an own patient, in the other part; nothing but these is told."""
    folder = write(tmp_path / "cohort", 16)
    (folder / "labels.csv").unlink()
    rng = np.random.default_rng(3)
    saved: dict[int, Callable[[Any], Any]] = {
        4: lambda a: a[:, 21:-21, 21:-21],  # 15 % of 144 pixels
        8: lambda a: np.pad(a, ((0, 0), (21, 21), (21, 21))),
        12: lambda a: 0.6 * a[:, 6:-6, 6:-6] + 20 + rng.normal(0, 6, (5, 132, 132)),
        0: lambda a: resized(0.6 * a[:, 8:-18, 15:-11][:, :, ::-1] + rng.normal(0, 6, (5, 118, 118)), 90),
    }
    for number, again in saved.items():
        np.save(folder / f"s{number}.npy", anatomy(number, size=144))
        add(folder, again(anatomy(number, size=144).astype(float)), f"again{number}", f"q{number}", split="train")
    near = audit(folder).parts[2]
    assert near.check.measured == len(saved)
    assert sorted((row[2], row[4]) for row in near.sheets[0].rows) == [(2, 21), (6, 18), (10, 19), (14, 20)]
    assert {(row[0], row[6]) for row in near.sheets[0].rows} == {("two patients", "manifest split: test, train")}


def studies(count: int, *, sites: int = 3, visits: int = 1, **told: Any) -> list[Seen]:
    """Studies as the audit sees them: noise for looks, two headers that mean nothing, and what ``told`` says by number."""
    rng = np.random.default_rng(5)
    found = []
    for number in range(count):
        headers = {"age": float(rng.integers(20, 80)), "sagittal echo time": float(rng.choice([30, 40, 50]))}
        headers |= {name: value(number) for name, value in told.items() if name != "looks"}
        looks = {f"sagittal power {ring}": float(rng.normal()) for ring in range(6)} | told.get("looks", lambda number: {})(number)
        found.append(
            Seen(f"s{number}", f"p{number // visits}", f"site{number % sites}", (number + 2,), "", headers, looks, ())
        )
    return found


def drawn_labels(count: int, seed: int = 3) -> Any:
    return np.random.default_rng(seed).integers(0, 2, (count, 2)).astype(float)


def test_a_finding_that_the_scanner_tells() -> None:
    """The injured were sent to one maker's scanner."""
    targets = drawn_labels(60)
    seen = studies(60, vendor=lambda number: "Siemens" if targets[number, 0] or number % 7 == 0 else "GE")
    part = headers_part(("acl_injury", "effusion"), targets, seen, seed=0)
    assert part.check.passed is False
    assert "ACL injury" in part.check.sentence
    assert {row[0]: row[6] for row in part.sheets[0].rows} == {"acl_injury": "yes", "effusion": "no"}
    assert part.sheets[1].rows[0][:2] == ["acl_injury", "vendor"]
    assert part.check.measured == pytest.approx(part.numbers[0][1].estimate)


def test_unknown_labels_are_left_out_and_too_few_are_not_measured() -> None:
    targets = drawn_labels(60)
    targets[:20, 0] = np.nan
    targets[:, 1] = np.arange(60) < 5
    part = headers_part(("acl_injury", "effusion"), targets, studies(60), seed=0)
    assert [row[:2] for row in part.sheets[0].rows] == [["acl_injury", 40]]
    assert headers_part(("effusion",), targets[:, 1:], studies(60), seed=0).check.passed is None
    for few in (0, 1):
        assert headers_part(("effusion",), targets[:few, 1:], studies(few), seed=0).check.passed is None
        assert sites_part(("effusion",), targets[:few, 1:], studies(few), proxy=False, seed=0).check.passed is None


GRAIN = {0: -2.0, 1: 0.0, 2: 2.0}


def test_sites_that_are_readable_and_differ_in_prevalence() -> None:
    rng = np.random.default_rng(0)
    targets = np.array([[float(rng.random() < (0.1, 0.9, 0.1)[number % 3])] for number in range(120)])
    seen = studies(120, looks=lambda number: {"sagittal grain": GRAIN[number % 3] + rng.normal(0, 0.2)})
    part = sites_part(("acl_injury",), targets, seen, proxy=False, seed=0)
    assert part.check.passed is False
    assert part.check.measured is not None and part.check.measured > 0.95  # noqa: PT018 - the first half is for the type
    apart = grouped_part("sites", ("acl_injury",), targets, seen, [one.site for one in seen], seed=0)
    assert apart.check.passed is False
    assert apart.check.measured is not None and apart.check.measured > 0.2  # noqa: PT018


def test_readable_sites_alone_are_no_fault() -> None:
    seen = studies(60, looks=lambda number: {"sagittal grain": GRAIN[number % 3]})
    part = sites_part(("acl_injury", "effusion"), drawn_labels(60), seen, proxy=True, seed=0)
    assert part.check.passed is True
    assert "3 of 3 sites can be told" in part.check.sentence
    assert "stand in for it" in part.about


def test_several_studies_of_a_patient_on_both_sides() -> None:
    """Each patient comes five times and is recognised by a header: a random split looks good, one by patient does not."""
    seen = studies(120, visits=5, model=lambda number: f"m{number // 5}")
    targets = np.array([[float(number // 5 % 2)] for number in range(120)])
    part = grouped_part("patients", ("acl_injury",), targets, seen, [one.patient_id for one in seen], seed=0)
    assert part.check.passed is False
    assert part.sheets[0].rows[0][1].estimate > 0.9  # random
    assert part.sheets[0].rows[0][2].estimate < 0.7  # by patient


def test_chance_is_seldom_taken_for_a_shortcut() -> None:
    """Labels that nothing tells: the stated 1 % of cohorts alarm (of 24, three or more have a chance of 1 in 550)."""
    alarms = 0
    for seed in range(24):
        targets = np.random.default_rng(100 + seed).integers(0, 2, (40, 1)).astype(float)
        alarms += headers_part(("acl_injury",), targets, studies(40), seed=seed).check.passed is False
    assert alarms < 3


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("window", lambda a: np.clip((a.astype(float) - 100) / 4, 0, 255).astype(np.uint8)),
        ("matrix", lambda a: np.stack([cv2.resize(one, (128, 128), interpolation=cv2.INTER_CUBIC) for one in a])),
        ("slices reversed", lambda a: a[::-1]),
        ("mirrored", lambda a: a[:, :, ::-1]),
        ("upside down", lambda a: a[:, ::-1]),
        ("turned by a right angle, cut", lambda a: np.rot90(a, axes=(1, 2))[:, 6:, 3:]),
        ("rows and columns exchanged", lambda a: np.swapaxes(a, 1, 2)),
        ("shading", lambda a: a * np.linspace(0.6, 1.4, a.shape[2])),
        ("borders cut off", lambda a: a[:, 11:-11, 11:-11]),
        ("two borders cut off", lambda a: a[:, 11:, :-11]),
        ("stretched after a cut", lambda a: resized(a[:, 5:-5], 72)),
        ("borders added", lambda a: np.pad(a, ((0, 0), (11, 11), (11, 11)))),
        ("borders of grey added", lambda a: np.pad(a, ((0, 0), (11, 0), (0, 11)), constant_values=90)),
        ("cut, values, noise, mirrored, matrix", lambda a: resized(a[:, 8:-4, 3:-9][:, :, ::-1] / 3 + noise(a)[:, 8:-4, 3:-9] / 9, 96)),
        ("turned a little", lambda a: np.stack([cv2.warpAffine(one, cv2.getRotationMatrix2D((36, 36), 4, 1), (72, 72)) for one in a])),
        ("upside down, an even count reversed", lambda a: a[::-1, ::-1]),
        ("noise", lambda a: a + np.random.default_rng(0).normal(0, 30, a.shape)),
        ("JPEG", lambda a: np.stack([cv2.imdecode(cv2.imencode(".jpg", np.clip(one / 4, 0, 255).astype(np.uint8))[1], 0) for one in a])),
    ],
)
def test_a_changed_copy_is_near_and_others_are_not(name: str, change: Any) -> None:
    stack = anatomy(1)[: 4 if "even" in name else 5]
    prints = [print_of(volume(one)) for one in (stack, change(stack), anatomy(2), anatomy(3))]
    assert [(pair.first, pair.second, pair.exact) for pair in pairs_of(prints)] == [(0, 1, False)], name


def test_smooth_pictures_are_compared_as_a_whole() -> None:
    """Five slow waves have hardly a point that could be marked."""
    across, down = np.meshgrid(np.linspace(0, 1, 64), np.linspace(0, 1, 64))
    stacks = [np.stack([300 + 200 * np.sin(9 * across + n) * np.cos(5 * down + 2 * n * across)] * 3) for n in range(3)]
    prints = [print_of(volume(one)) for one in (*stacks, resized(0.5 * stacks[1][:, :, ::-1], 96))]
    assert max(len(one.points.angles) for one in prints) < TOGETHER
    assert [(pair.first, pair.second) for pair in pairs_of(prints)] == [(1, 3)]


def test_blank_series_are_no_copies() -> None:
    assert pairs_of([print_of(volume(np.zeros((3, 16, 16))))] * 3) == ()


def test_the_files_say_the_same_and_the_command_ends_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "cohort", 12)
    add(folder, anatomy(4), "sent", "q4", split="train")
    (folder / "s7.npy").write_bytes(b"\x93NUMPY broken")
    monkeypatch.chdir(tmp_path)
    assert run(["data", "audit", "cohort", "-o", "out", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["clean"] is False
    assert said["left_out"][0]["where"] == "row 9"
    document = json.loads((tmp_path / "out/audit.json").read_text())
    assert [one["passed"] for one in document["checks"]] == [one["check"]["passed"] for one in said["checks"]]
    assert len(document["inputs"]["manifest.csv"]) == 64
    with (tmp_path / "out/exact_copies.csv").open() as file:
        assert [row["Row of the other"] for row in csv.DictReader(file)] == ["14"]
    page = (tmp_path / "out/audit.html").read_text()
    assert "row 9" in page
    assert page.count("data:image/png;base64,") == 2
    assert run(["data", "audit", "cohort", "-o", "out"]) == 1  # its own untouched output is replaced


def test_no_id_of_a_patient_stands_in_the_files(tmp_path: Path) -> None:
    folder = write(tmp_path / "cohort", 8)
    rows = rows_of(folder / "manifest.csv")
    rows[1]["patient_id"], rows[2]["patient_id"] = "Mueller^Eva", "mueller^eva"
    rows[1]["split"], rows[2]["split"] = "train", "test"
    table(folder / "manifest.csv", rows)
    (folder / "labels.csv").unlink()
    found = audit(folder)
    assert found.parts[0].check.measured == 1
    assert "ueller" not in audit_page(found) + json.dumps(audit_document(found))


def test_a_split_file_must_name_studies_and_parts(clean: Path, tmp_path: Path) -> None:
    for text in ("study_id,group\ns1,a\n", "name,split\ns1,train\n", "study_id,split\ns1,\n"):
        (tmp_path / "splits.csv").write_text(text)
        with pytest.raises(TableError):
            audit(clean, splits=[tmp_path / "splits.csv"])
    with pytest.raises(InputError):
        audit(tmp_path / "nowhere")


@pytest.mark.slow("cohorts", "simulate")
def test_simulated_knees_are_clean(tmp_path: Path, record_property: Any) -> None:
    write_cohort("knee", tmp_path / "knees", studies=24, seed=300, matrix=96, slices=8)
    found = audit(tmp_path / "knees")
    record_property("checks", state(found))
    assert found.clean, [part.check.sentence for part in found.parts]
    volumes = [load_volume(one) for row in read_manifest(tmp_path / "knees/manifest.csv")[:6] for one in open_study(row.path).series]
    again = volumes[4].pixels[:, 14:, 14:-8].astype(float) * 0.6 + np.random.default_rng(0).normal(0, 4, (8, 82, 74))
    last = len(volumes)
    assert [(one.first, one.second) for one in pairs_of([print_of(one) for one in (*volumes, volume(again))])] == [(4, last)]


def noise(stack: Any) -> Any:
    return np.random.default_rng(0).normal(0, 30, stack.shape)


def resized(stack: Any, size: int) -> Any:
    """Every slice on a square matrix."""
    return np.stack([cv2.resize(np.ascontiguousarray(one), (size, size), interpolation=cv2.INTER_LINEAR) for one in stack])


def volume(pixels: Any) -> Volume:
    pixels = np.asarray(pixels)
    return Volume(pixels, Geometry(np.diag([4.0, 0.6, 0.6, 1.0]), pixels.shape))


