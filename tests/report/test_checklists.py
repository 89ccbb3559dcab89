"""Checklists claim what a run can vouch for, and no more."""

from __future__ import annotations

from condyle.evaluate.endpoints import Endpoint, EndpointResult
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.standalone import Line
from condyle.evaluate.study_evidence import Sheet, StudyEvidence
from condyle.report.checklists import Item, fill
from condyle.report.checklists.facts import facts_of
from condyle.report.provenance import Provenance

AREA = Estimate("AUROC", 0.8, 0.7, 0.9, "DeLong, Wald", 100, 40, 100)


def items(
    *groups: str, title: str = "Evaluation of predictions", sheets: tuple[str, ...] = (), endpoints: int = 0, site: str = "all",
    provenance: Provenance | None = None,
) -> dict[tuple[str, str], Item]:  # fmt: skip
    lines = tuple(Line("modic", site, group, AREA) for group in ("", *groups))
    tables = tuple(Sheet(name, name, ("a",), (("b",),)) for name in sheets)
    met = tuple(EndpointResult(Endpoint("modic", "AUROC", 0.5), AREA, 0.01, 0.01, True) for _ in range(endpoints))
    study = StudyEvidence(title, (), lines, tables, met, "as it was", ())
    lists = fill(facts_of(study, provenance or Provenance({})), title)
    return {(one.name, item.number): item for one in lists for item in one.items}


def test_groups_of_readers_are_no_subgroups_of_patients_and_no_fairness() -> None:
    for group in ("seniority: junior", "old, seniority: junior"):
        found = items(group, title="Reader study")
        of_patients = (("stard_ai", "M17"), ("stard_ai", "M19"), ("tripod_ai", "14"), ("claim_2024", "30"))
        assert {found[key].status for key in of_patients} == {"missing"}
        assert found["decide_ai", "VIII"].status == "reported"  # users have groups too
    vendors = items("vendor: acme")
    assert (vendors["stard_ai", "M17"].status, vendors["stard_ai", "M19"].status) == ("reported", "missing")
    assert items("sex: F")["stard_ai", "M19"].status == "partial"
    assert items("stratum: senior", title="Randomised trial")["stard_ai", "M17"].status == "partial"


def test_what_a_run_cannot_know_is_not_reported() -> None:
    found = items("sex: F", endpoints=1)
    of_claim = [("claim_2024", number) for number in ("4", "6", "23", "30", "32")]
    for key in (*of_claim, ("stard_ai", "R9"), ("stard_ai", "M10"), ("tripod_ai", "15")):
        assert found[key].status == "partial", key
    for key in (("decide_ai", "15"), ("decide_ai", "12"), ("decide_ai", "14"), ("tripod_ai", "13")):
        assert found[key].status == "missing", key
    assert items(site="test")["claim_2024", "32"].status == "reported"


def test_agreement_is_no_accuracy_and_has_no_reference_standard() -> None:
    found = items(title="Agreement of readers", sheets=("agreement",))
    assert {found["claim_2024", number].status for number in ("14", "17", "32")} == {"missing"}
    assert found["claim_2024", "18"].status == "partial"  # of readers, who need not have set the truth
    assert found["stard_ai", "R7"].status == "partial"  # uncertainty is there, performance is not


def test_a_rule_of_multiplicity_is_claimed_where_there_is_one() -> None:
    several = {rule: items(endpoints=2, provenance=Provenance({}, rule=(0.05, rule))) for rule in ("none", "holm")}
    assert "no rule of multiplicity" in several["none"]["stard_ai", "M14"].said
    assert [several[rule]["stard_ai", "M14"].status for rule in ("none", "holm")] == ["partial", "reported"]
    assert items(endpoints=1)["stard_ai", "M14"].status == "reported"


def test_a_threshold_is_pre_specified_where_a_plan_fixed_it() -> None:
    words = "frozen thresholds, sha256 abc"
    found = [items(provenance=Provenance({}, plan, thresholds=words))["stard_ai", "M8"].status for plan in ("", "a" * 64)]
    assert found == ["partial", "reported"]
