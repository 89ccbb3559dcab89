"""The audit's second question: are the same pixels there twice?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from condyle.cohorts.audit.divisions import Division
from condyle.cohorts.audit.likeness import NEAR, Pair
from condyle.cohorts.audit.looking import SeenSeries
from condyle.evaluate.study_evidence import Cell, Sheet
from condyle.report.audit_page import AuditPart, Beside
from condyle.study import Check

_SHOWN = 12
_COLUMNS = ("Where", "Likeness", "Row", "Series", "Row of the other", "Series of the other", "Parts")


def exact_part(
    pairs: Sequence[Pair], series: Sequence[SeenSeries], patients: Mapping[str, str], divisions: Sequence[Division]
) -> AuditPart:
    """Series with the very same values."""
    about = "Two series are exact copies when the values of all slices, in order of position, are equal. Names and headers play no part."
    return _part("exact_copies", "Exact copies", [one for one in pairs if one.exact], series, patients, divisions, about)


def near_part(
    pairs: Sequence[Pair], series: Sequence[SeenSeries], patients: Mapping[str, str], divisions: Sequence[Division]
) -> AuditPart:
    """Series that show the same in other values: saved again with other borders, window, scale, matrix or turn."""
    about = (
        "Three slices of each series are laid on those of the other by marked points that both show, so that borders may be cut off or "
        "added, the matrix another, the picture mirrored or turned by a right angle and the stack reversed; series are near copies when "
        f"what is left without shading and scale of the values correlates by {NEAR:g} or more. A copy of which slices were cut away is not "
        "found. Two series of one study may be alike because one was reconstructed twice: these are counted and are no fault."
    )
    return _part("near_copies", "Near copies", [one for one in pairs if not one.exact], series, patients, divisions, about)


def _part(
    name: str, title: str, pairs: Sequence[Pair], series: Sequence[SeenSeries], patients: Mapping[str, str],
    divisions: Sequence[Division], about: str,
) -> AuditPart:  # fmt: skip
    rows: list[tuple[bool, tuple[Cell, ...]]] = []
    pictures: list[Beside] = []
    faults = 0
    for pair in pairs:
        one, other = series[pair.first], series[pair.second]
        strange = patients[one.study_id] != patients[other.study_id]
        parts = {division.name: division.together((one.study_id, other.study_id)) for division in divisions}
        crossed = [f"{name}: {', '.join(sorted(own))}" for name, own in parts.items() if len(own) > 1]
        fault = strange or bool(crossed)
        faults += fault
        where = "two patients" if strange else "two studies of a patient" if one.study_id != other.study_id else "one study"
        rows.append((not fault, (where, pair.likeness, one.row, one.name, other.row, other.name, "; ".join(crossed))))
        if fault and len(pictures) < _SHOWN:
            words = f"rows {one.row} and {other.row}, likeness {pair.likeness:.3f}" + (f"; {'; '.join(crossed)}" if crossed else "")
            pictures.append(Beside(words, one.print.picture, other.print.picture))
    table = [row for _, row in sorted(rows, key=lambda row: row[0])]
    sheet = Sheet(name, "Pairs of series", _COLUMNS, table, "A column 'Parts' that is filled names splits whose parts the pair lies in.")
    return AuditPart(title, _check(name, title.lower(), faults, len(pairs), len(series)), about, (sheet,), pictures=tuple(pictures))


def _check(name: str, words: str, faults: int, pairs: int, series: int) -> Check:
    if series < 2:
        return Check(name, None, None, 0.0, "pairs", "There are not two series to compare.")
    rest = pairs - faults
    others = f" Pairs within one patient: {rest}." if rest else ""
    if not faults:
        return Check(name, True, 0.0, 0.0, "pairs", f"No {words} between patients or across splits among {series} series.{others}")
    return Check(
        name, False, float(faults), 0.0, "pairs", f"Pairs of series that are {words} between patients or across splits: {faults}.{others}",
        "Look at the pairs; keep one of each, or give both studies one patient_id.",
    )  # fmt: skip
