"""Key images with outlines and names as pixels, for documents that cannot draw for themselves (PDF, secondary capture)."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from condyle.report.pictures import Picture
from condyle.study import KeyImage

# BGR, line width and dash as in the page's style sheet.
_STYLES = {"abnormal": ((61, 138, 255), 2), "uncertain": ((77, 225, 255), 2), "": ((255, 211, 159), 1)}
_MEASURE = ((176, 255, 125), 1)
_DASH = 7.0


def drawn(picture: Picture, image: KeyImage, *, scale: float = 2.0, names: bool = True, box: tuple[float, ...] = ()) -> NDArray[np.uint8]:
    """[row, column, BGR] of a key image with what was found on it.

    Parameters
    ----------
    picture : what lies on the key image, in picture units
    image : the key image itself
    scale : pixels a picture unit
    names : write the names of the sites beside their outlines
    box : (x, y, width, height) in picture units, the part to show; all of it when empty
    """
    import cv2

    x, y, width, height = box or (0.0, 0.0, picture.width, picture.height)
    size = round(picture.width * scale), round(picture.height * scale)
    grey = cv2.resize(image.pixels, size, interpolation=cv2.INTER_CUBIC)
    canvas = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    for shape in picture.shapes:
        colour, thick = _MEASURE if shape.kind == "line" else _STYLES.get(shape.weight, _STYLES[""])
        points = np.array(re.findall(r"-?\d+\.\d+", shape.path), float).reshape(-1, 2) * scale
        closed = shape.path.endswith("Z")
        for part in _dashes(points, closed) if shape.weight == "uncertain" else [points]:
            whole = closed and part is points
            cv2.polylines(canvas, [np.rint(part * 8).astype(np.int32)], whole, colour, thick, cv2.LINE_AA, shift=3)
    for name in picture.names if names else ():
        _write(canvas, name.text, name.x * scale, name.y * scale, 0.021 * picture.width * scale)
    top, left = round(y * scale), round(x * scale)
    return np.ascontiguousarray(canvas[top : top + round(height * scale), left : left + round(width * scale)])


def _dashes(points: NDArray[np.float64], closed: bool) -> list[NDArray[np.float64]]:
    """A line cut into dashes, so that 'uncertain' is told apart without colour."""
    line = np.concatenate([points, points[:1]]) if closed else points
    steps = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    starts = np.arange(0.0, along[-1], 2 * _DASH)
    ends = np.minimum(starts + _DASH, along[-1])
    at = [np.linspace(a, b, 4) for a, b in zip(starts, ends, strict=True)]
    return [np.stack([np.interp(one, along, line[:, 0]), np.interp(one, along, line[:, 1])], -1) for one in at]


def _write(canvas: NDArray[np.uint8], text: str, x: float, y: float, half: float) -> None:
    """Right-aligned at (x, y), white with a black edge; ``half`` is half the height of a letter in pixels."""
    import cv2

    font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(0.3, half / 11)
    plain = text.encode("ascii", "replace").decode("ascii")
    (width, height), _ = cv2.getTextSize(plain, font, scale, 1)
    place = max(round(x - width), 1), round(y + height / 2)
    for colour, thick in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        cv2.putText(canvas, plain, place, font, scale, colour, thick, cv2.LINE_AA)
