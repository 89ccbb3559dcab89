"""From rows of a manifest to a study: rows are fused, and what they say overrides what intake finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from condyle.cohorts.manifest import ManifestRow
from condyle.errors import InputError
from condyle.intake import Opened, open_studies, patient_key, study_key
from condyle.intake.lone_file import overridden
from condyle.study import Series, Study


class RowOpener:
    """Opens the studies of a manifest one after the other, and reads the headers of a shared folder only once.

    Several studies may lie in one folder; its headers are kept until a study of another folder is asked for. ``identities`` are the
    keys of the patients whom the DICOM headers of the study last opened name.
    """

    def __init__(self) -> None:
        self.identities: frozenset[str] = frozenset()
        self._path: Path | None = None
        self._opened: Opened | None = None

    def open(self, rows: Sequence[ManifestRow]) -> Study:
        """The study of these rows.

        Parameters
        ----------
        rows : all rows of one study_id. Rows of one path choose its series by ``series_id`` (as ``condyle data scan``
            wrote it); a path with one row and one series is that series whatever it is called

        Returns
        -------
        Study with keys made from the manifest's ids (HMAC), or with its own keys where the manifest holds these.

        Raises
        ------
        InputError - a path without usable series, a series that is not there, paths of different patients
        """
        by_path: dict[Path, list[ManifestRow]] = defaultdict(list)
        for row in rows:
            by_path[row.path].append(row)
        parts = [self._part(path, own) for path, own in by_path.items()]
        self.identities = frozenset(part.patient_key for part in parts if any(one.format == "dicom" for one in part.series))
        return _fused(parts, rows[0])

    def _part(self, path: Path, rows: Sequence[ManifestRow]) -> Study:
        """The study at one path, reduced to the series of these rows, with what the rows say of them."""
        named = {row.series_id: row for row in rows if row.series_id}
        if len(rows) == 1 and (not named or path.is_file()):
            # Opened with what the row says: a picture has no geometry without its plane.
            study = _chosen(open_studies(path, overrides=rows[0].overrides()), rows)
            return replace(study, series=tuple(_with_aspect(one, rows[0]) for one in study.series))
        study = _chosen(self._folder(path), rows)
        found = {one.series_id: one for one in study.series}
        missing = [row.row for row in rows if row.series_id not in found]
        if missing:
            raise InputError(
                "series-not-found",
                "The manifest names a series that its path does not hold.",
                where=f"manifest rows {', '.join(map(str, missing))}",
                why=f"Found: {', '.join(found)}.",
                what_to_do="Correct series_id, or make the manifest again with `condyle data scan`.",
            )
        told = (_with_aspect(overridden(found[name], row.overrides()), row) for name, row in named.items())
        return replace(study, series=tuple(told))

    def _folder(self, path: Path) -> Opened:
        if self._path != path or self._opened is None:
            self._path, self._opened = path, open_studies(path)
        return self._opened


def _with_aspect(series: Series, row: ManifestRow) -> Series:
    """The series with the manifest's ``pixel_aspect`` (row step / column step) among its headers: the shape of a picture's
    pixels may be known where their size is not."""
    text = row.extra.get("pixel_aspect", "")
    if not text:
        return series
    try:
        aspect = float(text)
    except ValueError:
        aspect = 0.0
    if not 0.2 <= aspect <= 5.0:
        raise InputError(
            "pixel-aspect-invalid", "A pixel_aspect is no ratio of row step to column step.", where=f"manifest row {row.row}",
            why="It must be a number from 0.2 to 5.", what_to_do="Correct it, or leave it empty.",
        )  # fmt: skip
    return replace(series, headers={**series.headers, "pixel_aspect": aspect})


def open_rows(rows: Sequence[ManifestRow]) -> Study:
    """The study of the rows of one study_id; see ``RowOpener.open``."""
    return RowOpener().open(rows)


def _chosen(opened: Opened, rows: Sequence[ManifestRow]) -> Study:
    """The study meant, where a path holds several: the one whose key the manifest names."""
    found = [one for one in opened.studies if one.study_key == rows[0].study_id] or list(opened.studies)
    if len(found) == 1:
        return found[0]
    reasons = [problem.why or problem.what for problem in opened.problems] + [reason for _, reason in opened.unused]
    raise InputError(
        "manifest-path-without-study" if not found else "manifest-path-ambiguous",
        "A path of the manifest holds no usable study." if not found else f"A path of the manifest holds {len(found)} studies.",
        where=f"manifest row {rows[0].row}",
        why="; ".join(dict.fromkeys(reasons[:3])) if not found else "A row stands for one study.",
        what_to_do="Correct the path." if not found else "Give the folder of one study, or make the manifest with `condyle data scan`.",
    )


def _fused(parts: Sequence[Study], row: ManifestRow) -> Study:
    dicom = {part.patient_key for part in parts if any(one.format == "dicom" for one in part.series)}
    if len(dicom) > 1:
        raise InputError(
            "two-patients",
            "The paths of one study_id belong to different patients.",
            where=f"manifest row {row.row} and the others of its study",
            what_to_do="Correct the study_id of these rows.",
        )
    series: list[Series] = []
    taken: set[str] = set()
    for one in (one for part in parts for one in part.series):
        name, number = one.series_id, 2
        while name in taken:
            name, number = f"{one.series_id}.{number}", number + 1
        taken.add(name)
        series.append(replace(one, series_id=name))
    keys, patients = {part.study_key for part in parts}, {part.patient_key for part in parts}
    return Study(
        row.study_id if row.study_id in keys else study_key(f"id {row.study_id}"),
        row.patient_id if row.patient_id in patients else patient_key(f"id {row.patient_id}"),
        tuple(series),
        tuple(problem for part in parts for problem in part.problems),
        tuple(entry for part in parts for entry in part.unused),
        str(row.path),
    )
