"""``condyle read``: studies in, findings and reports out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from condyle.cli.command import command
from condyle.cli.documents import Corrections, Documents, Language, Phrases, Prior, documents
from condyle.cli.failure import BUG_REMARK, as_condyle_error
from condyle.cli.options import ENGINE_HELP, FORMATS_HELP, Given, given_traits, split_words
from condyle.cli.screen import Screen, parts_of
from condyle.cli.troubles import anything_lost, listed, mention, mention_unused
from condyle.errors import CondyleError, InputError, ResourceError, UsageError

if TYPE_CHECKING:
    from condyle.intake import Opened
    from condyle.study import Problem, Study

PACKAGE_HELP = "Name or path of the reader package; when not given, the shipped one for the joint that the headers name, else lumbar."
EXAMPLES = (
    "condyle read study.zip -o report",
    "condyle read cohort -o reports --format html,csv",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one study: files and its row of the index when it was read, an error when not; what is wrong with its files."""

    study_key: str
    files: tuple[str, ...] = ()
    error: CondyleError | None = None
    row: Any = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    unused: tuple[tuple[str, str], ...] = ()


class ByJoint:
    """Each study is read by the shipped package for its joint."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.readers: dict[str, Any] = {}

    def read(self, study: Study) -> Any:
        from condyle.readers import load_package, package_for

        name = package_for(study)
        if name not in self.readers:
            self.readers[name] = load_package(name, engine=self.engine)
        return self.readers[name].read(study)


def add_to(app: typer.Typer) -> None:
    command(app, "read", examples=EXAMPLES)(read)


def read(
    screen: Screen,
    path: Annotated[
        Path,
        typer.Argument(
            readable=False, help="A DICOM folder, zip, DICOMDIR, NIfTI, .mha, .npy or picture; several studies are read one by one."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report: new, empty, or an unchanged earlier report.")],
    format: Annotated[str, typer.Option("--format", help=FORMATS_HELP)] = "html,json,csv",
    package: Annotated[str, typer.Option("--package", help=PACKAGE_HELP)] = "",
    engine: Annotated[str, typer.Option("--engine", help=ENGINE_HELP)] = "",
    study: Annotated[str, typer.Option("--study", help="Read only the study with this key (see --dry-run).")] = "",
    given: Given = None,
    corrections: Corrections = None,
    prior: Prior = None,
    language: Language = "en",
    phrases: Phrases = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be read; read and write nothing.")] = False,
) -> int:
    """Read studies with a package; write a report for each.

    One study goes straight into the output folder; several get a sub-folder each and an index page.
    Exit code 1 means that some studies or files could not be used: they are listed, with the reason.
    The output appears when the last study is read; a run that is stopped before leaves nothing. For hundreds of
    studies use 'condyle predict', which goes on where it stopped.
    Given a reading.json instead of images, the documents are made from it and nothing is read again.
    """
    from condyle.intake import open_studies
    from condyle.outputs import refuse_to_overwrite

    refuse_to_overwrite(out)
    wanted = documents(split_words(format), corrections, prior, language, phrases)
    if path.suffix == ".json" and path.is_file():
        return _render(screen, path, out, wanted, dry_run=dry_run)
    if not dry_run:
        from condyle.readers import load_package

        reader: Any = load_package(package, engine=engine) if package else ByJoint(engine)
    started = time.perf_counter()
    with screen.progress("Looking through the files"):
        opened = open_studies(path, overrides=given_traits(given))
    screen.record(seconds={"open files": round(time.perf_counter() - started, 3)})
    studies = _chosen(opened, study, path)
    known = (*opened.problems, *(problem for one in studies for problem in one.all_problems()))
    mention(screen, known)
    wanted.refuse(studies)
    if dry_run:
        _show_plan(screen, studies, out, opened)
        return 1 if anything_lost(known) else 0
    if len(studies) == 1:
        with screen.progress("Reading the study"):
            outcomes = [_read_one(studies[0], reader, out, "", wanted)]
    else:
        outcomes = _read_several(screen, studies, reader, out, wanted)
    return _report(screen, outcomes, out, opened, known)


def _render(screen: Screen, path: Path, out: Path, wanted: Documents, *, dry_run: bool) -> int:
    """Documents from a stored reading: nothing is read again."""
    from condyle.report import load_reading

    stored = load_reading(path)
    if dry_run:
        screen.say(f"stored reading of study {stored.study_key} -> {out} ({', '.join(wanted.formats)})")
        screen.record(studies=[{"study_key": stored.study_key, "status": "stored"}])
        return 0
    reading, files = wanted.write(stored, out, None)
    for file in files:
        screen.say(str(file))
    screen.record(out=out, studies=[{"study_key": reading.study_key, "status": "rendered", "files": [str(file) for file in files]}])
    return 0


def _chosen(opened: Opened, key: str, path: Path) -> tuple[Study, ...]:
    from condyle.intake.opening import nothing_found

    if key:
        found = tuple(study for study in opened.studies if study.study_key == key)
        if not found:
            keys = ", ".join(study.study_key for study in opened.studies) or "none"
            raise UsageError("unknown-study", f"There is no study {key!r} here.", what_to_do=f"Use one of: {keys}.")
        return found
    if not opened.studies:
        raise nothing_found(opened, path)
    if len(opened.studies) == 1:
        # What belongs to no study is said in the only report there is.
        one = opened.studies[0]
        return (replace(one, problems=opened.problems + one.problems, unused=opened.unused + one.unused),)
    return opened.studies


def _show_plan(screen: Screen, studies: tuple[Study, ...], out: Path, opened: Opened) -> None:
    for study in studies:
        folder = out if len(studies) == 1 else out / study.study_key
        screen.say(f"study {study.study_key} -> {folder}")
        screen.table(
            [[one.series_id, *_traits(one), "yes" if one.used else "no"] for one in study.series], ("series", "plane", "weighting", "used")
        )
    mention_unused(screen, list(dict.fromkeys([*opened.unused, *(entry for study in studies for entry in study.unused)])))
    rows = [
        {"study_key": one.study_key, "series": [_series_row(series) for series in one.series], **_trouble(one.problems, one.unused)}
        for one in studies
    ]
    screen.record(studies=rows, **_trouble(opened.problems, opened.unused))


def _trouble(problems: tuple[Problem, ...], unused: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    return {"problems": problems, "unused": listed(unused)}


def _traits(series: Any) -> tuple[object, object]:
    return series.role.plane.value or "?", series.role.weighting.value or "?"


def _series_row(series: Any) -> dict[str, object]:
    plane, weighting = _traits(series)
    return {"series_id": series.series_id, "plane": plane, "weighting": weighting, "used": series.used, "problems": series.problems}


def _read_several(screen: Screen, studies: tuple[Study, ...], reader: Any, out: Path, wanted: Documents) -> list[Outcome]:
    from condyle.outputs import written_aside
    from condyle.report import write_index

    outcomes: list[Outcome] = []
    taken: set[str] = set()
    with written_aside(out) as aside, screen.progress("Reading studies", len(studies)) as bar:
        for study in studies:
            try:
                if study.study_key in taken:
                    raise _there_twice()
                taken.add(study.study_key)
                outcomes.append(_read_one(study, reader, aside, study.study_key, wanted))
            except ResourceError:
                raise
            except Exception as error:  # one bad study never stops the rest; it is listed and the exit code is 1
                outcomes.append(Outcome(study.study_key, error=_tellable(error), problems=study.all_problems(), unused=study.unused))
            bar.advance()
        if all(outcome.error for outcome in outcomes):
            raise _none_read(outcomes)
        write_index(outcomes, aside)
    return outcomes


def _there_twice() -> InputError:
    """Its report would lie in the folder of the other one."""
    return InputError(
        "study-repeated", "A study is there twice and was read once.",
        why="Its files have the same content as those of another study, or the same identity.",
        what_to_do="Remove the copy, or read it by itself.",
    )  # fmt: skip


def _read_one(study: Study, reader: Any, out: Path, folder: str, wanted: Documents) -> Outcome:
    from condyle.report import index_row

    started = time.perf_counter()
    reading = reader.read(study)
    read = time.perf_counter()
    reading, files = wanted.write(reading, out / folder, study)
    seconds = {"read": round(read - started, 3), "write report": round(time.perf_counter() - read, 3)}
    names = tuple(file.relative_to(out).as_posix() for file in files)
    row = index_row(reading, names)
    return Outcome(study.study_key, names, row=row, seconds=seconds, problems=reading.problems, unused=study.unused)


def _tellable(error: Exception) -> CondyleError:
    told = as_condyle_error(error)
    if isinstance(told, ResourceError):
        raise error
    told = told or CondyleError(
        "bug", f"{BUG_REMARK} ({type(error).__name__}).", what_to_do="Read this study alone with --debug and report the traceback."
    )
    told.__traceback__ = told.__cause__ = told.__context__ = None  # they hold on to the volumes of the study until the last one is read
    return told


def _none_read(outcomes: list[Outcome]) -> InputError:
    error = InputError(
        "no-study-read", f"None of the {len(outcomes)} studies could be read.",
        why="; ".join(sorted({outcome.error.what for outcome in outcomes if outcome.error})),
        what_to_do="Read one of them alone to see all that is wrong with it.",
    )  # fmt: skip
    return error


def _report(screen: Screen, outcomes: list[Outcome], out: Path, opened: Opened, known: tuple[Problem, ...]) -> int:
    """``known`` are the problems that were mentioned before the reading; those of decoding come to light in it."""
    failed = [outcome for outcome in outcomes if outcome.error]
    # Damaged files that joined no study may be all of another one.
    problems = (*opened.problems, *(problem for outcome in outcomes for problem in outcome.problems))
    mention(screen, [problem for problem in problems if problem.severity == "error" and problem not in known])
    mention_unused(screen, list(dict.fromkeys([*opened.unused, *(entry for outcome in outcomes for entry in outcome.unused)])))
    for outcome in outcomes:
        if outcome.error:
            screen.note(f"not read: study {outcome.study_key}: {outcome.error.what} {outcome.error.why}".rstrip())
        else:
            for file in outcome.files:
                screen.say(str(out / file))
    if len(outcomes) > 1:
        screen.say(str(out / "index.html"))
        screen.note(f"{len(outcomes) - len(failed)} of {len(outcomes)} studies read.")
    screen.record(out=out, studies=[_json_row(outcome, out) for outcome in outcomes], **_trouble(opened.problems, opened.unused))
    return 1 if failed or anything_lost(problems) else 0


def _json_row(outcome: Outcome, out: Path) -> dict[str, object]:
    trouble = _trouble(outcome.problems, outcome.unused)
    if outcome.error:
        return {"study_key": outcome.study_key, "status": "failed", "error": parts_of(outcome.error), **trouble}
    files = [str(out / file) for file in outcome.files]
    return {"study_key": outcome.study_key, "status": "read", "files": files, "seconds": outcome.seconds, **trouble}
