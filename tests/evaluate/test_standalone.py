"""Tables of findings: laws over rows, and the mistakes of public code (statistics, section 9) that must not be made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from condyle.errors import InputError
from condyle.evaluate.calibrated import calibration_lines
from condyle.evaluate.evidence import gather, of
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.ranking import auroc
from condyle.evaluate.standalone import Line, Settings, standalone

QUICK = Settings(resamples=100)
LEVELS = np.array(["L5-S1", "L4-L5", "L3-L4"])


def binary(seed: int = 0, *, rows: int = 240, finding: str = "modic", positives: float = 0.4) -> FindingTable:
    rng = np.random.default_rng(seed)
    truth = (rng.random(rows) < positives).astype(float)
    score = 1 / (1 + np.exp(-rng.normal(2 * truth - 1)))
    patients = np.array([f"p{i // 3:03d}" for i in range(rows)])
    called = np.where(score > 0.55, 1.0, np.where(score < 0.45, 0.0, np.nan))
    text, none = np.array([""] * rows), np.full(rows, np.nan)
    return FindingTable(
        finding, "binary", patients, patients, np.resize(LEVELS, rows), text, truth, score, none, called, np.zeros(rows, bool)
    )


def grades(seed: int = 1, rows: int = 120) -> FindingTable:
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, 6, rows).astype(float)
    one = binary(seed, rows=rows, finding="pfirrmann")
    given = np.clip(truth + rng.integers(-1, 2, rows), 1, 5)
    return replace(one, kind="ordinal", truth=truth, given=given, score=np.full(rows, np.nan), scale=(1, 2, 3, 4, 5))


def values(lines: tuple[Line, ...]) -> dict[tuple[str, str, str], tuple[float, float, float]]:
    return {(one.finding, one.site, one.estimate.measure): (one.estimate.estimate, one.estimate.low, one.estimate.high) for one in lines}


@pytest.mark.parametrize("table", [binary(), grades()], ids=["binary", "grades"])
def test_the_order_of_rows_changes_nothing(table: FindingTable) -> None:
    order = np.random.default_rng(5).permutation(len(table))
    mixed = replace(
        table.where(np.ones(len(table), bool)),
        **{
            name: getattr(table, name)[order]
            for name in ("studies", "patients", "levels", "sides", "truth", "score", "given", "called", "missed")
        },
    )
    one, other = values(standalone([table], QUICK)), values(standalone([mixed], QUICK))
    assert set(one) == set(other)
    for key, numbers in one.items():
        assert other[key] == pytest.approx(numbers, abs=1e-9, nan_ok=True), key


def test_a_rising_transform_of_scores_keeps_ranks() -> None:
    table = binary()
    one, other = (values(standalone([each], QUICK)) for each in (table, replace(table, score=table.score**3)))
    for measure in ("AUROC", "AUROC, patient bootstrap", "AUROC within level", "average precision"):
        assert other["modic", "all", measure] == pytest.approx(one["modic", "all", measure], abs=1e-12)


def test_01_ties_count_one_half() -> None:
    assert auroc([0, 1, 0, 1], [1, 1, 1, 1]) == 0.5


def test_02_an_absent_class_is_no_0_in_a_mean() -> None:
    none = replace(binary(2, finding="bulging"), truth=np.zeros(240))
    lines = standalone([binary(), none], QUICK)
    macro = of(lines, "mean of findings", "macro AUROC")
    alone = of(lines, "modic", "AUROC")
    assert macro is not None
    assert alone is not None
    assert macro.estimate == alone.estimate
    assert "bulging" in macro.warnings[0]
    missing = of(lines, "bulging", "AUROC")
    assert missing is not None
    assert np.isnan(missing.estimate)


def test_05_nothing_chooses_a_threshold_on_the_rows_it_judges() -> None:
    """Calls come from the reader; other scores with the same calls leave sensitivity alone."""
    table = binary()
    one, other = (values(standalone([each], QUICK)) for each in (table, replace(table, score=np.random.default_rng(0).random(240))))
    assert one["modic", "all", "sensitivity"] == other["modic", "all", "sensitivity"]


def test_07_a_mean_of_findings_draws_patients_jointly() -> None:
    """Two findings that repeat each other are one finding: the mean's interval is as wide as each one's."""
    table = binary()
    found = values(standalone([table, replace(table, finding="bulging")], QUICK))
    assert found["mean of findings", "all", "macro AUROC"] == pytest.approx(found["modic", "all", "AUROC, patient bootstrap"])


def test_11_kappa_weights_do_not_depend_on_the_grades_seen() -> None:
    table = grades()
    kept = table.where(np.isin(table.truth, (1, 2, 5)) & np.isin(table.given, (1, 2, 5)))
    found = of(standalone([kept], QUICK), "pfirrmann", "quadratic kappa")
    narrow = of(
        standalone([replace(kept, truth=np.minimum(kept.truth, 3), given=np.minimum(kept.given, 3), scale=(1, 2, 3))], QUICK),
        "pfirrmann",
        "quadratic kappa",
    )
    assert found is not None
    assert narrow is not None
    assert found.estimate != pytest.approx(narrow.estimate, abs=1e-3)  # 2 and 5 are three steps apart, not one


def test_16_no_interval_is_a_point() -> None:
    table = binary(rows=30)
    perfect = replace(table, score=0.25 + table.truth / 2, called=table.truth)
    for line in standalone([perfect], QUICK):
        one = line.estimate
        assert np.isnan(one.low) or one.low < one.high, one
        assert not np.isnan(one.low) or one.warnings, one


def test_failures_rank_last_and_are_called_wrong() -> None:
    table = binary()
    gone = np.arange(240) < 60
    lacking = replace(table, score=np.where(gone, np.nan, table.score), called=np.where(gone, np.nan, table.called), missed=gone)
    wrong = lacking.answered("wrong")
    assert len(wrong) == 240
    assert auroc(wrong.truth[gone], wrong.score[gone]) == 0
    assert (wrong.called[gone] != wrong.truth[gone]).all()
    assert len(lacking.answered("exclude")) == 180
    assert lacking.answered("exclude").left_out["no answer"] == 60
    off = replace(grades(), given=np.full(120, np.nan)).answered("wrong")
    assert (np.abs(off.given - off.truth) == 1).all()
    assert np.isin(off.given, off.scale).all()
    with pytest.raises(InputError):
        table.answered("forget")


def test_calibration_leaves_failures_out_whatever_the_rule() -> None:
    table = binary()
    lacking = replace(table, score=np.where(np.arange(240) < 60, np.nan, table.score))
    lines = {one.estimate.measure: one.estimate for one in calibration_lines(lacking, replace(QUICK, failures="wrong"))}
    assert lines["Brier score"].n == 180
    assert "a perfect model shows" in lines["expected calibration error"].method
    assert lines["calibration slope"].clusters == 60


def test_rare_positives_get_bca() -> None:
    found = of(standalone([binary(positives=0.1)], QUICK), "modic", "average precision")
    assert found is not None
    assert found.method.startswith("BCa")


def test_columns_must_fit() -> None:
    with pytest.raises(InputError, match="one length"):
        replace(binary(), score=np.zeros(3))


def test_evidence_of_an_empty_table_says_why() -> None:
    evidence = gather([binary().where(np.zeros(240, bool))], QUICK)
    assert evidence.lines[0].estimate.warnings == ("No row has both truth and an answer.",)
    assert evidence.figures == ()


def test_every_measure_is_there_over_patients_and_events_have_one_meaning() -> None:
    """Ratios too; events are the numerator of a share and else the rows with the finding."""
    table = replace(binary(), called=(binary().score > 0.5).astype(float))
    once = replace(table, patients=np.arange(240).astype(str))
    several, alone = (
        {line.estimate.measure: line.estimate for line in standalone([one], QUICK) if line.site == "all"} for one in (table, once)
    )
    assert set(alone) <= set(several)
    shares = {"sensitivity", "specificity", "PPV", "NPV", "accuracy", "prevalence"}
    for found in (several, alone):
        for measure, one in found.items():
            wanted = round(one.estimate * one.n) if measure in shares else table.truth.sum()
            assert one.events == wanted, measure
