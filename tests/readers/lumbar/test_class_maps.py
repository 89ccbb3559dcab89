"""The shipped package's class maps follow its grader, by checks that notice maps which do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from condyle.readers.lumbar.family import LumbarReader
from condyle.readers.lumbar.grade import Grader, outputs_of
from condyle.readers.lumbar.occlusion import SIDE
from condyle.readers.lumbar.view import View, agree, level_crops, level_names, look
from condyle.readers.onnx import Graph
from condyle.readers.package import open_package
from condyle.readers.shelf import find_package
from condyle.simulate import simulate_lumbar
from condyle.simulate.lumbar.findings import LevelFindings
from condyle.testing.class_maps import Deletion, all_maps, deletions, likeness, shuffled_graph


@dataclass
class Case:
    reader: LumbarReader
    names: tuple[str, ...]
    crops: NDArray[np.float32]
    present: NDArray[np.bool_]
    maps: NDArray[np.float32]


@pytest.fixture(scope="module")
def case() -> Case:
    reader = LumbarReader(open_package(find_package("lumbar")))
    worn = LevelFindings(pfirrmann=5, height=0.5, bulge=3.0, modic=2, upper_endplate=4.0, lower_endplate=4.0)
    study = simulate_lumbar(11, findings={"L5-S1": worn, "L4-L5": worn, "L3-L4": worn}, matrix=320, slices=9)
    views: dict[str, View] = {}
    for slot in ("t2", "t1"):
        views[slot] = look(study.volumes[f"{slot}_sag"], reader.network)
    views = agree(views)
    names = level_names(views)[:4]  # the three worn levels and one beside them
    crops, present = level_crops(views, reader.grader.slots, names, reader.grader.spec)
    return Case(reader, names, crops, present, all_maps(reader.grader, names, crops, present))


def _gain(found: list[Deletion]) -> float:
    """Share of pairs (level, finding) in which the map's own area matters more than the same shape elsewhere."""
    return float(np.mean([one.own > one.elsewhere for one in found]))


def test_the_maps_pass_the_deletion_check_and_their_opposites_do_not(case: Case) -> None:
    inputs = (case.reader.grader, case.names, case.crops, case.present)
    found = deletions(*inputs, case.maps)
    assert len(found) >= 5, "the study shows too few findings for a check"
    assert _gain(found) >= 0.8
    assert _gain(deletions(*inputs, -case.maps)) <= 0.5
    assert _gain(deletions(*inputs, np.roll(case.maps, 48, axis=-1))) <= 0.7


def test_the_map_of_a_grader_that_sees_one_place_is_that_place(case: Case) -> None:
    grader = replace(case.reader.grader, **_one_place(case.reader.grader))
    maps = grader.class_maps(case.names, case.crops, case.present, 0)["bulging"]
    row, column = (int(place) for place in grader.spec.centre)
    window = np.zeros(maps.shape[1:], bool)
    window[max(row - 12 - SIDE, 0) : row + 12 + SIDE, max(column - 20 - SIDE, 0) : column + 20 + SIDE] = True
    assert maps[0][window].max() > 0
    assert not maps[0][~window].any(), "nothing is shown where nothing is looked at"
    assert not maps[1].any(), "nor on the other picture"


def test_shuffled_weights_give_other_maps(case: Case) -> None:
    shuffled = replace(case.reader.grader, heads=shuffled_graph(case.reader.package.graph("grader")))
    others = all_maps(shuffled, case.names[:2], case.crops, case.present)
    assert np.nanmedian(likeness(case.maps[:2], others)) < 0.5
    assert np.nanmedian(likeness(case.maps, case.maps * 2)) == pytest.approx(1.0), "the check notices maps that stay as they were"


def _one_place(grader: Grader) -> dict[str, Graph]:
    """Every logit is the texture in a small window at the disc on the first picture."""
    outputs, (row, column) = len(outputs_of(grader.findings)), (int(grader.spec.centre[0]), int(grader.spec.centre[1]))
    window = (slice(None), slice(2 * row - 24, 2 * row + 24), slice(2 * column - 40, 2 * column + 40))

    def backbone(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {"features": inputs["grey"][window].std(axis=(1, 2))[:, None]}

    def heads(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {"logits": np.repeat(inputs["features"][:, 0] * 10 + 1, outputs, axis=1)}

    return {"backbone": backbone, "heads": heads}
