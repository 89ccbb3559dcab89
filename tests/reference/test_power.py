"""RJafroc 2.1.2: power and number of cases from Van Dyke's components."""

import pytest

from condyle.evaluate.mrmc import Components, Pilot, area_under_roc, obuchowski_rockette, patients_needed, power
from tests.reference.mrmc import agree, reads
from tests.reference.reading import expected

FOLDER = "24_mrmc_sample_size"
FACTORS: dict[str, dict[str, str]] = {"RRRC": {}, "FRRC": {"readers": "fixed"}, "RRFC": {"cases": "fixed"}}


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    parts = expected(FOLDER)["pilot"]["components"]
    return Pilot(Components(parts["VarR"], parts["VarTR"], parts["Var"], parts["Cov1"], parts["Cov2"], parts["Cov3"]), 114)


def test_the_pilot_is_our_own_analysis_of_vandyke(pilot: Pilot) -> None:
    ours = Pilot.of(obuchowski_rockette(area_under_roc(reads("07_or_vandyke"))))
    assert ours.n_patients == expected(FOLDER)["pilot"]["KStar"]
    for name in ("reader", "arm_reader", "error", "cov1", "cov2", "cov3"):
        agree(getattr(ours.components, name), getattr(pilot.components, name), name)


def test_power(pilot: Pilot) -> None:
    rows = expected(FOLDER)["power"]
    for row in rows:
        kind = row["analysis"]
        ours = power(pilot, n_readers=row["J"], n_patients=row["K"], effect=row["effect"], **FACTORS[kind])
        agree(ours.power, row[f"power{kind}"], f"{row} power")
        agree(ours.ncp, row[f"ncp{kind}"], f"{row} ncp")
        agree(ours.df2, row[f"df2{kind}"], f"{row} df2")
        agree(ours.critical, row.get(f"f{kind}", row.get(f"chsq{kind}")), f"{row} critical")
    assert len(rows) > 20


def test_patients_needed(pilot: Pilot) -> None:
    for row in expected(FOLDER)["cases_for_80pct"]:
        ours = patients_needed(pilot, n_readers=row["J"], effect=0.05)
        assert ours is not None
        assert ours.n_patients == row["KRRRC"]
        agree(ours.power, row["powerRRRC"], "power")
