"""Marked findings in ten seconds."""

from __future__ import annotations

from condyle.anatomy import JOINTS
from condyle.report.listing import MANY, lines
from condyle.study import Finding, Site

LUMBAR = JOINTS["lumbar"]
SITES = [Site(level) for level in ("T12-L1", "L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1")]


def present(name, site, score, threshold=0.5):
    return Finding(name, site, "binary", "present", score, threshold=threshold)


def graded(site, grade):
    return Finding("pfirrmann", site, "ordinal", "present", grade=grade, probabilities=(0.0, 0.1, 0.1, 0.5, 0.3))


def told(findings, wanted="abnormal"):
    return [
        (line.head, bool(line.anchor), [(item.text, item.sure) for item in line.items]) for line in lines(findings, SITES, LUMBAR, wanted)
    ]


def test_a_few_findings_are_told_by_site():
    findings = [present("bulging", SITES[5], 0.7), present("bulging", SITES[4], 0.9), graded(SITES[4], 4)]
    assert told(findings) == [
        ("L4-L5", True, [("Disc bulging", "90%"), ("Pfirrmann 4", "grade 4–5: 80%")]),
        ("L5-S1", True, [("Disc bulging", "70%")]),
    ]


def test_many_findings_are_told_by_finding_in_the_order_of_the_catalogue():
    findings = [graded(site, 5 if site == SITES[5] else 4) for site in SITES]
    findings += [present(name, site, 0.7 + 0.05 * number) for name in ("bulging", "disc_narrowing") for number, site in enumerate(SITES)]
    assert len(findings) > MANY
    assert told(findings) == [
        ("Pfirrmann 4", False, [("T12-L1 to L4-L5", "grade 4–5: 80%")]),
        ("Pfirrmann 5", False, [("L5-S1", "grade 4–5: 80%")]),
        ("Disc narrowing", False, [("T12-L1 to L5-S1", "70% to 95%")]),
        ("Disc bulging", False, [("T12-L1 to L5-S1", "70% to 95%")]),
    ]


def test_a_probability_that_surprises_stands_with_its_threshold():
    """Thresholds of rare findings are low: 'present, 6%' alone reads like a mistake."""
    assert told([present("herniation", SITES[0], 0.06, 0.05)])[0][2] == [("Disc herniation", "6%, threshold 5%")]
    doubt = Finding("herniation", SITES[0], "binary", "uncertain", 0.55, threshold=0.5)
    assert told([doubt], "uncertain")[0][2] == [("Disc herniation", "55%, threshold 50%")]
    assert told([present("herniation", SITES[0], 0.6, 0.05)])[0][2] == [("Disc herniation", "60%")]


def test_no_finding_is_lost_between_the_two_ways():
    findings = [present(name, site, 0.9) for name in ("bulging", "herniation", "modic") for site in SITES]
    for count in range(len(findings) + 1):
        some = findings[:count]
        listed = lines(some, SITES, LUMBAR, "abnormal")
        titles = {LUMBAR.finding(finding.finding).title for finding in some}
        said = {line.head for line in listed} | {item.text for line in listed for item in line.items}
        assert titles <= said
