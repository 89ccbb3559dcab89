"""The store: every study of a cohort cut once, kept as bytes on disk, and mapped into memory from then on.

A second epoch, a resumed run and a second process read the stacks; no source file is opened again. A stack is kept under a name
that is the hash of everything it depends on: what the manifest says, which files with which size and date, how it is cut, and the
code that cuts. Whatever changes makes a new one (fault G36).
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.manifest import ManifestRow
from condyle.cohorts.opening import RowOpener
from condyle.errors import InputError, TableError
from condyle.readers.multiplane.look import Locate, arrays, see
from condyle.readers.multiplane.stack import StackSpec
from condyle.readers.spec import SlotSpec
from condyle.train.keep import keep_array, keep_json
from condyle.train.stages import tell

_CODE = (
    *(f"condyle.prepare.{name}" for name in ("crop", "orient", "resample")),
    *(f"condyle.readers.multiplane.{name}" for name in ("choose", "locate", "look", "stack")),
)
_TOLD = {"path", "series_id", "plane", "weighting", "fat_suppressed", "contrast", "side", "spacing"}


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """Stacks of many studies.

    Parameters
    ----------
    studies : study_id in order; files : their arrays; shown : [study, slot, slice]
    spacing_mm : side of a pixel
    facts : what was noted of each study (side, how the joint was found, where in the patient the stacks lie)
    """

    studies: tuple[str, ...]
    files: tuple[Path, ...]
    shown: NDArray[np.bool_]
    spacing_mm: float
    facts: tuple[Mapping[str, Any], ...]

    def __len__(self) -> int:
        return len(self.studies)

    def pixels(self, number: int) -> NDArray[np.uint8]:
        """[slot, slice, row, column] of one study, mapped from disk."""
        return np.asarray(np.load(self.files[number], mmap_mode="r", allow_pickle=False))


def open_store(
    studies: Mapping[str, Sequence[ManifestRow]], slots: Mapping[str, SlotSpec], spec: StackSpec, folder: Path, *,
    locate: Locate | None = None, locator: str = "", required: Sequence[str] = (),
) -> Store:  # fmt: skip
    """The store of these studies; what is not in ``folder`` yet is cut now.

    Parameters
    ----------
    studies : study_id -> rows of the manifest
    locate, locator : finds the joint; its identity
    required : slots without which a study cannot be used

    Raises
    ------
    TableError - studies that cannot be used, all of them, by their rows in the manifest. Those that could are kept
    """
    folder.mkdir(parents=True, exist_ok=True)
    opener, problems = RowOpener(), []
    names, files, shown, facts = [], [], [], []
    knobs = json.dumps([asdict(spec), {name: asdict(slot) for name, slot in slots.items()}, locator, code_hash()], sort_keys=True)
    for number, (study, rows) in enumerate(studies.items()):
        tell("preparing studies", number, len(studies))
        path = folder / f"{_key(rows, knobs)}.npy"
        try:
            note = _noted(path) or _cut(opener, rows, slots, spec, path, locate)
        except InputError as error:
            problems.append(f"{_rows(rows)}: {' '.join(part for part in (error.what, error.why) if part)}")
            continue
        lacking = [slot for at, slot in enumerate(slots) if slot in required and not any(note["shown"][at])]
        if lacking:
            problems.append(f"{_rows(rows)}: the study has no series for {', '.join(lacking)}, which the recipe requires")
            continue
        names.append(study)
        files.append(path)
        shown.append(note["shown"])
        facts.append(note)
    if problems:
        raise TableError(
            "studies-unusable", f"{len(problems)} of {len(studies)} studies cannot be used for training.", where="manifest",
            why="Training on the rest would leave them out in silence.",
            what_to_do="Mend these rows or take them out of the manifest; prepared studies are kept.", problems=tuple(problems),
        )  # fmt: skip
    return Store(tuple(names), tuple(files), np.array(shown, bool), spec.field_mm / spec.pixels, tuple(facts))


def code_hash(modules: Sequence[str] = _CODE) -> str:
    """Hash of the modules that decide what a stack is, or of others."""
    digest = hashlib.sha256()
    for name in modules:
        digest.update(Path(str(importlib.import_module(name).__file__)).read_bytes())
    return digest.hexdigest()


def _key(rows: Sequence[ManifestRow], knobs: str) -> str:
    told = [row.model_dump(mode="json", include=_TOLD) for row in rows]
    sources = [entry for row in rows for entry in _sources(row.path)]
    return hashlib.sha256(json.dumps([knobs, told, sources], sort_keys=True).encode()).hexdigest()[:32]


def _sources(path: Path) -> list[tuple[str, int, int]]:
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return [(str(one.relative_to(path.parent)), (stat := one.stat()).st_size, stat.st_mtime_ns) for one in files]


def _noted(path: Path) -> dict[str, Any] | None:
    beside = path.with_suffix(".json")
    if not path.is_file() or not beside.is_file():
        return None
    found: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
    return found if "lies" in found else None  # notes of before did not say where the stacks lie


def _cut(
    opener: RowOpener, rows: Sequence[ManifestRow], slots: Mapping[str, SlotSpec], spec: StackSpec, path: Path, locate: Locate | None
) -> dict[str, Any]:
    seen = see(opener.open(rows), slots, spec, locate)
    if seen.problems:  # a series that is there and cannot be decoded is no missing one (fault G22)
        first = seen.problems[0]
        raise InputError(first.code, f"{first.where}: {first.what}" if first.where else first.what, why=first.why)
    if not seen.stacks:
        reasons = list(dict.fromkeys(seen.left.values()))
        raise InputError("no-usable-series", "The study holds no series that the recipe takes.", why=" ".join(reasons[:2]))
    pixels, shown = arrays(seen, slots, spec)
    lies = {slot: {"affine": own.geometry.affine.tolist(), "index": own.index.tolist()} for slot, own in seen.stacks.items()}
    place = seen.place
    note = {"shown": shown.tolist(), "side": seen.side, "place": place.how, "flag": place.flag, "centre_mm": place.centre_mm, "lies": lies}
    keep_array(path, pixels)
    keep_json(path.with_suffix(".json"), note)
    return note


def _rows(rows: Sequence[ManifestRow]) -> str:
    numbers = [str(row.row) for row in rows]
    return f"row {numbers[0]}" if len(numbers) == 1 else f"rows {', '.join(numbers)}"
