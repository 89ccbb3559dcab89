"""The audit's questions about shortcuts, in words: headers, sites, random against grouped splits."""

from __future__ import annotations

from collections.abc import Sequence

from condyle.cohorts.audit.looking import Seen
from condyle.cohorts.audit.ridge import Floats
from condyle.cohorts.audit.shortcuts import ALPHA, FOLDS, LEAST_PATIENTS, PERMUTATIONS, Told, gaps, predicted, sites_told
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.figures import Figure, finding_words, forest_of
from condyle.evaluate.study_evidence import Cell, P, Sheet
from condyle.report.audit_page import AuditPart
from condyle.study import Check

_MOST_SINGLE = 3
_TOO_FEW = f"No finding is known in at least {LEAST_PATIENTS} patients with and {LEAST_PATIENTS} without it."
_HELD_OUT = f"Ridge regression on held-out patients ({FOLDS} folds by patient); AUROC with a 95 % interval over patients. "
_JUDGED = (
    f"Something is found where the AUROC lies so far above those of labels dealt anew among the patients ({PERMUTATIONS} deals, "
    f"normal tail) that p is below {ALPHA:g}, counting all that was asked (Bonferroni)."
)


def headers_part(names: Sequence[str], targets: Floats, seen: Sequence[Seen], *, seed: int) -> AuditPart:
    """Can a finding be predicted without any pixel?"""
    about = _HELD_OUT + "Facts: scanner, protocol, grid, age and sex of manifest and headers; no free text. " + _JUDGED
    title = "Findings told by headers alone"
    told = predicted(names, targets, [one.headers for one in seen], seen, seed=seed) if seen else ()
    if not told:
        return AuditPart(title, Check("headers", None, None, 0.5, "AUROC", _TOO_FEW), about)
    out = [one for one in told if one.stands_out]
    best = max(told, key=lambda one: one.shown.estimate)
    silent = f"Headers predict none of {len(told)} findings; the highest AUROC is {best.shown}."
    words = f"Headers alone predict {_named(out)}." if out else silent
    advice = "A reader may have learnt scanner or referral: balance or match these settings, and judge per setting and at other sites."
    check = Check("headers", not out, best.shown.estimate, 0.5, "AUROC", words, advice if out else "")
    sheets = [_sheet("headers", "Each finding by headers alone", told)]
    if out:
        sheets.append(_single_facts(names, targets, seen, [one.what for one in out], seed))
    return AuditPart(title, check, about, tuple(sheets), _forest("headers", "AUROC of headers alone", told), numbers=_numbers(told))


def sites_part(names: Sequence[str], targets: Floats, seen: Sequence[Seen], *, proxy: bool, seed: int) -> AuditPart:
    """Can the site be told from the pixels, and would that help to tell a finding?"""
    about = (
        f"Grain, sharpness, corners and spread of values of each plane's middle slice; ridge regression on held-out patients ({FOLDS} "
        "folds), one site against the rest. Sites are nearly always told apart, which is no fault by itself: it becomes a shortcut where "
        f"findings are more frequent at some sites, which the second table asks (the site alone as a predictor). {_JUDGED}"
    ) + (" There is no site_id: maker and model of the scanner stand in for it." if proxy else "")
    title = "Site told by pixels"
    sites, told = sites_told(seen, seed=seed)
    if not told:
        words = f"There are not two sites with {LEAST_PATIENTS} patients each."
        return AuditPart(title, Check("sites", None, None, 0.5, "AUROC", words, "Fill in site_id."), about)
    alone = predicted(names, targets, [{"site": one.site} for one in seen], seen, seed=seed)
    readable, out = [one for one in told if one.stands_out], [one for one in alone if one.stands_out]
    mean = sum(one.shown.estimate for one in told) / len(told)
    words = f"{len(readable)} of {len(told)} sites can be told from the pixels (mean AUROC {mean:.2f})"
    words += f", and the site alone predicts {_named(out)}." if out else "; the site alone predicts no finding."
    advice = "Stratify or match the findings over sites, split by site, and judge at sites that were not trained on."
    check = Check("sites", not (readable and out), mean, 0.5, "AUROC", words, advice if readable and out else "")
    rows: list[list[Cell]] = [[site, one.shown.clusters, one.shown.events, one.shown] for site, one in zip(sites, told, strict=True)]
    sheets = [Sheet("sites", "Each site by its pixels", ("Site", "Patients in all", "Studies of it", "AUROC"), rows)]
    if alone:
        sheets.append(_sheet("site_alone", "Each finding by the site alone", alone))
    return AuditPart(title, check, about, tuple(sheets), numbers=_numbers((*told, *alone)))


