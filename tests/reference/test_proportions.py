"""Folders 03 and 04: binom, epiR, survey, ratesci."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.evaluate.diagnostic import Table, accuracy, likelihood_ratios
from condyle.evaluate.estimate import z_of
from condyle.evaluate.proportion import agresti_coull, clopper_pearson, clustered_proportion, clustered_score, intracluster, wilson
from tests.reference.reading import expected, table

CLOSED = {"abs": 1e-8}
SCORE = {"abs": 2e-6}
SHARES = {"sensitivity": "sensitivity", "specificity": "specificity", "ppv": "PPV", "npv": "NPV", "accuracy": "accuracy"}
EPI_EXACT = {"se": "sensitivity", "sp": "specificity", "pv.pos": "PPV", "pv.neg": "NPV", "diag.ac": "accuracy", "tp": "prevalence"}


@pytest.mark.parametrize("name", list(expected("03_binary_accuracy")))
def test_03_shares(name: str) -> None:
    wanted = expected("03_binary_accuracy")[name]
    cells = [wanted[cell] for cell in ("tp", "fp", "fn", "tn")]
    truth = np.repeat([1, 0, 1, 0], cells)
    called = np.repeat([1, 1, 0, 0], cells)
    by_wilson, by_exact = accuracy(truth, called), accuracy(truth, called, interval="exact")
    for theirs, ours in SHARES.items():
        one = wanted[theirs]
        assert (by_wilson[ours].events, by_wilson[ours].n) == (one["x"], one["n"])
        assert by_wilson[ours].estimate == pytest.approx(one["estimate"], **CLOSED)
        assert [by_wilson[ours].low, by_wilson[ours].high] == pytest.approx(one["wilson"], **CLOSED)
        assert [by_exact[ours].low, by_exact[ours].high] == pytest.approx(one["exact"], **CLOSED)
        assert agresti_coull(one["x"], one["n"]) == pytest.approx(tuple(one["agresti_coull"]), **CLOSED)
        half = z_of(0.95) * by_wilson[ours].se  # 'asymptotic' is Wald, which is never printed; its error is
        assert [one["estimate"] - half, one["estimate"] + half] == pytest.approx(one["asymptotic"], **CLOSED)


@pytest.mark.parametrize("name", list(expected("03_binary_accuracy")))
def test_03_epi_tests(name: str) -> None:
    wanted = expected("03_binary_accuracy")[name]
    counts = Table(*(wanted[cell] for cell in ("tp", "fp", "fn", "tn")))
    truth = np.repeat([1, 0, 1, 0], [int(cell) for cell in (counts.tp, counts.fp, counts.fn, counts.tn)])
    called = np.repeat([1, 1, 0, 0], [int(cell) for cell in (counts.tp, counts.fp, counts.fn, counts.tn)])
    rows = {row["statistic"]: row for row in wanted["epiR"]}
    found = accuracy(truth, called, interval="exact")

    def meets(row: str, triple: tuple[float, float, float]) -> None:
        theirs = [rows[row][part] for part in ("est", "lower", "upper")]
        kept = [(one, other) for one, other in zip(triple, theirs, strict=True) if other is not None]
        assert [one for one, _ in kept] == pytest.approx([other for _, other in kept], **CLOSED)

    def exact(x: float, n: float) -> tuple[float, float, float]:
        return x / n, *clopper_pearson(x, n)

    # 'tp' is the true prevalence and 'ap' the apparent one.
    for row, ours in EPI_EXACT.items():
        meets(row, (found[ours].estimate, found[ours].low, found[ours].high))
    meets("ap", exact(counts.tp + counts.fp, counts.n))
    meets("p.rin", exact(counts.tp + counts.fp, counts.n))
    meets("p.rout", exact(counts.tn + counts.fn, counts.n))
    meets("p.tpdn", exact(counts.fp, counts.fp + counts.tn))
    meets("p.tndp", exact(counts.fn, counts.fn + counts.tp))
    meets("p.dntp", exact(counts.fp, counts.fp + counts.tp))
    meets("p.dptn", exact(counts.fn, counts.fn + counts.tn))
    se, sp = found["sensitivity"], found["specificity"]
    youden = (se.estimate + sp.estimate - 1, se.low + sp.low - 1, se.high + sp.high - 1)
    meets("youden", youden)
    meets("nndx", (1 / youden[0], *sorted((1 / youden[1], 1 / youden[2]))))
    ratios = likelihood_ratios(counts)
    for row, ours in (("lr.pos", "LR+"), ("lr.neg", "LR-"), ("diag.or", "diagnostic odds ratio")):
        one = ratios[ours]
        if one.warnings:  # epiR gives no limits for a cell of 0; we add one half and say so
            assert rows[row]["upper"] is None
            assert np.isfinite(one.high)
            assert rows[row]["est"] is None or one.estimate == pytest.approx(rows[row]["est"], **CLOSED)
        else:
            meets(row, (one.estimate, one.low, one.high))


def test_04_clustered() -> None:
    data, wanted = table("04_clustered_proportion", "units.csv"), expected("04_clustered_proportion")
    found = clustered_proportion("sensitivity", data["detected"], data["patient"])
    assert (found.clusters, found.n, found.events) == (wanted["n_clusters"], wanted["n_units"], wanted["events"])
    assert [found.estimate, found.se] == pytest.approx([wanted["estimate"], wanted["se_ratio"]], **CLOSED)
    assert [found.low, found.high] == pytest.approx(wanted["svyciprop_logit_t"], **CLOSED)
    half = z_of(0.95) * found.se
    assert [found.estimate - half, found.estimate + half] == pytest.approx(wanted["wald_normal"], **CLOSED)
    naive = (found.estimate * (1 - found.estimate) / found.n) ** 0.5
    assert naive == pytest.approx(wanted["naive_binomial_se"], **CLOSED)


def test_04_score_with_design_effect() -> None:
    data, wanted = table("04_clustered_proportion", "units.csv"), expected("04_clustered_proportion")["ratesci_clusterpci"]
    row = wanted["estimates"][0]
    icc, effect = intracluster(data["detected"], data["patient"])
    assert [icc, effect] == pytest.approx([row["icc"], row["xihat"]], **CLOSED)
    found = clustered_score("sensitivity", data["detected"], data["patient"])
    assert [found.estimate, found.low, found.high] == pytest.approx([row["est"], row["lower"], row["upper"]], **SCORE)
    null = wanted["pval"][0]
    share = row["x"] / row["n"]
    assert (share - 0.5) / (0.25 / row["n"] * effect) ** 0.5 == pytest.approx(null["scorenull"], abs=1e-8)
    assert wilson(0, 10)[0] == 0.0
