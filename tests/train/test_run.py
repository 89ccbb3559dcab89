"""``train`` from one end to the other, in its smallest size, on simulated studies."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from condyle import outputs
from condyle.cohorts import load_cohort
from condyle.errors import InputError, MissingExtraError, ResourceError, UsageError
from condyle.readers import load_package
from condyle.readers.fitted_on import fitted_on
from condyle.simulate import write_cohort
from condyle.train import crossval, run, train
from condyle.train.recipe import load_recipe


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated") / "cohort"
    write_cohort("lumbar", out, studies=3, seed=1)
    return out


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_smoke_run_makes_a_package_that_loads_and_says_what_it_is(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "package"
    heard: list[tuple[str, int, int]] = []
    package = train(load_recipe("lumbar", size="smoke"), cohort, out, progress=lambda *told: heard.append(told))
    assert ("all patients, finding the levels", 1, 3) in heard
    assert "Nothing was measured" in package.files["card.md"].decode()
    assert "Simulated studies" in package.files["card.md"].decode()
    assert package.spec.trained_on.startswith("SIMULATED")
    known = fitted_on(package)
    assert known is not None
    assert all(known.knows(patient) for patient in load_cohort(cohort).patients.values())
    assert load_package(out).info.name == "lumbar"
    with pytest.raises(UsageError, match="finished already"):
        train(load_recipe("lumbar", size="smoke"), cohort, out)


def test_pieces_of_another_run_are_refused(cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "run.sha256").write_text("another\n")
    with pytest.raises(UsageError, match="another run"):
        train(load_recipe("lumbar", size="smoke"), cohort, tmp_path / "package", work=tmp_path / "work")


def test_a_disk_that_is_full_from_the_start_is_no_other_run_afterwards(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def full(path: Path, content: bytes) -> None:
        path.write_bytes(content[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(outputs, "write_through", full)
        with pytest.raises(ResourceError):
            train(load_recipe("lumbar", size="smoke"), cohort, tmp_path / "package")
    assert list((tmp_path / "package.work").iterdir()) == []
    run._claim(tmp_path / "package.work", load_recipe("lumbar", size="smoke"), load_cohort(cohort))


def test_a_cohort_without_labels_is_refused(cohort: Path, tmp_path: Path) -> None:
    whole = load_cohort(cohort)
    empty = tuple(replace(label, value=None) for label in whole.labels)
    one = whole.labels[0].patient_id
    rows = tuple(row.model_copy(update={"split": "test" if row.patient_id == one else "train"}) for row in whole.rows)
    apart = replace(whole, rows=rows, labels=tuple(label for label in whole.labels if label.patient_id == one))
    for name in ("lumbar", "knee_nine"):
        for own in (replace(whole, labels=()), replace(whole, labels=empty), apart):
            with pytest.raises(InputError, match="Nothing is known") as caught:
                train(load_recipe(name, size="smoke"), own, tmp_path / "package")
            assert caught.value.code == "cohort-without-labels"
    assert list(tmp_path.iterdir()) == []


def test_g03_patients_set_apart_are_no_part_of_a_lumbar_package(cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_cohort(cohort)
    apart = whole.rows[0].patient_id
    marked = replace(
        whole, rows=tuple(row.model_copy(update={"split": "test" if row.patient_id == apart else "train"}) for row in whole.rows)
    )
    fitted = []
    monkeypatch.setattr(crossval, "fit_pipeline", lambda recipe, own, patients, *folders: fitted.append((own, patients)))
    monkeypatch.setattr(crossval, "package_of", lambda *given: None)
    train(load_recipe("lumbar", size="smoke"), marked, tmp_path / "package")
    ((own, patients),) = fitted
    assert patients == set(whole.patients.values()) - {apart}
    assert apart not in {row.patient_id for row in (*own.rows, *own.slices)} | {label.patient_id for label in own.labels}
    alone = replace(whole, rows=tuple(row.model_copy(update={"split": "external"}) for row in whole.rows))
    with pytest.raises(InputError, match="set apart"):
        train(load_recipe("lumbar", size="smoke"), alone, tmp_path / "another")


def test_the_core_alone_says_which_extra_trains(cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "find_spec", lambda module: None if module == "torch" else object())
    with pytest.raises(MissingExtraError) as caught:
        train(load_recipe("lumbar", size="smoke"), cohort, tmp_path / "package")
    assert "[train]" in caught.value.what_to_do
    assert list(tmp_path.iterdir()) == []
