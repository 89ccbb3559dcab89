"""Error of the measurements: against the truth of simulated studies, and against drawn masks of real T2 SPACE pictures.

    python scripts/measurements.py simulated [--package lumbar] [--studies 60] [--seed 7000] [--json out.json]
    python scripts/measurements.py masks --cohort COHORT --segmenters RUNS [--folds folds.json]
    python scripts/measurements.py slips --cohort COHORT --segmenters RUNS [--folds folds.json]

``simulated``: T2 studies of three vendors in turn. The canal has no closed truth, so it is measured on the label map of the same slice.
``masks``: the segmenter's outline (of the fold that did not see the patient) against the drawn mask, both measured by the same code, as a
share of the disc's depth; L1 to L5 only, because the masks leave the sacrum out. ``slips``: how well the measured slip ranks the levels
that were graded as spondylolisthesis. COHORT is what ``condyle data import spider`` wrote; RUNS holds fold0/segmenter.pt and so on.

bias = mean(measured - true); limits = bias -+ 1.96 SD (Bland & Altman, Lancet 1986;327:307-310).
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.readers.lumbar.levels import find_levels
from condyle.readers.lumbar.measure import LEVEL_MEASURES, SPINE_MEASURES, Measured
from condyle.readers.lumbar.segment import Network
from condyle.readers.lumbar.view import View, look
from condyle.simulate import simulate_lumbar
from condyle.simulate.study import SimulatedStudy
from condyle.study import Geometry

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
from simulated_discs import labels_on, package_network

LUMBAR = ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2")
NEAR_MM = 8.0  # a measured disc is the true one whose middle lies this near
Row = tuple[str, str, float, float]
"""(measurement, level, measured, true)"""


def compare(view: View, study: SimulatedStudy, series: str = "t2_sag") -> list[Row]:
    """Every measurement of a view beside its truth. Discs are matched by place, so that a wrong name is no wrong length."""
    rows: list[Row] = []
    labelled = replace(view, tissue=_one_hot(labels_on(view, study, series)))
    names = {}
    for level in LUMBAR:
        if level not in study.truth.levels or f"disc {level}" not in study.truth.positions:
            continue
        place = view.picture.from_world(study.truth.positions[f"disc {level}"])[0]
        for name, disc in view.levels.by_name.items():
            if np.hypot(*(disc.centre - place)) * view.picture.geometry.spacing[1] < NEAR_MM:
                names[level] = name
    for level, name in names.items():
        for what, measure in LEVEL_MEASURES.items():
            true = measure(labelled, name).value if what == "canal_diameter" else study.truth.levels[level].get(what)
            _add(rows, what, level, measure(view, name), true)
    if names.get("L5-S1") == "L5-S1":
        for what, of_spine in SPINE_MEASURES.items():
            _add(rows, what, "", of_spine(view), study.truth.notes[what])
    return rows


def _add(rows: list[Row], what: str, level: str, found: Measured, true: float | None) -> None:
    if found.value is not None and true is not None:
        rows.append((what, level, found.value, float(true)))


def _one_hot(labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[3, row, column] vertebra, canal, disc of a label map of the simulation."""
    return np.stack([(labels > 0) & (labels < 100), labels == 100, labels > 200]).astype(np.float32)


def simulated(network: Network, seeds: range) -> Iterator[list[Row]]:
    for number, seed in enumerate(seeds):
        study = simulate_lumbar(seed, series=("t2_sag",), vendor=("ge", "philips", "siemens")[number % 3])
        yield compare(look(study.volumes["t2_sag"], network), study)


def pictures(cohort: Path, runs: Path, folds: Path, table: str, *, masked: bool = False) -> Iterator[tuple[dict[str, str], View]]:
    """Rows of a table of the cohort, each seen with the segmenter that did not see its patient."""
    import cv2
    import torch

    from condyle.study import Volume
    from condyle.train.segmentation_network import SegmentationNetwork

    torch.set_num_threads(1)
    fold_of = json.loads(folds.read_text())
    networks: dict[int, Network] = {}
    for row in csv.DictReader((cohort / table).open(encoding="utf-8")):
        if masked and not row["mask"]:
            continue
        fold = fold_of[row["patient_id"]]
        if fold not in networks:
            networks[fold] = _torch_network(SegmentationNetwork(), runs / f"fold{fold}" / "segmenter.pt")
        grey = cv2.imread(str(cohort / row["path"]), cv2.IMREAD_GRAYSCALE)[None]
        affine = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
        aspect = float(row["pixel_aspect"]) if row["pixel_aspect"] else None
        yield row, look(Volume(grey, Geometry(affine, grey.shape, calibrated=False), row["series_id"]), networks[fold], pixel_aspect=aspect)


