"""Obuchowski-Rockette: every number of MRMCaov 0.3.0 on Van Dyke, Franken, nested cases and sensitivity."""

import pytest

from condyle.evaluate.mrmc import Figures, area_under_roc, design_of, obuchowski_rockette, sensitivity
from tests.reference.mrmc import agree, contrast_agrees, reads
from tests.reference.reading import expected

FACTORS = {
    "random_readers_random_cases": ("random", "random"),
    "fixed_readers_random_cases": ("fixed", "random"),
    "random_readers_fixed_cases": ("random", "fixed"),
    "reader_case": ("random", "random"),
    "fixed_reader_case": ("fixed", "random"),
    "reader_fixed_case_": ("random", "fixed"),
}
CONTRAST = {"estimate": "estimate", "se": "se", "df": "df", "lower": "low", "upper": "high", "t": "statistic", "z": "statistic", "p": "p"}
MEAN = {"Estimate": "estimate", "StdErr": "se", "df": "df", "lower": "low", "upper": "high"}
READER = {"Estimate": "estimate", "StdErr": "se", "CI.Lower": "low", "CI.Upper": "high", "z": "statistic", "p-value": "p"}
TEST = {
    "MS(T)": "ms_arm", "MS(T:R)": "ms_arm_reader", "Denominator": "denominator", "F": "statistic", "X2": "statistic", "df1": "df1",
    "df2": "df2",
}  # fmt: skip
COMPONENT = {"reader": "reader", "treatment:reader": "arm_reader", "Error": "error", "Cov1": "cov1", "Cov2": "cov2", "Cov3": "cov3"}
ANALYSES = [
    (folder, key)
    for folder, keys in {
        "07_or_vandyke": list(FACTORS)[:3],
        "08_or_franken": list(FACTORS)[:3],
        "15_or_nested_cases": list(FACTORS)[:1],
        "16_or_sensitivity": list(FACTORS)[3:],
    }.items()
    for key in keys
]


def figures(folder: str) -> Figures:
    if folder == "16_or_sensitivity":
        return sensitivity(reads(folder, score="call"))
    return area_under_roc(reads(folder))


@pytest.mark.parametrize(("folder", "key"), ANALYSES)
def test_every_number_of_mrmcaov(folder: str, key: str) -> None:
    theirs = expected(folder)[key]
    readers, cases = FACTORS[key]
    ours = obuchowski_rockette(figures(folder), readers=readers, cases=cases)
    assert ours.components is not None
    assert ours.test is not None
    for column, field in COMPONENT.items():
        if theirs["variance_components"]:
            agree(getattr(ours.components, field), theirs["variance_components"][column], column)
    for column in ("Cov1", "Cov2", "Cov3"):
        if theirs["correlation"]:
            agree(getattr(ours.components, COMPONENT[column]) / ours.components.error, theirs["correlation"][column], f"rho {column}")
    for column, field in TEST.items():
        if column in theirs["test_of_equality"]:
            agree(getattr(ours.test, field), theirs["test_of_equality"][column], column)
    agree(ours.test.p, theirs["test_of_equality"]["p-value"], "p", p=True)
    for row, contrast in zip(theirs["differences"], ours.differences, strict=True):
        assert contrast.name == row["comparison"]
        contrast_agrees(contrast, row, CONTRAST, key)
    for row, mean in zip(theirs["means"], ours.means, strict=True):
        assert mean.contrast.name == row["treatment"]
        contrast_agrees(mean.contrast, row, MEAN, key)
        for column, field in {"MS(R)": "ms_reader", "Var(Error)": "error", "Cov2": "cov2"}.items():
            if column in row:
                agree(getattr(mean, field), row[column], column)
    by_name = {one.name: one for one in (*ours.reader_differences, *ours.reader_means)}
    for row in theirs.get("reader_differences", []):
        contrast_agrees(by_name[f"{row['Reader']}: {row['Comparison']}"], row, READER, "reader difference")
    for row in theirs.get("reader_means", []):
        contrast_agrees(by_name[f"{row['treatment']}, {row['reader']}"], row, READER, "reader mean")


@pytest.mark.parametrize("folder", ["07_or_vandyke", "08_or_franken"])
def test_reader_values(folder: str) -> None:
    ours = figures(folder)
    for row in expected(folder)["reader_level"]:
        place = ours.arms.index(row["treatment"]), ours.readers.index(row["reader"])
        agree(float(ours.value[place]), row["empirical_auc"], "AUC")


def test_designs_are_recognised() -> None:
    assert design_of(reads("07_or_vandyke")).name == "crossed"
    assert design_of(reads("15_or_nested_cases")).name == "cases nested in readers"
