"""``condyle data``: cohorts from folders and from public data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from condyle.cli.command import command, group
from condyle.cli.screen import Screen

SCAN_EXAMPLES = (
    "condyle data scan cohort -o manifest.csv",
    "condyle data scan cohort -o manifest.csv --labels table.csv --map map.yaml",
    "condyle data scan cohort -o manifest.csv --json",
)
AUDIT_EXAMPLES = (
    "condyle data audit cohort -o audit",
    "condyle data audit cohort/manifest.csv --splits splits.csv -o audit --json",
)
IMPORT_EXAMPLES = (
    "condyle data import spider spider -o spider-cohort",
    "condyle data import mrnet MRNet-v1.0 -o mrnet-cohort",
    "condyle data import spider spider -o spider-cohort --json",
)


def add_to(app: typer.Typer) -> None:
    data = group("data", "Make cohorts from folders and public data sets, and audit them.", examples=(SCAN_EXAMPLES[0], AUDIT_EXAMPLES[0]))
    command(data, "scan", examples=SCAN_EXAMPLES)(scan)
    command(data, "import", examples=IMPORT_EXAMPLES)(import_data)
    command(data, "audit", examples=AUDIT_EXAMPLES)(audit)
    app.add_typer(data)


def scan(
    screen: Screen,
    folder: Annotated[Path, typer.Argument(readable=False, help="Folder that holds studies in any depth.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="manifest.csv to write.")],
    labels: Annotated[Path | None, typer.Option("--labels", readable=False, help="Table of labels; labels.csv is written beside.")] = None,
    mapping: Annotated[Path | None, typer.Option("--map", readable=False, help="YAML that says what the table's columns mean.")] = None,
) -> None:
    """Look through a folder and write a manifest with one row a series, roles included; with --labels also labels.csv."""
    from condyle.cohorts import scan as look
    from condyle.cohorts import write_manifest
    from condyle.cohorts.joining import join_labels, read_join, write_joined
    from condyle.errors import UsageError
    from condyle.outputs import refuse_existing_file

    refuse_existing_file(out)
    if (labels is None) != (mapping is None):
        raise UsageError("labels-without-map", "--labels and --map go together.", what_to_do="Give both, or neither.")
    beside = out.with_name("labels.csv")
    if labels is not None:
        refuse_existing_file(beside)
    told = None if mapping is None or labels is None else read_join(mapping, labels)
    with screen.progress("Looking through the files"):
        found = look(folder, out)
    joined = None if labels is None or told is None else join_labels(found.rows, labels, told)
    write_manifest(out, found.rows)
    if joined is not None:
        write_joined(beside, joined)
        for number in joined.unmatched:
            screen.note(f"no study for row {number} of the label table")
        screen.note(f"{len(joined.rows)} labels; {joined.silent} studies without one")
    for where, reason in found.left_out:
        screen.note(f"left out: {where}: {reason}")
    screen.say(str(out))
    screen.note(f"{found.studies} studies, {len(found.rows)} series, {len(found.left_out)} left out")
    screen.record(
        out=out,
        studies=found.studies,
        series=len(found.rows),
        problems=found.problems,
        left_out=[{"where": where, "reason": reason} for where, reason in found.left_out],
        labels=None if joined is None else len(joined.rows),
        rows_without_study=None if joined is None else list(joined.unmatched),
    )


def import_data(
    screen: Screen,
    adapter: Annotated[str, typer.Argument(help="Data set (see 'condyle list adapters').")],
    folder: Annotated[Path, typer.Argument(readable=False, metavar="DIR", help="Folder with the data set as it was published.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Cohort folder to write. It must not exist yet.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy the pixel files into the cohort; else the manifest points to them.")] = False,
) -> None:
    """Turn a public data set into a cohort: manifest.csv, labels.csv and masks."""
    from condyle.outputs import written_aside
    from condyle.registry import get

    with written_aside(out, sums=False) as aside, screen.progress("Importing"):
        imported = get("adapters", adapter)(folder, aside, copy=copy)
    counts = {name: getattr(imported, name) for name in ("patients", "studies", "series", "labels", "masks")}
    for where, reason in imported.left_out:
        screen.note(f"left out: {where}: {reason}")
    screen.say(str(out / "manifest.csv"))
    screen.note(", ".join(f"{number} {name}" for name, number in counts.items()))
    screen.record(out=out, **counts, left_out=[{"where": where, "reason": reason} for where, reason in imported.left_out])


def audit(
    screen: Screen,
    cohort: Annotated[Path, typer.Argument(readable=False, help="Cohort folder, or its manifest.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for audit.html, audit.json and tables.")],
    splits: Annotated[
        list[Path] | None,
        typer.Option("--splits", readable=False, help="splits.json, or a CSV with study_id or patient_id and split or fold."),
    ] = None,
    labels: Annotated[Path | None, typer.Option("--labels", readable=False, help="Table of labels; else labels.csv beside it.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the folds in which headers and pixels are tried as predictors.")] = 0,
) -> int:
    """Look for leakage and shortcuts: patients across splits, copies, findings told by headers, sites told by pixels.

    Reads every series once. Exit code 1 means that something was found or could not be looked at; it is listed.
    """
    from condyle.cohorts.audit.auditing import audit as run
    from condyle.outputs import refuse_to_overwrite
    from condyle.report.audit_page import write_audit

    refuse_to_overwrite(out)
    with screen.progress("Looking at the studies") as bar:
        found = run(cohort, splits=splits or (), labels=labels, seed=seed, progress=bar.update)
    written = write_audit(found, out)
    for part in found.parts:
        mark = {True: "ok", False: "FOUND", None: "not measured"}[part.check.passed]
        screen.say(f"{mark}: {part.title}. {part.check.sentence}")
    for where, reason in found.left_out:
        screen.note(f"left out: {where}: {reason}")
    screen.say(str(written[0]))
    checks = [{"title": part.title, "check": part.check} for part in found.parts]
    left_out = [{"where": where, "reason": reason} for where, reason in found.left_out]
    screen.record(out=out, clean=found.clean, counts=dict(found.counts), checks=checks, left_out=left_out)
    return 0 if found.clean else 1
