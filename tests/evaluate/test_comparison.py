"""Two readers on the same rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from condyle.errors import InputError
from condyle.evaluate.comparison import compare_readers
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.standalone import Line, Settings

QUICK = Settings(resamples=200)


def table(seed: int, *, noise: float, finding: str = "modic", each: int = 3, rows: int = 300) -> FindingTable:
    """Truth of seed 0; scores of ``seed``."""
    truth = (np.random.default_rng(0).random(rows) < 0.4).astype(float)
    score = 1 / (1 + np.exp(-(2 * truth - 1 + np.random.default_rng(seed).normal(0, noise, rows))))
    patients = np.array([f"p{i // each}" for i in range(rows)])
    none, text = np.full(rows, np.nan), np.array([""] * rows)
    called = (score > 0.5).astype(float)
    return FindingTable(finding, "binary", patients, patients, text, text, truth, score, none, called, np.zeros(rows, bool))


def by_measure(lines: tuple[Line, ...]) -> dict[str, Line]:
    return {line.estimate.measure: line for line in lines}


@pytest.mark.parametrize("each", [1, 3])
def test_the_better_reader_is_found_and_signs_turn(each: int) -> None:
    worse, better = table(1, noise=3, each=each), table(2, noise=0.7, each=each)
    found, turned = by_measure(compare_readers([worse], [better], QUICK)), by_measure(compare_readers([better], [worse], QUICK))
    for measure in ("difference of AUROC", "difference of sensitivity", "difference of specificity"):
        one, other = found[measure].estimate, turned[measure].estimate
        assert one.low > 0
        assert one.p < 0.001
        assert [other.estimate, other.low, other.high] == pytest.approx([-one.estimate, -one.high, -one.low], abs=1e-9)
    method = found["difference of PPV"].estimate.method  # the score test needs one row a patient
    assert method.startswith("weighted generalised score" if each == 1 else "influence summed over patients")
    assert ("difference of sensitivity, Newcombe" in found) == (each == 1)
    assert found["difference of sensitivity at the first reader's specificity"].estimate.low > 0


def test_a_reader_against_itself() -> None:
    one = table(1, noise=1)
    found = by_measure(compare_readers([one], [one], QUICK))
    assert found["difference of AUROC"].estimate.p == 1.0
    assert found["difference of sensitivity"].estimate.estimate == 0


def test_margin_and_holm_are_said() -> None:
    first = [table(1, noise=1), table(1, noise=1, finding="bulging")]
    second = [table(2, noise=1), table(3, noise=1, finding="bulging")]
    for line in compare_readers(first, second, QUICK, margin=0.2):
        if line.estimate.measure == "difference of AUROC":
            text = " ".join(line.estimate.warnings)
            assert "Non-inferiority is shown" in text
            assert "after Holm over 2 findings" in text


def test_only_rows_that_both_answered_count() -> None:
    one, other = table(1, noise=1), table(2, noise=1)
    gone = np.arange(300) < 30
    lacking = replace(other, score=np.where(gone, np.nan, other.score), called=np.where(gone, np.nan, other.called), missed=gone)
    assert by_measure(compare_readers([one], [lacking], QUICK))["difference of AUROC"].estimate.n == 270
    wrong = by_measure(compare_readers([one], [lacking], replace(QUICK, failures="wrong")))["difference of AUROC"].estimate
    assert wrong.n == 300
    assert wrong.estimate < 0


def test_different_rows_are_refused() -> None:
    one = table(1, noise=1)
    with pytest.raises(InputError, match="different rows"):
        compare_readers([one], [one.where(np.arange(300) > 5)], QUICK)
