"""A trial as evidence: lines, sheets, methods."""

from __future__ import annotations

from collections.abc import Sequence

from condyle.evaluate.estimate import Estimate
from condyle.evaluate.figures import Figure, FlowChart, FlowStage, finding_words, forest_of
from condyle.evaluate.standalone import Line
from condyle.evaluate.study_evidence import Cell, Claim, P, Sheet, StudyEvidence, judge_claims, number
from condyle.evaluate.trial.effect import BinaryEffect, TimeEffect
from condyle.evaluate.trial.flow import ArmFlow, Flow
from condyle.evaluate.trial.study import INTENTION, TrialStudy


def trial_evidence(study: TrialStudy, *, claims: Sequence[Claim] = (), alpha: float = 0.05, rule: str = "holm") -> StudyEvidence:
    """A randomised trial of two arms."""
    contrast = f"{study.arm} - {study.control}"
    lines = [
        Line(one.outcome, f"{contrast}, {one.population}", f"stratum: {one.stratum}" if one.stratum else "", one.estimate)
        for one in study.lines
    ]
    lines += [Line(name, contrast, "stratum by arm", one) for name, one in study.interactions.items() if one is not None]
    own = [one for one in study.lines if (one.population, one.stratum) == (INTENTION, "")]
    differences = {(_finding(one.outcome), "accuracy"): one.estimate for one in own if isinstance(one.effect, BinaryEffect)}
    differences |= {(one.outcome, "risk difference"): one.estimate for one in own if isinstance(one.effect, BinaryEffect)}
    counted = study.flow
    summary = (
        f"{counted.randomised} of {counted.assessed} units were randomised to {study.control} or {study.arm}.",
        "All are analysed as assigned; the per-protocol analysis stands beside it.",
    )
    return StudyEvidence(
        "Randomised trial",
        summary,
        tuple(lines),
        (_flow(counted), _balance(study), *_binary(study), *_times(study), *_interactions(study)),
        judge_claims(claims, differences, alpha=alpha, rule=rule),
        trial_methods(study),
        study.warnings,
        trial_figures(study),
        {"level": study.lines[0].estimate.level if study.lines else 0.95},
    )


def trial_figures(study: TrialStudy) -> tuple[Figure, ...]:
    """Risk differences as assigned below each other, with the strata, and times as ratios."""
    rows: list[tuple[str, str, Estimate | None]] = []
    times: list[tuple[str, str, Estimate | None]] = []
    for one in study.lines:
        if one.population != INTENTION:
            continue
        if isinstance(e := one.effect, BinaryEffect):
            counts = f"{e.arm[0]}/{e.arm[1]}, {e.control[0]}/{e.control[1]}"
            rows.append((f"    {one.stratum}" if one.stratum else finding_words(_finding(one.outcome)), counts, e.difference))
        else:
            times.append((f"    {one.stratum}" if one.stratum else finding_words(one.outcome), "", one.estimate))
    words = f"{study.arm} less {study.control}, as assigned; right/read in {study.arm} and in {study.control} on the left."
    ratio = f"Ratio of geometric means, {study.arm} / {study.control}; left of the dashed line is faster."
    return (
        flow_chart(study),
        *forest_of("outcomes", "Risk differences", "Risk difference", rows, words, reference=0.0),
        *forest_of("times", "Times", f"{study.arm} / {study.control}", times, ratio, reference=1.0, logarithmic=True),
    )


def flow_chart(study: TrialStudy) -> FlowChart:
    """The flow of units as CONSORT draws it, with the reasons that CONSORT-AI wants apart."""
    counted = study.flow
    before = tuple(f"{_upper(reason)} (n = {count})" for reason, count in counted.excluded_before.items())
    arms = counted.arms
    allocated = tuple(
        (
            f"Allocated to {one.arm} (n = {one.assigned}, {one.clusters} clusters)",
            f"Received it (n = {one.received})",
            *((f"Received the other (n = {one.received_other})",) if one.received_other else ()),
            *((f"Received neither (n = {one.received_nothing})",) if one.received_nothing else ()),
        )
        for one in arms
    )
    left = tuple(
        (
            f"Excluded after randomisation (n = {sum(one.excluded_after.values())})",
            *(f"{_upper(reason)} (n = {count})" for reason, count in one.excluded_after.items()),
            *_lacking(one),
        )
        for one in arms
    )
    analysed = tuple(
        (f"Intention to treat (n = {one.assigned})", "Each outcome less its missing ones", f"Per protocol (n = {one.per_protocol})")
        for one in arms
    )
    stages = (
        FlowStage(
            "Enrolment", ((f"Assessed for eligibility (n = {counted.assessed})",),),
            (f"Excluded before randomisation (n = {sum(counted.excluded_before.values())})", *before) if before else (),
        ),
        FlowStage("", ((f"Randomised (n = {counted.randomised})",),)),
        FlowStage("Allocation", allocated),
        FlowStage("Follow-up", left),
        FlowStage("Analysis", analysed),
    )  # fmt: skip
    about = ", ".join(f"{reason} (n = {count})" for reason, count in counted.input_exclusions.items())
    words = "Flow of units. " + (f"About input or system (CONSORT-AI 5-iii, 19): {about}." if about else "None was excluded for its input.")
    return FlowChart("flow", "", "Flow of units", stages, words)


