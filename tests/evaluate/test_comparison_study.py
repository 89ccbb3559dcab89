"""Several models at once: every pair, one family of p, claims by the names of models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from condyle.evaluate.comparison_study import comparison_study
from condyle.evaluate.delong import compare_paired, equal_areas
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.standalone import Settings
from condyle.evaluate.study_evidence import Claim

QUICK = Settings(resamples=100)


def models() -> dict[str, list[FindingTable]]:
    rng = np.random.default_rng(0)
    n = 300
    truth, names, text, none = (rng.random(n) < 0.4).astype(float), np.arange(n).astype(str), np.array([""] * n), np.full(n, np.nan)
    first = FindingTable("cyst", "binary", names, names, text, text, truth, none, none, none, np.zeros(n, bool))
    shared = rng.normal(0, 0.7, n)
    found = {}
    for name, gain in (("old", 1.0), ("same", 1.0), ("new", 3.0)):
        score = expit(gain * (truth - 0.5) + shared + rng.normal(0, 0.7, n))
        found[name] = [replace(first, score=score, called=(score >= 0.5).astype(float))]
    return found


def test_every_pair_is_compared_and_p_are_one_family() -> None:
    given = models()
    claims = [Claim("cyst", "AUROC", "new - old"), Claim("cyst", "AUROC", "same - old"), Claim("cyst", "AUROC", "same - old", 0.15)]
    study = comparison_study(given, QUICK, claims=claims, rule=(0.05, "none"))
    areas = {line.group: line.estimate for line in study.lines if line.estimate.measure == "difference of AUROC"}
    assert list(areas) == ["same - old", "new - old", "new - same"]
    old, new = given["old"][0], given["new"][0]
    assert areas["new - old"].p == compare_paired(old.truth, new.score, old.score).p
    assert all("over 3 findings and pairs" in one.warnings[-1] for one in areas.values())
    assert [one.met for one in study.endpoints] == [True, False, True]
    (row,) = next(sheet for sheet in study.sheets if sheet.name == "equal_areas").rows
    assert row[3].estimate == pytest.approx(equal_areas(old.truth, np.stack([tables[0].score for tables in given.values()]))[0])
    assert row[4] == 2


def test_two_models_keep_the_words_of_two() -> None:
    given = models()
    del given["same"]
    study = comparison_study(given, QUICK, claims=[Claim("cyst", "auroc", "second - first")])
    assert {line.group for line in study.lines} == {""}
    assert study.endpoints[0].met
