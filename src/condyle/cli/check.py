"""``condyle check``: is this study, manifest, package or recipe in order?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from condyle.cli.command import command, group
from condyle.cli.options import Given, given_traits
from condyle.cli.screen import Screen
from condyle.cli.study import load_study

if TYPE_CHECKING:
    from condyle.study import Check

STUDY_EXAMPLES = ("condyle check study study.zip", "condyle check study study.zip --json")
MANIFEST_EXAMPLES = ("condyle check manifest cohort/manifest.csv", "condyle check manifest cohort/manifest.csv --json")
PACKAGE_EXAMPLES = ("condyle check package lumbar", "condyle check package lumbar --json")
RECIPE_EXAMPLES = ("condyle check recipe lumbar", "condyle check recipe lumbar --json")


def add_to(app: typer.Typer) -> None:
    check = group("check", "Is a study, manifest, package or recipe in order?", examples=(STUDY_EXAMPLES[0], MANIFEST_EXAMPLES[0]))
    command(check, "study", examples=STUDY_EXAMPLES)(study)
    command(check, "manifest", examples=MANIFEST_EXAMPLES)(manifest)
    command(check, "package", examples=PACKAGE_EXAMPLES)(package)
    command(check, "recipe", examples=RECIPE_EXAMPLES)(recipe)
    app.add_typer(check)


def study(
    screen: Screen,
    path: Annotated[Path, typer.Argument(readable=False, help="Folder, zip or file of one study.")],
    joint: Annotated[str, typer.Option("--joint", help="What the study should show.")] = "lumbar",
    key: Annotated[str, typer.Option("--study", help="Key of the study when there are several.")] = "",
    given: Given = None,
) -> int:
    """Show the series with their roles, every problem, and the quality checks with measured number and threshold.

    Exit code 1 means that something is an error or not ok; it is listed.
    """
    from condyle.quality import check

    opened, volumes = load_study(screen, path, key, given_traits(given))
    checks = check(opened, volumes, joint=joint)
    screen.say(f"study {opened.study_key}")
    screen.table(
        [_series_row(series) for series in opened.series],
        ("series", "format", "shape", "plane", "weighting", "fat sat", "body part", "used"),
    )
    problems = opened.all_problems()
    lines = [f"{problem.severity}: {problem.what}" + (f" ({problem.where})" if problem.where else "") for problem in problems]
    lines += [_check_line(one) for one in checks]
    for line in dict.fromkeys(lines):  # two stacks of one series are measured apart and named alike
        screen.say(line)
    screen.record(
        study_key=opened.study_key,
        series=[_series_json(series) for series in opened.series],
        checks=checks,
        problems=opened.problems,
        unused=opened.unused,
    )
    return int(any(problem.severity == "error" for problem in problems) or any(one.passed is False for one in checks))


def _check_line(one: Check) -> str:
    mark = {True: "ok", False: "NOT OK", None: "not measured"}[one.passed]
    return f"{mark}: {one.sentence}" + (f" {one.advice}" if one.passed is False and one.advice else "")


def _series_row(series: Any) -> list[object]:
    role = series.role
    shape = "x".join(map(str, series.geometry.shape)) if series.geometry is not None else "?"
    traits = (role.plane, role.weighting, role.fat_suppressed, role.body_part)
    return [
        series.series_id,
        series.format,
        shape,
        *("?" if trait.value is None else trait.value for trait in traits),
        "yes" if series.used else "no",
    ]


def _series_json(series: Any) -> dict[str, Any]:
    geometry = series.geometry
    return {
        "series_id": series.series_id,
        "format": series.format,
        "used": series.used,
        "shape": geometry.shape if geometry is not None else None,
        "spacing": [round(step, 4) for step in geometry.spacing] if geometry is not None else None,
        "role": series.role,
        "problems": series.problems,
    }


def manifest(screen: Screen, path: Annotated[Path, typer.Argument(readable=False, help="manifest.csv.")]) -> None:
    """Check a manifest, and beside a manifest.csv the other tables of its cohort: columns, values, files, studies.

    All problems at once, with row numbers.
    """
    from condyle.cohorts.cohort import load_cohort
    from condyle.cohorts.manifest import check_manifest, read_manifest

    cohort = load_cohort(path) if path.name == "manifest.csv" and path.is_file() else None
    rows = cohort.rows if cohort is not None else read_manifest(path)
    doubts = check_manifest(rows)
    studies, patients = len({row.study_id for row in rows}), len({row.patient_id for row in rows})
    for problem in doubts:
        screen.say(f"{problem.severity}: {problem.what} ({problem.where}) {problem.what_to_do}")
    screen.say(f"{path}: in order; {len(rows)} rows, {studies} studies, {patients} patients")
    labels = cohort.labels if cohort is not None else ()
    if labels:
        silent = studies - len({label.study_id for label in labels})
        screen.say(f"{path.with_name('labels.csv')}: in order; {len(labels)} labels, {silent} studies without one")
    screen.record(manifest=path, rows=len(rows), studies=studies, patients=patients, labels=len(labels), problems=doubts)


def package(screen: Screen, name: Annotated[str, typer.Argument(metavar="PATH", help="Name or path of a reader package.")]) -> None:
    """Check a package: schema, hashes, catalogue, steps, every graph with its family, card and figures."""
    from condyle.readers import check_package

    info = check_package(name).info
    screen.say(f"{info.name} {info.version}: in order (sha256 {info.sha256})")
    screen.record(package=info)


def recipe(
    screen: Screen, name: Annotated[str, typer.Argument(metavar="PATH", help="Name of a shipped recipe, or path of a recipe.yaml.")]
) -> None:
    """Check a recipe in all its sizes: keys, values, what it inherits. Needs no torch."""
    from condyle.train.recipe import load_sizes

    checked = load_sizes(name)
    full = checked["full"]
    screen.say(f"{full.name} {full.version}: in order; family {full.family}, findings {', '.join(full.data.findings)}")
    screen.record(name=full.name, recipe={size: one.model_dump(mode="json") for size, one in checked.items()})
