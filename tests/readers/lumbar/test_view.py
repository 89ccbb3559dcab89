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


def _stack(places: tuple[int, ...], count: int = 17) -> Volume:
    spine = draw_spine()
    slices = [grey(np.zeros_like(spine.labels))] * count
    for place in places:
        slices[place] = grey(spine.labels)
    pixels = np.stack(slices)
    return Volume(pixels, Geometry(SAGITTAL, pixels.shape))


def test_the_next_series_is_looked_at_where_the_first_was_best() -> None:
    graph, looked = open_graph(segmenter_graph(GREYS), "segmenter"), []

    def network(grey: np.ndarray) -> np.ndarray:
        looked.append(1)
        return graph({"picture": grey})["logits"]

    first = look(_stack((7, 8, 9)), network)
    alone = len(looked)
    looked.clear()
    second = look(_stack((7, 8, 9)), network, before=first)
    assert second.picture.slice_index == first.picture.slice_index
    assert len(looked) <= 5 < alone


def test_a_series_that_shows_nothing_there_is_searched_from_end_to_end() -> None:
    graph = open_graph(segmenter_graph(GREYS), "segmenter")
    first = look(_stack((7, 8, 9)), lambda x: graph({"picture": x})["logits"])
    second = look(_stack((12, 13, 14)), lambda x: graph({"picture": x})["logits"], before=first)
    assert second.picture.slice_index in (12, 13, 14)


def test_the_middle_of_the_slices_that_show_the_canal_is_taken() -> None:
    graph = open_graph(segmenter_graph(GREYS), "segmenter")
    found = look(_stack((5, 6, 7, 8, 9)), lambda x: graph({"picture": x})["logits"])
    assert found.picture.slice_index == 7


def test_one_side_slice_that_shows_as_much_as_the_middle_ones_is_not_taken() -> None:
    """Seen on simulated stacks: a slice 22 mm off the midline, with nothing on either side of it, won by a hair."""
    graph = open_graph(segmenter_graph(GREYS), "segmenter")
    for lonely in (2, 3, 12, 13, 14):
        found = look(_stack((6, 7, 8, 9, lonely)), lambda x: graph({"picture": x})["logits"])
        assert found.picture.slice_index in (7, 8), lonely
