"""Was a case forgotten before it was read again? Time between a reader's reads of one study, and the order of the arms."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy import stats

from condyle.evaluate.mrmc.table import Read

MIN_DAYS = 28.0  # four weeks: the convention of reader studies in radiology (Gallas et al., Acad Radiol 2012;19:463)


@dataclass(frozen=True, slots=True)
class ShortGap:
    """Two reads of one study by one reader that are too close: days between them and the rows of the table."""

    reader: str
    days: float
    rows: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Washout:
    """Gaps between the arms.

    Parameters
    ----------
    gaps : pairs of reads of one study by one reader in two arms; with_stamp : those of which both are stamped
    shortest, median : days; NaN without stamps
    short : gaps under ``least_days``, the shortest first
    first_arm : arm -> share of a reader's studies that were read in it first (by stamp, else by period)
    order_p : two-sided binomial test that both arms came first equally often; NaN without an order or with more than two arms
    by_reader : reader -> shortest gap in days
    warnings : sentences
    """

    gaps: int
    with_stamp: int
    shortest: float
    median: float
    least_days: float
    short: tuple[ShortGap, ...]
    first_arm: dict[str, float]
    order_p: float
    by_reader: dict[str, float]
    warnings: tuple[str, ...]


def washout(reads: Sequence[Read], *, least_days: float = MIN_DAYS) -> Washout:
    """Check wash-out and order from time stamps and periods.

    Parameters
    ----------
    reads : of all findings; a study read in several rows counts once, at its first stamp
    least_days : shorter gaps are listed

    Returns
    -------
    Washout; a study without stamps is counted, not passed
    """
    visits: dict[tuple[str, str], dict[str, Read]] = defaultdict(dict)
    for read in reads:
        held = visits[read.reader, read.study].get(read.arm)
        if held is None or (read.when is not None and (held.when is None or _earlier(read, held))):
            visits[read.reader, read.study][read.arm] = read
    days: list[float] = []
    short: list[ShortGap] = []
    nearest: dict[str, float] = {}
    gaps, order = 0, []
    for (reader, _), by_arm in visits.items():
        ordered = _in_order(list(by_arm.values()))
        gaps += max(len(by_arm) - 1, 0)
        if ordered:
            order.append(ordered[0].arm)
        for before, after in itertools.pairwise(ordered):
            if before.when is not None and after.when is not None:
                apart = (after.when - before.when).total_seconds() / 86400
                days.append(apart)
                nearest[reader] = min(nearest.get(reader, apart), apart)
                if apart < least_days:
                    short.append(ShortGap(reader, apart, (before.row, after.row)))
    arms = tuple(dict.fromkeys(read.arm for read in reads))
    first = {arm: order.count(arm) / len(order) if order else float("nan") for arm in arms}
    p = float("nan")
    if len(arms) == 2 and order:
        p = float(stats.binomtest(order.count(arms[0]), len(order), 0.5).pvalue)
    return Washout(
        gaps, len(days), min(days, default=float("nan")), float(np.median(days)) if days else float("nan"), least_days,
        tuple(sorted(short, key=lambda gap: gap.days)), first, p, nearest, _warnings(gaps, days, short, least_days, p, first),
    )  # fmt: skip


def _earlier(read: Read, held: Read) -> bool:
    assert read.when is not None
    assert held.when is not None
    return read.when < held.when


def _in_order(reads: list[Read]) -> list[Read]:
    """By stamp when all have one, else by period when all differ; empty when the order is not known."""
    if len(reads) < 2:
        return []
    if all(read.when is not None for read in reads):
        return sorted(reads, key=lambda read: read.when or datetime.max)
    if all(read.period for read in reads) and len({read.period for read in reads}) == len(reads):
        return sorted(reads, key=lambda read: read.period)
    return []


def _warnings(
    gaps: int, days: Sequence[float], short: Sequence[ShortGap], least: float, p: float, first: dict[str, float]
) -> tuple[str, ...]:
    said = []
    if gaps and len(days) < gaps:
        said.append(f"{gaps - len(days)} of {gaps} repeated reads have no time stamps: their wash-out is not known.")
    if short:
        said.append(f"{len(short)} of {len(days)} repeated reads came within {least:g} days.")
    if p < 0.05:
        arm = max(first, key=lambda name: first[name])
        said.append(f"{arm} was read first in {first[arm]:.0%}: order and arm are mixed.")
    return tuple(said)
