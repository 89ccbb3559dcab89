"""A drawn lumbar study of three vendors, clean, and the faults that the checks must find."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from condyle.intake.roles import infer_role
from condyle.study import Geometry, Series, Study, Volume

VENDORS = {
    "SIEMENS": (
        {"series_description": "t1_tse_sag", "echo_time": 9.8, "repetition_time": 620, "flip_angle": 150, "sequence_name": "*tse2d1_3"},
        {"series_description": "t2_tse_sag", "echo_time": 96, "repetition_time": 3700, "flip_angle": 150, "sequence_name": "*tseR2d1rr17"},
    ),
    "GE MEDICAL SYSTEMS": (
        {"series_description": "Sag T1 FSE", "echo_time": 11, "repetition_time": 580, "flip_angle": 111},
        {"series_description": "Sag T2 FRFSE", "echo_time": 108, "repetition_time": 4100, "flip_angle": 111},
    ),
    "Philips Medical Systems": (
        {"series_description": "T1W_TSE", "echo_time": 8, "repetition_time": 540, "flip_angle": 90},
        {"series_description": "T2W_TSE", "echo_time": 120, "repetition_time": 3500, "flip_angle": 90},
    ),
}
COMMON = {"scanning_sequence": "SE", "body_part_examined": "LSPINE", "field_strength": 1.5, "echo_train_length": 15, "pixel_bandwidth": 220}


def sagittal(shape: tuple[int, int, int], spacing: tuple[float, float, float] = (4.4, 0.9, 0.9), x: float = 0.0) -> Geometry:
    """Head up, front to the left, the middle of the volume at (x, 0, 0)."""
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = (spacing[0], 0, 0), (0, 0, -spacing[1]), (0, spacing[2], 0)
    affine[:3, 3] = np.array([x, 0, 0]) - Geometry(affine, shape).centre
    return Geometry(affine, shape)


def spine(rng: np.random.Generator, slices: int = 11, size: int = 320) -> np.ndarray:
    """[slice, row, column] float: body with texture like tissue, vertebrae, discs, canal, bright fat behind, a little noise."""
    rows, columns = np.mgrid[:size, :size] / size
    out = np.zeros((slices, size, size), np.float32)
    # No two vertebrae alike: an exactly periodic object has uneven k-space lines by itself.
    ends = np.cumsum(rng.uniform(0.115, 0.165, 8)) - 0.05
    vertebrae = [(end - rng.uniform(0.08, 0.11), end, tilt) for end, tilt in zip(ends, np.linspace(-0.25, 0.45, 8), strict=True)]
    for k in range(slices):
        lean = 0.04 * np.sin(3 * rows)
        body = (columns > 0.08 + 0.03 * np.sin(5 * rows)) & (columns < 0.88 + lean)
        frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None]) + 1 / size
        texture = np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) / frequency**1.3).real
        picture = np.where(body, 0.35 + 0.06 * texture / texture.std(), 0.0)
        column = np.abs(columns - 0.5 - lean) < 0.09
        bone = np.zeros_like(body)
        for top, bottom, tilt in vertebrae:
            along = rows + tilt * (columns - 0.5)
            bone |= (along > top) & (along < bottom)
        picture = np.where(column, np.where(bone, 0.55, 0.3) + 0.05 * texture / texture.std(), picture)
        picture = np.where(np.abs(columns - 0.63 - lean) < 0.03, 0.9, picture)
        picture = np.where((columns > 0.8 + lean) & body, 0.8 + 0.04 * texture / texture.std(), picture)
        out[k] = ndimage.gaussian_filter(picture, 0.9)
    return np.abs(out + 0.012 * rng.standard_normal(out.shape)) * 1000


def moved(pixels: np.ndarray, rng: np.random.Generator, *, millimetres: float = 1.6, trains: int = 16) -> np.ndarray:
    """Every echo train of each slice at another place along the columns, as when the patient breathes and shifts."""
    out = np.empty_like(pixels, dtype=np.float32)
    frequency = np.fft.fftfreq(pixels.shape[1])
    train = np.arange(pixels.shape[1]) % trains
    for k, picture in enumerate(pixels):
        shift = millimetres / 0.9 * rng.standard_normal(trains)[train]
        space = np.fft.fft(picture, axis=0) * np.exp(-2j * np.pi * frequency * shift)[:, None]
        out[k] = np.abs(np.fft.ifft(space, axis=0))
    return out


@pytest.fixture(scope="session")
def phantom() -> SimpleNamespace:
    """The drawing functions above, for tests."""
    return SimpleNamespace(sagittal=sagittal, spine=spine, moved=moved)


@pytest.fixture(scope="session")
def drawn() -> np.ndarray:
    return spine(np.random.default_rng(3)).astype(np.int16)


Build = Callable[..., tuple[Study, dict[str, Volume]]]


@pytest.fixture(scope="session")
def build(drawn: np.ndarray) -> Build:
    """Build a study of one vendor: T1 and T2 sagittal, with what should differ from the clean one."""

    def make(
        vendor: str = "SIEMENS",
        pixels: np.ndarray | None = None,
        geometry: Geometry | None = None,
        keep: tuple[int, ...] = (0, 1),
        **headers: object,
    ) -> tuple[Study, dict[str, Volume]]:
        voxels = drawn if pixels is None else pixels
        grid = sagittal(voxels.shape) if geometry is None else geometry
        series, volumes = [], {}
        for n in keep:
            own = {**COMMON, **VENDORS[vendor][n], "manufacturer": vendor, **headers}
            name = f"s{n}"
            series.append(Series(name, "dicom", None, grid, infer_role(own, grid), n + 1, own))
            volumes[name] = Volume(voxels, grid, name)
        return Study("study", "patient", tuple(series)), volumes

    return make
