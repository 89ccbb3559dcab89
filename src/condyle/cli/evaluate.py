"""``condyle evaluate``: tables of predictions and truth become evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from condyle.cli import evaluate_parts, evaluate_readers
from condyle.cli.command import command, group
from condyle.cli.screen import Screen

if TYPE_CHECKING:
    from condyle.cohorts.evaluating import Evaluated
    from condyle.evaluate.estimate import Estimate

EXAMPLES = (
    "condyle evaluate standalone predictions.csv truth.csv -o evidence",
    "condyle evaluate standalone predictions.csv truth.csv -o evidence --plan plan.yaml --manifest manifest.csv",
)
STANDALONE = (
    *EXAMPLES,
    "condyle evaluate standalone predictions.csv truth.csv -o evidence --manifest manifest.csv --by sex --by vendor",
    "condyle evaluate standalone predictions.csv truth.csv -o evidence --thresholds thresholds.yaml --partial-specificity 0.9 1",
)

COMPARE = (
    "condyle evaluate compare old.csv new.csv truth.csv -o evidence",
    "condyle evaluate compare old.csv new.csv truth.csv -o evidence --margin 0.05",
    "condyle evaluate compare old.csv new.csv other.csv truth.csv -o evidence --reads reads.csv --plan plan.yaml",
    "condyle evaluate compare predictions.csv truth.csv --unpaired other_predictions.csv other_truth.csv -o evidence",
)

DETECTION = (
    "condyle evaluate detection marks.csv lesions.csv --studies manifest.csv -o evidence",
    "condyle evaluate detection marks.csv lesions.csv --studies manifest.csv -o evidence --plan plan.yaml",
    "condyle evaluate detection predicted_boxes.csv boxes.csv --studies manifest.csv -o evidence",
    "condyle evaluate detection predicted_boxes.csv boxes.csv --studies manifest.csv -o evidence --iou 0.1 --iou 0.3",
)

SEGMENTATION = (
    "condyle evaluate segmentation masks.csv -o evidence --tolerance 1.0",
    "condyle evaluate segmentation masks.csv -o evidence --tolerance 1.0 --plan plan.yaml",
    "condyle evaluate segmentation masks.csv -o evidence --tolerance 1.0 --objects 0.5",
)

Failures = Annotated[Literal["exclude", "wrong"], typer.Option("--failures", help="Rows without an answer: left out, or counted as wrong.")]
Resamples = Annotated[int, typer.Option("--resamples", min=100, max=100_000, help="Bootstrap resamples of patients.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap.")]
Level = Annotated[float, typer.Option("--level", min=0.5, max=0.999, help="Confidence of the intervals.")]
Proportions = Annotated[
    Literal["wilson", "exact"], typer.Option("--proportions", help="Interval of shares of independent rows: Wilson or Clopper-Pearson.")
]
Truth = Annotated[Path, typer.Argument(readable=False, help="truth.csv in the format of labels.csv.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for evaluation.html, results.json, tables and figures.")]
Figures = Annotated[bool, typer.Option("--figures/--no-figures", help="Draw figures and write the PDF; most of the time goes there.")]
PlanFile = Annotated[
    Path | None, typer.Option("--plan", readable=False, help="plan.yaml: endpoints, subgroups, seeds; hashed before the truth is opened.")
]


def add_to(app: typer.Typer) -> None:
    evaluate = group("evaluate", "Judge predictions: numbers with intervals, tables, one page.", examples=EXAMPLES)
    command(evaluate, "standalone", examples=STANDALONE)(standalone)
    command(evaluate, "compare", examples=COMPARE)(compare)
    command(evaluate, "segmentation", examples=SEGMENTATION)(segmentation)
    command(evaluate, "detection", examples=DETECTION)(detection)
    evaluate_parts.add_to(evaluate)
    evaluate_readers.add_to(evaluate)
    app.add_typer(evaluate)


def standalone(
    screen: Screen,
    predictions: Annotated[Path, typer.Argument(readable=False, help="predictions.csv of condyle predict.")],
    truth: Truth,
    out: Out,
    plan: PlanFile = None,
    figures: Figures = True,
    manifest: Annotated[Path | None, typer.Option("--manifest", "-m", readable=False, help="Table with the columns of --by.")] = None,
    by: Annotated[
        list[str] | None, typer.Option("--by", metavar="COLUMN", help="Subgroups: a column of the manifest, or level or side.")
    ] = None,
    model: Annotated[str, typer.Option("--model", help="Which model, when the table holds several.")] = "",
    thresholds: Annotated[
        Path | None,
        typer.Option("--thresholds", readable=False, help="thresholds.yaml, frozen before: calls from scores in place of the decisions."),
    ] = None,
    prevalence: Annotated[list[float] | None, typer.Option("--prevalence", help="Recompute PPV and NPV at this prevalence.")] = None,
    partial_specificity: Annotated[
        tuple[float, float] | None,
        typer.Option("--partial-specificity", metavar="LOW HIGH", help="Partial AUROC over this band of specificity."),
    ] = None,
    partial_sensitivity: Annotated[
        tuple[float, float] | None,
        typer.Option("--partial-sensitivity", metavar="LOW HIGH", help="Partial AUROC beside this band of sensitivity."),
    ] = None,
    failures: Failures = "exclude",
    proportions: Proportions = "wilson",
    interval: Annotated[
        Literal["percentile", "bca"],
        typer.Option("--interval", help="Of the bootstrap; average precision of fewer than 50 positives is BCa in any case."),
    ] = "percentile",
    level: Level = 0.95,
    resamples: Resamples = 2000,
    seed: Seed = 0,
) -> int:
    """Judge one reader's predictions against truth, finding by finding.

    AUROC (DeLong or over patients, and bootstrap), average precision, sensitivity to NPV at the decisions or frozen thresholds, F1,
    MCC, calibration; grades: kappa, balanced accuracy, errors; measurements: errors, limits of agreement, ICC; means over findings.
    Every number carries n, events, patients, interval and method. Without a plan the page says "exploratory". Each opening of the
    truth is written to a log beside it.
    """
    from condyle.cohorts.evaluating import evaluate_predictions
    from condyle.cohorts.evaluation import checked_bands
    from condyle.evaluate.standalone import Settings

    bands = [(axis, *band) for axis, band in (("specificity", partial_specificity), ("sensitivity", partial_sensitivity)) if band]
    asked = Settings(
        level, resamples, seed, proportions, failures, tuple(prevalence or ()), interval=interval, bands=checked_bands(bands)
    )
    with screen.progress("Evaluating"):
        done = evaluate_predictions(
            predictions,
            truth,
            out,
            plan=plan,
            manifest=manifest,
            subgroups=tuple(by or ()),
            model=model,
            settings=None if asked == Settings() else asked,
            thresholds=thresholds,
            figures=figures,
        )
    _tell(screen, done, out)
    return 0


def compare(
    screen: Screen,
    tables: Annotated[
        list[Path],
        typer.Argument(
            metavar="PREDICTIONS... TRUTH", readable=False, help="Two or more predictions.csv (one with --unpaired), and truth.csv last."
        ),
    ],
    out: Out,
    plan: PlanFile = None,
    figures: Figures = True,
    unpaired: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--unpaired", metavar="PREDICTIONS TRUTH", help="Tables of other patients, to compare with the first set."),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option("--margin", min=0, help="Non-inferiority of the second: how much lower AUROC, sensitivity, specificity may be."),
    ] = None,
    reads: Annotated[Path | None, typer.Option("--reads", readable=False, help="reads.csv: put each model beside the readers.")] = None,
    arm: Annotated[str, typer.Option("--arm", help="Arm of the readers.")] = "unaided",
    failures: Failures = "exclude",
    level: Level = 0.95,
    resamples: Resamples = 2000,
    seed: Seed = 0,
) -> int:
    """Compare models on the same rows, later minus earlier, or one model on two sets of patients (--unpaired), or with readers (--reads).

    Differences of AUROC, sensitivity, specificity, accuracy, predictive values, kappa and errors with intervals over patients. Same
    rows: DeLong, Tango and Newcombe, McNemar, weighted generalised score. Other patients: unpaired DeLong, Miettinen-Nurminen and
    Newcombe. Readers: Obuchowski-Rockette-Hillis, and the model's sensitivity at their specificity.
    """
    from condyle.cohorts.evaluating import evaluate_comparison, evaluate_unpaired
    from condyle.errors import UsageError
    from condyle.evaluate.standalone import Settings

    asked = Settings(level, resamples, seed, failures=failures)
    given = None if asked == Settings() else asked
    with screen.progress("Comparing"):
        if unpaired is None:
            done = evaluate_comparison(
                tables[:-1], tables[-1], out, plan=plan, margin=margin, settings=given, reads=reads, arm=arm, figures=figures
            )
        elif len(tables) == 2 and reads is None:
            first = (tables[0], tables[1])
            done = evaluate_unpaired(first, unpaired, out, plan=plan, margin=margin, settings=given, figures=figures)
        else:
            raise UsageError(
                "compare-unpaired", "With --unpaired there is one table of predictions and its truth, and no readers.",
                what_to_do="condyle evaluate compare predictions.csv truth.csv --unpaired other_predictions.csv other_truth.csv -o DIR",
            )  # fmt: skip
    _tell(screen, done, out)
    return 0


def segmentation(
    screen: Screen,
    masks: Annotated[Path, typer.Argument(readable=False, help="masks.csv: study_id, patient_id, structure, truth_path, predicted_path.")],
    out: Out,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0, help="Of surface Dice, in mm: such as the distance between two readers.")
    ],
    plan: PlanFile = None,
    objects: Annotated[
        float | None,
        typer.Option("--objects", min=0.01, max=1, help="Also match the separate parts of each mask one to one, from this IoU on."),
    ] = None,
    figures: Figures = True,
) -> int:
    """Judge masks (NIfTI): Dice, IoU, surface Dice, distances in mm, volumes, and how often a mask is empty.

    With --objects the connected parts of a structure are matched one to one: how many are found, how many are right, panoptic quality.
    """
    from condyle.cohorts.masks import evaluate_masks

    with screen.progress("Evaluating"):
        done = evaluate_masks(masks, out, tolerance_mm=tolerance, plan=plan, objects=objects, figures=figures)
    _tell(screen, done, out)
    return 0


def detection(
    screen: Screen,
    marks: Annotated[Path, typer.Argument(readable=False, help="marks.csv: study_id, finding, x, y, z, score; or predicted boxes.")],
    lesions: Annotated[Path, typer.Argument(readable=False, help="lesions.csv: study_id, finding, x, y, z, radius_mm; or true boxes.")],
    studies: Annotated[Path, typer.Option("--studies", readable=False, help="Manifest of every study that was read.")],
    out: Out,
    plan: PlanFile = None,
    iou: Annotated[
        list[float] | None,
        typer.Option("--iou", min=0.01, max=1, help="Overlap from which a box hits; without, 0.50 to 0.95, in 3-D 0.10 to 0.50."),
    ] = None,
    figures: Figures = True,
) -> int:
    """Judge marks in free response (sensitivity at 1/8 to 8 false marks a study), or boxes (COCO's average precision), over patients.

    A mark hits a lesion when it lies nearer to its centre than its radius; FROC, CPM, AFROC and wAFROC, also of several readers and
    arms. Studies without a mark count too. Tables with the columns x0, y0, x1, y1 (and z0, z1) hold boxes.
    """
    from condyle.cohorts.boxes import are_boxes, evaluate_boxes
    from condyle.cohorts.detecting import evaluate_marks

    with screen.progress("Evaluating"):
        if are_boxes(marks):
            done = evaluate_boxes(marks, lesions, studies, out, plan=plan, ious=tuple(iou or ()), figures=figures)
        else:
            done = evaluate_marks(marks, lesions, studies, out, plan=plan, figures=figures)
    _tell(screen, done, out)
    return 0


def _tell(screen: Screen, done: Evaluated, out: Path) -> None:
    """The first number of each finding, the endpoints, the warnings, and where the page is."""
    first: dict[str, Estimate] = {}
    for line in done.evidence.lines:
        first.setdefault(line.finding, line.estimate)
    screen.table(
        [(name, one.measure, one, one.n, "" if one.events is None else one.events, one.clusters) for name, one in first.items()],
        ("finding", "measure", "value", "n", "events", "patients"),
    )
    for one in done.evidence.endpoints:
        screen.say(
            f"endpoint {one.endpoint.finding} {one.endpoint.measure} {one.endpoint.words}: {one.verdict}"
        )
    for sentence in done.provenance.warnings:
        screen.note(f"warning: {sentence}")
    screen.say(str(out / "evaluation.html"))
    screen.record(
        out=out,
        plan=done.provenance.plan or None,
        files=[path.name for path in done.files],
        warnings=done.provenance.warnings,
        results=[
            {"finding": name, "measure": one.measure, "estimate": one.estimate, "low": one.low, "high": one.high}
            for name, one in first.items()
        ],
    )