def _lacking(arm: ArmFlow) -> tuple[str, ...]:
    """Units without an outcome; outcomes that lack as many share a line."""
    by_count: dict[int, list[str]] = {}
    for outcome, count in arm.without_outcome.items():
        by_count.setdefault(count, []).append(_finding(outcome).replace("_", " "))
    return tuple(
        f"Without {names[0] if len(names) == 1 else f'{len(names)} outcomes'} (n = {count}{' each' if len(names) > 1 else ''})"
        for count, names in by_count.items()
        if count
    )


def _upper(reason: str) -> str:
    return reason[:1].upper() + reason[1:]


def trial_methods(study: TrialStudy) -> str:
    """What was run, in words for a paper."""
    first = next((one.estimate.method for one in study.lines if isinstance(one.effect, BinaryEffect)), "")
    said = [
        "Outcomes were analysed by intention to treat and per protocol.",
        f"Risk differences: {first}, identity link." if first else "",
        "Missing outcomes are not filled in; the bounds count all of them against, and all of them for, the arm.",
        "p over the binary outcomes are adjusted by Holm.",
    ]
    if any(isinstance(one.effect, TimeEffect) for one in study.lines):
        said.append("Times were analysed on the logarithm by REML with random readers and Kenward-Roger tests, as ratios.")
    return " ".join(one for one in said if one)


def _finding(outcome: str) -> str:
    return outcome.removeprefix("correct_")


def _flow(counted: Flow) -> Sheet:
    rows: list[tuple[str, str, str]] = [("assessed", str(counted.assessed), "")]
    rows += [(f"excluded before: {reason}", str(count), "") for reason, count in counted.excluded_before.items()]
    rows.append(("randomised", str(counted.randomised), ""))
    for arm in counted.arms:
        rows += [
            (f"assigned to {arm.arm}", str(arm.assigned), f"{arm.clusters} clusters"),
            (f"{arm.arm}: received it", str(arm.received), ""),
            (f"{arm.arm}: received the other", str(arm.received_other), ""),
            (f"{arm.arm}: received neither", str(arm.received_nothing), ""),
        ]
        rows += [(f"{arm.arm}: excluded after: {reason}", str(count), "") for reason, count in arm.excluded_after.items()]
        rows += [(f"{arm.arm}: without {outcome}", str(count), "") for outcome, count in arm.without_outcome.items() if count]
        rows.append((f"{arm.arm}: per protocol", str(arm.per_protocol), ""))
    rows += [(f"about input or system: {reason}", str(count), "CONSORT-AI 5-iii, 19") for reason, count in counted.input_exclusions.items()]
    return Sheet("flow", "Flow of units (CONSORT-AI)", ("Step", "Units", ""), tuple(rows))


def _balance(study: TrialStudy) -> Sheet:
    rows = tuple(
        (
            one.name,
            one.value,
            *((f"{a:.1f} ({b:.1f})" if not one.value else f"{a:.0f} ({b:.0%})") for a, b in (one.control, one.arm)),
            f"{one.missing[0]}, {one.missing[1]}",
            number(one.difference, 2) + (" *" if one.large else ""),
        )
        for one in study.balance
    )
    note = "Mean (standard deviation) or count (share). No tests: arms differ by chance. * standardised difference above 0.1."
    columns = ("Characteristic", "", study.control, study.arm, "Missing", "Standardised difference")
    return Sheet("balance", "Baseline", columns, rows, note)


def _binary(study: TrialStudy) -> tuple[Sheet, ...]:
    rows = tuple(
        (
            _finding(one.outcome),
            one.population,
            one.stratum or "all",
            f"{e.control[0]}/{e.control[1]}",
            f"{e.arm[0]}/{e.arm[1]}",
            e.difference,
            P(e.difference.p),
            P(one.p_adjusted),
            e.ratio,
            e.unclustered,
            f"{e.bounds[0]:.3f} to {e.bounds[1]:.3f}",
            number(e.design_effect, 2),
        )
        for one in study.lines
        if isinstance(e := one.effect, BinaryEffect)
    )
    if not rows:
        return ()
    columns = (
        "Outcome",
        "Population",
        "Stratum",
        study.control,
        study.arm,
        "Risk difference",
        "p",
        "p, Holm",
        "Risk ratio",
        "Miettinen-Nurminen",
        "Bounds",
        "Design effect",
    )
    note = (
        "An outcome named as a finding: it was called right. Risk differences and ratios over clusters. Miettinen-Nurminen takes units "
        "as independent. Bounds: what missing outcomes allow."
    )
    return (Sheet("outcomes", "Outcomes", columns, rows, note),)


def _times(study: TrialStudy) -> tuple[Sheet, ...]:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (one.outcome, one.population, one.stratum or "all", *(number(mean, 1) for mean in e.geometric_mean), e.ratio, P(e.ratio.p))
        for one in study.lines
        if isinstance(e := one.effect, TimeEffect)
    )
    columns = ("Time", "Population", "Stratum", study.control, study.arm, "Ratio", "p")
    return (Sheet("times", "Times", columns, rows, "Geometric means; a ratio below 1 is faster."),) if rows else ()


def _interactions(study: TrialStudy) -> tuple[Sheet, ...]:
    rows = tuple((_finding(name), one, P(one.p)) for name, one in study.interactions.items() if one is not None)
    note = "Difference of the strata's risk differences; nothing found is not evidence that strata are alike."
    return (Sheet("strata", "Do strata differ?", ("Outcome", "Difference of differences", "p"), rows, note),) if rows else ()
