"""Labels become targets by name; what nobody said stays unknown."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.cohorts.labels import Label
from condyle.errors import InputError
from condyle.train.multiplane.targets import demand_both_classes, targets_of


def test_g35_order_of_labels_does_not_matter_and_unknown_is_not_negative() -> None:
    labels = [
        Label("a", "p", "cyst", value=1.0), Label("b", "q", "cyst", value=0.0), Label("a", "p", "plica", value=None),
        Label("b", "q", "plica", value=1.0), Label("other", "r", "cyst", value=1.0),
    ]  # fmt: skip
    first, _ = targets_of(labels, ["a", "b", "c"], ["cyst", "plica"])
    again, _ = targets_of(labels[::-1], ["a", "b", "c"], ["cyst", "plica"])
    swapped, _ = targets_of(labels, ["a", "b", "c"], ["plica", "cyst"])
    np.testing.assert_array_equal(first, [[1, np.nan], [0, 1], [np.nan, np.nan]])
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, swapped[:, ::-1])


def test_a_finding_is_present_where_any_site_has_it_and_a_site_speaks_for_itself() -> None:
    labels = [Label("a", "p", "meniscal_tear", side="left", value=0.0), Label("a", "p", "meniscal_tear", side="right", value=1.0)]
    targets, _ = targets_of(labels, ["a"], ["meniscal_tear", "meniscal_tear/left", "meniscal_tear/right", "meniscal_tear/none"])
    np.testing.assert_array_equal(targets, [[1, 0, 1, np.nan]])


def test_absent_at_one_site_leaves_the_whole_open_while_another_is_unknown() -> None:
    studies = ["all absent", "one unknown", "one unmentioned", "one present", "whole absent"]
    labels = [
        *(Label("all absent", "a", "meniscal_tear", level=site, value=0.0) for site in ("medial", "lateral")),
        Label("one unknown", "b", "meniscal_tear", level="medial", value=0.0), Label("one unknown", "b", "meniscal_tear", level="lateral"),
        Label("one unmentioned", "c", "meniscal_tear", level="medial", value=0.0),
        Label("one present", "d", "meniscal_tear", level="lateral", value=1.0),
        Label("whole absent", "e", "meniscal_tear", value=0.0),
    ]  # fmt: skip
    targets, _ = targets_of(labels, studies, ["meniscal_tear", "meniscal_tear/medial"])
    np.testing.assert_array_equal(targets[:, 0], [0, np.nan, np.nan, 1, 0])
    np.testing.assert_array_equal(targets[:, 1], [0, 0, 0, np.nan, np.nan])


def test_g45_several_sources_give_a_probability_weighed_by_reliability() -> None:
    labels = [
        Label("a", "p", "cyst", value=1.0, source="report", reliability=0.25),
        Label("a", "p", "cyst", value=0.0, source="reader", reliability=0.75),
    ]
    targets, weights = targets_of(labels, ["a"], ["cyst"])
    assert targets[0, 0] == pytest.approx(0.25)
    assert weights[0, 0] == pytest.approx(0.5)


def test_findings_of_one_class_are_refused_all_at_once() -> None:
    targets = np.array([[1, 0, 0], [1, 0, 1], [np.nan, 0, 1]], np.float32)
    with pytest.raises(InputError) as caught:
        demand_both_classes(targets, ["cyst", "plica", "acl_injury"], "the cohort")
    assert "cyst (2 present, 0 absent, 1 unknown)" in caught.value.what
    assert "plica (0 present, 3 absent" in caught.value.what
    assert "acl_injury" not in caught.value.what
