"""One crop a level: the disc lying level, its vertebrae above and below, the canal behind.

Training and reading cut their crops here and nowhere else, so a grader never meets a crop of another kind
than it was trained on. Everything is measured in *disc widths* - the median antero-posterior width of the
study's discs - because pictures carry no reliable millimetres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.quantiles import percentiles

# Tissue channels of a segmentation, in this order everywhere.
VERTEBRA, CANAL, DISC = 0, 1, 2


@dataclass(frozen=True, slots=True)
class CropSpec:
    """The grid of a crop. Part of the package: reading uses the numbers of training.

    Parameters
    ----------
    rows, columns : pixels of the crop
    pixels_per_width : crop pixels in one disc width
    forward : where the disc centre lies along the columns, as a fraction from the front (left) edge.
        Below one half, because the canal lies behind the disc.
    """

    rows: int = 96
    columns: int = 112
    pixels_per_width: float = 56.0
    forward: float = 0.42

    @property
    def centre(self) -> tuple[float, float]:
        """(row, column) of the disc centre in the crop."""
        return (self.rows - 1) / 2, (self.columns - 1) * self.forward

    def widened(self, margin: int) -> CropSpec:
        """The same crop with ``margin`` more pixels on every side: room for random shifts and turns."""
        columns = self.columns + 2 * margin
        return CropSpec(self.rows + 2 * margin, columns, self.pixels_per_width, (self.centre[1] + margin) / (columns - 1))


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a disc lies on a picture with square pixels.

    Parameters
    ----------
    level : name such as 'L4-L5'
    row, column : disc centre in pixels
    angle : radians from the columns' direction to the disc's axis (front to back), positive turns the back end down
    width : disc width of the study on this picture, pixels
    """

    level: str
    row: float
    column: float
    angle: float
    width: float


def picture_to_crop(frame: Frame, spec: CropSpec) -> NDArray[np.float64]:
    """(2, 3) affine from picture (column, row) to crop (column, row), pixel centres at whole numbers."""
    scale = spec.pixels_per_width / frame.width
    cos, sin = scale * np.cos(frame.angle), scale * np.sin(frame.angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    row, column = spec.centre
    shift = np.array([column, row]) - turn @ np.array([frame.column, frame.row])
    return np.hstack([turn, shift[:, None]])


def normalise(picture: NDArray[np.floating], tissue: NDArray[np.floating]) -> NDArray[np.float32]:
    """Grey values on a scale that follows the spine, not the surface fat or the air in front.

    Parameters
    ----------
    picture : [row, column] grey values of any scale
    tissue : [3, row, column] probabilities of vertebra, canal, disc

    Returns
    -------
    [row, column] float32: 0 at the 1st and 1 at the 99th percentile of the spine's own pixels, clipped to [-0.25, 1.5].
    A picture of one grey value becomes 0.
    """
    grey = np.asarray(picture, dtype=np.float32)
    spine = tissue.max(axis=0) > 0.5
    values = grey[spine] if spine.sum() > 100 else grey.ravel()
    low, high = percentiles(values, 1, 99)
    if high <= low:
        return np.zeros(grey.shape, np.float32)
    return np.asarray(np.clip((grey - np.float32(low)) / np.float32(high - low), -0.25, 1.5), np.float32)


def cut(
    picture: NDArray[np.floating], tissue: NDArray[np.floating], frames: Sequence[Frame], spec: CropSpec
) -> NDArray[np.float32]:
    """Crops of one picture, one a frame.

    Parameters
    ----------
    picture : [row, column] normalised grey values on square pixels, head up, front to the left
    tissue : [3, row, column] probabilities of vertebra, canal, disc

    Returns
    -------
    [level, 4, rows, columns] float32: grey, vertebra, canal, disc. What lies outside the picture is 0.

    Notes
    -----
    Bilinear; where the picture is finer than the crop it is first blurred by the Gaussian that turns one
    picture pixel into one crop pixel, so a fine picture is averaged and not sampled.
    """
    import cv2

    crops = np.zeros((len(frames), 4, spec.rows, spec.columns), np.float32)
    layers = [np.asarray(layer, np.float32) for layer in (picture, *tissue)]
    ratio = float(np.median([frame.width for frame in frames])) / spec.pixels_per_width if frames else 1.0
    if ratio > 1.0:
        sigma = 0.5 * float(np.sqrt(ratio**2 - 1.0))
        layers = [cv2.GaussianBlur(layer, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) for layer in layers]
    for crop, frame in zip(crops, frames, strict=True):
        matrix = picture_to_crop(frame, spec)
        for target, layer in zip(crop, layers, strict=True):
            target[:] = cv2.warpAffine(layer, matrix, (spec.columns, spec.rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return crops
