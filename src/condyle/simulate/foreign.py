"""Studies that are not what was asked for: a head, a knee. Simple ellipsoids, for tests of refusals and side checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.acquisition import Receiver, acquire
from condyle.simulate.canvas import Canvas, Palette
from condyle.simulate.signal import Sequence, fat_signal
from condyle.simulate.study import Protocol, SimulatedSeries, SimulatedStudy, Truth, stream
from condyle.simulate.surfaces import NoiseField, capsule, coverage, ellipsoid
from condyle.simulate.tissues import TISSUES
from condyle.simulate.vendors import vendor_of
from condyle.study import Geometry, Volume

_TSE = {
    "t1": Sequence("tse", 600, 10, echo_train=3),
    "t2": Sequence("tse", 4000, 100, echo_train=15),
    "pd": Sequence("tse", 3000, 32, echo_train=7, fat_suppression="spectral"),
}


def simulate_head(seed: int, *, vendor: str = "siemens", slices: int = 15, headers: Mapping[str, Any] | None = None) -> SimulatedStudy:
    """A head, sagittal T1 and T2: scalp, skull, brain with folds, ventricles."""
    protocols = [Protocol(f"{w}_sag", w, _TSE[w], 256, 250.0, 4.0, 4.4, slices) for w in ("t1", "t2")]

    def draw(canvas: Canvas) -> None:
        points, everywhere = canvas.points, canvas.everywhere
        folds = canvas.field(NoiseField(stream(seed, "folds"), (9, 7, 7), 2))
        shells = (((78, 98, 92), "skin", 0.0), ((76, 96, 90), "skin", 0.9), ((72, 91, 86), "bone", 0.0), ((66, 85, 80), "csf", 0.0))
        for radii, tissue, fat in shells:
            canvas.paint(everywhere, coverage(ellipsoid(points, (0, 0, 0), radii), canvas.pixel), tissue, fat=fat)
        brain = ellipsoid(points, (0, 0, 0), (63, 82, 77)) + 2.5 * np.abs(folds)
        canvas.paint(everywhere, coverage(brain, canvas.pixel), "cord", gain=1 + 0.08 * folds)
        canvas.paint(everywhere, coverage(ellipsoid(points, (0, 5, 5), (16, 34, 10)), canvas.pixel), "csf")
        canvas.paint(everywhere, coverage(capsule(points, (0, 12, -60), (0, 25, -140), 22), canvas.pixel), "muscle", fat=0.1)

    return _study("head", "HEAD", seed, vendor, protocols, np.zeros(3), "sagittal", draw, headers)


def simulate_knee_phantom(
    seed: int, *, side: str = "left", laterality: str = "", vendor: str = "siemens", headers: Mapping[str, Any] | None = None
) -> SimulatedStudy:
    """A knee of two bones, coronal PD with fat suppression, lying on its side of the patient.

    Parameters
    ----------
    side : 'left' or 'right', where it lies (+x is left)
    laterality : what the tag says ('L', 'R'; '' leaves it out), right or wrong
    """
    centre = np.array([85.0 if side == "left" else -85.0, 0.0, 0.0])
    protocols = [Protocol("pd_fs_cor", "pd", _TSE["pd"], 320, 160.0, 3.0, 3.3, 15)]

    def draw(canvas: Canvas) -> None:
        points = canvas.points - centre.astype(np.float32)[:, None, None, None]
        everywhere = canvas.everywhere
        canvas.paint(everywhere, coverage(capsule(points, (0, 0, -120), (0, 0, 120), 62), canvas.pixel), "skin", fat=0.9)
        canvas.paint(everywhere, coverage(capsule(points, (0, 0, -120), (0, 0, 120), 54), canvas.pixel), "muscle", fat=0.15)
        for sign in (1.0, -1.0):
            for tissue, fat, shrink in (("cartilage", 0.0, 0.0), ("bone", 0.0, 2.5), ("marrow", 0.7, 3.5)):
                head = ellipsoid(points, (0, 0, sign * 20), (40 - shrink, 30 - shrink, 20 - shrink))
                shaft = capsule(points, (0, 0, sign * 25), (0, 0, sign * 120), (26 - shrink, 15 - shrink))
                canvas.paint(everywhere, coverage(np.minimum(head, shaft), canvas.pixel), tissue, fat=fat)

    given = dict(headers or {}) | ({"Laterality": laterality} if laterality else {})
    return _study("knee", "KNEE", seed, vendor, protocols, centre, "coronal", draw, given)


def _study(
    joint: str, body_part: str, seed: int, vendor: str, protocols: list[Protocol], centre: NDArray[np.float64], plane: str, draw: Any,
    headers: Mapping[str, Any] | None,
) -> SimulatedStudy:  # fmt: skip
    geometry = _grid(protocols[0], centre, plane)
    palette = Palette(tuple(one.sequence for one in protocols), 1.5)
    pixels = np.zeros((len(protocols), *geometry.shape), np.float32)
    for k in range(geometry.shape[0]):
        canvas = Canvas(geometry, k, protocols[0].thickness, palette, 1)
        draw(canvas)
        water, fatty = canvas.collapse()
        for n, one in enumerate(protocols):
            fat = np.float32(fat_signal(TISSUES["fat"], one.sequence, 1.5))
            rng = stream(seed, f"receiver {one.name} {k}")
            pixels[n, k] = acquire(water[n], fatty * fat, np.ones_like(fatty), Receiver(noise=0.01), canvas.pixel, rng)
    empty = Volume(np.zeros(geometry.shape, np.uint8), geometry)
    series = {one.name: SimulatedSeries(one, Volume(pixels[n], geometry, one.name), empty) for n, one in enumerate(protocols)}
    return SimulatedStudy(joint, seed, vendor_of(vendor).name, 1.5, series, Truth({}, {}, {}), body_part, dict(headers or {}))


def _grid(protocol: Protocol, centre: NDArray[np.float64], plane: str) -> Geometry:
    pixel = protocol.field_of_view / protocol.matrix
    columns = {
        "sagittal": ([protocol.spacing, 0, 0], [0, 0, -pixel], [0, pixel, 0]),
        "coronal": ([0, protocol.spacing, 0], [0, 0, -pixel], [pixel, 0, 0]),
    }[plane]
    affine = np.eye(4)
    affine[:3, :3] = np.array(columns).T
    shape = (protocol.slices, protocol.matrix, protocol.matrix)
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Geometry(affine, shape)
