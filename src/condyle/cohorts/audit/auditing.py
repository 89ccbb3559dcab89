"""``audit``: a manifest, its labels and its splits become one audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from condyle.cohorts.audit.copies import exact_part, near_part
from condyle.cohorts.audit.divisions import divisions_of, read_division
from condyle.cohorts.audit.likeness import NEAR, pairs_of
from condyle.cohorts.audit.looking import Seen, look
from condyle.cohorts.audit.people import people_part
from condyle.cohorts.audit.shortcuts import FOLDS, LEAST_PATIENTS, findings_present
from condyle.cohorts.audit.telling import grouped_part, headers_part, sites_part
from condyle.cohorts.evaluation import digests
from condyle.cohorts.labels import Label, read_labels
from condyle.cohorts.manifest import read_manifest
from condyle.report.audit_page import Audit

PATIENT, SITE = "patients", "sites"


def audit(
    manifest: Path | str, *, splits: Sequence[Path | str] = (), labels: Path | str | None = None, seed: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> Audit:  # fmt: skip
    """Look for what would make a reader look better on a cohort than it is.

    Parameters
    ----------
    manifest : manifest.csv, or the cohort folder that holds it
    splits : further split files, ``splits.json`` or CSV (see ``read_division``), beside the manifest's own columns
    labels : table of labels; None is labels.csv beside the manifest, where there is one
    seed : of the folds
    progress : called with (studies done, all studies)

    Returns
    -------
    Audit: patients across splits, exact and near copies, findings told by headers, sites told by pixels, random against grouped splits

    Raises
    ------
    InputError, TableError - the manifest or another table cannot be used. A patient in two splits is no error here, but found
    """
    path = Path(manifest)
    path = path / "manifest.csv" if path.is_dir() else path
    rows = read_manifest(path, crossing=True)
    divisions = (*divisions_of(rows), *(read_division(one, rows) for one in splits))
    beside = Path(labels) if labels is not None else path.parent / "labels.csv"
    told: tuple[Label, ...] = read_labels(beside) if labels is not None or beside.is_file() else ()
    looked = look(rows, progress)
    seen, proxy = _with_sites(looked.studies)
    names, targets = findings_present(told, [one.study_id for one in seen])
    identities = {one.study_id: one.identity for one in seen if one.identity}
    series = [one for study in seen for one in study.series]
    pairs = pairs_of([one.print for one in series])
    patients = {row.study_id: row.patient_id for row in rows}
    parts = (
        people_part(rows, identities, divisions),
        exact_part(pairs, series, patients, divisions),
        near_part(pairs, series, patients, divisions),
        headers_part(names, targets, seen, seed=seed),
        sites_part(names, targets, seen, proxy=proxy, seed=seed),
        grouped_part(PATIENT, names, targets, seen, [one.patient_id for one in seen], seed=seed),
        grouped_part(SITE, names, targets, seen, [one.site for one in seen], seed=seed),
    )
    inputs = [path, *([beside] if told else []), *map(Path, splits)]
    counts = {"rows": len(rows), "studies": len(patients), "patients": len(set(patients.values())), "series": len(series),
              "sites": len({one.site for one in seen if one.site}), "findings": len(names)}  # fmt: skip
    settings = {"seed": seed, "folds": FOLDS, "least patients with and without a finding": LEAST_PATIENTS, "likeness of near copies": NEAR}
    return Audit(parts, digests(inputs), counts, looked.left_out, settings)


def _with_sites(seen: Sequence[Seen]) -> tuple[tuple[Seen, ...], bool]:
    """The studies with a site each, and whether it stands in for an absent site_id: then it is maker and model of the scanner."""
    if any(one.site for one in seen):
        return tuple(seen), False
    return tuple(replace(one, site=_scanner(one.headers)) for one in seen), True


def _scanner(headers: Mapping[str, float | str]) -> str:
    words = [str(headers[name]) for end in ("manufacturer", "model") for name in sorted(headers) if name.endswith(f" {end}")][:2]
    return " ".join(dict.fromkeys(words)) or str(headers.get("vendor", ""))
