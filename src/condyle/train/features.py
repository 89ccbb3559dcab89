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
from condyle.readers.lumbar.regions import ENLARGED, NAMES, enlarge, grid, region_shares
from condyle.readers.onnx import open_graph
from condyle.train.backbone import WEIGHTS_SHA256, Backbone, load_backbone, read_out
from condyle.train.keep import keep_array
from condyle.train.level_table import LevelTable
from condyle.train.lumbar_recipe import Augment

_BATCH = 16


class ReadOut(torch.nn.Module):
    """Backbone and read-out: what the graph ``features`` of a package computes."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, grey: torch.Tensor, regions: torch.Tensor) -> torch.Tensor:
        """[n, row, column] enlarged grey, [n, region, row/8, column/8] shares -> [n, feature]."""
        return read_out(self.backbone(grey), regions)


Extract = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


def extractor(spec: CropSpec) -> Extract:
    """([n, 2 rows, 2 columns] grey, [n, region, ...] shares) -> [n, features], run by the engine that reading uses, on one core."""
    buffer = io.BytesIO()
    example = torch.zeros(2, ENLARGED * spec.rows, ENLARGED * spec.columns), torch.zeros(2, len(NAMES), *grid(spec))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            ReadOut(load_backbone()).eval(), example, buffer, dynamo=False, opset_version=17, input_names=["grey", "regions"],
            output_names=["features"], dynamic_axes={name: {0: "n"} for name in ("grey", "regions", "features")},
        )  # fmt: skip
    graph = open_graph(buffer.getvalue(), "backbone", threads=1)

    def run(grey: NDArray[np.float32], regions: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(graph({"grey": grey, "regions": regions})["features"], np.float32)

    return run


def table_features(
    table: LevelTable, spec: CropSpec, margin: int, augment: Augment, seed: int, cache: Path,
    extract: Extract | None = None,
) -> NDArray[np.float32]:  # fmt: skip
    """[copy, row, slot, feature] float16; 0 where there is no crop. From ``cache`` when they were computed before."""
    grid_of = (spec.rows, spec.columns, spec.pixels_per_width, spec.forward, ENLARGED, NAMES)
    knobs = [table.key, grid_of, margin, augment.model_dump(), seed, WEIGHTS_SHA256]
    key = hashlib.sha256(json.dumps(knobs).encode()).hexdigest()[:20]
    path = cache / f"features-{key}.npy"
    if path.is_file():
        return np.asarray(np.load(path, allow_pickle=False))
    extract = extract or extractor(spec)
    rows, slots = np.nonzero(table.present)
    copies = []
    for copy in range(augment.copies):
        parts = []
        for first in range(0, len(rows), _BATCH):
            some = zip(rows[first : first + _BATCH].tolist(), slots[first : first + _BATCH].tolist(), strict=True)
            crops = [
                vary(
                    table.crops[row, slot].astype(np.float32), spec, margin, augment,
                    np.random.default_rng([seed, copy, row, slot]) if copy else None,
                )
                for row, slot in some
            ]  # fmt: skip
            parts.append(extract(enlarge(np.stack([crop[0] for crop in crops])), region_shares([crop[1:] for crop in crops], spec)))
        features = np.concatenate(parts)
        whole = np.zeros((len(table), table.present.shape[1], features.shape[1]), np.float16)
        whole[rows, slots] = features
        copies.append(whole)
    stacked = np.stack(copies)
    keep_array(path, stacked)
    return np.asarray(stacked)


def vary(wide: NDArray[np.float32], spec: CropSpec, margin: int, augment: Augment, rng: np.random.Generator | None) -> NDArray[np.float32]:
    """The inner crop of a widened one: as it is, or turned, shifted, scaled, the grey with another contrast and noise.

    Parameters
    ----------
    wide : [4, rows + 2 margin, columns + 2 margin] normalised grey, vertebra, canal, disc
    rng : None gives the plain crop
    """
    if rng is None:
        return wide[:, margin : margin + spec.rows, margin : margin + spec.columns]
    turn = np.deg2rad(rng.normal(0, augment.turn_degrees))
    zoom = np.exp(rng.normal(0, augment.zoom))
    shift = rng.normal(0, augment.shift * spec.pixels_per_width, 2)
    row, column = spec.centre
    cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
    matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
    matrix[:, 2] = np.array([column, row]) + shift - matrix[:, :2] @ np.array([column + margin, row + margin])
    varied = np.stack([cv2.warpAffine(one, matrix, (spec.columns, spec.rows), flags=cv2.INTER_LINEAR) for one in wide])
    grey = np.sign(varied[0]) * np.abs(varied[0]) ** np.exp(rng.normal(0, augment.gamma)) * np.exp(rng.normal(0, augment.gain))
    varied[0] = grey + rng.normal(0, augment.noise, grey.shape)
    return varied
