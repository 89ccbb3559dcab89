"""Faults of public code that must not return, by their number in the methods reference, where no other test is named after them."""

from __future__ import annotations

import gzip
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import torch

import condyle
from condyle.cohorts import open_rows
from condyle.cohorts.cohort import Cohort, load_cohort
from condyle.cohorts.labels import Label
from condyle.cohorts.manifest import read_manifest
from condyle.cohorts.predictions import Prediction, compare_tables
from condyle.errors import InputError, PackageError, TableError, UsageError
from condyle.intake import load_volume, open_study
from condyle.readers import load_package
from condyle.readers.multiplane.graphs import open_ensemble
from condyle.readers.multiplane.locate import LocateSpec, place_of
from condyle.readers.package import Package, parse_spec
from condyle.simulate import simulate_knee_phantom, write_dicom
from condyle.study import Geometry, Volume
from condyle.train.loop import fit
from condyle.train.multiplane.augment import Draw, vary
from condyle.train.multiplane.learner import MultiplaneLearner, shape_of
from condyle.train.multiplane.localiser import LocaliserLearner, Samples, _build
from condyle.train.multiplane.pipeline import slot_specs, stack_spec, train_multiplane
from condyle.train.multiplane.recipe import Localiser
from condyle.train.multiplane.store import open_store
from condyle.train.multiplane.targets import targets_of
from condyle.train.networks.multiplane import MultiplaneNetwork, ReaderGraph, Shape
from condyle.train.networks.weights import load_initial
from condyle.train.recipe import load_recipe
from tests.knees import write_knees
from tests.train.multiplane.conftest import tiny

SOURCES = sorted(Path(condyle.__file__).parent.rglob("*.py"))


def test_g14_what_is_done_to_a_slice_never_looks_along_the_slices() -> None:
    """Each slice is of one grey value: loss of resolution within the slice changes nothing."""
    stack = np.repeat(np.array([10, 200, 60], np.uint8), 32 * 32).reshape(3, 32, 32)
    plain = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    own = Draw(plain, None, 1.0, np.ones((4, 4), np.float32), 0.0, (0, 0.0), 2.0, 0)
    assert np.array_equal(vary(stack, np.ones(3, bool), own), stack)


def test_g15_a_path_that_is_not_there_is_said_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("study_id,patient_id,path\ns1,p1,test/train/axial\n")
    with pytest.raises(TableError, match="the path does not exist") as caught:
        read_manifest(tmp_path / "manifest.csv")
    assert any("row 2" in problem for problem in caught.value.problems)


def test_g16_the_word_none_is_no_file() -> None:
    network = MultiplaneNetwork(_shape(2))
    with pytest.raises(UsageError, match="names no file: 'None'"):
        load_initial(network, "None")


def _localiser_run(folder: Path) -> list[Any]:
    import json

    grey = np.zeros((2, 8, 8, 8), np.uint8)
    samples = Samples(grey, np.zeros((2, 1, 8, 8, 8), bool), np.array([False, True]), (Geometry(np.eye(4), (8, 8, 8)),) * 2)
    settings = Localiser(use=True, structures={"a": (1,)}, cells=(8, 8, 8), widths=(2, 4), epochs=2, batch=1)
    fit(lambda: _build(settings, samples), folder, seed=0, epochs=2)
    return list(json.loads((folder / "history.json").read_text()))


def test_g18_a_run_has_a_history_of_its_own(tmp_path: Path) -> None:
    assert [len(_localiser_run(tmp_path / name)) for name in ("one", "two")] == [2, 2]


def _shape(findings: int, *, shared: bool = True) -> Shape:
    planes = {"sagittal": "sagittal", "axial": "axial"}
    return Shape(planes, findings, dict.fromkeys(planes, "resnet18"), 64, 16, 0.125, shared=shared, dropout=0.0)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return load_cohort(write_knees(tmp_path_factory.mktemp("knees") / "cohort", 12))


