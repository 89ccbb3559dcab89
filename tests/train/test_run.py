"""``train`` from one end to the other, in its smallest size, on simulated studies."""

from __future__ import annotations

from pathlib import Path

import pytest

from condyle.errors import InputError, MissingExtraError, UsageError
from condyle.readers import load_package
from condyle.simulate import write_cohort
from condyle.train import run, train
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
    assert load_package(out).info.name == "lumbar"
    with pytest.raises(UsageError, match="something already"):
        train(load_recipe("lumbar", size="smoke"), cohort, out)


def test_pieces_of_another_run_are_refused(cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "run.sha256").write_text("another\n")
    with pytest.raises(UsageError, match="another run"):
        train(load_recipe("lumbar", size="smoke"), cohort, tmp_path / "package", work=tmp_path / "work")


def test_a_cohort_without_labels_is_refused(cohort: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from condyle.cohorts import load_cohort

    with pytest.raises(InputError, match="no label"):
        train(load_recipe("lumbar", size="smoke"), replace(load_cohort(cohort), labels=()), tmp_path / "package")


def test_the_core_alone_says_which_extra_trains(cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "find_spec", lambda module: None if module == "torch" else object())
    with pytest.raises(MissingExtraError) as caught:
        train(load_recipe("lumbar", size="smoke"), cohort, tmp_path / "package")
    assert "[train]" in caught.value.what_to_do
    assert list(tmp_path.iterdir()) == []
