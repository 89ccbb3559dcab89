"""What a training run would read, counted from the tables: files, studies, patients and findings of every part. Opens no picture.

What it would cost is measured by the families (``lumbar_trial``, ``multiplane.trial``) and put into one form here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.cohort import Cohort, development
from condyle.cohorts.manifest import ManifestRow


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a run: who is in it, and of each finding how many studies show it, do not, or are unknown."""

    name: str
    studies: int
    patients: int
    findings: Mapping[str, tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Sources:
    """What lies on disk: files and bytes that would be read, and studies that are set apart and would not be."""

    studies: int
    patients: int
    series: int
    files: int
    bytes: int
    apart: int


@dataclass(frozen=True, slots=True)
class Reckoned:
    """The whole run: its networks and steps (counted), and seconds, bytes and memory (counted times measured).

    Parameters
    ----------
    memory_mib : of the process at its peak
    how : sentence that says what was measured, and where
    measured : what one of each costs, as the family measures it; ``busy`` is how many processors it had meanwhile
    """

    networks: int
    steps: int
    prepare_s: float
    train_s: float
    disk_bytes: float
    memory_mib: float
    how: str
    measured: Any

    @property
    def seconds(self) -> float:
        return self.prepare_s + self.train_s

    @property
    def processor_s(self) -> float:
        """Processor time, which other work on the machine does not stretch."""
        return float(self.seconds * self.measured.busy)


def sources_of(cohort: Cohort) -> Sources:
    """Files of the studies that train, by their sizes; archives and folders count whole."""
    rows = development(cohort).rows
    sizes = {path: size for row in rows for path, size in _files(row)}
    studies, patients = {row.study_id for row in rows}, {row.patient_id for row in rows}
    apart = len({row.study_id for row in cohort.rows} - studies)
    return Sources(len(studies), len(patients), len(rows), len(sizes), sum(sizes.values()), apart)


def part_of(
    name: str, rows: NDArray[np.intp], studies: Sequence[str], patients: Mapping[str, str], targets: NDArray[np.floating],
    findings: Sequence[str],
) -> Part:  # fmt: skip
    """The part of these rows of [study, finding] targets (NaN unknown; a share above one half is present)."""
    own = targets[rows]
    counts = {
        finding: (int((column > 0.5).sum()), int((column <= 0.5).sum()), int(np.isnan(column).sum()))
        for finding, column in zip(findings, own.T, strict=True)
    }
    return Part(name, len(rows), len({patients[studies[row]] for row in rows.tolist()}), counts)


def one_class(parts: Iterable[Part]) -> tuple[str, ...]:
    """Sentences about findings that cannot be learnt or judged in a part."""
    found = []
    for part in parts:
        lacking = [finding for finding, (present, absent, _) in part.findings.items() if not present or not absent]
        if lacking:
            found.append(f"{part.name}: {', '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} studies of one class alone")
    return tuple(found)


def _files(row: ManifestRow) -> list[tuple[Path, int]]:
    found = []
    for path in (row.path, row.mask):
        if path is None:
            continue
        if path.is_dir():
            found += [(Path(folder) / name, (Path(folder) / name).stat().st_size) for folder, _, names in os.walk(path) for name in names]
        elif path.is_file():
            found.append((path, path.stat().st_size))
    return found