def test_every_number_has_its_test() -> None:
    """The reference lists 55 faults; a test is named after each."""
    numbers = {
        int(number)
        for path in Path(__file__).parents[1].rglob("test_*.py")
        for name in re.findall(r"^ *def (test_(?:g\d+_)+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        for number in re.findall(r"g(\d+)_", name)
    }
    assert sorted(set(range(1, 56)) - numbers) == []


def test_g22_a_series_that_cannot_be_decoded_is_an_error_that_names_it_and_no_sample(tmp_path: Path) -> None:
    """The file opens and its header is whole; its pixels end early. The study's other planes are no excuse."""
    folder = write_knees(tmp_path / "cohort", 2)
    path = folder / "s001_coronal.nii.gz"
    raw = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(raw[: len(raw) // 2]))
    recipe = tiny()
    with pytest.raises(TableError) as caught:
        open_store(load_cohort(folder).studies, slot_specs(recipe), stack_spec(recipe), tmp_path / "store")
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith("rows 5, 6, 7: s001_coronal.nii.gz: ")


def test_g42_what_is_written_as_dicom_is_what_was_drawn(tmp_path: Path) -> None:
    """Rows before columns, the distance of slices and not of the slab, nothing invented, a UID a file; a box drawn on a written picture
    lies on the same pixels of the array."""
    study = simulate_knee_phantom(1)
    name, made = next(iter(study.series.items()))
    steps = np.diag([1.0, 0.5, 1.25, 1.0])  # slices, rows, columns: no two alike
    pixels = np.zeros((4, 40, 24), np.float32)
    pixels[2, 10:14, 5:8] = 1.0  # the box
    geometry = Geometry(made.volume.geometry.affine @ steps, pixels.shape)
    volume = Volume(pixels, geometry)
    series = {name: replace(made, volume=volume, labels=replace(volume, pixels=pixels.astype(np.uint8)), missing=())}
    files = [pydicom.dcmread(path) for path in write_dicom(replace(study, series=series), tmp_path / "out")]
    boxes = [np.argwhere(one.pixel_array > 0) for one in files]
    assert [len(one) for one in boxes] == [0, 0, 12, 0]
    assert (boxes[2].min(0).tolist(), boxes[2].max(0).tolist()) == ([10, 5], [13, 7])
    one = files[2]
    np.testing.assert_allclose(np.array(one.PixelSpacing, float), geometry.spacing[1:], rtol=1e-6)
    apart = np.linalg.norm(np.subtract(files[1].ImagePositionPatient, files[0].ImagePositionPatient).astype(float))
    assert apart == pytest.approx(geometry.spacing[0], rel=1e-5)
    assert {float(file.get("SliceThickness", 0)) for file in files} == {made.protocol.thickness}
    assert len({file.SOPInstanceUID for file in files}) == 4
    assert all(file.file_meta.MediaStorageSOPInstanceUID == file.SOPInstanceUID for file in files)
    assert (one.PatientSex, one.PatientBirthDate, hasattr(one, "PatientAge")) == ("", "", False)
    read = load_volume(open_study(tmp_path / "out").series[0])
    corner, wanted = np.argwhere(read.pixels > 0).min(0), geometry.to_world([2, 10, 5])
    np.testing.assert_allclose(read.geometry.to_world(corner), wanted, atol=1e-4)


def test_g46_a_column_is_not_scored_against_itself() -> None:
    """Twenty answers that are the truth to the last bit, as when gold labels were copied over what was to be judged."""
    truth = [Label(f"s{number}", f"p{number}", "cyst", value=float(number % 3 == 0)) for number in range(20)]

    def given(scores: Any) -> list[Prediction]:
        nan = float("nan")
        return [Prediction(row, one.study_id, one.patient_id, "cyst", "", "", score, nan, nan, "", "") for row, (one, score) in enumerate(
            zip(truth, scores, strict=True), 2)]  # fmt: skip

    with pytest.raises(InputError, match="cyst are the truth itself"):
        compare_tables(given([one.value for one in truth]), truth)
    assert compare_tables(given([0.9 * float(one.value or 0) for one in truth]), truth).tables[0].score.max() == 0.9


@pytest.mark.parametrize(
    "sections",
    [
        {"export": {"half": False}, "calibrate": {"method": "isotonic"}, "network": {"attention": {"use": False}, "aggregate": "gem"}},
        pytest.param(
            {"split": {"by": "site"}, "threshold": {"rule": "cost", "value": 3.0}, "network": {"fuse": "logistic", "aggregate": "top_k"}},
            marks=pytest.mark.slow("train", "readers"),
        ),
        pytest.param(
            {"loss": {"kind": "asymmetric", "weights": {"cyst": 2.0}}, "ensemble": {"seeds": 2}, "network": {"correlate": True}},
            marks=pytest.mark.slow("train", "readers"),
        ),
    ],
    ids=["whole-slices", "sites", "mixed"],
)
def test_g54_training_ends_with_a_package_whatever_is_switched(sections: dict[str, Any], cohort: Cohort, tmp_path: Path) -> None:
    recipe = tiny(optimiser={"epochs": 1, "batch": 6}, **sections)
    out = tmp_path / "package"
    train_multiplane(recipe, cohort, out, tmp_path / "work")
    assert len(load_package(out).read(open_rows(cohort.studies["s000"]), maps=False).findings) == 9


def test_g23_maps_are_scaled_once_and_follow_the_weights() -> None:
    torch.manual_seed(0)
    features, shown = torch.rand(1, 2, 6, 64, 4, 4) * 0.02, torch.ones(1, 2, 6)
    features[0, 1, 3, :, 1, 2] = 3.0  # one place of one slice holds what there is
    maps = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        network = MultiplaneNetwork(_shape(1)).eval()
        assert network.encoder("axial").channels == 64
        with torch.no_grad():
            maps.append(ReaderGraph(network)(features, shown)[2][0, 0].numpy())
    peaks = np.abs(maps[0]).max(axis=(2, 3))
    assert peaks.argmax() == np.ravel_multi_index((1, 3), peaks.shape)
    assert peaks[1, 3] > 5 * np.delete(peaks.ravel(), peaks.argmax()).max()
    quiet = [np.delete(one.reshape(2, 6, -1)[:, :3].ravel(), 0) for one in maps]
    assert abs(np.corrcoef(*quiet)[0, 1]) < 0.5


def test_g28_every_file_compiles_and_holds_no_tab() -> None:
    assert len(SOURCES) > 300
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        compile(text, str(path), "exec")
        assert "\t" not in text, path.name


def test_g30_a_joint_that_is_not_found_changes_no_other_study() -> None:
    spec = LocateSpec(("a",), 5.0, (8, 8, 8), smallest_cm3=0.1)
    grey = np.zeros((8, 40, 40), np.int16)
    volume = {"axial": Volume(grey, Geometry(np.diag([1.0, 1.0, 5.0, 1.0])[[2, 1, 0, 3]][:, [0, 1, 2, 3]], grey.shape))}

    def everywhere(coarse: Any) -> Any:
        return np.full((len(coarse), 1, 8, 8, 8), 9.0, np.float32)

    before = place_of(volume, "left", everywhere, spec)
    lost = place_of(volume, "left", lambda coarse: -everywhere(coarse), spec)
    assert (lost.whole, lost.flag) == (True, "joint_not_found")
    assert place_of(volume, "left", everywhere, spec) == before
    assert not before.whole


def test_g33_looking_for_objects_moves_no_statistics() -> None:
    recipe = tiny(network={"shared": False}, data={"slots": _two_slots()})
    network = MultiplaneNetwork(shape_of(recipe, 9))
    nobody = np.zeros(0, np.intp)
    learner = MultiplaneLearner(network, recipe, None, np.zeros((2, 9), np.float32), np.arange(2), nobody, 1).train()  # type: ignore[arg-type]
    means = {name: value.clone() for name, value in network.state_dict().items() if "running_" in name}
    assert means
    learner.objects(torch.rand(1, 2, 3, 32, 32), torch.ones(1, 2, 3), None)
    assert network.training
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in means.items())


def _two_slots() -> dict[str, Any]:
    slots = tiny().model_dump(mode="json")["data"]["slots"]
    return {name: slots[name] for name in ("sagittal", "axial")}


def test_g37_no_module_of_an_editor_accident_is_imported() -> None:
    strange = re.compile(r"^\s*(?:from|import) (?:turtle|tkinter|idlelib|asyncio)\b", re.MULTILINE)
    assert not [path.name for path in SOURCES if strange.search(path.read_text(encoding="utf-8"))]


def test_g41_a_key_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("extends: knee_nine\nprepare: {field-mm: 100}\n")
    with pytest.raises(TableError) as caught:
        load_recipe(tmp_path / "recipe.yaml")
    assert any("prepare.field-mm" in problem and "field_mm" in problem for problem in caught.value.problems)


def test_g49_a_package_that_does_not_say_how_it_cuts_is_refused() -> None:
    head = (
        "{schema_version: 1, name: a, version: 0.0.1, family: multiplane, joint: knee, findings: [cyst], graphs: {}, files: {}, "
        "licence: x, intended_use: x, trained_on: x, slots: {axial: {plane: axial, weightings: [pd]}}, "
        "settings: {slots: [axial], findings: [cyst], "
    )
    rest = "attention: {use: false}, members: []}}"
    for stack in ("", "stack: {pixels: 32, window: 3}, "):
        text = (head + stack + rest).encode()
        with pytest.raises(PackageError, match="does not describe its networks"):
            open_ensemble(Package(parse_spec(text, "a"), {}, "", text))


def test_g51_sides_of_one_structure_are_two_labels() -> None:
    labels = [Label("s1", "p1", "meniscal_tear", "medial", "", 1.0), Label("s2", "p2", "meniscal_tear", "lateral", "", 1.0)]
    targets, _ = targets_of(labels, ("s1", "s2"), ("meniscal_tear/medial", "meniscal_tear/lateral"))
    assert np.array_equal(targets, [[1, np.nan], [np.nan, 1]], equal_nan=True)


def test_an_interrupted_training_is_an_interruption_and_can_be_interrupted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightning makes an exit of it and ignores what follows."""
    handler = signal.getsignal(signal.SIGINT)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LocaliserLearner, "training_step", interrupt)
        with pytest.raises(KeyboardInterrupt):
            _localiser_run(tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is handler
    assert len(_localiser_run(tmp_path / "run")) == 2
