"""Surfaces, matched objects, boxes, free-response marks."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from condyle.errors import InputError
from condyle.evaluate.coco import IOUS, boxes, coco
from condyle.evaluate.froc import cpm, froc, froc_intervals, match_marks, places
from condyle.evaluate.instances import match_instances, separate, summarise_instances
from condyle.evaluate.overlap import dice, iou
from condyle.evaluate.segmentation import score_masks, summarise_masks
from condyle.evaluate.surface import element_areas, surface_distances

masks = arrays(bool, (4, 5, 6))


@given(masks, masks)
@settings(max_examples=40, deadline=None)
def test_sides_swap(one: np.ndarray, other: np.ndarray) -> None:
    found, turned = surface_distances(one, other, (3, 0.5, 0.5)), surface_distances(other, one, (3, 0.5, 0.5))
    assert found.hausdorff() == pytest.approx(turned.hausdorff(), nan_ok=True)
    assert found.surface_dice(1) == pytest.approx(turned.surface_dice(1), nan_ok=True)
    assert found.average() == pytest.approx(turned.average()[::-1], nan_ok=True)
    assert dice(one, other) == pytest.approx(2 * iou(one, other) / (1 + iou(one, other)), nan_ok=True)


@given(masks)
@settings(max_examples=30, deadline=None)
def test_a_mask_against_itself(mask: np.ndarray) -> None:
    found = surface_distances(mask, mask, (1, 1, 1))
    assert found.hausdorff(100) == pytest.approx(0.0 if mask.any() else np.nan, nan_ok=True)
    assert found.surface_dice(0) == pytest.approx(1.0 if mask.any() else np.nan, nan_ok=True)


def test_element_areas_follow_the_axes() -> None:
    """Turning the axes of a block and its spacing together changes no area."""
    spacing = (3.0, 0.5, 0.7)
    areas = element_areas(spacing)
    turned = element_areas((0.5, 0.7, 3.0))
    corners = list(product((0, 1), repeat=3))
    for code in range(256):
        moved = sum(1 << corners.index((corner[1], corner[2], corner[0])) for bit, corner in enumerate(corners) if code >> bit & 1)
        assert turned[moved] == pytest.approx(areas[code])
        assert areas[255 - code] == pytest.approx(areas[code])  # inside and outside share one surface
    assert areas[0] == areas[255] == 0


def test_a_flat_face_has_its_area() -> None:
    slab = np.zeros((8, 12, 12), bool)
    slab[:4] = True
    found = surface_distances(slab, slab, (3.0, 0.5, 0.5))
    assert np.isclose(found.truth_area, 0.25).sum() == 2 * 11 * 11  # the corners inside both faces: one pixel of a slice each


def test_shifted_by_slices_in_millimetres() -> None:
    """Statistics, section 9 (13): distances in mm along the axis of the shift, whatever the voxel size."""
    one, other = np.zeros((12, 20, 20), bool), np.zeros((12, 20, 20), bool)
    one[3:6, 5:15, 5:15] = True
    other[5:8, 5:15, 5:15] = True
    assert surface_distances(one, other, (3.0, 0.5, 0.5)).hausdorff(100) == pytest.approx(6.0)
    assert surface_distances(one, other, (0.5, 0.5, 3.0)).hausdorff(100) == pytest.approx(1.0)


def test_empty_masks_are_counted_never_scored_1() -> None:
    """Statistics, section 9 (14)."""
    empty, full = np.zeros((4, 4, 4), bool), np.zeros((4, 4, 4), bool)
    full[1:3, 1:3, 1:3] = True
    pairs = ((full, full), (empty, empty), (full, empty), (empty, full))
    scores = [score_masks(one, other, (1, 1, 1), tolerance_mm=1) for one, other in pairs]
    assert [one.empty for one in scores] == ["", "both", "given", "truth"]
    assert np.isnan(scores[1].dice)
    assert (scores[2].dice, scores[2].hd95, scores[2].assd) == (0, np.inf, np.inf)
    found = summarise_masks(scores, list("abcd"), n=100)
    assert found.means["dice"].estimate == pytest.approx(1 / 3)
    assert (found.n, found.both_empty, found.truth_empty, found.given_empty) == (4, 1, 1, 1)
    assert found.failure_rate == pytest.approx(2 / 3)
    assert found.medians["hd95"][0].estimate == 0


def test_two_dimensions_and_bad_masks() -> None:
    square = np.zeros((10, 10), bool)
    square[2:8, 2:8] = True
    assert surface_distances(square, np.roll(square, 1, axis=0), (2.0, 1.0)).hausdorff(100) == pytest.approx(2.0)
    with pytest.raises(InputError):
        surface_distances(square, square, (1, 1, 1))
    with pytest.raises(InputError):
        surface_distances(square, square, (0, 1))


def test_objects_match_one_to_one() -> None:
    truth, given_ = np.zeros((6, 12), int), np.zeros((6, 12), int)
    truth[1:3, 1:5], truth[1:3, 7:11], truth[4, :] = 1, 2, 3
    given_[1:3, 1:5], given_[1:3, 8:12], given_[0, 0] = 5, 6, 7
    found = match_instances(truth, given_)
    assert [(one, other) for one, other, _ in found.pairs] == [(1, 5), (2, 6)]
    assert (found.missed, found.false) == ((3,), (7,))
    assert found.f1 == pytest.approx(2 * 2 / 6)
    assert match_instances(truth, given_, at_least=0.9).missed == (2, 3)


def test_perfect_boxes_and_none() -> None:
    square = [[10, 10, 40, 40], [60, 60, 20, 20]]
    truth = boxes([1, 2], [1, 1], square)
    assert coco(truth, boxes([1, 2], [1, 1], square, score=[0.9, 0.8])).ap() == pytest.approx(1)
    none = boxes([], [], np.zeros((0, 4)), score=[])
    assert coco(truth, none).ap() == 0
    assert np.isnan(coco(none, truth).ap())  # a class without truth is left out, not 0
    # An id is not needed: the first box counts like any other (pycocotools loses a box of id 0).
    assert coco(truth, boxes([1], [1], square[:1], score=[0.5])).ar() == pytest.approx(0.5)


def test_score_scale_does_not_move_average_precision() -> None:
    rng = np.random.default_rng(0)
    truth = boxes(np.repeat(np.arange(10), 2), np.ones(20), np.c_[rng.random((20, 2)) * 50, np.full((20, 2), 30.0)])
    shifted = np.c_[truth.box[:, :2] + rng.normal(0, 4, (20, 2)), truth.box[:, 2:]]
    score = rng.random(20)
    one = coco(truth, boxes(truth.image, truth.category, shifted, score=score))
    other = coco(truth, boxes(truth.image, truth.category, shifted, score=score**3 / 7))
    assert one.summary() == pytest.approx(other.summary(), nan_ok=True)


def marks() -> tuple[list[str], np.ndarray, np.ndarray]:
    return ["a", "b", "c", "d"], np.array([[0.0, 0, 0], [10, 0, 0]]), np.array([5.0, 5.0])


def test_marks_are_sorted_out() -> None:
    scans, centre, radius = marks()
    lesions = places(["a", "b"], centre, radius)
    found = match_marks(
        scans,
        places(["a", "a", "a", "c", "b"], [[1, 0, 0], [0, 2, 0], [5, 0, 0], [0, 0, 0], [99, 0, 0]], [0.3, 0.9, 0.8, 0.7, 0.6]),
        lesions,
        places(["c"], [[0, 0, 1]], [3.0]),
    )
    assert found.lesion_score.tolist() == [0.9, -np.inf]  # the best of two marks on one lesion; the second lesion is missed
    assert (found.doubles, found.ignored) == (1, 1)
    assert sorted(found.false_score.tolist()) == [0.6, 0.8]  # at the radius is outside
    curve = froc(found)
    assert curve.false_per_scan[-1] == pytest.approx(2 / 4)  # scans without a mark count too
    assert curve.sensitivity[-1] == 0.5
    assert cpm(curve) == pytest.approx(0.5)


def test_an_unlisted_scan_is_refused() -> None:
    scans, centre, radius = marks()
    with pytest.raises(InputError, match="not in the list"):
        match_marks(scans, places(["z"], [[0, 0, 0]], [0.5]), places(["a", "b"], centre, radius))


def test_froc_intervals_resample_both_denominators() -> None:
    rng = np.random.default_rng(1)
    scans = [f"s{k}" for k in range(40)]
    lesions = places(scans[:30], np.zeros((30, 3)), np.full(30, 5.0))
    hits = places(scans[:20], np.zeros((20, 3)), rng.random(20))
    false = places(rng.choice(scans, 50), np.full((50, 3), 50.0), rng.random(50))
    both = places(np.r_[hits.scan, false.scan], np.r_[hits.position, false.position], np.r_[hits.value, false.value])
    found = froc_intervals(match_marks(scans, both, lesions), n=200)
    assert found["CPM"].low < found["CPM"].estimate < found["CPM"].high
    assert found["sensitivity at 8"].estimate == pytest.approx(2 / 3)
    assert found["CPM"].clusters == 40


def test_no_lesion_has_no_sensitivity() -> None:
    empty = places([], np.zeros((0, 3)), [])
    with pytest.raises(InputError, match="no lesion"):
        froc(match_marks(["a"], empty, empty))


def test_boxes_of_one_depth_are_judged_as_flat_ones() -> None:
    """The third axis adds a factor to shared and whole volume alike: at the same overlaps every number is that of two dimensions."""
    rng = np.random.default_rng(3)
    image = np.repeat(np.arange(12), 2)
    true = np.c_[rng.uniform(0, 50, (24, 2)), rng.uniform(8, 20, (24, 2))]
    said = true + rng.normal(0, 2.5, true.shape) * [1, 1, 0.5, 0.5]
    flat = coco(boxes(image, np.ones(24), true), boxes(image, np.ones(24), said, score=rng.random(24)))
    rng = np.random.default_rng(3)
    rng.uniform(0, 50, (24, 2)), rng.uniform(8, 20, (24, 2)), rng.normal(0, 2.5, true.shape)
    score = rng.random(24)

    def deep(box: np.ndarray) -> np.ndarray:
        return np.c_[box[:, :2], np.full(24, 3.0), box[:, 2:], np.full(24, 4.0)]

    solid = coco(boxes(image, np.ones(24), deep(true)), boxes(image, np.ones(24), deep(said), score=score), ious=IOUS)
    assert solid.ap() == pytest.approx(flat.ap())
    assert 0 < solid.ap() < 1
    assert set(solid.summary()) == {"AP", "AP50", "AP75", "AR_1", "AR_10", "AR_100"}
    usual = coco(boxes(image, np.ones(24), deep(true)), boxes(image, np.ones(24), deep(said), score=score))
    assert list(usual.summary())[:4] == ["AP", "AP10", "AP30", "AP50"]
    assert usual.ap() > solid.ap()
    # Half of the depth missed: the overlap is a half.
    half = deep(true) * [1, 1, 1, 1, 1, 0.5]
    found = coco(boxes(image, np.ones(24), deep(true)), boxes(image, np.ones(24), half, score=score), ious=[0.49, 0.51])
    assert (found.ap(iou=0.49), found.ap(iou=0.51)) == (pytest.approx(1.0), 0.0)
    with pytest.raises(InputError, match="same number of axes"):
        coco(boxes(image, np.ones(24), true), boxes(image, np.ones(24), deep(true), score=score))


def test_objects_of_masks_over_patients() -> None:
    """Two parts in the truth; one is found in every study, the other in half of them, and one thing is made up."""
    truth = np.zeros((1, 10, 30), int)
    truth[0, 2:6, 2:6] = truth[0, 2:6, 12:16] = 1
    both, one = truth.copy(), truth.copy()
    one[0, :, 12:16] = 0
    one[0, 2:6, 22:26] = 1
    assert separate(truth > 0).max() == 2
    matches = [match_instances(separate(truth > 0), separate(given > 0)) for given in (both, one) * 5]
    found = summarise_instances(matches, np.arange(10) // 2, n=200)
    assert found["recall of objects"].estimate == pytest.approx(15 / 20)
    assert found["precision of objects"].estimate == pytest.approx(15 / 20)
    assert found["panoptic quality"].estimate == pytest.approx(found["mean IoU of matches"].estimate * found["F1 of objects"].estimate)
    assert found["recall of objects"].clusters == 5
    alone = summarise_instances([match_instances(np.zeros((2, 2), int), np.zeros((2, 2), int))], ["a"], n=10)
    assert np.isnan(alone["recall of objects"].estimate)
