"""A drawn spine: label maps with known discs, and a toy package whose networks read exactly such drawings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from condyle.readers.lumbar.measured import names
from condyle.readers.lumbar.regions import NAMES as REGIONS
from condyle.readers.package import Package, write_package

GREYS = {0: 0.1, 1: 0.45, 2: 0.9, 3: 0.25}  # background, vertebra, canal (bright, as on T2), disc
T1_GREYS = {0: 0.1, 1: 0.7, 2: 0.35, 3: 0.5}


@dataclass(frozen=True)
class Drawn:
    """labels : [row, column] 0 background, 1 vertebra, 2 canal, 3 disc; centres, angles : of the discs from the bottom up."""

    labels: NDArray[np.uint8]
    centres: NDArray[np.float64]
    angles: NDArray[np.float64]
    width: float
    height: float


def draw_spine(
    count: int = 7, *, shape: tuple[int, int] = (640, 512), width: float = 74.0, disc: float = 18.0, body: float = 58.0,
    tilt: float = -0.5, straighten: float = 0.11, start: tuple[float, float] = (500.0, 230.0), slip: Mapping[int, float] | None = None,
) -> Drawn:  # fmt: skip
    """``count`` discs above a sacrum. The lowest leans by ``tilt`` radians, each next one by ``straighten`` less.

    ``slip`` moves the whole spine above disc number i (0 is the lowest) forward by so many pixels along the disc's axis.
    """
    labels = np.zeros(shape, np.uint8)
    centre, angle = np.array(start), tilt
    centres, angles, backs = [], [], []
    bodies: list[NDArray[np.float64]] = []
    for number in range(count):
        axis, up = np.array([np.sin(angle), np.cos(angle)]), np.array([-np.cos(angle), np.sin(angle)])
        centres.append(centre.copy())
        angles.append(angle)
        _fill(labels, centre, axis, up, width, disc, 3)
        backs.append(centre + axis * (width / 2 + 14))
        moved = centre - axis * (slip or {}).get(number, 0.0)
        following = min(angle + straighten, 0.35)
        middle_angle = (angle + following) / 2
        middle_up = np.array([-np.cos(middle_angle), np.sin(middle_angle)])
        middle = moved + up * disc / 2 + middle_up * (body / 2 + 1)
        bodies.append(np.array([*middle, middle_angle]))
        centre = middle + middle_up * (body / 2 + 1) + np.array([-np.cos(following), np.sin(following)]) * disc / 2
        angle = following
    for row, column, turn in bodies:
        axis, up = np.array([np.sin(turn), np.cos(turn)]), np.array([-np.cos(turn), np.sin(turn)])
        _fill(labels, np.array([row, column]), axis, up, width * 0.98, body, 1, only=0)
        backs.append(np.array([row, column]) + axis * (width / 2 + 14))
    path = np.array(sorted(backs, key=lambda point: -point[0]))
    cv2.polylines(labels, [np.rint(path[:, ::-1]).astype(np.int32)], False, 2, 16)
    return Drawn(labels, np.array(centres), np.array(angles), width, disc)


def _fill(
    labels: NDArray[np.uint8], centre: NDArray[np.float64], axis: NDArray[np.float64], up: NDArray[np.float64], width: float,
    height: float, value: int, only: int | None = None,
) -> None:  # fmt: skip
    corners = np.array([centre + a * axis * width / 2 + b * up * height / 2 for a, b in ((-1, 1), (1, 1), (1, -1), (-1, -1))])
    mask = np.zeros_like(labels)
    cv2.fillConvexPoly(mask, np.rint(corners[:, ::-1]).astype(np.int32), 1)
    labels[(mask == 1) & ((labels == only) | (only is None))] = value


def tissue(labels: NDArray[np.uint8], blur: float = 1.0) -> NDArray[np.float32]:
    """[3, row, column] soft probabilities of vertebra, canal, disc."""
    layers = [(labels == kind).astype(np.float32) for kind in (1, 2, 3)]
    return np.stack([cv2.GaussianBlur(layer, (0, 0), blur) for layer in layers])


def grey(labels: NDArray[np.uint8], greys: Mapping[int, float] = GREYS) -> NDArray[np.uint16]:
    """A picture in which every tissue has its own grey, with a trace of shading; a black frame and white skin fix the percentiles."""
    picture = np.zeros(labels.shape, np.float32)
    for kind, value in greys.items():
        picture[labels == kind] = value
    picture += np.linspace(0.0, 0.01, picture.shape[0], dtype=np.float32)[:, None]  # few values would be a label map to intake
    picture[:, :12] = 0.0
    picture[:, -24:] = 1.0
    return np.rint(picture * 1000).astype(np.uint16)


def toy_package(out: Path, *, greys: Mapping[int, float] = GREYS, **changes: Any) -> Package:
    """A whole lumbar package whose segmenter tells tissues by their grey, and whose grader says the brightness of the crop."""
    findings = ("pfirrmann", "disc_narrowing", "modic")
    slots = ("t2", "t1")
    content: dict[str, Any] = {
        "name": "toy", "version": "0.0.1", "family": "lumbar", "joint": "lumbar", "findings": list(findings),
        "slots": {
            "t2": {"plane": "sagittal", "weightings": ["t2"], "fat_suppressed": False},
            "t1": {"plane": "sagittal", "weightings": ["t1"], "fat_suppressed": False},
        },
        "graphs": {
            "segmenter": {"file": "graphs/segmenter.onnx", "inputs": ["picture"], "outputs": ["logits"]},
            "features": {"file": "graphs/features.onnx", "inputs": ["grey", "regions"], "outputs": ["features"]},
            "grader": {"file": "graphs/grader.onnx", "inputs": ["features", "present", "measured", "level"], "outputs": ["logits"]},
        },
        "calibration": {"pfirrmann": [[1.0, 0.0]] * 4, "disc_narrowing": [[1.0, 0.0]], "modic": [[1.0, 0.0]]},
        "thresholds": {
            "disc_narrowing": {"value": 0.5, "rule": "given", "band": [0.45, 0.55]},
            "modic": {"value": 0.99, "rule": "given"},
        },
        "settings": {
            "slots": list(slots), "findings": list(findings), "levels": ["L5-S1", "L4-L5"], "measured": list(names(slots)),
            "regions": list(REGIONS),
            "crop": {"rows": 48, "columns": 56, "pixels_per_width": 28.0, "forward": 0.42},
        },
        "licence": "Apache-2.0", "intended_use": "Tests.", "trained_on": "Nothing.", "limits": ["It knows nothing."],
        **changes,
    }  # fmt: skip
    files = {
        "graphs/segmenter.onnx": segmenter_graph(greys),
        "graphs/features.onnx": features_graph(),
        "graphs/grader.onnx": grader_graph(len(findings) + 3, len(slots)),
        "card.md": b"# toy\n", "metrics.json": b"{}\n",
    }  # fmt: skip
    return write_package(out, content, files)


def segmenter_graph(greys: Mapping[int, float]) -> bytes:
    """logit of a class = -60 (grey - its grey)^2, grey in [-1, 1]."""
    from onnx import TensorProto, helper, numpy_helper

    centres = np.array([2 * greys[kind] - 1 for kind in range(4)], np.float32).reshape(1, 4, 1, 1)
    nodes = [
        helper.make_node("Sub", ["picture", "centres"], ["difference"]),
        helper.make_node("Mul", ["difference", "difference"], ["square"]),
        helper.make_node("Mul", ["square", "factor"], ["logits"]),
    ]
    shape = ["n", 1, "r", "c"]
    graph = helper.make_graph(
        nodes, "segmenter", [helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 4, "r", "c"])],
        [numpy_helper.from_array(centres, "centres"), numpy_helper.from_array(np.array(-60.0, np.float32), "factor")],
    )  # fmt: skip
    return _model(graph)


def features_graph() -> bytes:
    """The only feature of a crop is its mean grey."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("ReduceMean", ["grey", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes, "features",
        [
            helper.make_tensor_value_info("grey", TensorProto.FLOAT, ["n", "r", "c"]),
            helper.make_tensor_value_info("regions", TensorProto.FLOAT, ["n", len(REGIONS), "gr", "gc"]),
        ],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(np.array([1, 2], np.int64), "axes"), numpy_helper.from_array(np.array([1], np.int64), "last")],
    )  # fmt: skip
    return _model(graph)


def grader_graph(outputs: int, slots: int) -> bytes:
    """Every logit is the mean grey of all crops of the level."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("ReduceMean", ["features", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Mul", ["column", "ones"], ["logits"]),
    ]
    float_ = TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info(name, float_, shape)
        for name, shape in (("features", ["n", slots, 1]), ("present", ["n", slots]), ("measured", ["n", "f"]), ("level", ["n", "l"]))
    ]
    graph = helper.make_graph(
        nodes, "grader", inputs, [helper.make_tensor_value_info("logits", float_, ["n", outputs])],
        [
            numpy_helper.from_array(np.array([1, 2], np.int64), "axes"), numpy_helper.from_array(np.array([1], np.int64), "last"),
            numpy_helper.from_array(np.ones((1, outputs), np.float32), "ones"),
        ],
    )  # fmt: skip
    return _model(graph)


def _model(graph: Any) -> bytes:
    from onnx import helper

    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString())
