"""The evidence packs of the docs, redone as a statistician would: from results.json, the tables beside it and textbook formulas.

Nothing of ``condyle.evaluate`` is imported here: each limit and p is computed anew from the fields that stand beside it.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta, chi2, f, norm, t
from sklearn.metrics import roc_auc_score

from tests.evaluate.examples import EXAMPLES
from tests.evaluate.redoable import unexplained

PACKS = ("knee_2_readers", "knee_3_trial", "lumbar_held_out")
Row = dict[str, Any]


def results(pack: str) -> list[Row]:
    return list(json.loads((EXAMPLES / pack / "results.json").read_text("utf-8"))["results"])


def table(pack: str, name: str) -> list[dict[str, str]]:
    with (EXAMPLES / pack / name).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def wide(row: Row) -> float:
    """How many standard errors an interval reaches: t where there are degrees of freedom, else normal."""
    tail = 0.5 + row["level"] / 2
    return float(t.ppf(tail, row["df"]) if row["df"] is not None else norm.ppf(tail))


def plain(row: Row) -> tuple[float, float]:
    return row["estimate"] - wide(row) * row["se"], row["estimate"] + wide(row) * row["se"]


def clipped(row: Row) -> tuple[float, float]:
    low, high = plain(row)
    return max(low, 0.0), min(high, 1.0)


def on_logit(row: Row) -> tuple[float, float]:
    p = row["estimate"]
    centre, half = math.log(p / (1 - p)), wide(row) * row["se"] / (p * (1 - p))
    return 1 / (1 + math.exp(half - centre)), 1 / (1 + math.exp(-half - centre))


def wilson(row: Row) -> tuple[float, float]:
    z, n, p = norm.ppf(0.5 + row["level"] / 2), row["n"], row["estimate"]
    centre, half = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)


def exact_over_patients(row: Row) -> tuple[float, float]:
    tail, n = (1 - row["level"]) / 2, row["clusters"]
    x = round(row["estimate"] * n)
    return (beta.ppf(tail, x, n - x + 1) if x else 0.0), (beta.ppf(1 - tail, x + 1, n - x) if x < n else 1.0)


def newcombe_at_one(row: Row) -> tuple[float, float]:
    """Method 5 at an area of 1: (1 - a)^2 = z^2 V(a), solved by bisection."""
    z, m, n = norm.ppf(0.5 + row["level"] / 2), row["events"], row["n"] - row["events"]
    mean = (m + n) / 2

    def outside(a: float) -> float:
        return (1 - a) ** 2 - z**2 * a * (1 - a) / (m * n) * (2 * mean - 1 - 3 * (mean - 1) / ((2 - a) * (1 + a)))

    low, high = 1e-9, 1 - 1e-9
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if outside(middle) > 0 else (low, middle)
    return (low + high) / 2, 1.0


# The beginning of a method's words and the formula that the methods paragraph names for it.
FORMULAS: dict[str, Callable[[Row], tuple[float, float]]] = {
    "Wilson": wilson,
    "Clopper-Pearson over patients": exact_over_patients,
    "DeLong, Wald": clipped,
    "DeLong, logit": on_logit,
    "Obuchowski, logit, t": on_logit,
    "ratio estimator over patients, logit, t": on_logit,
    "maximum likelihood, sandwich over patients, t": lambda row: tuple(  # older packs hold no degrees of freedom: clusters - 1
        row["estimate"] + sign * float(t.ppf(0.5 + row["level"] / 2, row["clusters"] - 1)) * row["se"] for sign in (-1, 1)
    ),  # type: ignore[dict-item]
    "Newcombe 2006, method 5": newcombe_at_one,
    "GEE over": plain,
    "Obuchowski-Rockette-Hillis": plain,
    "this reader, cases random": plain,
    "t over readers' gains": plain,
}


@pytest.mark.parametrize("pack", PACKS)
def test_no_number_is_without_its_story(pack: str) -> None:
    """The whole results.json: each number with interval or reason, method, n, and seed where chance took part."""
    assert unexplained(json.loads((EXAMPLES / pack / "results.json").read_text("utf-8"))) == []


@pytest.mark.parametrize("pack", PACKS)
def test_every_limit_that_has_a_formula(pack: str) -> None:
    redone = 0
    for row in results(pack):
        formula = next((found for words, found in FORMULAS.items() if row["method"].startswith(words)), None)
        if formula is None or row["low"] is None or (row["se"] in (None, 0.0) and formula in (plain, clipped, on_logit)):
            continue
        if row["method"] == "Newcombe 2006, method 5" and row["estimate"] != 1:
            continue
        low, high = formula(row)
        inside = row["low"] in (-1.0, 0.0) or row["high"] == 1.0  # cut at the range of the measure
        assert row["low"] == pytest.approx(low, abs=1e-8) or inside, row
        assert row["high"] == pytest.approx(high, abs=1e-8) or inside, row
        redone += 1
    assert redone > 0.4 * sum(row["low"] is not None for row in results(pack))


@pytest.mark.parametrize("pack", PACKS)
def test_every_p_of_a_statistic(pack: str) -> None:
    redone = 0
    for row in results(pack):
        if row["method"].startswith("maximum likelihood, sandwich") or None in (row["p"], row["statistic"]):
            continue
        size = abs(row["statistic"])
        below = re.search(r"F\(\d+, ([\d.]+)\)", row["method"])
        if below:
            p = f.sf(size, row["df"], float(below[1]))
        elif "chi-square" in row["method"]:
            p = chi2.sf(size, row["df"] or 1)
        else:
            p = 2 * (t.sf(size, row["df"]) if row["df"] is not None else norm.sf(size))
        assert row["p"] == pytest.approx(p, rel=1e-6, abs=1e-12), row
        redone += 1
    assert redone > 5


def test_readers_areas_from_the_tables() -> None:
    """Every reader's area in both arms, and the mean gain of the page, by scikit-learn from reads.csv and truth.csv."""
    truth = {(row["study_id"], row["finding"]): float(row["value"]) for row in table("knee_2_readers", "truth.csv") if row["value"]}
    reads: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for row in table("knee_2_readers", "reads.csv"):
        if row["score"] and (row["study_id"], row["finding"]) in truth:
            key = (row["finding"], row["arm"], row["reader_id"])
            reads.setdefault(key, []).append((truth[row["study_id"], row["finding"]], float(row["score"])))
    areas = {key: roc_auc_score(*zip(*pairs, strict=True)) for key, pairs in reads.items()}
    redone = 0
    for row in results("knee_2_readers"):
        if (row["measure"], row["group"]) == ("difference of auroc", "") and (row["finding"], "aided", "junior_1") in areas:
            arms = [[area for (name, at, _), area in areas.items() if (name, at) == (row["finding"], arm)] for arm in ("aided", "unaided")]
            assert row["estimate"] == pytest.approx(np.mean(arms[0]) - np.mean(arms[1]), abs=1e-9), row["finding"]
            redone += 1
    assert redone >= 3


def test_risk_differences_of_the_trial_from_its_table() -> None:
    """Working independence with an arm alone is the difference of two shares; the rows as assigned are all with an outcome."""
    rows = table("knee_3_trial", "trial.csv")
    redone = 0
    for row in results("knee_3_trial"):
        if row["finding"] not in rows[0] or row["group"] or not row["site"].endswith("intention to treat"):
            continue
        own = [(one["arm_assigned"], float(one[row["finding"]])) for one in rows if one[row["finding"]] != ""]
        if not row["method"].startswith("GEE"):
            continue
        aided, unaided = (np.mean([value for at, value in own if at == arm]) for arm in ("aided", "unaided"))
        assert row["estimate"] == pytest.approx(aided - unaided, abs=1e-9), row
        assert row["n"] == len(own)
        redone += 1
    assert redone >= 3
