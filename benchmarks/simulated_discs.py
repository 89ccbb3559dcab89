"""How well a segmenter trained on real pictures reads simulated studies: discs found, Dice of discs, vertebrae, canal.

    python benchmarks/simulated_discs.py [--package lumbar] [--studies 20] [--series t2_sag] [--sheet sheet.png]

A disc of the truth is found when the reader puts a disc whose middle lies within it or within 3 mm of it. Dice is pooled over
all pictures, as in the segmenter's own score; the label map is taken on the slice that the reader chose.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.readers.lumbar.segment import Network
from condyle.readers.lumbar.view import View, look
from condyle.simulate import simulate_lumbar
from condyle.simulate.study import SimulatedStudy

SHARE_FOUND, DISC_DICE = 0.95, 0.80
"""What the simulation must reach on T2."""


@dataclass
class Score:
    """Sums over studies. ``both`` and ``sizes`` are those of Dice for vertebra, canal, disc."""

    discs: int = 0
    found: int = 0
    named: int = 0
    false: int = 0
    both: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    sizes: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    missed: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        dice = self.both / np.maximum(self.sizes, 1)
        return {
            "discs": self.discs, "found": self.found, "share_found": round(self.found / max(self.discs, 1), 4),
            "named_right": self.named, "false_discs": self.false, "dice_vertebra": round(float(dice[0]), 4),
            "dice_canal": round(float(dice[1]), 4), "dice_disc": round(float(dice[2]), 4), "missed": self.missed,
        }  # fmt: skip


def labels_on(view: View, study: SimulatedStudy, series: str) -> NDArray[np.uint8]:
    """The label map on the pixels of the picture that the reader chose."""
    labels = study.series[series].labels
    rows, columns = view.picture.pixels.shape
    grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1).reshape(-1, 2)
    index = np.rint(labels.geometry.to_index(view.picture.to_world(grid))).astype(int)
    index = np.clip(index, 0, np.array(labels.shape) - 1)
    return labels.pixels[tuple(index.T)].reshape(rows, columns)


def score(network: Network, study: SimulatedStudy, series: str, total: Score) -> tuple[View, NDArray[np.uint8]]:
    import cv2

    view = look(study.series[series].volume, network)
    truth = labels_on(view, study, series)
    classes = np.select([truth == 0, truth < 100, truth == 100], [0, 1, 2], 3)
    seen = np.argmax(np.concatenate([1 - view.tissue.sum(0, keepdims=True), view.tissue]), 0)
    for n in range(3):
        total.both[n] += 2.0 * ((seen == n + 1) & (classes == n + 1)).sum()
        total.sizes[n] += float((seen == n + 1).sum() + (classes == n + 1).sum())
    step = float(np.mean(view.picture.geometry.spacing[1:]))
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(3 / step) + 1,) * 2)
    used: set[str] = set()
    for level in study.truth.levels:
        near = cv2.dilate((truth == study.truth.codes[f"disc {level}"]).astype(np.uint8), reach)
        hits = [name for name, disc in view.levels.by_name.items() if _at(near, disc.centre)]
        used |= set(hits)
        total.discs += 1
        total.found += bool(hits)
        total.named += level in hits
        if not hits:
            total.missed.append(f"seed {study.seed} {level}")
    some = cv2.dilate((truth > 200).astype(np.uint8), reach)
    total.false += sum(name not in used and not _at(some, disc.centre) for name, disc in view.levels.by_name.items())
    return view, classes


def _at(mask: NDArray[np.uint8], place: NDArray[np.float64]) -> bool:
    row, column = np.rint(place).astype(int)
    return bool(0 <= row < mask.shape[0] and 0 <= column < mask.shape[1] and mask[row, column])


def measure(network: Network, seeds: range, series: str = "t2_sag", **options: Any) -> tuple[dict[str, Any], list[NDArray[np.uint8]]]:
    """Figures over the studies of these seeds, and a picture of each with outlines (truth green, reader red)."""
    total, pictures = Score(), []
    for seed in seeds:
        study = simulate_lumbar(seed, series=(series,), **options)
        view, classes = score(network, study, series, total)
        pictures.append(_outlined(view, classes))
    return {"series": series, "studies": len(seeds), "first_seed": seeds.start} | total.figures(), pictures


def _outlined(view: View, classes: NDArray[Any]) -> NDArray[np.uint8]:
    import cv2

    grey = (np.clip(view.picture.pixels, 0, 1) * 255).astype(np.uint8)
    shown = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    seen = np.argmax(np.concatenate([1 - view.tissue.sum(0, keepdims=True), view.tissue]), 0)
    for picture, colour in ((classes, (0, 200, 0)), (seen, (0, 0, 255))):
        for kind in (1, 2, 3):
            found, _ = cv2.findContours((picture == kind).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(shown, found, -1, colour, 1)
    return np.asarray(shown, np.uint8)


def package_network(name: str) -> Network:
    """The segmenter of an installed package or a package folder."""
    from condyle.readers.onnx import open_graph
    from condyle.readers.package import open_package
    from condyle.readers.shelf import find_package

    package = open_package(find_package(name))
    spec = package.spec.graphs["segmenter"]
    graph = open_graph(package.graph("segmenter"), "segmenter")
    return lambda batch: np.asarray(graph({spec.inputs[0]: batch})[spec.outputs[0]], np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", default="lumbar")
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--series", default="t2_sag")
    parser.add_argument("--sheet", default="")
    given = parser.parse_args()
    figures, pictures = measure(package_network(given.package), range(given.seed, given.seed + given.studies), given.series)
    print(json.dumps(figures, indent=1))
    if given.sheet:
        import cv2

        small = [cv2.resize(one, (400, 400), interpolation=cv2.INTER_AREA) for one in pictures]
        cv2.imwrite(given.sheet, np.vstack([np.hstack(small[n : n + 5]) for n in range(0, len(small) // 5 * 5, 5)]))


if __name__ == "__main__":
    main()
