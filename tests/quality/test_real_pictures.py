"""Motion and noise on real mid-sagittal pictures: silent as they are, firing when spoiled in their own k-space."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from condyle.quality.motion import THRESHOLD as UNEVEN
from condyle.quality.motion import unevenness
from condyle.quality.noise import THRESHOLD as NOISY
from condyle.quality.noise import signal_to_noise
from condyle.quality.picture import without_padding

pytestmark = pytest.mark.real_data
_EVERY = 6  # 61 of the 361 pictures, of all weightings


@pytest.fixture(scope="module")
def pictures(shared_data: Path) -> list[np.ndarray]:
    import cv2

    with (shared_data / "spider" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "midsagittal"][::_EVERY]
    read = (cv2.imread(str(shared_data / "spider" / row["path"]), cv2.IMREAD_GRAYSCALE) for row in rows)
    return [without_padding(picture.astype(np.float32)) for picture in read]


def jolted(picture: np.ndarray, pixels: float, rng: np.random.Generator, trains: int = 20) -> np.ndarray:
    """Echo trains of interleaved lines, each displaced by a normal deviate of ``pixels`` along the columns."""
    lines = np.arange(picture.shape[0])
    shift = pixels * rng.standard_normal(trains)[lines % trains]
    phase = np.exp(-2j * np.pi * np.fft.fftfreq(picture.shape[0]) * shift)
    return np.abs(np.fft.ifft(np.fft.fft(picture, axis=0) * phase[:, None], axis=0)).astype(np.float32)


def noised(picture: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Rician noise, ``share`` of the median tissue signal in each channel."""
    level = share * float(np.median(picture[picture > 30]))
    return np.hypot(picture + level * rng.standard_normal(picture.shape), level * rng.standard_normal(picture.shape)).astype(np.float32)


def test_clean_pictures_are_silent(pictures: list[np.ndarray]) -> None:
    moved = sum(unevenness(picture) > UNEVEN for picture in pictures)
    noisy = sum((signal_to_noise(picture) or NOISY) < NOISY for picture in pictures)
    print("false alarms", f"motion {moved}, noise {noisy} of {len(pictures)}")
    assert moved <= 0.02 * len(pictures)
    assert noisy <= 0.02 * len(pictures)


@pytest.mark.parametrize(("pixels", "least"), [(0.5, 0.3), (1.0, 0.9), (2.0, 0.95)])
def test_movement_is_seen(
    pictures: list[np.ndarray], pixels: float, least: float) -> None:
    rng = np.random.default_rng(0)
    seen = sum(unevenness(jolted(picture, pixels, rng)) > UNEVEN for picture in pictures)
    print("seen", f"{seen} of {len(pictures)} at {pixels} pixels")
    assert seen >= least * len(pictures)


@pytest.mark.parametrize(("share", "least"), [(0.2, 0.3), (0.3, 0.9), (0.4, 0.95)])
def test_noise_is_seen(pictures: list[np.ndarray], share: float, least: float) -> None:
    rng = np.random.default_rng(0)
    seen = sum((signal_to_noise(noised(picture, share, rng)) or NOISY) < NOISY for picture in pictures)
    print("seen", f"{seen} of {len(pictures)} at {share:.0%}")
    assert seen >= least * len(pictures)
