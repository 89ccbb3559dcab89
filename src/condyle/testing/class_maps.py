"""Do class maps follow the model? Two checks that a map fails when it shows something else.

Deletion: where the map is strongest the picture is smoothed away; the finding's logit must fall further than when the same
shape is smoothed away elsewhere (Petsiuk et al., BMVC 2018, on one area). Randomisation: with shuffled weights the map must
become another one (Adebayo et al., NeurIPS 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LUMBAR
from condyle.readers.lumbar.grade import HIGH_GRADE, Grader, level_codes, outputs_of
from condyle.readers.lumbar.measured import measure_levels
from condyle.readers.onnx import Graph, open_graph


@dataclass(frozen=True, slots=True)
class Deletion:
    """How far the logit of a finding at a level falls.

    Parameters
    ----------
    logit : with the whole crop
    own : fall when the map's strongest area is smoothed away
    elsewhere : mean fall when the same shape is smoothed away at other places
    """

    level: str
    finding: str
    logit: float
    own: float
    elsewhere: float


def run_graph(
    grader: Grader, names: Sequence[str], crops: NDArray[np.float32], present: NDArray[np.bool_], graph: Graph | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """([level, output] logits, [level, finding, slot, row, column] maps at the crops' size)."""
    found = (graph or grader.graph)(_inputs(grader, names, crops, present))
    maps = found["maps"]
    size = (crops.shape[-1], crops.shape[-2])
    flat = [cv2.resize(one, size, interpolation=cv2.INTER_LINEAR) for one in maps.reshape(-1, *maps.shape[-2:])]
    return found["logits"], np.stack(flat).reshape(*maps.shape[:3], *crops.shape[-2:])


def deletions(
    grader: Grader, names: Sequence[str], crops: NDArray[np.float32], present: NDArray[np.bool_], maps: NDArray[np.float32], *,
    share: float = 0.12, shifts: int = 6, seed: int = 0,
) -> list[Deletion]:  # fmt: skip
    """The deletion check at every level and finding whose logit is above 0.

    Parameters
    ----------
    maps : of ``run_graph`` (or others, to see the check fail)
    share : of the crop that is smoothed away
    shifts : places to which the same shape is moved
    """
    rng = np.random.default_rng(seed)
    inputs = _inputs(grader, names, crops, present)
    logits = grader.graph(inputs)["logits"]
    moves = [(0, 0), *((int(rng.integers(16, 80)), int(rng.integers(16, 96))) for _ in range(shifts))]
    found = []
    for column, finding in enumerate(grader.findings):
        output = _score_output(grader, finding)
        for level in np.flatnonzero(logits[:, output] > 0).tolist():
            slot = int(np.argmax(np.where(present[level], maps[level, column].clip(0).sum(axis=(1, 2)), -1.0)))
            own = maps[level, column, slot]
            area = np.zeros(own.shape, bool)
            area.flat[np.argsort(own, axis=None, kind="stable")[-round(share * own.size) :]] = True
            crop = crops[level, slot, 0]
            smooth = cv2.GaussianBlur(crop, (0, 0), 10)
            changed = np.repeat(inputs["grey"][level][None], len(moves), axis=0)
            for at, move in enumerate(moves):
                changed[at, slot] = np.where(np.roll(area, move, (0, 1)), smooth, crop)
            rest = {name: np.repeat(inputs[name][level][None], len(moves), axis=0) for name in ("present", "measured", "level")}
            falls = logits[level, output] - grader.graph({"grey": changed, **rest})["logits"][:, output]
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


def _score_output(grader: Grader, finding: str) -> int:
    step = HIGH_GRADE if LUMBAR.finding(finding).scale else 1
    return outputs_of(grader.findings).index((finding, step))


def _inputs(
    grader: Grader, names: Sequence[str], crops: NDArray[np.float32], present: NDArray[np.bool_]
) -> dict[str, NDArray[np.float32]]:
    return {
        "grey": np.ascontiguousarray(crops[:, :, 0], np.float32),
        "present": present.astype(np.float32),
        "measured": measure_levels(crops, present, grader.spec),
        "level": level_codes(names, grader.levels),
    }
