"""Folders 26, 27, 28: surface-distance, pycocotools, LUNA16 and MONAI."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.evaluate.coco import boxes, coco
from condyle.evaluate.froc import Marked, Places, cpm, froc, match_marks, places
from condyle.evaluate.overlap import dice
from condyle.evaluate.surface import surface_distances
from tests.reference.reading import expected, folder, table

SAME = {"abs": 1e-6, "nan_ok": True}


def masks(name: str, shape: list[int]) -> tuple[np.ndarray, np.ndarray]:
    data = table("26_surface_distances", "masks_rle.csv")
    found = []
    for which in ("truth", "pred"):
        flat = np.zeros(int(np.prod(shape)), bool)
        own = (data["case"] == name) & (data["mask"] == which)
        for start, length in zip(data["start"][own].astype(int), data["length"][own].astype(int), strict=True):
            flat[start : start + length] = True
        found.append(flat.reshape(shape))
    return found[0], found[1]


@pytest.mark.parametrize("name", list(expected("26_surface_distances")))
def test_26(name: str) -> None:
    wanted = expected("26_surface_distances")[name]
    truth, given = masks(name, wanted["shape"])
    assert (truth.sum(), given.sum()) == (wanted["voxels_truth"], wanted["voxels_pred"])
    assert dice(truth, given) == pytest.approx(wanted["dice"], **SAME)
    found = surface_distances(truth, given, wanted["spacing_mm"])
    if name == "both_empty":
        assert np.isnan(found.hausdorff())
        return
    assert found.truth_area.sum() == pytest.approx(wanted["surface_area_gt_mm2"], **SAME)
    assert found.given_area.sum() == pytest.approx(wanted["surface_area_pred_mm2"], **SAME)
    assert list(found.average()) == pytest.approx(
        [wanted["average_surface_distance_gt_to_pred"], wanted["average_surface_distance_pred_to_gt"]], **SAME
    )
    for percent in (95, 99, 100):
        assert found.hausdorff(percent) == pytest.approx(wanted[f"hausdorff_{percent}"], **SAME)
    for tolerance in (0.5, 1.0, 2.0):
        assert found.surface_dice(tolerance) == pytest.approx(wanted[f"surface_dice_{tolerance}mm"], **SAME)
        assert list(found.overlap(tolerance)) == pytest.approx(wanted[f"surface_overlap_{tolerance}mm"], **SAME)


def test_27() -> None:
    wanted = expected("27_coco_map")
    true, found = table("27_coco_map", "truth.csv"), table("27_coco_map", "detections.csv")

    def box(data: dict[str, np.ndarray]) -> np.ndarray:
        return np.stack([data[side] for side in "xywh"], axis=1)

    result = coco(
        boxes(true["image_id"], true["category_id"], box(true), area=true["area"], crowd=true["iscrowd"] == 1),
        boxes(found["image_id"], found["category_id"], box(found), score=found["score"], area=found["area"]),
    )
    assert (len(true["id"]), len(found["id"])) == (wanted["truth"], wanted["detections"])
    assert result.summary() == pytest.approx(wanted["summary"], abs=1e-9)
    for name, row in wanted["per_category"].items():
        assert result.ap(category=float(name)) == pytest.approx(row["AP"], abs=1e-9)
        assert result.ap(category=float(name), iou=0.5) == pytest.approx(row["AP50"], abs=1e-9)


def marked() -> Marked:
    name = "28_froc_cpm"
    scans = (folder(name) / "scans.csv").read_text("utf-8").split()
    found, lesions, irrelevant = (table(name, f"{file}.csv") for file in ("candidates", "annotations", "annotations_excluded"))

    def at(data: dict[str, np.ndarray], value: np.ndarray) -> Places:
        return places(data["seriesuid"], np.stack([data[f"coord{axis}"] for axis in "XYZ"], axis=1), value)

    return match_marks(
        scans, at(found, found["probability"]), at(lesions, lesions["diameter_mm"] / 2), at(irrelevant, irrelevant["diameter_mm"] / 2)
    )


def test_28_luna() -> None:
    wanted, found = expected("28_froc_cpm")["luna16"], marked()
    counts = wanted["counts"]
    assert found.found == counts["True positives"]
    assert len(found.false_score) == counts["False positives"]
    assert len(found.lesion_score) - found.found == counts["False negatives"]
    assert len(found.lesion_score) == counts["Total number of nodules"]
    assert (found.ignored, found.doubles) == (
        counts["Ignored candidates on excluded nodules"], counts["Ignored candidates which were double detections on a nodule"],
    )  # fmt: skip
    assert len(found.scans) == wanted["n_scans"]
    assert found.found / len(found.lesion_score) == pytest.approx(counts["Sensitivity"], abs=1e-9)
    curve = froc(found)
    for point in wanted["curve"]:  # the script leaves out points on a straight line
        threshold = np.inf if point["threshold"] is None else point["threshold"]
        place = np.flatnonzero(np.isclose(curve.thresholds, threshold, rtol=0, atol=1e-12))[0]
        assert [curve.false_per_scan[place], curve.sensitivity[place]] == pytest.approx(
            [point["fp_per_scan"], point["sensitivity"]], abs=1e-9
        )
    assert curve.at(wanted["fp_points"]).tolist() == pytest.approx(wanted["sensitivity_interpolated"], abs=1e-9)
    assert cpm(curve) == pytest.approx(wanted["cpm"], abs=1e-9)


def test_28_monai() -> None:
    """MONAI's curve leaves out "every mark" and the first point of six: another statistic, from the same matches."""
    wanted, found = expected("28_froc_cpm")["monai"], marked()
    curve = froc(found)
    missed = not np.isfinite(found.lesion_score).all()
    # Missed findings are handed to it with score 0: that is then its lowest threshold, the one it drops.
    false, share = (values[::-1] if missed else values[:0:-1] for values in (curve.false_per_scan, curve.sensitivity))
    assert false.tolist() == pytest.approx(wanted["fps_per_image"], abs=1e-9)
    assert share.tolist() == pytest.approx(wanted["sensitivity"], abs=1e-9)
    assert cpm(curve, wanted["points"]) == pytest.approx(wanted["froc_score_default_points"], abs=1e-9)
