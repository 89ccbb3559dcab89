"""Bias field: speed and residual beside SimpleITK's N4, on known fields over simulated anatomies.

Anatomies are simulated with an even coil (lumbar spines T1 and T2, a head, a knee), each is multiplied by three known fields: that of a
coil under the back, a random polynomial of third degree, and a bright centre as at 3 T. The residual is the coefficient of variation,
within tissue, of true over estimated field (0: the shading is gone; the first column is that of the field itself). N4 runs as usual: shrink
factor 4, its default settings, field and correction at full size; it is given the true tissue as its mask, Condyle finds its own.

    python benchmarks/bias_field.py [--rounds 3] [--threads 1] [--anatomies 8]

Needs SimpleITK beside condyle.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from rounds import compare, machine, report

from condyle.prepare.bias_field import bias_field, correct_bias
from condyle.simulate import simulate_head, simulate_knee_phantom, simulate_lumbar
from condyle.simulate.acquisition import surface_coil
from condyle.study import Volume

SHRINK = 4


def anatomies() -> Iterator[tuple[str, Volume]]:
    for seed in (71, 72, 73):
        for name, volume in simulate_lumbar(seed, matrix=384, slices=15, even_coil=True).volumes.items():
            yield f"lumbar {seed} {name[:2].upper()}", volume
    yield "head T1", simulate_head(74, slices=15).volumes["t1_sag"]
    yield "knee PD", simulate_knee_phantom(75).volumes["pd_fs_cor"]


def fields(shape: tuple[int, ...], seed: int) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij")
    coil = surface_coil((1 - x) * 125, y * 140, reach=100, length=170, homogenised=0.3)
    c = rng.normal(0, 0.25, 9)
    terms = (x, y, 0.5 * z, x * y, x * x, y * y, x**3, y**3, x * z)
    polynomial = np.exp(sum(weight * term for weight, term in zip(c, terms, strict=True)))
    right, low = rng.uniform(-0.4, 0.4, 2)
    centre = 0.35 + np.exp(-(((x - right) / 0.9) ** 2 + ((y - low) / 0.9) ** 2 + (z / 2) ** 2))
    return {name: np.asarray(one, np.float32) for name, one in (("coil", coil), ("polynomial", polynomial), ("centre", centre))}


def n4(pixels: NDArray[np.float32], tissue: NDArray[np.bool_], volume: Volume) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(corrected, field)"""
    import SimpleITK as sitk

    picture, mask = sitk.GetImageFromArray(pixels), sitk.GetImageFromArray(tissue.astype(np.uint8))
    for one in (picture, mask):
        one.SetSpacing([float(step) for step in volume.geometry.spacing[::-1]])
    shrink = [min(SHRINK, n) for n in picture.GetSize()]
    corrector = sitk.N4BiasFieldCorrectionImageFilter()
    corrector.Execute(sitk.Shrink(picture, shrink), sitk.Shrink(mask, shrink))
    field = sitk.Exp(sitk.Cast(corrector.GetLogBiasFieldAsImage(picture), sitk.sitkFloat32))
    return sitk.GetArrayFromImage(picture / field), sitk.GetArrayFromImage(field)


def residual(true: NDArray[np.float32], found: NDArray[np.float32], tissue: NDArray[np.bool_]) -> float:
    ratio = true[tissue] / found[tissue]
    return float(ratio.std() / ratio.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--anatomies", type=int, default=8, help="only the first so many")
    parser.add_argument("--threads", type=int, default=0, help="of SimpleITK; 0 its own choice")
    given = parser.parse_args()
    if given.threads:
        import SimpleITK as sitk

        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(given.threads)
    print(machine("SimpleITK", "numpy", "opencv-python-headless"))
    timed: tuple[NDArray[np.float32], NDArray[np.bool_], Volume] | None = None
    rows: list[tuple[float, float, float]] = []
    print("\n| anatomy | field | without | N4 | condyle |\n|---|---|---|---|---|")
    for number, (name, volume) in enumerate(islice(anatomies(), given.anatomies)):
        tissue = volume.pixels > 0.08 * np.percentile(volume.pixels, 99.5)
        for kind, field in fields(volume.shape, number).items():
            shaded = np.asarray(volume.pixels * field, np.float32)
            timed = timed or (shaded, tissue, volume)
            mine = bias_field(Volume(shaded, volume.geometry))
            estimates = (np.ones_like(field), n4(shaded, tissue, volume)[1], mine)
            row = tuple(residual(field, one, tissue) for one in estimates)
            rows.append((row[0], row[1], row[2]))
            print(f"| {name} | {kind} | {row[0]:.3f} | {row[1]:.3f} | {row[2]:.3f} |", flush=True)
    mean = np.mean(rows, axis=0)
    better = sum(own <= peer for _, peer, own in rows)
    print(f"| **mean** | | {mean[0]:.3f} | {mean[1]:.3f} | **{mean[2]:.3f}** |\n\nNo larger than N4's in {better} of {len(rows)}.\n")
    assert timed is not None
    shaded, tissue, volume = timed
    contenders = {
        f"N4 (shrink {SHRINK})": lambda: n4(shaded, tissue, volume)[0],
        "condyle": lambda: correct_bias(Volume(shaded, volume.geometry)).pixels,
    }
    print(f"Field and correction of {' x '.join(map(str, volume.shape))} voxels:\n")
    print(report(compare(contenders, reference=f"N4 (shrink {SHRINK})", rounds=given.rounds)))


if __name__ == "__main__":
    main()
