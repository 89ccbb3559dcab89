"""Which slice of a stack is the mid-sagittal one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from condyle.readers.lumbar.view import look
from condyle.readers.onnx import open_graph
from condyle.study import Geometry, Volume
from tests.readers.spine import GREYS, draw_spine, grey, segmenter_graph

SAGITTAL = np.array([[4.0, 0, 0, -32], [0, 0, 0.46875, -120], [0, -0.46875, 0, 150], [0, 0, 0, 1]])


def test_a_side_slice_full_of_canal_and_disc_like_tissue_is_not_taken(tmp_path: Path) -> None:
    """Far from the middle, bowel and muscle can look like more canal and disc than the spine itself; but not like a column of discs."""
    spine = draw_spine()
    plain = grey(np.zeros_like(spine.labels))
    decoy = np.zeros_like(spine.labels)
    decoy[100:500, 150:210], decoy[100:500, 210:240] = 3, 2
    slices = [plain] * 17
    slices[8] = slices[7] = slices[9] = grey(spine.labels)
    slices[14] = slices[15] = grey(decoy)
    pixels = np.stack(slices)
    graph = open_graph(segmenter_graph(GREYS), "segmenter")
    found = look(Volume(pixels, Geometry(SAGITTAL, pixels.shape)), lambda x: graph({"picture": x})["logits"])
    assert found.picture.slice_index in (7, 8, 9)
    assert len(found.frames) >= 5
