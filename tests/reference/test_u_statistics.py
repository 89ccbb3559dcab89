"""iMRMC 2.1.0: crossed, unequal classes, split-plot, and partially paired readers with three and with one reader in common."""

from typing import Any

import pytest

from condyle.evaluate.mrmc import UAnalysis, UStatistic, area_under_roc, design_of, u_statistics
from condyle.evaluate.mrmc.ustatistics import COMPONENT_NAMES
from tests.reference.mrmc import agree, reads
from tests.reference.reading import expected

INTERVAL = {
    "pValueNormal": "p_normal", "botCInormal": "low_normal", "topCInormal": "high_normal", "dfBDG": "df", "pValueBDG": "p",
    "botCIBDG": "low", "topCIBDG": "high",
}  # fmt: skip
FOLDERS = {"09_bdg_ustatistics": "crossed", "10_split_plot_mrmc": "split-plot", "10b_partially_paired_readers": "partially paired"}


def few_negatives(row: dict[str, str]) -> bool:
    return not (row["case"].startswith("neg") and int(row["case"][7:]) > 25)


def one_in_common(row: dict[str, str]) -> bool:
    number = int(row["reader"][6:])
    return number <= 3 if row["modality"] == "testA" else number >= 3


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_number_of_imrmc(folder: str) -> None:
    study = reads(folder, arm="modality", score="score")
    assert design_of(study).name == FOLDERS[folder]
    theirs = expected(folder)
    ours = u_statistics(area_under_roc(study))
    rows_agree(theirs["Ustat"], ours, "unbiased")
    rows_agree(theirs["MLEstat"], ours, "biased")
    moments_agree(theirs["BDG_Ustat"], ours, "unbiased")
    moments_agree(theirs["BDG_MLE"], ours, "biased")
    if "BCK_Ustat" in theirs:
        for parts, weights, one in zip(theirs["BCK_Ustat"]["components"], theirs["BCK_Ustat"]["coefficients"], every(ours), strict=True):
            for place, name in enumerate(COMPONENT_NAMES):
                agree(float(one.moments.components[place]), parts[name], name)
                agree(float(one.moments.component_coefficients[place]), weights[name], f"weight of {name}")
    each = {(arm, reader): (value, variance) for arm, reader, value, variance in ours.readers}
    for row in theirs["per_reader"]:
        alone = row["modalityB"] == "NO_MOD"
        value, variance = each[row["modalityA"] if alone else f"{row['modalityA']} - {row['modalityB']}", row["readerID"]]
        agree(value, row["AUCA" if alone else "AUCAminusAUCB"], "reader's value")
        agree(variance, row["varAUCA" if alone else "varAUCAminusAUCB"], "reader's variance")


def test_unequal_numbers_of_negatives_and_positives() -> None:
    theirs = expected("09_bdg_ustatistics")["subset_negatives_1_to_25"]
    ours = u_statistics(area_under_roc(reads("09_bdg_ustatistics", arm="modality", score="score", keep=few_negatives)))
    rows_agree(theirs["Ustat"], ours, "unbiased")
    moments_agree(theirs, ours, "unbiased")


def test_one_reader_in_common() -> None:
    theirs = expected("10b_partially_paired_readers")["one_common_reader_1to3_vs_3to5"]
    ours = u_statistics(area_under_roc(reads("09_bdg_ustatistics", arm="modality", score="score", keep=one_in_common)))
    rows_agree(theirs, ours, "unbiased")
    assert any("unstable" in sentence for sentence in ours.differences[0].warnings)


def every(ours: UAnalysis) -> list[UStatistic]:
    return [*ours.arms, *ours.differences]


def rows_agree(rows: list[dict[str, Any]], ours: UAnalysis, kind: str) -> None:
    for row, one in zip(rows, every(ours), strict=True):
        interval = getattr(one, kind)
        assert (one.n_readers, one.n_negative, one.n_positive) == (row["NR"], row["N0"], row["N1"])
        alone = row["modalityB"] == "NO_MOD"
        agree(one.estimate, row["AUCA" if alone else "AUCAminusAUCB"], "estimate")
        agree(interval.variance, row["varAUCA" if alone else "varAUCAminusAUCB"], "variance")
        for column, field in INTERVAL.items():
            agree(getattr(interval, field), row[column], f"{one.name} {column}")


def moments_agree(theirs: Any, ours: UAnalysis, kind: str) -> None:
    for moments, weights, one in zip(theirs["moments"], theirs["coefficients"], every(ours), strict=True):
        for place in range(8):
            agree(float(getattr(one.moments, kind)[place]), moments[f"M{place + 1}"], f"{one.name} M{place + 1}")
            agree(float(one.moments.coefficient[place]), weights[f"M{place + 1}"], f"{one.name} weight {place + 1}")
