"""Do class maps follow the model? Two checks that a map fails when it shows something else.

Deletion: where the map is strongest the picture is painted over; the finding's logit must fall further than when the same
shape is painted over elsewhere (Petsiuk et al., BMVC 2018, on one area). Painted from the area's border inward (Telea 2004), not
blurred: the maps themselves come from blurring, and a check by the same means would pass of itself. Randomisation: with
shuffled weights the map must become another one (Adebayo et al., NeurIPS 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from condyle.readers.lumbar.grade import Grader, score_column
from condyle.readers.onnx import Graph, open_graph


@dataclass(frozen=True, slots=True)
class Deletion:
    """How far the logit of a finding at a level falls.

    Parameters
    ----------
    logit : with the whole crop
    own : fall when the map's strongest area is painted over
    elsewhere : mean fall when the same shape is painted over at other places
    """

    level: str
    finding: str
    logit: float
    own: float
    elsewhere: float


def all_maps(
    grader: Grader, names: Sequence[str], crops: NDArray[np.float32], present: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """[level, finding, slot, row, column] maps of every finding, whether it is there or not."""
    rows = (grader.class_maps(names, crops, present, row) for row in range(len(names)))
    return np.stack([np.stack([maps[finding] for finding in grader.findings]) for maps in rows])


def deletions(
    grader: Grader, names: Sequence[str], crops: NDArray[np.float32], present: NDArray[np.bool_], maps: NDArray[np.float32], *,
    share: float = 0.12, shifts: int = 6, seed: int = 0,
) -> list[Deletion]:  # fmt: skip
    """The deletion check at every level and finding whose logit is above 0.

    Parameters
    ----------
    maps : of ``all_maps`` (or others, to see the check fail)
    share : of the crop that is painted over
    shifts : places to which the same shape is moved
    """
    rng = np.random.default_rng(seed)
    logits = grader.logits(names, crops, present)
    moves = [(0, 0), *((int(rng.integers(16, 80)), int(rng.integers(16, 96))) for _ in range(shifts))]
    found = []
    for level in range(len(names)):
        for column, finding in enumerate(grader.findings):
            output = score_column(grader.findings, finding)
            if logits[level, output] <= 0:
                continue
            slot = int(np.argmax(np.where(present[level], maps[level, column].max(axis=(1, 2)), -np.inf)))
            own = maps[level, column, slot]
            area = np.zeros(own.shape, bool)
            area.flat[np.argsort(own, axis=None, kind="stable")[-round(share * own.size) :]] = True
            painted = np.stack([_painted(crops[level, slot, 0], np.roll(area, move, (0, 1))) for move in moves])
            falls = logits[level, output] - grader.logits_with(names, crops, present, level, slot)(painted)[:, output]
            found.append(Deletion(names[level], finding, float(logits[level, output]), float(falls[0]), float(falls[1:].mean())))
    return found


def shuffled_graph(data: bytes, seed: int = 0) -> Graph:
    """The grader with the values of every larger weight of its heads in random order."""
    import onnx
    from onnx import numpy_helper

    rng = np.random.default_rng(seed)
    model = onnx.load_from_string(data)
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if "heads" in weight.name and values.size >= 256:
            weight.CopyFrom(numpy_helper.from_array(rng.permutation(values.ravel()).reshape(values.shape), weight.name))
    return open_graph(model.SerializeToString(), "grader", threads=1)


def likeness(maps: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """[level, finding, slot] rank correlation of two sets of maps; NaN where a map is flat."""
    from scipy.stats import rankdata

    flat = maps.reshape(-1, maps.shape[-2] * maps.shape[-1])[:, ::7]
    other = others.reshape(flat.shape[0], -1)[:, ::7]
    values = [
        np.corrcoef(rankdata(a), rankdata(b))[0, 1] if np.ptp(a) > 0 and np.ptp(b) > 0 else np.nan
        for a, b in zip(flat, other, strict=True)
    ]
    return np.array(values).reshape(maps.shape[:3])


def _painted(crop: NDArray[np.float32], area: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The crop with the area filled in from its border. The fill has 8 bits; what lies outside stays as it is."""
    low, high = float(crop.min()), float(crop.max())
    grey = np.rint((crop - low) / max(high - low, 1e-6) * 255).astype(np.uint8)
    filled = cv2.inpaint(grey, area.astype(np.uint8), 3, cv2.INPAINT_TELEA).astype(np.float32)
    return np.asarray(np.where(area, filled / 255 * (high - low) + low, crop), np.float32)
