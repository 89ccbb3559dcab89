"""The simulated knee beside real ones: volumes, places and contacts as a table, and a picture.

    python scripts/knee_anatomy.py [--studies 32] [--seed 400] [--data DATA] [--picture PNG]     (DATA: the folder with knee_atlas)

Simulated knees are drawn without findings on an isotropic 0.7 mm grid. Volumes of cartilages, menisci and patella are compared
with the range of the real knees widened by 25 %; ligaments and fat pad with the one knee that has them (SPL atlas): volume
within 30 %, centroid within 5 mm, both after scaling to one tibial width, in coordinates of the tibial plateau. Contacts are
areas of one structure within 1 mm of another. Everything else is marked "no anatomical reference".

Bone shapes and cartilage were taken from three of the knees compared here (scripts/knee_shapes.py): for these the table checks
the drawing, and is no independent evidence. Courses of ligaments were read off the SPL atlas, and moved by the mean offsets of the
knees 100 to 107; the patellar tendon and the height of the patella were set on 200 to 231, 300 to 323 and 340 to 371: judge others.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from knee_shapes import KNEES, ROOT, WIDTH, load
from numpy.typing import NDArray
from scipy import ndimage

from condyle.simulate.knee.fields import Grid, empty
from condyle.simulate.knee.joint import CODES, Knee, build, meniscus
from condyle.simulate.knee.person import Variation, person
from condyle.simulate.knee.shapes import Bone

STEP = 0.7
WIDENED, VOLUME, PLACE = 0.25, 0.30, 5.0
RANGED = {
    "femoral_cartilage": 1, "medial_tibial_cartilage": 2, "lateral_tibial_cartilage": 3, "patellar_cartilage": 4,
    "patella": 7, "lateral_meniscus": 9, "medial_meniscus": 10,
}  # fmt: skip
SINGLE = {"acl": 31, "pcl": 32, "lcl": 33, "mcl": 34, "patellar_tendon": 35, "fat_pad": 9, "popliteus_tendon": 44}
CONTACTS = (
    ("femoral_cartilage", "medial_tibial_cartilage"), ("femoral_cartilage", "lateral_tibial_cartilage"),
    ("femoral_cartilage", "patellar_cartilage"), ("femoral_cartilage", "medial_meniscus"), ("femoral_cartilage", "lateral_meniscus"),
    ("medial_tibial_cartilage", "medial_meniscus"), ("lateral_tibial_cartilage", "lateral_meniscus"),
)  # fmt: skip
NO_REFERENCE = (
    "quadriceps_tendon", "fluid", "muscles of the thigh (cut by the field of view)", "skin and subcutaneous fat",
    "femur, tibia, fibula (cut by the field of view)",
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """One knee: volumes in mm3 as they are, centroids and contacts scaled to the reference's tibial width."""

    width: float
    volumes: dict[str, float]
    places: dict[str, NDArray[np.float64]]
    contacts: dict[tuple[str, str], float]


def labels_of(knee: Knee) -> tuple[NDArray[np.uint8], Grid]:
    """Label map of a drawn knee on an isotropic grid in knee coordinates."""
    grid = empty(np.array([-50.0, -66.0, -40.0]), np.array([54.0, 38.0, 72.0]), STEP)
    points = grid.points()
    labels = np.zeros(grid.values.shape, np.uint8)
    labels[knee.fat_pad.on(grid) < 0] = CODES["fat_pad"]
    coats = {name: bone.coat().on(grid) for name, bone in knee.bones.items()}
    for side, plan in knee.menisci.items():
        flat = plan.on(Grid(grid.low, grid.step, np.zeros((1, *grid.values.shape[1:]), np.float32)))
        distance = meniscus(flat, coats["femur"], coats["tibia"])
        labels[(distance < 0) & (np.abs(points[2]) < 18)] = CODES[f"{side}_meniscus"]
    for name in ("popliteus_tendon", "pcl", "acl"):
        labels[_near(knee.ligaments[name].surface, grid) < 0] = CODES[name]
    for name in ("fibula", "tibia", "femur", "patella"):
        bone: Bone = knee.bones[name]
        inside = coats[name] < 0
        if bone.thickness is not None:
            thick = bone.thickness.on(grid)
            coat = inside & (thick > 0.4)
            if name == "tibia":
                labels[coat & (points[0] < 0)] = CODES["medial_tibial_cartilage"]
                labels[coat & (points[0] >= 0)] = CODES["lateral_tibial_cartilage"]
            else:
                labels[coat] = CODES["femoral_cartilage" if name == "femur" else "patellar_cartilage"]
            inside = coats[name] + thick < 0
        labels[inside] = CODES[name]
    for name in ("lcl", "mcl", "patellar_tendon", "quadriceps_tendon"):
        labels[_near(knee.ligaments[name].surface, grid) < 0] = CODES[name]
    return labels, grid


