"""Preparing a study: orient, 0.5 mm in the image plane, clip at the 1st and 99th percentile, z-normalise.

Three series (sagittal, coronal, axial) of 30 x 512 x 512 int16 at 0.3125 mm, slices 3.5 mm apart, in memory. Contenders
run in interleaved rounds; every result is compared with MONAI's, voxel by voxel. An area average agrees a little less than
linear interpolation, because it takes noise away.

    python benchmarks/prepare.py [--rounds 7] [--json]

Needs monai, torch and SimpleITK beside condyle.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from rounds import compare, machine, report

from condyle.prepare import prepare_all
from condyle.study import Geometry, Volume

SPACING = 0.5
# LPS steps of slice, row and column as scanners usually send them.
STACKS = {
    "sagittal": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "coronal": ((0, 1, 0), (0, 0, -1), (1, 0, 0)),
    "axial": ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
}


def study(size: int = 512, slices: int = 30) -> list[Volume]:
    """Three stacks of a round object with bone, fat, texture, a coil's shading and Rician noise."""
    volumes = []
    for number, (plane, directions) in enumerate(STACKS.items()):
        rng = np.random.default_rng(number)
        z, y, x = np.meshgrid(np.linspace(-1, 1, slices), np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij", sparse=True)
        tissue = np.where((y / 0.85) ** 2 + ((x + 0.05 * np.sin(3 * z)) / 0.7) ** 2 < 1, 500.0, 0.0)
        tissue = np.where((y / 0.75) ** 2 + (x / 0.6) ** 2 < 1, 260.0, tissue)
        tissue = np.where(((y + 0.35) / 0.3) ** 2 + (x / 0.35) ** 2 < 1, 430.0, tissue)
        tissue = np.where((np.abs(y - 0.05 * np.cos(5 * x)) < 0.03) & (np.abs(x) < 0.4), 700.0, tissue)
        tissue = tissue * (1 + 0.07 * np.sin(37 * x + 11 * z) * np.cos(29 * y)) * np.exp(-0.4 * ((x - 0.3) ** 2 + (y + 0.2) ** 2))
        noisy = np.hypot(tissue + rng.normal(0, 9, tissue.shape), rng.normal(0, 9, tissue.shape)).astype(np.int16)
        affine = np.eye(4)
        affine[:3, :3] = np.array(directions, float).T * (3.5, 0.3125, 0.3125)
        affine[:3, 3] = (-80, -80, -50)
        volumes.append(Volume(noisy, Geometry(affine, noisy.shape), plane))
    return volumes


def condyle(volumes: Sequence[Volume], shrink: str, threads: int | None = None) -> list[NDArray[np.float32]]:
    steps = [{"step": "orient"}, {"step": "resample", "spacing_mm": SPACING, "shrink": shrink}, {"step": "standardise"}]
    return [done.volume.pixels for done in prepare_all(volumes, steps, threads=threads)]


def monai(volumes: Sequence[Volume]) -> list[NDArray[np.float32]]:
    import torch
    from monai.data import MetaTensor
    from monai.transforms import Compose, NormalizeIntensityd, Orientationd, ScaleIntensityRangePercentilesd, Spacingd

    # Axes k, j, i of our canonical stacks in MONAI's words (RAS world).
    codes = {"sagittal": "LIP", "coronal": "PIL", "axial": "SPL"}
    out = []
    for volume in volumes:
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.geometry.affine
        pipeline = Compose(
            [
                Orientationd("image", axcodes=codes[volume.series_id], labels=(("L", "R"), ("P", "A"), ("I", "S"))),
                Spacingd("image", pixdim=(volume.geometry.spacing[0], SPACING, SPACING), mode="bilinear"),
                ScaleIntensityRangePercentilesd("image", 1, 99, 0, 1, clip=True),
                NormalizeIntensityd("image"),
            ]
        )
        image = MetaTensor(torch.from_numpy(volume.pixels[None].astype(np.float32)), affine=torch.from_numpy(affine))
        out.append(pipeline({"image": image})["image"][0].numpy())
    return out


def simpleitk(volumes: Sequence[Volume]) -> list[NDArray[np.float32]]:
    import SimpleITK as sitk

    codes = {"sagittal": "PIL", "coronal": "LIP", "axial": "LPS"}
    out = []
    for volume in volumes:
        image = sitk.GetImageFromArray(volume.pixels)
        image.SetSpacing(volume.geometry.spacing[::-1])
        image.SetDirection(volume.geometry.directions[:, ::-1].ravel().tolist())
        image.SetOrigin(volume.geometry.affine[:3, 3].tolist())
        image = sitk.DICOMOrient(image, codes[volume.series_id])
        spacing = (SPACING, SPACING, image.GetSpacing()[2])
        size = [round(n * have / want) for n, have, want in zip(image.GetSize(), image.GetSpacing(), spacing, strict=True)]
        image = sitk.Resample(
            image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing, image.GetDirection(), 0, sitk.sitkFloat32
        )
        pixels = sitk.GetArrayFromImage(image)
        low, high = np.percentile(pixels, (1, 99))
        pixels = np.clip(pixels, low, high)
        out.append((pixels - pixels.mean()) / pixels.std())
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="one JSON line a contender")
    arguments = parser.parse_args()
    volumes = study()
    contenders: dict[str, Callable[[], list[NDArray[np.float32]]]] = {
        "MONAI": lambda: monai(volumes),
        "SimpleITK": lambda: simpleitk(volumes),
        "condyle, area average": lambda: condyle(volumes, "area"),
        "condyle, area average, one thread": lambda: condyle(volumes, "area", 1),
        "condyle, linear": lambda: condyle(volumes, "linear"),
    }
    print(machine("condyle", "monai", "torch", "SimpleITK", "opencv-python-headless", "numpy"))
    results = compare(contenders, reference="MONAI", rounds=arguments.rounds)
    print("\n".join(one.as_json() for one in results.values()) if arguments.json else report(results))
    truth = results["MONAI"].last
    for name, one in results.items():
        alike = [float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]) for ours, theirs in zip(one.last, truth, strict=True)]
        print(f"{name}: voxel correlation with MONAI at least {min(alike):.4f}, shapes {[ours.shape for ours in one.last]}")


if __name__ == "__main__":
    main()
