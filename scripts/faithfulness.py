"""Do the class maps of a package of several planes show what it decides by, and where the finding is?

    python scripts/faithfulness.py PACKAGE COHORT OUT [--studies 200] [--painted 60]

COHORT is simulated, with lesions.csv, and of patients whom PACKAGE has not seen. Three checks, each a finding, with its number:

- pointing: of studies with the finding, in how many does the map's strongest cell, over all planes, lie within a planted lesion widened
  by ``WIDER_MM``? Beside it the same of the map of the study before (which knows the habits of the finding and nothing of this patient),
  the share of the shown cells that would hit, and the strongest cell of each plane by itself, where a cell of that plane would hit.
- deletion: the strongest ``SHARE`` of the cells are painted over (the slice, blurred until nothing is left of it); does the logit fall
  further than when the same shapes are moved elsewhere? Insertion: everything but those cells is painted over; is the logit higher?
- randomisation: with the weights of the pooling and the heads, and then of everything, in random order, how alike are the maps (rank
  correlation)?

Shares with Wilson's interval, means with a percentile bootstrap over studies. Writes OUT/faithfulness.md and .json.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numbering import wilson
from numpy.typing import NDArray
from scipy.stats import rankdata

from condyle.cohorts import open_rows
from condyle.cohorts.cohort import load_cohort
from condyle.readers import load_package
from condyle.readers.multiplane.graphs import Ensemble, GraphMember, open_ensemble
from condyle.readers.multiplane.look import Seen, arrays, see
from condyle.readers.multiplane.network import MAP_CELL, answer
from condyle.readers.multiplane.stack import as_input
from condyle.readers.onnx import open_graph
from condyle.readers.package import Package

Floats = NDArray[np.float32]
WIDER_MM, SHARE, MOVES = 8.0, 0.05, 2


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One study as the networks see it: grey [slot, slice, row, column], shown [slot, slice], and the place of every cell of a map
    [slot, slice, row, column, 3] in LPS mm."""

    study: str
    grey: Floats
    shown: NDArray[np.bool_]
    places: NDArray[np.float64]


class Remembering:
    """A member that encodes no slice twice: a painted study differs from the study in few slices."""

    def __init__(self, own: Any) -> None:
        assert not own.stacks, "a network of whole stacks encodes no slice by itself"
        self.own, self.columns, self.grid, self.stacks = own, own.columns, own.grid, False
        self.known: dict[bytes, tuple[Floats, Floats]] = {}

    def encode(self, slot: str, grey: Floats) -> tuple[Floats, Floats]:
        keys = [slot.encode() + hashlib.sha256(one.tobytes()).digest() for one in grey]
        if new := [at for at, key in enumerate(keys) if key not in self.known]:
            features, before = self.own.encode(slot, np.ascontiguousarray(grey[new]))
            self.known.update((keys[at], (features[n], before[n])) for n, at in enumerate(new))
        return np.stack([self.known[key][0] for key in keys]), np.stack([self.known[key][1] for key in keys])

    def read(self, features: Floats, shown: Floats) -> Mapping[str, Floats]:
        found: Mapping[str, Floats] = self.own.read(features, shown)
        return found


def view_of(study: str, own: Ensemble, rows: Sequence[Any], slots: Mapping[str, Any]) -> View:
    seen = see(open_rows(rows), slots, own.spec, own.locate)
    pixels, shown = arrays(seen, slots, own.spec)
    grey = np.stack([as_input(one, there) for one, there in zip(pixels, shown, strict=True)])
    return View(study, grey, shown, cell_places(seen, own, shown))


def cell_places(seen: Seen, own: Ensemble, shown: NDArray[np.bool_]) -> NDArray[np.float64]:
    cells = own.spec.pixels // MAP_CELL
    middles = (np.arange(cells) + 0.5) * MAP_CELL - 0.5
    points = np.stack(np.meshgrid(middles, middles, indexing="ij"), -1).reshape(-1, 2)
    out = np.full((*shown.shape, cells, cells, 3), np.nan)
    for number, slot in enumerate(own.slots):
        for place in np.flatnonzero(shown[number]).tolist():
            out[number, place] = seen.stacks[slot].to_world(place, points).reshape(cells, cells, 3)
    return out


def strongest(maps: Floats, shown: NDArray[np.bool_]) -> tuple[int, ...]:
    """(slot, slice, row, column) of the strongest cell of one finding's map."""
    return tuple(int(one) for one in np.unravel_index(np.argmax(np.where(shown[:, :, None, None], maps, -np.inf)), maps.shape))


@dataclass(frozen=True, slots=True)
class Pointed:
    """Whether a study's own map hits, whether another study's does, the share of cells that would, and each plane by itself (None where
    no cell of it would)."""

    own: bool
    other: bool
    chance: float
    planes: tuple[bool | None, ...]


