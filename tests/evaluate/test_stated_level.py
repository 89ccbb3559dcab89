"""A stated confidence, and a stated number of resamples, hold everywhere: every interval is narrower at 80 % than at 95 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from condyle.evaluate.agreement_study import RatingTable, agreement_study
from condyle.evaluate.calibration_study import calibration_study
from condyle.evaluate.comparison_study import comparison_study, unpaired_study
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.segmentation import score_masks, summarise_masks
from condyle.evaluate.standalone import Settings, standalone
from condyle.evaluate.study_evidence import Sheet
from condyle.evaluate.subgroup_study import subgroup_study

WIDE, NARROW = (Settings(level, resamples=100, prevalences=(0.2,), bands=(("specificity", 0.5, 1.0),)) for level in (0.95, 0.8))


def tables(place: str, seed: int, each: int) -> list[FindingTable]:
    rng = np.random.default_rng(seed)
    n = 80
    people = np.array([f"{place}{k // each}" for k in range(n)])
    text, none = np.array([""] * n), np.full(n, np.nan)
    truth = (rng.random(n) < 0.5).astype(float)
    score = np.round(1 / (1 + np.exp(-(1.5 * (truth - 0.5) + rng.normal(0, 1, n)))), 3)
    columns = {"sex": np.array(["F", "M"])[(np.arange(n) // each) % 2]}
    grade = rng.integers(1, 6, n).astype(float)
    given = np.clip(grade + rng.choice([-1, 0, 0, 1], n), 1, 5)
    size = rng.normal(9, 2, n)
    common = {"columns": columns}
    ids = (people, people, text, text)
    return [
        FindingTable("modic", "binary", *ids, truth, score, none, (score > 0.5).astype(float), np.zeros(n, bool), **common),
        FindingTable("pfirrmann", "ordinal", *ids, grade, none, given, none, np.zeros(n, bool), scale=(1, 2, 3, 4, 5), **common),
        FindingTable("disc_height", "measurement", *ids, size, none, size + rng.normal(0, 1, n), none, np.zeros(n, bool), **common),
    ]


def narrower(wide: Sequence[Estimate], narrow: Sequence[Estimate]) -> None:
    assert len(wide) == len(narrow)
    compared = 0
    for one, other in zip(wide, narrow, strict=True):
        if np.isfinite(one.low) and np.isfinite(one.high) and np.isfinite(other.low):
            assert other.high - other.low < one.high - one.low, (one.measure, one.method)
            assert (one.level, other.level) == (0.95, 0.8), one.measure
            compared += 1
    assert compared > len(wide) / 3


def cells(sheets: Sequence[Sheet]) -> list[Estimate]:
    return [cell for sheet in sheets for row in sheet.rows for cell in row if isinstance(cell, Estimate)]


@pytest.mark.parametrize("each", [pytest.param(1, marks=pytest.mark.slow("evaluate")), 2])
def test_every_analysis(each: int) -> None:
    own, other = tables("a", 1, each), tables("b", 2, each)
    newer = [replace(own[0], score=np.clip(own[0].score + 0.1 * (own[0].truth - 0.4), 0, 1)), *own[1:]]
    found = []
    for settings in (WIDE, NARROW):
        studies = [
            subgroup_study(own, ["sex"], settings, cohorts="sex"), calibration_study(own, settings, validation=other),
            comparison_study({"old": own, "new": newer}, settings), unpaired_study({"a": own, "b": other}, settings),
        ]  # fmt: skip
        lines = [line.estimate for line in standalone(own, settings)]
        for study in studies:
            lines += [*(line.estimate for line in study.lines), *cells(study.sheets)]
        found.append(lines)
    narrower(*found)


def test_agreement_and_masks() -> None:
    rng = np.random.default_rng(3)
    ratings = np.where(rng.random((40, 3)) < 0.2, 1 - (rng.random(40) < 0.5)[:, None], (rng.random(40) < 0.5)[:, None]).astype(float)
    people = np.repeat(np.arange(20), 2).astype(str)
    table = RatingTable("cyst", "binary", (0, 1), "", tuple(map(str, range(40))), people, ("a", "b", "c"), ratings)
    narrower(*([line.estimate for line in agreement_study([table], settings).lines] for settings in (WIDE, NARROW)))
    mask = np.zeros((4, 12, 12), bool)
    mask[1:3, 3:9, 3:9] = True
    scores = [score_masks(mask, mask & (rng.random(mask.shape) < 0.9), (3.0, 0.5, 0.5), tolerance_mm=0.5) for _ in range(12)]
    ends = []
    for level in (0.95, 0.8):
        one = summarise_masks(scores, np.arange(12), n=200, level=level)
        ends.append([*one.means.values(), *(median for median, *_ in one.medians.values())])
        ends[-1] += [one.volume.bias, one.volume.lower, one.volume.upper] if one.volume is not None else []
    for wide, narrow in zip(*ends, strict=True):
        assert narrow.high - narrow.low <= wide.high - wide.low
    assert sum(narrow.high - narrow.low < wide.high - wide.low for wide, narrow in zip(*ends, strict=True)) >= 6


@pytest.mark.slow("evaluate")
def test_resamples_are_drawn_as_asked() -> None:
    """No method draws fewer; only the bands of figures do, and their captions say how many."""
    asked = Settings(resamples=1010, bands=(("specificity", 0.5, 1.0),))
    own, other = ([one.where(np.arange(80) < 40) for one in tables(place, seed, 2)] for place, seed in (("a", 1), ("b", 2)))
    lines = [*standalone(own, asked), *calibration_study(own, asked, validation=other).lines, *subgroup_study(own, ["sex"], asked).lines]
    lines += comparison_study({"old": own, "new": own[::-1]}, asked).lines
    rng = np.random.default_rng(3)
    ratings = (rng.random((20, 2)) < 0.5).astype(float)
    people = np.repeat(np.arange(10), 2).astype(str)
    rated = RatingTable("cyst", "binary", (0, 1), "", tuple(map(str, range(20))), people, ("a", "b"), ratings)
    lines += agreement_study([rated], asked).lines
    drawn = {line.estimate.measure: line.estimate.drawn for line in lines if line.estimate.drawn}
    assert len(drawn) > 20
    assert set(drawn.values()) == {1010}
