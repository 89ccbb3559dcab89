"""``condyle evaluate calibration | subgroups | agreement``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from condyle.cli.command import command
from condyle.cli.evaluate_readers import Figures, Out, PlanFile, show
from condyle.cli.screen import Screen

if TYPE_CHECKING:
    from condyle.evaluate.standalone import Settings

CALIBRATION = (
    "condyle evaluate calibration predictions.csv truth.csv -o evidence",
    "condyle evaluate calibration predictions.csv truth.csv -o evidence --validation validation_predictions.csv validation_truth.csv",
)
SUBGROUPS = (
    "condyle evaluate subgroups predictions.csv truth.csv -o evidence --manifest manifest.csv --by sex --by age",
    "condyle evaluate subgroups predictions.csv truth.csv -o evidence --manifest manifest.csv --by vendor --cohorts site_id",
)
AGREEMENT = (
    "condyle evaluate agreement reads.csv -o evidence",
    "condyle evaluate agreement reads.csv -o evidence --arm unaided --manifest manifest.csv",
)

Predictions = Annotated[Path, typer.Argument(readable=False, help="predictions.csv of condyle predict.")]
Truth = Annotated[Path, typer.Argument(readable=False, help="truth.csv in the format of labels.csv.")]
Manifest = Annotated[Path | None, typer.Option("--manifest", "-m", readable=False, help="Table with the patients and columns of studies.")]
Resamples = Annotated[int, typer.Option("--resamples", min=100, max=100_000, help="Bootstrap resamples of patients.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap.")]


def add_to(group: typer.Typer) -> None:
    command(group, "calibration", examples=CALIBRATION)(calibration)
    command(group, "subgroups", examples=SUBGROUPS)(subgroups)
    command(group, "agreement", examples=AGREEMENT)(agreement)


def calibration(
    screen: Screen,
    predictions: Predictions,
    truth: Truth,
    out: Out,
    plan: PlanFile = None,
    validation: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--validation", metavar="PREDICTIONS TRUTH", help="Tables of other patients, to fit recalibration on."),
    ] = None,
    miss: Annotated[float, typer.Option("--miss", min=0.001, max=0.5, help="Share of patients that a conformal set may miss.")] = 0.1,
    manifest: Manifest = None,
    by: Annotated[str, typer.Option("--by", metavar="COLUMN", help="Column in whose groups coverage is given too.")] = "",
    figures: Figures = True,
    resamples: Resamples = 2000,
    seed: Seed = 0,
) -> int:
    """Judge whether scores mean what they say: slope, intercepts, errors, decision curve, risk and coverage.

    With validation data of other patients: temperature, Platt and isotonic recalibration, and conformal sets, judged on the rest.
    """
    from condyle.cohorts.evaluating_parts import evaluate_calibration

    with screen.progress("Evaluating"):
        done = evaluate_calibration(
            predictions, truth, out, plan=plan, validation=validation, manifest=manifest, by=by, miss=miss,
            settings=_asked(resamples, seed), figures=figures,
        )  # fmt: skip
    return show(screen, done, out)


def subgroups(
    screen: Screen,
    predictions: Predictions,
    truth: Truth,
    out: Out,
    plan: PlanFile = None,
    manifest: Manifest = None,
    by: Annotated[
        list[str] | None, typer.Option("--by", metavar="COLUMN", help="Subgroups: a column of the manifest, or level or side.")
    ] = None,
    cohorts: Annotated[
        str, typer.Option("--cohorts", metavar="COLUMN", help="Column whose groups are cohorts: pooled, with their heterogeneity.")
    ] = "",
    figures: Figures = True,
    resamples: Resamples = 2000,
    seed: Seed = 0,
) -> int:
    """Judge predictions in subgroups: values, gaps, interaction tests (Holm, Benjamini-Hochberg), cohorts.

    Cells with fewer than ten positives or ten negatives say "insufficient". No difference found is not parity.
    """
    from condyle.cohorts.evaluating_parts import evaluate_subgroups

    with screen.progress("Evaluating"):
        done = evaluate_subgroups(
            predictions, truth, out, plan=plan, manifest=manifest, subgroups=tuple(by or ()), cohorts=cohorts,
            settings=_asked(resamples, seed), figures=figures,
        )  # fmt: skip
    return show(screen, done, out)


def agreement(
    screen: Screen,
    ratings: Annotated[
        Path, typer.Argument(readable=False, help="reads.csv (decision), or labels.csv with reader_id (value): two readers or more.")
    ],
    out: Out,
    plan: PlanFile = None,
    arm: Annotated[list[str] | None, typer.Option("--arm", help="Arms to use; all when none is named.")] = None,
    manifest: Manifest = None,
    figures: Figures = True,
    resamples: Resamples = 2000,
    seed: Seed = 0,
) -> int:
    """Judge how well readers agree: alpha, AC1 and AC2, kappa, ICC, every pair, groups of readers, arms. Needs no truth."""
    from condyle.cohorts.evaluating_parts import evaluate_agreement

    with screen.progress("Evaluating"):
        done = evaluate_agreement(
            ratings, out, plan=plan, arms=tuple(arm or ()), patients=manifest, settings=_asked(resamples, seed), figures=figures
        )
    return show(screen, done, out)


def _asked(resamples: int, seed: int) -> Settings | None:
    """Settings that differ from the usual ones; None leaves them to the plan."""
    from condyle.evaluate.standalone import Settings

    asked = Settings(resamples=resamples, seed=seed)
    return None if asked == Settings() else asked
