"""Every graded level of a cohort as one segmenter found it: crops, measured features, labels. One row a level.

The spine is looked at with the functions that reading uses, so training meets the crops that reading will cut.
A table is kept on disk under a name that is the hash of everything it depends on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LEVELS, TRANSITIONAL_LEVELS
from condyle.cohorts.cohort import Cohort
from condyle.cohorts.opening import open_rows
from condyle.intake import load_volume
from condyle.readers.lumbar.choose import choose
from condyle.readers.lumbar.crops import CropSpec
from condyle.readers.lumbar.measured import measure_levels
from condyle.readers.lumbar.segment import Network
from condyle.readers.lumbar.view import View, agree, level_crops, look
from condyle.readers.spec import SlotSpec
from condyle.study import Series
from condyle.train.keep import keep_arrays
from condyle.train.stages import tell

ALL_LEVELS = (*TRANSITIONAL_LEVELS[::-1], *LEVELS)


@dataclass(frozen=True, slots=True, eq=False)
class LevelTable:
    """One row a graded level.

    Parameters
    ----------
    studies, patients, levels : [row] text
    crops : [row, slot, 4, rows, columns] float16, of the widened grid; zeros where there is none
    present : [row, slot] - whether the level was found on that slot's picture
    offered : [row, slot] - whether the study has a series for that slot at all
    measured : [row, feature] float32; NaN where nothing could be measured
    grades : [row, finding] float32; NaN where unknown
    findings : names of the columns of ``grades``
    key : hash of everything the table depends on
    """

    studies: NDArray[np.str_]
    patients: NDArray[np.str_]
    levels: NDArray[np.str_]
    crops: NDArray[np.float16]
    present: NDArray[np.bool_]
    offered: NDArray[np.bool_]
    measured: NDArray[np.float32]
    grades: NDArray[np.float32]
    findings: tuple[str, ...]
    key: str = ""

    def __len__(self) -> int:
        return len(self.levels)

    @property
    def found(self) -> NDArray[np.bool_]:
        """[row] whether the level was found on any picture."""
        return np.asarray(self.present.any(axis=1))

    def rows_of(self, patients: Sequence[str] | frozenset[str] | set[str]) -> NDArray[np.intp]:
        """Rows of the given patients."""
        return np.flatnonzero(np.isin(self.patients, sorted(patients)))


_STORED = tuple(name for name in LevelTable.__slots__ if name != "key")


def level_table(
    cohort: Cohort, network: Network, network_id: str, findings: tuple[str, ...], slots: Mapping[str, SlotSpec], spec: CropSpec,
    margin: int, cache: Path,
) -> LevelTable:  # fmt: skip
    """The table of a whole cohort under one segmenter, from ``cache`` when it was made before.

    Parameters
    ----------
    network, network_id : segmenter and the hash of its weights
    slots : inputs and the series that may fill them, chosen as in reading
    margin : pixels around the crop, for random shifts and turns
    """
    files = sorted((str(row.path), row.path.stat().st_size) for row in cohort.rows)
    grades = [(one.study_id, one.finding, one.level, one.value) for one in cohort.labels if one.finding in findings]
    chosen = {name: dataclasses.asdict(slot) for name, slot in slots.items()}
    knobs = [network_id, findings, chosen, (spec.rows, spec.columns, spec.pixels_per_width, spec.forward), margin, files, grades, _code()]
    key = hashlib.sha256(json.dumps(knobs, default=str).encode()).hexdigest()[:20]
    path = cache / f"levels-{key}.npz"
    if not path.is_file():
        made = _make(cohort, network, findings, slots, spec, margin)
        keep_arrays(path, **{name: getattr(made, name) for name in _STORED})
    return dataclasses.replace(_load(path), key=key)


def _make(
    cohort: Cohort, network: Network, findings: tuple[str, ...], slots: Mapping[str, SlotSpec], spec: CropSpec, margin: int
) -> LevelTable:
    grades = {finding: cohort.grades(finding) for finding in findings}
    keys = sorted({key for own in grades.values() for key in own}, key=lambda key: (key[0], ALL_LEVELS.index(key[1])))
    wide = spec.widened(margin)
    parts: list[tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32]]] = []
    for number, (study, rows) in enumerate(cohort.studies.items()):
        tell("finding the levels", number, len(cohort.studies))
        names = tuple(level for owner, level in keys if owner == study)
        chosen = choose(open_rows(rows), slots).slots
        views = agree({slot: series_view(series[0], network) for slot, series in chosen.items() if series})
        crops, present = level_crops(views, tuple(slots), names, wide)
        inner = crops[..., margin : margin + spec.rows, margin : margin + spec.columns]
        offered = np.tile([bool(chosen[slot]) for slot in slots], (len(names), 1))
        parts.append((crops, present, offered, measure_levels(inner, present, spec)))
    order = [key for study in cohort.studies for key in keys if key[0] == study]
    return LevelTable(
        studies=np.array([study for study, _ in order]),
        patients=np.array([cohort.patients[study] for study, _ in order]),
        levels=np.array([level for _, level in order]),
        crops=np.concatenate([part[0].astype(np.float16) for part in parts]),
        present=np.concatenate([part[1] for part in parts]),
        offered=np.concatenate([part[2] for part in parts]),
        measured=np.concatenate([part[3] for part in parts]),
        grades=np.array([[grades[finding].get(key, np.nan) for finding in findings] for key in order], np.float32),
        findings=findings,
    )


def series_view(series: Series, network: Network) -> View:
    """What reading sees of a series."""
    aspect = series.headers.get("pixel_aspect")
    return look(load_volume(series), network, pixel_aspect=None if aspect is None else float(aspect))


def _code() -> str:
    """Hash of the modules that decide what a crop is, so that a change of code makes a new table."""
    from condyle.readers.lumbar import choose, crops, discs, levels, measured, picture, segment, view

    digest = hashlib.sha256()
    for module in (choose, crops, discs, levels, measured, picture, segment, view):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def _load(path: Path) -> LevelTable:
    with np.load(path, allow_pickle=False) as stored:
        content: Mapping[str, NDArray[np.generic]] = {name: stored[name] for name in _STORED}
    return LevelTable(**{**content, "findings": tuple(map(str, content["findings"]))})  # type: ignore[arg-type]
