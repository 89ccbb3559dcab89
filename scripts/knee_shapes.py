"""Bone shapes and cartilage thickness for the simulated knee, measured on the three real knees of pymskt (MIT).

    python scripts/knee_shapes.py [DATA]      (DATA: the folder with knee_atlas; default: CONDYLE_DATA or ../shared/data)

Writes src/condyle/simulate/knee/shapes.npz. Every knee is mirrored to a left one, turned so that the posterior condylar line is
transverse, scaled to one tibial width, and each bone is laid over that of the isotropic knee (rigid, least squares on
signed distances). A bone is then a signed distance on a 1.5 mm grid per knee; its cartilage is a thickness: the distance to
the bone less that to bone and cartilage together. The simulation mixes the knees' distances into new bones.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "src" / "condyle" / "simulate" / "knee" / "shapes.npz"
STEP = 1.5
WIDTH = 75.0
"""mm, tibial width to which all are scaled."""

BONES = {"femur": 5, "tibia": 6, "patella": 7, "fibula": 8}
CARTILAGE = {"femur": (1,), "tibia": (2, 3), "patella": (4,), "fibula": ()}
MENISCI = {"medial": 10, "lateral": 9}
KNEES = {
    "isotropic": ("pymskt_t2_knee/T2-label.nrrd", True),
    "dess": ("pymskt_dess_knee/SAG_3D_DESS_RIGHT_bones_cart_men_fib-label.nrrd", False),
    "example": ("pymskt_dess_knee/right_knee_example.nrrd", False),
}
SPL = {5: (95,), 6: (96,), 7: (98,), 8: (97,), 1: (83,), 2: (85,), 3: (84,), 4: (86,), 9: (81,), 10: (82,)}


@dataclass
class Knee:
    """Labels on a 1 mm grid of its own frame (z, y, x): +x lateral, +y back, +z head, origin between the tibial cartilages."""

    labels: NDArray[np.uint8]
    low: NDArray[np.float64]  # x, y, z of voxel 0
    width: float
    raw: NDArray[np.int16]
    to_frame: NDArray[np.float64]


def load(path: Path, left: bool, spl: bool = False) -> Knee:
    import nrrd

    data, header = nrrd.read(str(path))
    raw = data.astype(np.int16)
    if spl:
        labels = np.zeros(raw.shape, np.uint8)
        for code, values in SPL.items():
            labels[np.isin(raw, values)] = code
    else:
        labels = raw.astype(np.uint8)
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(header["space directions"]).T
    affine[:3, 3] = header["space origin"]
    if not left:
        affine = np.diag([-1.0, 1, 1, 1]) @ affine

    def world(code: int) -> NDArray[np.float64]:
        return np.argwhere(labels == code) @ affine[:3, :3].T + affine[:3, 3]

    medial, lateral, femur = world(2), world(3), world(5)
    origin = (medial.mean(0) + lateral.mean(0)) / 2
    near = femur[(femur[:, 2] > origin[2]) & (femur[:, 2] < origin[2] + 40)]
    ends = []
    for side in (near[:, 0] < origin[0] - 8, near[:, 0] > origin[0] + 8):
        part = near[side]
        ends.append(part[part[:, 1] > np.quantile(part[:, 1], 0.995)].mean(0))
    angle = np.arctan2(ends[1][1] - ends[0][1], ends[1][0] - ends[0][0])
    turn = Rotation.from_euler("z", -angle).as_matrix()
    tibia = (world(6) - origin) @ turn.T
    plateau = tibia[(tibia[:, 2] < -6) & (tibia[:, 2] > -14)]
    width = float(np.ptp(plateau[:, 0]))
    scale = WIDTH / width
    to_frame = np.eye(4)
    to_frame[:3, :3] = scale * turn @ affine[:3, :3]
    to_frame[:3, 3] = scale * turn @ (affine[:3, 3] - origin)
    low, high = np.array([-62.0, -72.0, -75.0]), np.array([62.0, 52.0, 85.0])
    shape = tuple((high - low).astype(int)[::-1] + 1)
    back = np.linalg.inv(to_frame)
    flip = np.eye(3)[::-1]
    matrix = back[:3, :3] @ flip
    offset = back[:3, :3] @ low + back[:3, 3]
    grid = ndimage.affine_transform(labels, matrix, offset, shape, order=0, mode="constant")
    rawgrid = ndimage.affine_transform(raw, matrix, offset, shape, order=0, mode="constant") if spl else grid.astype(np.int16)
    print(f"{path.name}: turn {np.degrees(angle):.1f} degrees, tibial width {width:.1f} mm", file=sys.stderr)
    return Knee(grid, low, width, rawgrid, to_frame)


def distance(mask: NDArray[np.bool_], ends: tuple[bool, bool] = (True, True)) -> NDArray[np.float32]:
    """Signed distance (mm, negative inside) of a mask on the 1 mm grid; where the picture cuts it, the shaft goes on."""
    rows = np.flatnonzero(mask.any((1, 2)))
    first, last = rows[0], rows[-1]
    full = mask.copy()
    if ends[0]:  # cut below
        full[: first + 3] = full[first + 3]
    if ends[1]:
        full[last - 2 :] = full[last - 3]
    signed = ndimage.distance_transform_edt(~full) - ndimage.distance_transform_edt(full)
    return ndimage.gaussian_filter(signed, 0.8).astype(np.float32)


ENDS = {"femur": (False, True), "tibia": (True, False), "patella": (False, False), "fibula": (True, False)}


def register(fixed: NDArray[np.float32], moving: NDArray[np.float32], low: NDArray[np.float64]) -> NDArray[np.float64]:
    """4 x 4 from the fixed frame to the moving one, rigid, by least squares of clipped distances near the surface."""
    rng = np.random.default_rng(0)
    places = np.argwhere(np.abs(fixed) < 5)
    places = places[rng.choice(len(places), min(4000, len(places)), replace=False)]
    target = np.clip(fixed[tuple(places.T)], -5, 5)
    points = places[:, ::-1] + low
    centre = points.mean(0)

    def matrix(p: NDArray[np.float64]) -> NDArray[np.float64]:
        found = np.eye(4)
        found[:3, :3] = Rotation.from_rotvec(p[3:] / 50).as_matrix()
        found[:3, 3] = centre + p[:3] - found[:3, :3] @ centre
        return found

    def residual(p: NDArray[np.float64]) -> NDArray[np.float64]:
        m = matrix(p)
        index = (points @ m[:3, :3].T + m[:3, 3] - low)[:, ::-1].T
        return np.clip(ndimage.map_coordinates(moving, index, order=1, mode="nearest"), -8, 8) - target

    best = least_squares(residual, np.zeros(6), loss="soft_l1", diff_step=1e-3)
    print(f"  rms {np.sqrt(np.mean(best.fun**2)):.2f} mm, moved {np.round(best.x[:3], 1)}", file=sys.stderr)
    return matrix(best.x)


def resampled(
    field: NDArray[np.float32], m: NDArray[np.float64], low: NDArray[np.float64], box: tuple[NDArray, NDArray]
) -> NDArray[np.float32]:
    """A field of the moving knee on the fixed knee's grid of STEP mm within a box (low, high)."""
    start, stop = box
    axes = [np.arange(start[n], stop[n] + 1e-6, STEP) for n in (2, 1, 0)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    points = np.stack([x, y, z], -1) @ m[:3, :3].T + m[:3, 3]
    index = np.moveaxis((points - low)[..., ::-1], -1, 0)
    return ndimage.map_coordinates(field, index, order=1, mode="nearest").astype(np.float32)


def main(data: Path) -> None:
    knees = {name: load(data / "knee_atlas" / file, left) for name, (file, left) in KNEES.items()}
    first = knees["isotropic"]
    out: dict[str, NDArray] = {"step": np.array(STEP), "width": np.array(WIDTH)}
    moves = {}
    for bone, code in BONES.items():
        stack, thick = [], []
        reference = None
        for name, knee in knees.items():
            mask = knee.labels == code
            if mask.sum() < 500:
                continue
            whole = distance(mask, ENDS[bone])
            if reference is None:
                reference, box = whole, _box(mask, knee.low)
            m = np.eye(4) if reference is whole else register(reference, whole, first.low)
            if name == "dess":
                moves[bone] = m
            stack.append(resampled(whole, m, first.low, box))
            if CARTILAGE[bone]:
                coat = ndimage.binary_closing(mask | np.isin(knee.labels, CARTILAGE[bone]), iterations=1) | mask
                together = distance(coat, ENDS[bone])
                thick.append(resampled(np.maximum(whole - together, 0), m, first.low, box))
        out[f"{bone}_low"] = box[0]
        out[f"{bone}"] = np.clip(np.rint(np.array(stack) * 10), -127, 127).astype(np.int8)
        if thick:
            out[f"{bone}_cartilage"] = np.clip(np.rint(np.array(thick) * 40), 0, 255).astype(np.uint8)
    for side, code in MENISCI.items():  # one knee only has them
        knee, m = knees["dess"], moves["tibia"]
        box = (np.array([-45.0, -35.0, -12.0]), np.array([45.0, 35.0, 15.0]))
        field = resampled(distance(knee.labels == code, (False, False)), m, knee.low, box)
        out[f"meniscus_{side}"] = np.clip(np.rint(field * 10), -127, 127).astype(np.int8)
        out["meniscus_low"] = box[0]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(OUT, **out)
    print(OUT.stat().st_size, {k: v.shape for k, v in out.items()}, file=sys.stderr)


def _box(mask: NDArray[np.bool_], low: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    places = np.argwhere(mask)[:, ::-1] + low
    margin = 9.0
    return places.min(0) - margin, places.max(0) + margin


if __name__ == "__main__":
    default = os.environ.get("CONDYLE_DATA") or str(ROOT.parent / "shared" / "data")
    main(Path(sys.argv[1] if len(sys.argv) > 1 else default))