def grouped_part(
    what: str, names: Sequence[str], targets: Floats, seen: Sequence[Seen], groups: Sequence[str], *, seed: int
) -> AuditPart:
    """Does prediction fall when whole patients (or sites) are held out?"""
    one = {"patients": "patient", "sites": "site"}[what]
    title = f"Random split against a split by {one}"
    about = (
        f"Headers and pixel statistics together predict each finding twice: with studies dealt at random, and with whole {what} held out. "
        f"What is lost is what a reader would gain by seeing the same {one} on both sides. Something is found where the random split "
        f"tells a finding better than chance and the other loses of it, both at {ALPHA:g} and counting all findings (Bonferroni)."
    )
    name = f"random_against_{one}"
    found = gaps(names, targets, seen, groups, seed=seed) if seen and all(groups) else ()
    if not found:
        same = what == "patients" and len(set(groups)) == len(groups)
        why = "Every patient has one study: both splits are the same." if same else f"There are fewer than three {what}, or too few labels."
        return AuditPart(title, Check(name, True if same else None, None, 0.0, "difference of AUROC", why), about)
    out = [Told(gap.what, gap.difference, 0.0) for gap in found if gap.stands_out]
    mean = sum(gap.difference.estimate for gap in found) / len(found)
    words = f"AUROC of the random split less that of the split by {one}, mean of {len(found)} findings: {mean:+.3f}"
    words += f"; it falls for {_named(out)}." if out else "; no fall stands out."
    advice = f"Figures from a random split are too good here: split by {one}."
    check = Check(name, not out, mean, 0.0, "difference of AUROC", words, advice if out else "")
    rows: list[list[Cell]] = [
        [gap.what, gap.mixed.shown, gap.apart, gap.difference, "yes" if gap.stands_out else "no"] for gap in found
    ]
    sheet = Sheet(name, "Each finding", ("Finding", "AUROC, random", f"AUROC, by {one}", "Difference", "Stands out"), rows)
    return AuditPart(title, check, about, (sheet,), numbers=tuple((gap.what, gap.difference) for gap in found))


def _single_facts(names: Sequence[str], targets: Floats, seen: Sequence[Seen], findings: Sequence[str], seed: int) -> Sheet:
    """The facts that alone predict a finding best: where to look."""
    facts = sorted({fact for one in seen for fact in one.headers})
    columns = [names.index(name) for name in findings]
    rows: list[list[Cell]] = []
    own = {
        fact: {
            one.what: one
            for one in predicted(
                findings, targets[:, columns], [{fact: s.headers[fact]} if fact in s.headers else {} for s in seen], seen, seed=seed
            )
        }
        for fact in facts
    }
    for name in findings:
        ranked = sorted(facts, key=lambda fact: -own[fact][name].shown.estimate if name in own[fact] else 0.0)
        rows += [[name, fact, own[fact][name].shown] for fact in ranked[:_MOST_SINGLE] if name in own[fact] and own[fact][name].stands_out]
    return Sheet("single_headers", "Facts that alone predict best", ("Finding", "Fact", "AUROC"), rows)


def _sheet(name: str, title: str, told: Sequence[Told]) -> Sheet:
    rows: list[list[Cell]] = [
        [one.what, one.shown.n, one.shown.events, one.shown.clusters, one.shown, P(one.adjusted), "yes" if one.stands_out else "no"]
        for one in told
    ]
    return Sheet(name, title, ("Finding", "Studies", "Present", "Patients", "AUROC", "adjusted p", "Stands out"), rows)


def _forest(name: str, title: str, told: Sequence[Told]) -> tuple[Figure, ...]:
    rows = [(finding_words(one.what), f"{one.shown.events}/{one.shown.n}", one.shown) for one in told]
    words = "Squares: AUROC on held-out patients, with 95 % intervals; beside the names: studies in which the finding is present, of all."
    return forest_of(name, title, "AUROC", rows, words, reference=0.5)


def _numbers(told: Sequence[Told]) -> tuple[tuple[str, Estimate], ...]:
    return tuple((one.what, one.shown) for one in told)


def _named(told: Sequence[Told]) -> str:
    ranked = sorted(told, key=lambda one: -one.shown.estimate)
    titles = [finding_words(one.what) for one in ranked[:4]]
    told_small = [title if title[1:2].isupper() else title[:1].lower() + title[1:] for title in titles]
    words = [f"{title} ({one.shown})" for title, one in zip(told_small, ranked, strict=False)]
    return ", ".join(words) + (f" and {len(ranked) - 4} more" if len(ranked) > 4 else "")