def _torch_network(model: Any, weights: Path) -> Network:
    import torch

    model.load_state_dict(torch.load(weights, weights_only=True))
    model.eval()

    def network(grey: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return np.asarray(model(torch.from_numpy(np.ascontiguousarray(grey))).numpy(), np.float32)

    return network


def masks(cohort: Path, seen: Iterator[tuple[dict[str, str], View]]) -> Iterator[tuple[str, list[Row]]]:
    """(patient, rows); lengths as shares of the drawn disc's depth."""
    import cv2

    for row, view in seen:
        rows, columns = view.picture.pixels.shape
        drawn = cv2.resize(cv2.imread(str(cohort / row["mask"]), cv2.IMREAD_GRAYSCALE), (columns, rows), interpolation=cv2.INTER_NEAREST)
        tissue = np.stack([drawn == kind for kind in (1, 2, 3)]).astype(np.float32)
        geometry = Geometry(view.picture.geometry.affine, view.picture.geometry.shape)  # nominal millimetres: only shares are kept
        picture = replace(view.picture, geometry=geometry)
        own, truth = replace(view, picture=picture), View(picture, tissue, find_levels(tissue))
        yield row["patient_id"], list(_beside_mask(own, truth))


def _beside_mask(own: View, truth: View) -> Iterator[Row]:
    step = float(own.picture.geometry.spacing[1])
    for name, disc in truth.levels.by_name.items():
        near = [n for n, one in own.levels.by_name.items() if np.hypot(*(one.centre - disc.centre)) * step < NEAR_MM]
        if name not in LUMBAR[1:] or not near:
            continue
        for what, measure in LEVEL_MEASURES.items():
            found, true = measure(own, near[0]), measure(truth, name)
            if found.value is not None and true.value is not None:
                depth = disc.width * step if found.unit == "mm" else 100.0 if found.unit == "%" else 1.0
                yield what, name, found.value / depth, true.value / depth


def table(rows: list[Row], digits: int = 2) -> str:
    lines = ["| measurement | n | bias | SD | 95 % limits | mean of the truth |", "|---|---|---|---|---|---|"]
    for what in dict.fromkeys(row[0] for row in rows):
        chosen = [row for row in rows if row[0] == what]
        groups = [(what, chosen)]
        if what == "slip":
            lowest = [row for row in chosen if row[1] == "L5-S1"]
            groups = [(f"{what}, L1 to L5", [row for row in chosen if row not in lowest]), (f"{what}, L5-S1", lowest)]
        for title, some in groups:
            if len(some) > 1:
                error, true = np.array([r[2] - r[3] for r in some]), np.mean([r[3] for r in some])
                bias, sd = float(error.mean()), float(error.std(ddof=1))
                shown = (f"{bias:.{digits}f}", f"{sd:.{digits}f}", f"{bias - 1.96 * sd:.{digits}f} to {bias + 1.96 * sd:.{digits}f}")
                lines.append(f"| {title} | {len(some)} | {' | '.join(shown)} | {true:.{digits}f} |")
    return "\n".join(lines)


def slips(cohort: Path, seen: Iterator[tuple[dict[str, str], View]]) -> str:
    """AUROC of the size of the measured slip for graded spondylolisthesis, the best series of a study first."""
    from condyle.evaluate.ranking import auroc

    found: dict[tuple[str, str], float] = {}
    for row, view in seen:
        for name in view.levels.names:
            value = LEVEL_MEASURES["slip_percent"](view, name).value
            if value is not None and (row["weighting"] == "t2" or (row["study_id"], name) not in found):
                found[row["study_id"], name] = abs(value)
    truth = {
        (one["study_id"], one["level"]): float(one["value"])
        for one in csv.DictReader((cohort / "labels.csv").open(encoding="utf-8"))
        if one["finding"] == "spondylolisthesis"
    }
    levels = [key for key in truth if key in found]
    lines = []
    select: dict[str, Callable[[str], bool]] = {"all": lambda name: True, "without L5-S1": lambda name: name != "L5-S1"}
    for title, wanted in select.items():
        some = [key for key in levels if wanted(key[1])]
        labels, scores = np.array([truth[key] for key in some]), np.array([found[key] for key in some])
        measured = f"{len(some)} levels measured of {sum(wanted(key[1]) for key in truth)}"
        lines.append(f"{title}: {measured}, {int(labels.sum())} graded, AUROC {auroc(labels, scores):.3f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("simulated", "masks", "slips"))
    parser.add_argument("--package", default="lumbar")
    parser.add_argument("--studies", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7000)
    parser.add_argument("--cohort", type=Path)
    parser.add_argument("--segmenters", type=Path)
    parser.add_argument("--folds", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.what == "simulated":
        rows = [row for some in simulated(package_network(given.package), range(given.seed, given.seed + given.studies)) for row in some]
        print(table(rows))
    else:
        folds = given.folds or given.segmenters.parent / "folds.json"
        if given.what == "slips":
            print(slips(given.cohort, pictures(given.cohort, given.segmenters, folds, "manifest.csv")))
            return
        tables = ("manifest.csv", "slices.csv")
        both = (one for name in tables for one in pictures(given.cohort, given.segmenters, folds, name, masked=True))
        found = list(masks(given.cohort, both))
        rows = [row for _, some in found for row in some]
        print(f"{len(found)} pictures of {len({patient for patient, _ in found})} patients, shares of the disc's depth\n\n{table(rows, 3)}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=0) + "\n")


if __name__ == "__main__":
    main()
