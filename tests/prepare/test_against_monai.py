"""The whole pipeline against MONAI's transforms, voxel by voxel."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.prepare import prepare
from condyle.study import Geometry, Volume


@pytest.mark.slow("prepare")
@pytest.mark.filterwarnings("ignore")
def test_orient_resample_standardise_agree_with_monai():
    torch = pytest.importorskip("torch")
    transforms = pytest.importorskip("monai.transforms")
    from monai.data import MetaTensor

    rng = np.random.default_rng(3)
    z, y, x = np.meshgrid(np.linspace(-1, 1, 12), np.linspace(-1, 1, 160), np.linspace(-1, 1, 128), indexing="ij")
    pixels = (900 * np.exp(-2 * (x**2 + y**2)) * (1 + 0.2 * np.sin(12 * x + z)) + rng.normal(0, 8, z.shape)).clip(0).astype(np.int16)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[-3.5, 0, 0], [0, 0, 0.35], [0, -0.35, 0]])
    volume = Volume(pixels, Geometry(affine, pixels.shape))
    ours = prepare(volume, [{"step": "orient"}, {"step": "resample", "spacing_mm": 0.5, "shrink": "linear"}, {"step": "standardise"}])
    pipeline = transforms.Compose(
        [
            transforms.Orientation(axcodes="LIP", labels=(("L", "R"), ("P", "A"), ("I", "S"))),
            transforms.Spacing(pixdim=(3.5, 0.5, 0.5), mode="bilinear"),
            transforms.ScaleIntensityRangePercentiles(1, 99, 0, 1, clip=True),
            transforms.NormalizeIntensity(),
        ]
    )
    image = MetaTensor(torch.from_numpy(pixels[None].astype(np.float32)), affine=torch.from_numpy(np.diag([-1.0, -1, 1, 1]) @ affine))
    theirs = pipeline(image)[0].numpy()
    assert ours.shape == theirs.shape
    assert np.corrcoef(ours.pixels.ravel(), theirs.ravel())[0, 1] > 0.995


@pytest.mark.slow("prepare")
@pytest.mark.filterwarnings("ignore")
def test_standardise_agrees_with_monai(knee_like):
    pytest.importorskip("torch")
    transforms = pytest.importorskip("monai.transforms")
    ours = prepare(knee_like, [{"step": "standardise"}]).pixels
    pipeline = transforms.Compose([transforms.ScaleIntensityRangePercentiles(1, 99, 0, 1, clip=True), transforms.NormalizeIntensity()])
    theirs = np.asarray(pipeline(knee_like.pixels.astype(np.float32)))
    assert np.abs(ours - theirs).max() < 0.002