def _near(field: Grid, grid: Grid) -> NDArray[np.float32]:
    """A field on the grid; positive beyond its own lattice."""
    found = field.on(grid)
    points = grid.points()
    beyond = np.any([(points[n] < field.low[n]) | (points[n] > field.high[n]) for n in range(3)], axis=0)
    return np.where(beyond, np.float32(9), found)


def measure(labels: NDArray[np.uint8], codes: dict[str, int], step: float, low: NDArray[np.float64], width: float) -> Measured:
    """``labels`` [z, y, x] on a grid of ``step`` mm in the frame scaled to WIDTH."""
    scale = width / WIDTH
    volumes, places = {}, {}
    for name, code in codes.items():
        inside = np.argwhere(labels == code)
        if len(inside):
            volumes[name] = len(inside) * (step * scale) ** 3
            places[name] = inside.mean(0)[::-1] * step + low
    plateau = [places[name] for name in ("medial_tibial_cartilage", "lateral_tibial_cartilage")]
    # Coordinates of the plateau: origin between the two cartilages, x through both seen from the front.
    tilt = np.arctan2(plateau[1][2] - plateau[0][2], plateau[1][0] - plateau[0][0])
    turn = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
    places = {name: turn @ (place - sum(plateau) / 2) for name, place in places.items()}
    contacts = {}
    for first, second in CONTACTS:
        if first in volumes and second in volumes:
            a, b = labels == codes[first], labels == codes[second]
            box = ndimage.find_objects(ndimage.binary_dilation(b, iterations=4).astype(np.uint8))[0]
            a, b = a[box], b[box]
            shell = b & ~ndimage.binary_erosion(b)
            near = ndimage.distance_transform_edt(~a) * step * scale <= 1.5
            contacts[first, second] = float((shell & near).sum()) * (step * scale) ** 2
    return Measured(width, volumes, places, contacts)


def simulated(seed: int) -> Measured:
    who = person(seed, Variation())
    labels, grid = labels_of(build(seed, who))
    return measure(labels, CODES, STEP, grid.low, WIDTH * who.size)


def atlas(data: Path) -> tuple[list[Measured], Measured]:
    """Every real knee, and the SPL knee with its ligaments; 1 mm grids."""
    found = []
    for file, left in KNEES.values():
        knee = load(data / "knee_atlas" / file, left)
        codes = {name: code for name, code in RANGED.items() if (knee.labels == code).any()}
        found.append(measure(knee.labels, codes, 1.0, knee.low, knee.width))
    spl = load(data / "knee_atlas" / "spl_knee_atlas" / "seg.nrrd", True, spl=True)
    raw = spl.labels.copy()
    codes = dict(RANGED)
    for name, value in SINGLE.items():
        codes[name] = 100 + value
        raw[spl.raw == value] = 100 + value
    single = measure(raw, codes, 1.0, spl.low, spl.width)
    return [*found, single], single


