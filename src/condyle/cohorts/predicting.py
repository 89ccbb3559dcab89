"""Predict: a package over every study of a manifest, into one table. Interrupted, it goes on where it stopped."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import condyle
from condyle.cohorts.journal import journal
from condyle.cohorts.manifest import ManifestRow, by_study, check_manifest, read_manifest
from condyle.cohorts.opening import RowOpener
from condyle.cohorts.predictions import IN_TRAINING
from condyle.cohorts.table import write_table
from condyle.errors import CondyleError, InputError, TableError, UsageError
from condyle.readers import Package, Reader, load_package
from condyle.readers.fitted_on import fitted_on
from condyle.report.findings_csv import COLUMNS, finding_rows

FAILURE_COLUMNS = ("study_id", "patient_id", "manifest_row", "code", "reason", "what_to_do")

_ENOUGH = 10  # fewer values say nothing about whether a column is constant
_READ_AT_LEAST = 0.9
_CONSTANT_AT_MOST = 0.5


@dataclass(frozen=True, slots=True)
class Predicted:
    """The outcome of a run.

    Parameters
    ----------
    path : predictions.csv
    done : studies read, those of earlier runs included
    failed : (study_id, reason) of each study that was not read; also in ``failures``
    failures : table of them beside the predictions, or None when all were read
    warnings : sentences that a person must see before the table is used
    """

    path: Path
    done: int
    failed: tuple[tuple[str, str], ...]
    failures: Path | None
    warnings: tuple[str, ...] = ()


def predict(
    reader: Reader | str | Path,
    manifest: Path | str,
    out: Path | str,
    *,
    splits: Sequence[str] = (),
    training_patients: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Predicted:
    """Read every study of a manifest and write predictions.csv.

    A package knows whom it was fitted on (``readers.fitted_on``), and these patients are refused: figures from them are no evidence.

    Parameters
    ----------
    reader : of a loaded package, or the package's name or path
    manifest : manifest.csv
    out : table to write, in the long form of findings.csv with the manifest's own ids. Beside it lie
        ``<name>.journal`` (what was done; the same command takes it up, reads failed studies again, and otherwise
        writes the same bytes) and, when studies failed, ``<name>.failures.csv``
    splits : of the manifest's column; only their studies are read. Empty: all
    training_patients : read patients whom the package was fitted on, too, and mark their rows in the column ``in_training``, so that
        the evaluation refuses them; to look at the fit
    progress : called with (studies done, all studies): once for those of earlier runs, then after each

    Raises
    ------
    TableError - the manifest has problems, or patients whom the package was fitted on; nothing is written
    UsageError - ``out`` exists and was not begun with this package, manifest, splits and version; another process writes it
    InputError - no study could be read, or the output says the same of every patient; no table is written
    ResourceError - the disk is full; what was read is kept
    """
    if isinstance(reader, str | Path):
        reader = load_package(reader)
    manifest, out = Path(manifest), Path(out)
    rows = _of_splits(read_manifest(manifest), splits, manifest)
    studies = by_study(rows)
    fitted, unknown = _fitted(reader, rows)
    if fitted and not training_patients:
        raise _training_patients(fitted, rows, manifest)
    record = out.with_name(out.name + ".journal")
    if out.exists() and not record.exists():
        raise UsageError(
            "output-exists", "The table exists and nothing is overwritten.", where=out.name, why="It has no journal to go on from.",
            what_to_do="Name another file with -o, or remove this one.",
        )  # fmt: skip
    job = {
        "package": reader.info.name,
        "package_sha256": reader.info.sha256,
        "manifest_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
        "condyle_version": condyle.__version__,
        **({"splits": " ".join(sorted(set(splits)))} if splits else {}),
    }
    with journal(record, job) as done:
        opener = RowOpener()
        waiting = [study_id for study_id in studies if "findings" not in done.entries.get(study_id, {})]
        before = len(studies) - len(waiting)
        tell = progress or (lambda done, total: None)
        tell(before, len(studies))
        for number, study_id in enumerate(waiting, start=before + 1):
            done.add(study_id, _read(reader, opener, studies[study_id]))
            tell(number, len(studies))
        result = _write(out, studies, done.entries, fitted)
    doubts = tuple(f"{one.what} ({one.where}) {one.why}" for one in check_manifest(rows) if one.code != "split-incomplete")
    return replace(result, warnings=(*doubts, *unknown, *_marked(fitted, rows), *result.warnings))


def _of_splits(rows: tuple[ManifestRow, ...], splits: Sequence[str], manifest: Path) -> tuple[ManifestRow, ...]:
    found = tuple(row for row in rows if not splits or row.split in splits)
    if not found:
        raise UsageError(
            "split-empty", f"No study of the manifest is marked {' or '.join(splits)}.", where=manifest.name,
            what_to_do="Fill in the column split, or read all studies.",
        )  # fmt: skip
    return found


def _fitted(reader: Reader, rows: Sequence[ManifestRow]) -> tuple[frozenset[str], tuple[str, ...]]:
    """(patients whom the reader's package was fitted on, why that is not known)."""
    package = getattr(reader, "package", None)  # a family of another hand need not keep one
    known = fitted_on(package) if isinstance(package, Package) else None
    if known is None:
        return frozenset(), ()
    if not known.askable:
        return frozenset(), ("Whether the package was fitted on these patients is not known: its list was made with another key than this "
                             "machine's (CONDYLE_KEY_FILE).",)  # fmt: skip
    return frozenset(patient for patient in {row.patient_id for row in rows} if known.knows(patient)), ()


def _training_patients(fitted: frozenset[str], rows: Sequence[ManifestRow], manifest: Path) -> TableError:
    patients = {row.patient_id for row in rows}
    return TableError(
        "patients-of-training", f"The package was fitted on {len(fitted)} of {len(patients)} patients of the manifest.",
        where=manifest.name, why="What it says of them is no evidence of what it is worth.",
        what_to_do="Read those who were set apart (--split test); to look at the fit alone, say --training-patients.",
        problems=tuple(f"row {row.row}: the package was fitted on this patient" for row in rows if row.patient_id in fitted),
    )  # fmt: skip


def _marked(fitted: frozenset[str], rows: Sequence[ManifestRow]) -> tuple[str, ...]:
    if not fitted:
        return ()
    return (
        f"The package was fitted on {len(fitted)} of {len({row.patient_id for row in rows})} patients. Their rows are marked in the column "
        f"{IN_TRAINING}, and `condyle evaluate` refuses them.",
    )


def _read(reader: Reader, opener: RowOpener, rows: Sequence[ManifestRow]) -> dict[str, Any]:
    """The journal entry of one study: its findings, or why there are none."""
    try:
        reading = reader.read(opener.open(rows), maps=False)
    except InputError as error:
        reason = " ".join(part for part in (error.what, error.why) if part)
        return {"code": error.code, "reason": reason, "what_to_do": error.what_to_do}
    except (CondyleError, OSError, MemoryError):
        raise
    except Exception as error:  # one study never stops a cohort; its message may quote the file, its type does not
        reason = f"Condyle stopped on something that it did not expect; this is a bug ({type(error).__name__})."
        return {"code": "bug", "reason": reason, "what_to_do": "Read this study alone with `condyle read --debug`."}
    own = {"study_id": rows[0].study_id, "patient_id": rows[0].patient_id}
    # Tables of labels tell a compartment in the column ``level``; predictions must meet them there.
    return {"findings": [{**row, "level": row["level"] or row["compartment"], **own} for row in finding_rows(reading)]}


def _write(
    out: Path, studies: Mapping[str, Sequence[ManifestRow]], entries: Mapping[str, Mapping[str, Any]], fitted: frozenset[str]
) -> Predicted:
    """The tables, in the order of the manifest whatever the order of work."""
    failures = out.with_name(f"{out.stem}.failures.csv")
    failed = [
        {"study_id": study_id, "patient_id": rows[0].patient_id, "manifest_row": rows[0].row, **entries[study_id]}
        for study_id, rows in studies.items()
        if "findings" not in entries[study_id]
    ]
    findings = [row for study_id in studies for row in entries[study_id].get("findings", ())]
    if failed:
        write_table(failures, FAILURE_COLUMNS, failed)
    else:
        failures.unlink(missing_ok=True)
    done = len(studies) - len(failed)
    _refuse_empty(done, failed, failures)
    constant = constant_columns(findings)
    if constant:
        raise InputError(
            "predictions-constant",
            f"The package says the same of every study in {len(constant)} of its columns, more than half; no table is written.",
            where=", ".join(constant[:6]),
            why="A reader that does not look at its input answers so: wrong series, empty pixels or a damaged package.",
            what_to_do="Look at one study with `condyle read`, and check the package with `condyle packages verify`.",
        )
    if fitted:
        findings = [{**row, IN_TRAINING: "yes" if row["patient_id"] in fitted else ""} for row in findings]
    write_table(out, (*COLUMNS, IN_TRAINING) if fitted else COLUMNS, findings)
    reasons = tuple((str(row["study_id"]), str(row["reason"])) for row in failed)
    return Predicted(out, done, reasons, failures if failed else None, _warnings(done, len(studies)))


def constant_columns(findings: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """Findings by site whose score or grade is the same in every study, when these are more than half; else nothing.

    Only columns with at least ten values count. Source: methods, fault G50 (placeholders handed in after silent failures).
    """
    values: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in findings:
        if row["score"] or row["grade"]:
            site = " ".join(row[name] for name in ("finding", "level", "side", "compartment") if row.get(name))
            values[site].append((row["score"], row["probabilities"] or row["grade"]))
    judged = {site: own for site, own in values.items() if len(own) >= _ENOUGH}
    constant = tuple(site for site, own in judged.items() if len(set(own)) == 1)
    return constant if len(constant) > _CONSTANT_AT_MOST * len(judged) else ()


def _refuse_empty(done: int, failed: Sequence[Mapping[str, Any]], failures: Path) -> None:
    if done == 0:
        raise InputError(
            "nothing-read",
            f"None of {len(failed)} studies could be read; no table is written.",
            where=failures.name,
            why=str(failed[0]["reason"]),
            what_to_do=str(failed[0]["what_to_do"]) or "See the list of failures.",
        )


def _warnings(done: int, total: int) -> tuple[str, ...]:
    if done >= _READ_AT_LEAST * total:
        return ()
    return (
        f"Only {done} of {total} studies were read ({done / total:.0%}). Figures from this table would hold for these alone; "
        "count the others as failures.",
    )
