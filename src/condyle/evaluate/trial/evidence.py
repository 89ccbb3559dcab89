"""A trial as evidence: lines, sheets, methods."""

from __future__ import annotations

from collections.abc import Sequence

from condyle.evaluate.estimate import Estimate
from condyle.evaluate.figures import Figure, FlowChart, FlowStage, finding_words, forest_of
from condyle.evaluate.standalone import Line
from condyle.evaluate.study_evidence import Cell, Claim, P, Sheet, StudyEvidence, judge_claims
from condyle.evaluate.trial.balance import BalanceLine
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
    differences |= {(one.outcome, "time ratio"): one.estimate for one in own if isinstance(one.effect, TimeEffect)}
    counted = study.flow
    summary = (
        f"{counted.randomised} of {counted.assessed} units were randomised to {study.control} or {study.arm}.",
        f"All are analysed as assigned, over {counted.clusters} clusters{_within(counted)}; per protocol stands beside it.",
    )
    return StudyEvidence(
        "Randomised trial",
        summary,
        tuple(lines),
        (_flow(counted), _balance(study), *_binary(study), *_times(study), *_interactions(study), _notes(study)),
        judge_claims(claims, differences, alpha=alpha, rule=rule),
        trial_methods(study),
        study.warnings,
        trial_figures(study),
        {"level": study.lines[0].estimate.level if study.lines else 0.95},
    )


def _within(counted: Flow) -> str:
    if not counted.both:
        return ""
    return ", each with units of both arms" if counted.both == counted.clusters else f", {counted.both} of them with units of both arms"


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
        f"Risk differences: {first}, identity link; limits are cut at -1 and 1. Risk ratios: the same with a log link." if first else "",
        "Miettinen-Nurminen limits, as if units were independent, stand beside them.",
        "Missing outcomes are not filled in; the bounds count all of them against, and all of them for, the arm.",
        "p over the binary outcomes are adjusted by Holm.",
    ]
    if any(isinstance(one.effect, TimeEffect) for one in study.lines):
        first = next(one.estimate.method for one in study.lines if isinstance(one.effect, TimeEffect))
        said.append(f"Times: {first}; arm and stratum fixed, ratios of geometric means.")
    return " ".join(one for one in said if one)


def _finding(outcome: str) -> str:
    return outcome.removeprefix("correct_")


def _flow(counted: Flow) -> Sheet:
    rows: list[tuple[Cell, ...]] = [("assessed", counted.assessed, "")]
    rows += [(f"excluded before: {reason}", count, "") for reason, count in counted.excluded_before.items()]
    rows.append(("randomised", counted.randomised, ""))
    for arm in counted.arms:
        rows += [
            (f"assigned to {arm.arm}", arm.assigned, f"{arm.clusters} clusters"),
            (f"{arm.arm}: received it", arm.received, ""),
            (f"{arm.arm}: received the other", arm.received_other, ""),
            (f"{arm.arm}: received neither", arm.received_nothing, ""),
        ]
        rows += [(f"{arm.arm}: excluded after: {reason}", count, "") for reason, count in arm.excluded_after.items()]
        rows += [(f"{arm.arm}: without {outcome}", count, "") for outcome, count in arm.without_outcome.items() if count]
        rows.append((f"{arm.arm}: per protocol", arm.per_protocol, ""))
    rows += [(f"about input or system: {reason}", count, "CONSORT-AI 5-iii, 19") for reason, count in counted.input_exclusions.items()]
    return Sheet("flow", "Flow of units (CONSORT-AI)", ("Step", "Units", ""), tuple(rows))


def _balance(study: TrialStudy) -> Sheet:
    """Means and standard deviations of numbers, counts and shares of categories, in columns of their own."""
    rows: list[tuple[Cell, ...]] = [
        (one.name, one.value or "mean, SD", *_pair(one, one.control), *_pair(one, one.arm), *one.missing, one.difference,
         "above 0.1" if one.large else "")
        for one in study.balance
    ]  # fmt: skip
    own = [words for arm in (study.control, study.arm) for words in (arm, f"{arm}, SD or share", )]
    columns = ("Characteristic", "", *own, f"Missing, {study.control}", f"Missing, {study.arm}", "Standardised difference", "Large")
    how = {
        study.control: "mean of a number, count of a category", study.arm: "mean of a number, count of a category",
        own[1]: "standard deviation of a number, share of a category", own[3]: "standard deviation of a number, share of a category",
        "Standardised difference": "difference by the root of the mean of both variances (Austin 2009)",
    }  # fmt: skip
    return Sheet("balance", "Baseline", columns, rows, "All that were randomised. No tests: arms differ by chance.", how=how)


