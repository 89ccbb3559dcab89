"""``condyle evaluate mrmc | trial | views | samplesize``: readers, trials, ensembles, the next study."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from condyle.cli.command import command
from condyle.cli.screen import Screen

if TYPE_CHECKING:
    from condyle.cohorts.evaluating_readers import StudyEvaluated

MRMC = (
    "condyle evaluate mrmc reads.csv truth.csv -o evidence",
    "condyle evaluate mrmc reads.csv truth.csv -o evidence --method dbm --readers fixed",
    "condyle evaluate mrmc reads.csv truth.csv -o evidence --predictions predictions.csv --plan plan.yaml",
)
TRIAL = (
    "condyle evaluate trial trial.csv -o evidence --control unaided --arm aided",
    "condyle evaluate trial trial.csv -o evidence --control unaided --arm aided --baseline age --baseline sex --plan plan.yaml",
)
VIEWS = ("condyle evaluate views tables -o evidence", "condyle evaluate views tables -o evidence --plan plan.yaml")
SAMPLESIZE = (
    "condyle evaluate samplesize reads.csv truth.csv --finding meniscal_tear --effect 0.05",
    "condyle evaluate samplesize reads.csv truth.csv --finding meniscal_tear --effect 0.05 --readers 8 --readers 12 --power 0.9",
    "condyle evaluate samplesize reads.csv truth.csv --finding meniscal_tear --effect 0.05 --patients 200 --patients 400 -o evidence",
)



class Method(StrEnum):
    """How arms are compared."""

    AUTO = "auto"
    OR = "or"
    DBM = "dbm"
    U = "u"


class Factor(StrEnum):
    """Drawn from a population, or these alone."""

    RANDOM = "random"
    FIXED = "fixed"


Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for evaluation.html, results.json, tables and figures.")]
Figures = Annotated[bool, typer.Option("--figures/--no-figures", help="Draw figures and write the PDF; most of the time goes there.")]
PlanFile = Annotated[
    Path | None, typer.Option("--plan", readable=False, help="plan.yaml: endpoints, groups, seeds; hashed before the truth is opened.")
]
Reads = Annotated[Path, typer.Argument(readable=False, help="reads.csv: reader_id, study_id, finding, arm, score or decision.")]
TruthFile = Annotated[Path, typer.Argument(readable=False, help="truth.csv: study_id, patient_id, finding, value.")]


def add_to(group: typer.Typer) -> None:
    command(group, "mrmc", examples=MRMC)(mrmc)
    command(group, "trial", examples=TRIAL)(trial)
    command(group, "views", examples=VIEWS)(views)
    command(group, "samplesize", examples=SAMPLESIZE)(samplesize)


def mrmc(
    screen: Screen,
    reads: Reads,
    truth: TruthFile,
    out: Out,
    base: Annotated[str, typer.Option("--base", help="Arm that the others are compared with, such as unaided.")] = "",
    arm: Annotated[
        list[str] | None, typer.Option("--arm", help="The other arm, such as aided; again for a third: a test of all, then pairs.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option("--predictions", readable=False, help="Put a model beside the readers of one arm.")
    ] = None,
    method: Annotated[
        Method, typer.Option("--method", help="or: Obuchowski-Rockette; dbm: Dorfman-Berbaum-Metz; u: U-statistics; auto: by the design.")
    ] = Method.AUTO,
    readers: Annotated[Factor, typer.Option("--readers", help="fixed: speak of these readers only.")] = Factor.RANDOM,
    cases: Annotated[Factor, typer.Option("--cases", help="fixed: speak of these studies only.")] = Factor.RANDOM,
    plan: PlanFile = None,
    figures: Figures = True,
) -> int:
    """Judge a reader study: many readers, many studies, two arms or more, or a model beside readers.

    Readers and studies are random unless fixed: results speak of both populations. Missing reads, nested designs and readers of one
    arm only are recognised. Reading time, wash-out, order and groups of readers are reported when their columns are there.
    """
    from condyle.cohorts.evaluating_readers import evaluate_readers
    from condyle.evaluate.mrmc.analysis import Approach

    arms = tuple(name for name in (base, *(arm or ())) if name)
    with screen.progress("Evaluating"):
        approach = Approach(method.value, readers.value, cases.value)
        done = evaluate_readers(reads, truth, out, arms=arms, predictions=predictions, plan=plan, approach=approach, figures=figures)
    return show(screen, done, out)


def trial(
    screen: Screen,
    table: Annotated[
        Path, typer.Argument(metavar="TRIAL", readable=False, help="trial.csv: unit_id, cluster_id, arm_assigned, arm_received, outcomes.")
    ],
    out: Out,
    control: Annotated[str, typer.Option("--control", help="Arm to compare with.")] = "unaided",
    arm: Annotated[str, typer.Option("--arm", help="The other arm.")] = "aided",
    outcome: Annotated[
        list[str] | None, typer.Option("--outcome", metavar="COLUMN", help="0/1 outcome; without, every column correct_...")
    ] = None,
    time: Annotated[list[str] | None, typer.Option("--time", metavar="COLUMN", help="A time; without, seconds.")] = None,
    baseline: Annotated[list[str] | None, typer.Option("--baseline", metavar="COLUMN", help="Column of the baseline table.")] = None,
    plan: PlanFile = None,
    figures: Figures = True,
) -> int:
    """Judge a randomised trial: flow, baseline, outcomes as assigned and per protocol, times, strata."""
    from condyle.cohorts.evaluating_readers import evaluate_trial

    with screen.progress("Evaluating"):
        done = evaluate_trial(
            table,
            out,
            control=control,
            arm=arm,
            outcomes=tuple(outcome or ()),
            times=tuple(time or ()),
            baseline=tuple(baseline or ()),
            plan=plan,
            figures=figures,
        )
    return show(screen, done, out)


def views(
    screen: Screen,
    tables: Annotated[
        Path,
        typer.Argument(readable=False, help="Folder of validation_, test_ and external_ predictions.csv and truth.csv, and reads.csv."),
    ],
    out: Out,
    plan: PlanFile = None,
    figures: Figures = True,
) -> int:
    """Judge an ensemble of folds and views: each fold, the ensemble on test and external sets, readers beside it."""
    from condyle.cohorts.evaluating_readers import evaluate_views

    with screen.progress("Evaluating"):
        done = evaluate_views(tables, out, plan=plan, figures=figures)
    return show(screen, done, out)


def samplesize(
    screen: Screen,
    reads: Reads,
    truth: TruthFile,
    finding: Annotated[str, typer.Option("--finding", help="Finding of the pilot.")],
    effect: Annotated[
        float, typer.Option("--effect", min=0.001, max=0.5, help="Difference that shall be found; a choice, not the pilot's own.")
    ],
    metric: Annotated[str, typer.Option("--metric", help="auroc, sensitivity, specificity or accuracy.")] = "auroc",
    base: Annotated[str, typer.Option("--base", help="Base arm of the pilot.")] = "unaided",
    arm: Annotated[str, typer.Option("--arm", help="Other arm of the pilot.")] = "aided",
    readers: Annotated[list[int] | None, typer.Option("--readers", min=2, help="Planned numbers of readers.")] = None,
    patients: Annotated[list[int] | None, typer.Option("--patients", min=10, help="Numbers of patients to give the power for.")] = None,
    power: Annotated[float, typer.Option("--power", min=0.5, max=0.99, help="Wanted chance to find the effect.")] = 0.8,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the page, tables and the curves of power.")] = None,
    plan: PlanFile = None,
    figures: Figures = True,
) -> int:
    """How many patients the next reader study needs, for several numbers of readers, from a pilot's variance components."""
    from condyle.cohorts.evaluating_readers import plan_study

    found, done = plan_study(
        reads, truth, out, finding=finding, metric=metric, base=base, arm=arm, effect=effect, readers=tuple(readers or (4, 6, 8, 12)),
        patients=tuple(patients or ()), wanted=power, plan=plan, figures=figures,
    )  # fmt: skip
    screen.table(
        [(count, *(own[place].words for place in (1, 0, 2))) for count, own in found.needed.items()],
        ("readers", "patients", "if readers vary half as much", "if readers vary twice as much"),
    )
    screen.note("Patients in the pilot's mix of positive and negative.")
    for sentence in found.doubts:
        screen.note(f"warning: {sentence}")
    if done is not None and out is not None:
        screen.say(str(out / "evaluation.html"))
    screen.record(
        out=out,
        rows=[
            {
                "readers": count, "patients": own[1].patients, "half": own[0].patients, "twice": own[2].patients,
                "most_power": own[1].most, "warnings": list(found.doubts),
            }
            for count, own in found.needed.items()
        ],
        power=[{"readers": one.n_readers, "patients": one.n_patients, "power": one.power} for one in found.table],
    )
    return 0


def show(screen: Screen, done: StudyEvaluated, out: Path) -> int:
    """The first numbers, the endpoints, the warnings, and where the page is."""
    main = [line for line in done.evidence.lines if not line.group]
    screen.table(
        [(line.finding, line.site, line.estimate.measure, line.estimate, line.estimate.n) for line in main[:40]],
        ("finding", "where", "measure", "value", "n"),
    )
    for one in done.evidence.endpoints:
        screen.say(
            f"endpoint {one.endpoint.finding}: {one.endpoint.measure} {one.endpoint.words}: {one.verdict}"
        )
    for sentence in (*done.provenance.warnings, *done.evidence.warnings):
        screen.note(f"warning: {sentence}")
    screen.say(str(out / "evaluation.html"))
    screen.record(
        out=out,
        plan=done.provenance.plan or None,
        files=[path.name for path in done.files],
        warnings=[*done.provenance.warnings, *done.evidence.warnings],
        results=[
            {
                "finding": line.finding,
                "where": line.site,
                "measure": line.estimate.measure,
                "estimate": line.estimate.estimate,
                "low": line.estimate.low,
                "high": line.estimate.high,
            }
            for line in main
        ],
    )
    return 0
