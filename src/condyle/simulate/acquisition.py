"""Acquisition: from painted tissue to the picture that a scanner would give.

In this order, as on the scanner: chemical shift, coil sensitivity, limited k-space with Gibbs ringing and interpolation,
motion between echo trains, noise in the receiver, magnitude (hence Rician noise).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from condyle.simulate.surfaces import Floats


@dataclass(frozen=True, slots=True)
class Receiver:
    """How a series is received.

    Parameters
    ----------
    resolution : (along columns, along rows) share of k-space that is sampled, 0.4 to 1; the rest is filled with zeros
    noise : standard deviation in each of the two channels, relative to fully relaxed water next to the coil
    fat_shift : pixels by which fat is displaced along the frequency axis
    phase_axis : 0 phase is encoded along columns (head-foot on a sagittal slice), 1 along rows
    motion : mm, standard deviation of breathing and restlessness between echo trains; 0 none
    trains : number of echo trains; neighbouring lines of k-space of one train move together
    """

    resolution: tuple[float, float] = (0.75, 0.9)
    noise: float = 0.006
    fat_shift: float = 0.8
    phase_axis: int = 0
    motion: float = 0.0
    trains: int = 24


def acquire(water: Floats, fat: Floats, sensitivity: Floats, receiver: Receiver, pixel: float, rng: np.random.Generator) -> Floats:
    """One slice of one series.

    Parameters
    ----------
    water, fat : [row, column] signals, fat already scaled by the sequence
    sensitivity : [row, column] of the coil, about 0 to 1
    pixel : mm
    rng : numpy Generator; noise and motion come from it

    Returns
    -------
    [row, column] float32 magnitude, not negative

    Source: magnitude of complex Gaussian noise: Gudbjartsson & Patz, Magn Reson Med 1995;34:910-914, equation 1.
    """
    frequency_axis = 1 - receiver.phase_axis
    picture = (water + _shift(fat, receiver.fat_shift, frequency_axis)) * sensitivity
    rows, columns = picture.shape
    k_space = fft.fft2(picture.astype(np.float32))
    window = np.outer(_window(rows, receiver.resolution[0]), _window(columns, receiver.resolution[1])).astype(np.float32)
    if receiver.motion > 0:
        k_space = k_space * _motion_phase((rows, columns), receiver, pixel, rng)
    scale = np.float32(receiver.noise * np.sqrt(rows * columns))
    k_space = k_space + scale * (rng.standard_normal(picture.shape, np.float32) + 1j * rng.standard_normal(picture.shape, np.float32))
    return np.asarray(np.abs(fft.ifft2(k_space * window)), np.float32)


def _shift(picture: Floats, pixels: float, axis: int) -> Floats:
    """Moved by a fraction of pixels (linear), edges repeated."""
    whole = int(np.floor(pixels))
    part = np.float32(pixels - whole)
    near, far = np.roll(picture, whole, axis), np.roll(picture, whole + 1, axis)
    return np.asarray(near + part * (far - near))


def _window(size: int, resolution: float) -> Floats:
    """Sampled share of k-space with soft shoulders: scanners filter just enough to tame the ringing, not to remove it."""
    place = np.abs(np.fft.fftfreq(size)) * 2 / resolution
    shoulder = np.clip((1.0 - place) / 0.35, 0.0, 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * shoulder), np.float32)


def _motion_phase(
    shape: tuple[int, int], receiver: Receiver, pixel: float, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.complex64]]:
    """Phase of every k-space line when the body moves rigidly between echo trains.

    Lines are dealt to the trains in turn (interleaved), which is what makes ghosts rather than blur.
    """
    lines = shape[receiver.phase_axis]
    order = np.argsort(np.fft.fftfreq(lines))
    rhythm = rng.uniform(0.15, 0.3)
    count = np.arange(receiver.trains)
    breath = np.sin(2 * np.pi * (rhythm * count + rng.uniform())) + 0.5 * rng.standard_normal(receiver.trains)
    drift = 0.4 * rng.standard_normal(receiver.trains)
    train = np.empty(lines, int)
    train[order] = np.arange(lines) % receiver.trains
    along, across = (np.fft.fftfreq(n) for n in (lines, shape[1 - receiver.phase_axis]))
    step = -2j * np.pi * receiver.motion / pixel
    # All lines of a train share its displacement, so there are few rows to compute.
    sideways = np.exp(step * breath[:, None] * across[None, :]).astype(np.complex64)[train]
    phase = sideways * np.exp(step * drift[train] * along).astype(np.complex64)[:, None]
    return np.asarray(phase if receiver.phase_axis == 0 else phase.T)


def surface_coil(depth: Floats, along: Floats, *, reach: float, length: float, homogenised: float) -> Floats:
    """Sensitivity of a coil array under the back, 0 to 1.

    Parameters
    ----------
    depth : mm from the skin of the back, positive inwards
    along : mm from the middle of the coil along the body
    reach : mm, depth at which about half is left
    length : mm, half length of the array
    homogenised : 0 to 1, how much of the fall is taken out by the scanner's own correction

    Notes: on the axis of a loop of radius R the field falls as (1 + (z/R)^2)^-1.5; a softer power stands for an array.
    """
    deep = (1 + (np.maximum(depth, 0) / np.float32(reach)) ** 2) ** np.float32(-1.1)
    ends = np.exp(-((np.abs(along) / np.float32(length)) ** 6))
    return ((deep * ends) ** np.float32(1 - homogenised) * (0.25 + 0.75 * ends)).astype(np.float32)
