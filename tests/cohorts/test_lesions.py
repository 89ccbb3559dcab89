"""lesions.csv: balls in the patient, and every wrong row at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from condyle.cohorts.lesions import Lesion, read_lesions
from condyle.errors import TableError

HEADER = "study_id,lesion_id,finding,x,y,z,radius_mm,weight,irrelevant\n"


def test_lesions_are_read_and_irrelevant_ones_left_out(tmp_path: Path) -> None:
    (tmp_path / "lesions.csv").write_text(HEADER + "a,1,cyst,1.5,-2,30,4,1,\na,2,cyst,0,0,0,4,1,1\n")
    assert read_lesions(tmp_path / "lesions.csv", {"a"}) == (Lesion("a", "cyst", (1.5, -2.0, 30.0), 4.0),)


def test_all_wrong_rows_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "lesions.csv").write_text(HEADER + "b,1,cyst,1,2,3,4,1,\na,1,cyst,1,nan,3,0,1,2\n")
    with pytest.raises(TableError) as told:
        read_lesions(tmp_path / "lesions.csv", {"a"})
    assert [problem.partition(":")[0] for problem in told.value.problems] == ["row 2", "row 3", "row 3", "row 3"]


def test_a_lesion_given_twice_is_told_with_both_rows(tmp_path: Path) -> None:
    """It would count as two lesions; another radius, finding or study is another lesion."""
    rows = ("a,1,cyst,1,2,3,4,1,", "a,2,cyst,1,2,3,5,1,", "a,3,bml,1,2,3,4,1,", "b,1,cyst,1,2,3,4,1,", "a,4,cyst,1.0,2,3,4.0,1,")
    (tmp_path / "lesions.csv").write_text(HEADER + "\n".join(rows) + "\n")
    with pytest.raises(TableError) as told:
        read_lesions(tmp_path / "lesions.csv", {"a", "b"})
    assert told.value.problems == ("rows 2 and 6: the same lesion twice",)