def _pair(line: BalanceLine, values: tuple[float, float]) -> tuple[Cell, Cell]:
    return (int(values[0]) if line.value else values[0]), values[1]


def _binary(study: TrialStudy) -> tuple[Sheet, ...]:
    """The differences first; what stands beside them in a table of its own, so that both fit a page."""
    own = [(one, one.effect) for one in study.lines if isinstance(one.effect, BinaryEffect)]
    if not own:
        return ()
    main: list[tuple[Cell, ...]] = [
        (_finding(one.outcome), one.population, one.stratum or "all", f"{e.control[0]}/{e.control[1]}", f"{e.arm[0]}/{e.arm[1]}",
         e.difference, P(e.difference.p), P(one.p_adjusted))
        for one, e in own
    ]  # fmt: skip
    beside: list[tuple[Cell, ...]] = [
        (_finding(one.outcome), one.population, one.stratum or "all", e.ratio, e.unclustered, *e.missing, *e.bounds, e.design_effect)
        for one, e in own
    ]  # fmt: skip
    named = ("Outcome", "Population", "Stratum")
    note = (
        "An outcome named as a finding: it was called right. Events/units by arm; differences over clusters. p, Holm: over the binary "
        "outcomes as assigned, all strata together; the plan's own rule stands with its endpoints."
    )
    how = {"p": "of the difference, two-sided", "p, Holm": "Holm over the binary outcomes by intention to treat, all strata together"}
    ends = ("Lowest difference", "Highest difference")
    columns = (*named, "Risk ratio", "Miettinen-Nurminen", f"Missing, {study.control}", f"Missing, {study.arm}", *ends, "Design effect")
    other = {
        "Lowest difference": "all missing outcomes count against the arm and for the control",
        "Highest difference": "all missing outcomes count for the arm and against the control",
        "Design effect": "variance of the difference over clusters by that of independent units",
    }
    return (
        Sheet("outcomes", "Outcomes", (*named, study.control, study.arm, "Risk difference", "p", "p, Holm"), main, note, how=how),
        Sheet(
            "outcomes_beside", "Outcomes in other ways", columns, beside,
            "Risk ratios over clusters. Miettinen-Nurminen takes units as independent, which the design effect judges. Lowest and highest: "
            "what the missing outcomes allow.", how=other,
        ),
    )  # fmt: skip


def _times(study: TrialStudy) -> tuple[Sheet, ...]:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (one.outcome, one.population, one.stratum or "all", *e.geometric_mean, e.ratio, P(e.ratio.p))
        for one in study.lines
        if isinstance(e := one.effect, TimeEffect)
    )
    columns = ("Time", "Population", "Stratum", study.control, study.arm, "Ratio", "p")
    mean = "geometric mean of the units that have the time"
    how = {study.control: mean, study.arm: mean, "p": "that the ratio is 1, two-sided"}
    return (Sheet("times", "Times", columns, rows, "Geometric means; a ratio below 1 is faster.", how=how),) if rows else ()


def _interactions(study: TrialStudy) -> tuple[Sheet, ...]:
    rows = tuple((_finding(name), one, P(one.p)) for name, one in study.interactions.items() if one is not None)
    note = "Difference of the strata's risk differences; nothing found is not evidence that strata are alike."
    columns = ("Outcome", "Difference of differences", "p")
    return (Sheet("strata", "Do strata differ?", columns, rows, note, how={"p": "that strata differ alike, two-sided"}),) if rows else ()


def _notes(study: TrialStudy) -> Sheet:
    """What must be known beside a number: few clusters, a component of none, limits that were cut, a ratio without events."""
    rows = [
        (_finding(one.outcome), one.population, one.stratum or "all", sentence)
        for one in study.lines
        for sentence in dict.fromkeys((*one.estimate.warnings, *one.effect.ratio.warnings))
    ]
    return Sheet("notes", "Beside the numbers", ("Outcome", "Population", "Stratum", "Note"), rows)