def by_plane(maps: Floats, view: View, inside: NDArray[np.bool_]) -> tuple[bool | None, ...]:
    out: list[bool | None] = []
    for slot in range(len(maps)):
        there = inside[slot : slot + 1]
        hit = strongest(maps[slot : slot + 1], view.shown[slot : slot + 1]) if there[:, view.shown[slot]].any() else None
        out.append(None if hit is None else bool(there[hit]))
    return tuple(out)


def hits(places: NDArray[np.float64], lesions: Sequence[tuple[NDArray[np.float64], float]]) -> NDArray[np.bool_]:
    """Which places lie in a lesion, widened."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.any([np.linalg.norm(places - centre, axis=-1) <= radius + WIDER_MM for centre, radius in lesions], axis=0))


def painted(view: View, area: NDArray[np.bool_]) -> Floats:
    """Grey with the cells of ``area`` [slot, slice, row, column] painted over, with soft borders."""
    out = view.grey.copy()
    size = view.grey.shape[-1]
    for slot, place in zip(*np.nonzero(area.any((2, 3))), strict=True):
        grey = view.grey[slot, place]
        soft = cv2.GaussianBlur(cv2.resize(area[slot, place].astype(np.float32), (size, size)), (0, 0), MAP_CELL / 2)
        out[slot, place] = grey + soft * (cv2.GaussianBlur(grey, (0, 0), size / 6) - grey)
    return out


def moved(area: NDArray[np.bool_], shown: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """The same shapes on the same slices, elsewhere."""
    n = area.shape[-1]
    return np.roll(area, (int(rng.integers(n // 4, 3 * n // 4)), int(rng.integers(n // 4, 3 * n // 4))), (2, 3)) & shown[:, :, None, None]


def logit_of(own: Ensemble, view: View, grey: Floats, column: int) -> float:
    return float(answer(own.members, own.slots, grey, view.shown, own.attention, len(own.findings)).logits[column])


def erased(own: Ensemble, view: View, maps: Floats, column: int, rng: np.random.Generator) -> dict[str, float]:
    """How far a logit falls without the map's strongest cells, and what is left of it with them alone; beside it, with others."""
    there = np.broadcast_to(view.shown[:, :, None, None], maps[column].shape)
    order = np.argsort(np.where(there, maps[column], -np.inf), axis=None)[-round(SHARE * there.sum()) :]
    area = np.zeros(there.shape, bool)
    area.flat[order] = True
    others = [moved(area, view.shown, rng) for _ in range(MOVES)]
    whole = logit_of(own, view, view.grey, column)
    return {
        "deletion": whole - logit_of(own, view, painted(view, area), column),
        "deletion_elsewhere": float(np.mean([whole - logit_of(own, view, painted(view, one), column) for one in others])),
        "insertion": logit_of(own, view, painted(view, ~area & there), column),
        "insertion_elsewhere": float(np.mean([logit_of(own, view, painted(view, ~one & there), column) for one in others])),
    }  # fmt: skip


def shuffled(package: Package, own: Ensemble, *, readers_only: bool, seed: int = 0) -> Ensemble:
    """The ensemble with the values of every larger weight in random order."""
    rng = np.random.default_rng(seed)
    made: dict[str, Any] = {}

    def graph(name: str) -> Any:
        if name not in made:
            data = package.graph(name)
            made[name] = open_graph(data if readers_only and "encoder" in name else in_disorder(data, rng), name, threads=1)
        return made[name]

    members = []
    for told in package.spec.settings["members"]:
        encoders = {slot: graph(name) for slot, name in told["encoders"].items()}
        members.append(GraphMember(encoders, graph(told["reader"]), tuple(told["columns"]), tuple(told["grid"])))
    return replace(own, members=tuple(members))


def in_disorder(data: bytes, rng: np.random.Generator) -> bytes:
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(data)
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.size >= 64 and values.dtype.kind == "f":
            weight.CopyFrom(numpy_helper.from_array(rng.permutation(values.ravel()).reshape(values.shape), weight.name))
    return bytes(model.SerializeToString())


