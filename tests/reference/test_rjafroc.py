"""RJafroc 2.1.2: pseudovalue analysis of Van Dyke and marks of five modalities, four readers, 200 cases (Federica)."""

from typing import Any

import numpy as np
import pytest

from condyle.evaluate.mrmc import (
    Figures,
    Mark,
    MarkedReads,
    afroc,
    area_under_roc,
    dorfman_berbaum_metz,
    gather_marks,
    highest_rating,
    obuchowski_rockette,
    weighted_afroc,
    weighted_afroc1,
)
from tests.reference.mrmc import agree, contrast_agrees, reads
from tests.reference.reading import expected, table

NAMES = {
    "Estimate": "estimate", "StdErr": "se", "DF": "df", "t": "statistic", "z": "statistic", "PrGTt": "p", "PrGTz": "p",
    "CILower": "low", "CIUpper": "high",
}  # fmt: skip
FIGURES = {"wAFROC_OR": weighted_afroc, "HrAuc_OR": highest_rating, "AFROC_OR": afroc, "wAFROC1_OR": weighted_afroc1}
FACTORS: dict[str, dict[str, str]] = {"RRRC": {}, "FRRC": {"readers": "fixed"}, "RRFC": {"cases": "fixed"}}


@pytest.fixture(scope="module")
def federica() -> MarkedReads:
    folder = "12_wafroc_mrmc_federica"
    cases, lesions, marks = (table(folder, name) for name in ("cases.csv", "lesions.csv", "marks.csv"))
    text = {name: [f"{cell:g}" for cell in marks[name]] for name in ("modality", "reader", "case", "lesion")}
    return gather_marks(
        [
            Mark(arm, reader, case, float(rating), lesion if kind == "LL" else None)
            for arm, reader, case, lesion, kind, rating in zip(*text.values(), marks["type"], marks["rating"], strict=True)
        ],
        cases=[f"{case:g}" for case in cases["case"]],
        lesions=[
            (f"{case:g}", f"{lesion:g}", float(weight))
            for case, lesion, weight in zip(lesions["case"], lesions["lesion"], lesions["weight"], strict=True)
        ],
        arms=["1", "2", "3", "4", "5"],
        readers=["1", "3", "4", "5"],
    )


@pytest.mark.parametrize("key", FIGURES)
def test_marks_by_obuchowski_rockette(federica: MarkedReads, key: str) -> None:
    every_number(FIGURES[key](federica), expected("12_wafroc_mrmc_federica")[key])


def test_vandyke_by_obuchowski_rockette() -> None:
    every_number(area_under_roc(reads("11_dbm_vandyke")), expected("11_dbm_vandyke")["Wilcoxon_OR"])


def every_number(figures: Figures, theirs: Any) -> None:
    values = [[cell for name, cell in row.items() if name.startswith("rdr")] for row in theirs["FOMs"]["foms"]]
    np.testing.assert_allclose(figures.value, values, rtol=1e-6)
    ours = {key: obuchowski_rockette(figures, **factors) for key, factors in FACTORS.items()}
    parts = ours["RRRC"].components
    assert parts is not None
    fields = {"VarR": "reader", "VarTR": "arm_reader", "Var": "error", "Cov1": "cov1", "Cov2": "cov2", "Cov3": "cov3"}
    for row in theirs["ANOVA"]["VarCom"]:
        agree(getattr(parts, fields[row["row"]]), row["Estimates"], row["row"])
        if row["Rhos"] is not None:
            agree(getattr(parts, fields[row["row"]]) / parts.error, row["Rhos"], f"rho {row['row']}")
    for row, mean in zip(theirs["ANOVA"]["IndividualTrt"], ours["RRRC"].means, strict=True):
        agree(mean.ms_reader, row["msREachTrt"], "msR")
        agree(mean.error, row["varEachTrt"], "Var")
        agree(mean.cov2, row["cov2EachTrt"], "Cov2")
    for key, analysis in ours.items():
        first, test = theirs[key]["FTests"][0], analysis.test
        assert test is not None
        agree(test.statistic, first.get("FStat", first.get("Chisq", first.get("F"))), f"{key} statistic")
        agree(test.p, first["p"], f"{key} p", p=True)
        agree(test.ms_arm, first["MS"], f"{key} MS(T)")
        if key == "RRRC":
            agree(test.df2, theirs[key]["FTests"][1]["DF"], "ddf")
        same(theirs[key]["ciDiffTrt"], analysis.differences)
        same(theirs[key]["ciAvgRdrEachTrt"], [mean.contrast for mean in analysis.means])
    same(theirs["FRRC"]["ciDiffTrtEachRdr"], ours["FRRC"].reader_differences)


def test_vandyke_by_pseudovalues() -> None:
    theirs = expected("11_dbm_vandyke")["Wilcoxon_DBM"]
    figures = area_under_roc(reads("11_dbm_vandyke"))
    ours = {key: dorfman_berbaum_metz(figures, **factors) for key, factors in FACTORS.items()}
    lines = {line.source: line for line in ours["RRRC"].table}
    for row in theirs["ANOVA"]["TRCanova"][:-1]:
        for column, field in (("SS", "ss"), ("DF", "df"), ("MS", "ms")):
            agree(getattr(lines[row["row"]], field), row[column], f"{row['row']} {column}")
    for row in theirs["ANOVA"]["VarCom"]:
        agree(ours["RRRC"].components[{"Err": "error"}.get(row["row"][3:], row["row"][3:])], row["Estimates"], row["row"])
    for key, analysis in ours.items():
        top, bottom = theirs[key]["FTests"]
        agree(analysis.statistic, top["FStat"], f"{key} F")
        agree(analysis.p, top["p"], f"{key} p", p=True)
        agree(analysis.df2, bottom["DF"], f"{key} ddf")
        agree(analysis.denominator, bottom["MS"], f"{key} error")
        same(theirs[key]["ciDiffTrt"], analysis.differences)
        same(theirs[key]["ciAvgRdrEachTrt"], analysis.means)
    same(theirs["FRRC"]["ciDiffTrtEachRdr"], ours["FRRC"].reader_differences)


def same(rows: list[dict[str, Any]], contrasts: Any) -> None:
    ours = {one.name.replace(" ", ""): one for one in contrasts}
    assert len(rows) == len(ours)
    for row in rows:
        name = row["row"].replace("Trt", "").replace("trt", "").replace("rdr", "").replace("::", ":")
        contrast_agrees(ours[name], row, NAMES, name)


