import numpy as np
import pytest

from condyle.errors import TableError
from condyle.evaluate.ensemble import ensemble, fold_values, parse_members, views_missing

ROW = {"study_id": "s1", "patient_id": "p1", "finding": "cyst", "score": "0.2", "view": "axial", "fold": "0"}


def test_views_weigh_alike_however_many_folds_they_have() -> None:
    members = parse_members([
        (2, ROW), (3, {**ROW, "fold": "1", "score": "0.4"}), (4, {**ROW, "view": "coronal", "score": "0.9"}),
        (5, {**ROW, "study_id": "s2", "score": "0.5"}),
    ])  # fmt: skip
    first, second = ensemble(members)
    assert first.score == pytest.approx((0.3 + 0.9) / 2)
    assert second.views == ("axial",)
    assert views_missing((first, second)) == {"coronal": 1}


def test_a_fold_of_one_class_has_no_value() -> None:
    members = parse_members([(2, ROW), (3, {**ROW, "study_id": "s2", "score": "0.9"}), (4, {**ROW, "study_id": "s3", "fold": "1"})])
    truth = {("cyst", (f"s{number}", "", "")): value for number, value in ((1, 0.0), (2, 1.0), (3, 1.0))}
    found = {one.fold: one.auroc for one in fold_values(members, truth)}
    assert found["0"] == 1
    assert np.isnan(found["1"])


def test_every_problem_at_once() -> None:
    with pytest.raises(TableError) as caught:
        parse_members([(2, ROW), (3, ROW), (4, {**ROW, "score": "1.2"}), (5, {**ROW, "view": "", "fold": "9"})])
    assert [line[:5] for line in caught.value.problems] == ["row 3", "row 4", "row 5"]