def ranges(data: Path) -> dict[str, list[float]]:
    """mm3 of each ranged structure in every real knee, as structures.csv of the atlas gives them."""
    spl = {83: 1, 84: 3, 85: 2, 86: 4, 98: 7, 81: 9, 82: 10}  # its codes -> ours, as in ``picture``
    names = {code: name for name, code in RANGED.items()}
    found: dict[str, list[float]] = {name: [] for name in RANGED}
    with (data / "knee_atlas" / "structures.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["file"].endswith("meniscus_subregions.nrrd"):  # the DESS knee again
                continue
            code = spl.get(int(row["label"]), 0) if row["file"].startswith("spl") else int(row["label"])
            if code in names:
                found[names[code]].append(float(row["volume_mm3"]))
    return found


def table(real: list[Measured], single: Measured, drawn: list[Measured], known_volumes: dict[str, list[float]]) -> list[str]:
    lines = ["| structure | real | allowed | simulated: mean (range) | inside |", "|---|---|---|---|---|"]
    for name in RANGED:
        known = known_volumes[name]
        low, high = min(known) * (1 - WIDENED), max(known) * (1 + WIDENED)
        ours = np.array([one.volumes[name] for one in drawn])
        lines.append(
            f"| {name.replace('_', ' ')}, mm3 | {min(known):.0f} to {max(known):.0f} (n {len(known)}) | {low:.0f} to {high:.0f} | "
            f"{ours.mean():.0f} ({ours.min():.0f} to {ours.max():.0f}) | {((ours >= low) & (ours <= high)).sum()} of {len(ours)} |"
        )
    for name in SINGLE:
        norm = [one.volumes[name] * (WIDTH / one.width) ** 3 for one in (single, *drawn)]
        far = [float(np.linalg.norm(one.places[name] - single.places[name])) for one in drawn]
        off = np.mean([one.places[name] - single.places[name] for one in drawn], axis=0)
        ratio = np.array(norm[1:]) / norm[0]
        good = (np.abs(ratio - 1) <= VOLUME) & (np.array(far) <= PLACE)
        lines.append(
            f"| {name.replace('_', ' ')} | {norm[0]:.0f} mm3 at {WIDTH:.0f} mm (n 1) | 0.7 to 1.3 times; 5 mm | "
            f"{ratio.mean():.2f} times ({ratio.min():.2f} to {ratio.max():.2f}); "
            f"{np.mean(far):.1f} mm off ({min(far):.1f} to {max(far):.1f}), mean offset "
            f"{off[0]:+.1f} {off[1]:+.1f} {off[2]:+.1f} | {good.sum()} of {len(good)} |"
        )
    lines += ["", "| contact | real, mm2 | simulated, mm2: mean (range) |", "|---|---|---|"]
    for pair in CONTACTS:
        known = [one.contacts[pair] for one in real if pair in one.contacts]
        ours = np.array([one.contacts[pair] for one in drawn if pair in one.contacts])
        told = f"{min(known):.0f} to {max(known):.0f} (n {len(known)})" if known else "no anatomical reference"
        names = " on ".join(name.replace("_", " ") for name in pair)
        lines.append(f"| {names} | {told} | {ours.mean():.0f} ({ours.min():.0f} to {ours.max():.0f}) |")
    own = single.places["patella"]
    apart = sorted(float(np.linalg.norm(one.places["patella"] - own)) for one in real if one is not single)
    lines += ["", "How far real knees lie apart: the patellae of the other three lie " + ", ".join(f"{one:.1f}" for one in apart) + " mm "
              "from where that of the one knee lies that ligaments are compared with."]  # fmt: skip
    return [*lines, "", "No anatomical reference: " + "; ".join(NO_REFERENCE) + "."]


def picture(data: Path, path: Path) -> None:
    """The SPL knee's labels and a simulated knee's in the same colours, and the simulated picture of the same slices."""
    import cv2

    spl = load(data / "knee_atlas" / "spl_knee_atlas" / "seg.nrrd", True, spl=True)
    codes = {95: 5, 96: 6, 97: 8, 98: 7, 83: 1, 84: 3, 85: 2, 86: 4, 81: 9, 82: 10, 31: 11, 32: 12, 34: 13, 33: 14, 35: 15, 9: 17, 44: 18}
    real = np.zeros(spl.raw.shape, np.uint8)
    for value, code in codes.items():
        real[spl.raw == value] = code
    who = person(3, Variation(side="left"))
    labels, grid = labels_of(build(3, who))
    colours = cv2.applyColorMap((np.arange(256) * 13 % 256).astype(np.uint8), cv2.COLORMAP_HSV).reshape(256, 3)
    colours[0] = 0
    rows = []
    for volume, low, step in ((real, spl.low, 1.0), (labels, grid.low, STEP)):
        tiles = []
        for axis, at in ((0, -22.0), (0, 3.0), (0, 22.0), (1, 4.0), (2, 6.0), (2, 30.0)):
            index = round((at - low[axis]) / step)
            cut = {0: volume[::-1, :, index], 1: volume[::-1, index], 2: volume[index]}[axis]
            tiles.append(cv2.resize(colours[cut], (260, 260), interpolation=cv2.INTER_NEAREST))
        rows.append(np.hstack(tiles))
    cv2.imwrite(str(path), np.vstack(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=32)
    parser.add_argument("--seed", type=int, default=400, help="of the first knee")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CONDYLE_DATA") or ROOT.parent / "shared" / "data"))
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    drawn = [simulated(seed) for seed in range(given.seed, given.seed + given.studies)]
    real, single = atlas(given.data)
    sys.stdout.write("\n".join(table(real, single, drawn, ranges(given.data))) + "\n")
    if given.picture:
        picture(given.data, given.picture)


if __name__ == "__main__":
    main()
