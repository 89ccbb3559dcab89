"""Features of the frozen backbone for every crop of a table, computed once and kept.

Copy 0 shows the crops as reading will cut them; the other copies show them turned, shifted, scaled, with another
contrast and noise. Heads are trained on all copies and judged on copy 0.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from condyle.readers.lumbar.crops import CropSpec
from condyle.readers.onnx import open_graph
from condyle.train.backbone import WEIGHTS_SHA256, Backbone, load_backbone, read_out
from condyle.train.level_table import LevelTable
from condyle.train.lumbar_recipe import Augment

_BATCH = 32


class _ReadOut(torch.nn.Module):
    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        return read_out(self.backbone(grey))


def extractor(spec: CropSpec) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """[n, rows, columns] grey -> [n, features], run by the engine that reading uses, on one core."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _ReadOut(load_backbone()).eval(), (torch.zeros(2, spec.rows, spec.columns),), buffer, dynamo=False, opset_version=17,
            input_names=["grey"], output_names=["features"], dynamic_axes={"grey": {0: "n"}, "features": {0: "n"}},
        )  # fmt: skip
    graph = open_graph(buffer.getvalue(), "backbone", threads=1)

    def run(grey: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = [graph({"grey": grey[first : first + _BATCH]})["features"] for first in range(0, len(grey), _BATCH)]
        return np.concatenate(parts).astype(np.float32)

    return run


def table_features(
    table: LevelTable, spec: CropSpec, margin: int, augment: Augment, seed: int, cache: Path,
    extract: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None,
) -> NDArray[np.float32]:  # fmt: skip
    """[copy, row, slot, feature] float16; 0 where there is no crop. From ``cache`` when they were computed before."""
    knobs = [table.key, (spec.rows, spec.columns, spec.pixels_per_width, spec.forward), margin, augment.model_dump(), seed, WEIGHTS_SHA256]
    key = hashlib.sha256(json.dumps(knobs).encode()).hexdigest()[:20]
    path = cache / f"features-{key}.npy"
    if path.is_file():
        return np.asarray(np.load(path, allow_pickle=False))
    extract = extract or extractor(spec)
    rows, slots = np.nonzero(table.present)
    copies = []
    for copy in range(augment.copies):
        grey = np.empty((len(rows), spec.rows, spec.columns), np.float32)
        for at, (row, slot) in enumerate(zip(rows, slots, strict=True)):
            rng = np.random.default_rng([seed, copy, int(row), int(slot)]) if copy else None
            grey[at] = vary(table.crops[row, slot, 0].astype(np.float32), spec, margin, augment, rng)
        features = extract(grey)
        whole = np.zeros((len(table), table.present.shape[1], features.shape[1]), np.float16)
        whole[rows, slots] = features
        copies.append(whole)
    stacked = np.stack(copies)
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npy")
    np.save(part, stacked)
    part.replace(path)
    return np.asarray(stacked)


def vary(wide: NDArray[np.float32], spec: CropSpec, margin: int, augment: Augment, rng: np.random.Generator | None) -> NDArray[np.float32]:
    """The inner crop of a widened one: as it is, or turned, shifted, scaled, with another contrast and noise.

    Parameters
    ----------
    wide : [rows + 2 margin, columns + 2 margin] normalised grey
    rng : None gives the plain crop
    """
    if rng is None:
        return wide[margin : margin + spec.rows, margin : margin + spec.columns]
    turn = np.deg2rad(rng.normal(0, augment.turn_degrees))
    zoom = np.exp(rng.normal(0, augment.zoom))
    shift = rng.normal(0, augment.shift * spec.pixels_per_width, 2)
    row, column = spec.centre
    cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
    matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
    matrix[:, 2] = np.array([column, row]) + shift - matrix[:, :2] @ np.array([column + margin, row + margin])
    grey = cv2.warpAffine(wide, matrix, (spec.columns, spec.rows), flags=cv2.INTER_LINEAR)
    grey = np.sign(grey) * np.abs(grey) ** np.exp(rng.normal(0, augment.gamma)) * np.exp(rng.normal(0, augment.gain))
    return np.asarray(grey + rng.normal(0, augment.noise, grey.shape), np.float32)