def alike(maps: Floats, others: Floats, shown: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[finding] rank correlation over all shown cells."""
    return np.array([np.corrcoef(rankdata(a[shown]), rankdata(b[shown]))[0, 1] for a, b in zip(maps, others, strict=True)])


def mean_of(values: Sequence[float] | NDArray[np.float64], seed: int = 0) -> list[float]:
    """Mean with 95 % limits by the percentile bootstrap."""
    own = np.asarray(values, float)
    if not len(own):
        return [float("nan")] * 3
    draws = own[np.random.default_rng(seed).integers(len(own), size=(2000, len(own)))].mean(1)
    return [float(own.mean()), *map(float, np.percentile(draws, (2.5, 97.5)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--painted", type=int, default=60)
    given = parser.parse_args()
    reader: Any = load_package(str(given.package))
    own = open_ensemble(reader.package)
    memories = [Remembering(one) for one in own.members]
    own = replace(own, members=tuple(memories))
    slots = {name: reader.package.spec.slots[name] for name in own.slots}
    cohort = load_cohort(given.cohort)
    lesions: dict[tuple[str, str], list[tuple[NDArray[np.float64], float]]] = {}
    with (given.cohort / "lesions.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            place = np.array([float(row[axis]) for axis in "xyz"])
            lesions.setdefault((row["study_id"], row["finding"]), []).append((place, float(row["radius_mm"])))
    pointing: dict[str, list[Pointed]] = {name: [] for name in own.findings}
    falls: dict[str, list[dict[str, float]]] = {name: [] for name in own.findings}
    likeness: dict[str, list[NDArray[np.float64]]] = {"heads": [], "everything": []}
    random = {"heads": shuffled(reader.package, own, readers_only=True), "everything": shuffled(reader.package, own, readers_only=False)}
    before: Floats | None = None
    for number, (study, rows) in enumerate(list(cohort.studies.items())[: given.studies]):
        for memory in memories:
            memory.known.clear()
        view, rng = view_of(study, own, rows, slots), np.random.default_rng([0, number])
        told = answer(own.members, own.slots, view.grey, view.shown, own.attention, len(own.findings))
        assert told.maps is not None, "the maps of this package do not follow from its weights"
        for column, name in enumerate(own.findings):
            if planted := lesions.get((study, name.partition("/")[0])):
                inside = hits(view.places, planted)
                other = told.maps[column] if before is None else before[column]
                if before is not None:
                    ours, theirs = (bool(inside[strongest(one, view.shown)]) for one in (told.maps[column], other))
                    planes = by_plane(told.maps[column], view, inside)
                    pointing[name].append(Pointed(ours, theirs, float(inside[view.shown].mean()), planes))
                if number < given.painted:
                    falls[name].append(erased(own, view, told.maps, column, rng))
        if number < given.painted:
            for how, blinded in random.items():
                blind = answer(blinded.members, own.slots, view.grey, view.shown, own.attention, len(own.findings)).maps
                assert blind is not None
                likeness[how].append(alike(told.maps, blind, view.shown))
        before = told.maps
        print(number, study, flush=True)
    found = {name: summed(pointing[name], falls[name], {how: np.array(rows)[:, column] for how, rows in likeness.items()}, own.slots)
             for column, name in enumerate(own.findings)}  # fmt: skip
    found["all"] = summed(
        [one for own in pointing.values() for one in own], [one for own in falls.values() for one in own],
        {how: np.array(rows).mean(1) for how, rows in likeness.items()}, own.slots,
    )  # fmt: skip
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "faithfulness.json").write_text(json.dumps(found, indent=1) + "\n")
    (given.out / "faithfulness.md").write_text(written(found, own.slots))


def share_of(successes: int, n: int) -> list[float]:
    return [successes / n, *wilson(successes, n)] if n else [float("nan")] * 3


def summed(
    pointing: Sequence[Pointed], falls: Sequence[Mapping[str, float]], likeness: Mapping[str, NDArray[np.float64]], slots: Sequence[str]
) -> dict[str, Any]:
    own, other = sum(one.own for one in pointing), sum(one.other for one in pointing)
    planes = {slot: [one.planes[at] for one in pointing if one.planes[at] is not None] for at, slot in enumerate(slots)}
    n, further = len(pointing), sum(one["deletion"] > one["deletion_elsewhere"] for one in falls)
    higher = sum(one["insertion"] > one["insertion_elsewhere"] for one in falls)
    return {
        "studies": n, "pointed": share_of(own, n), "other_study": share_of(other, n),
        "by_chance": mean_of([one.chance for one in pointing])[0], "painted": len(falls),
        "planes": {slot: share_of(sum(map(bool, hit)), len(hit)) for slot, hit in planes.items()},
        "fell_further": share_of(further, len(falls)),
        "stayed_higher": share_of(higher, len(falls)),
        "fall": mean_of([one["deletion"] for one in falls]), "fall_elsewhere": mean_of([one["deletion_elsewhere"] for one in falls]),
        **{f"alike_{how}": mean_of(values) for how, values in likeness.items()},
    }  # fmt: skip


def written(found: Mapping[str, Any], slots: Sequence[str]) -> str:
    def told(one: Sequence[float]) -> str:
        return f"{one[0]:.2f} ({one[1]:.2f} to {one[2]:.2f})"

    lines = [
        f"| finding | n | pointed at the lesion | map of another study | by chance | {' | '.join(slots)} "
        "| n painted | fell further | stayed higher | fall | fall elsewhere | likeness, heads shuffled | likeness, all shuffled |",
        "|---" * (12 + len(slots)) + "|",
    ]
    for name, own in found.items():
        lines.append(
            f"| {name.replace('_', ' ')} | {own['studies']} | {told(own['pointed'])} | {told(own['other_study'])} | {own['by_chance']:.2f} "
            f"| {' | '.join(told(own['planes'][slot]) for slot in slots)} "
            f"| {own['painted']} | {told(own['fell_further'])} | {told(own['stayed_higher'])} | {told(own['fall'])} "
            f"| {told(own['fall_elsewhere'])} | {told(own['alike_heads'])} | {told(own['alike_everything'])} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
