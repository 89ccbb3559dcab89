"""MRNet's layout, from its folder to a package; what is taken for "abnormal" where nobody says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from condyle.cli.app import run
from condyle.cohorts.labels import Label
from condyle.readers import check_package
from condyle.train.multiplane.targets import targets_of
from tests.mrnet import write_mrnet


@pytest.mark.slow("train", "cohorts", "readers", "recipes")
def test_the_release_becomes_a_package(tmp_path: Path, record_property: Any) -> None:
    write_mrnet(tmp_path / "MRNet-v1.0", train=8, valid=4)
    assert run(["data", "import", "mrnet", str(tmp_path / "MRNet-v1.0"), "-o", str(tmp_path / "cohort")]) == 0
    assert run(["train", "mrnet", "--size", "smoke", "--data", str(tmp_path / "cohort"), "-o", str(tmp_path / "mrnet")]) == 0
    package = check_package(tmp_path / "mrnet")
    record_property("findings", list(package.spec.findings))
    assert set(package.spec.findings) == {"acl_injury", "meniscal_tear", "abnormality"}
    assert "finished" in (tmp_path / "mrnet.work/run.html").read_text()


def test_abnormal_is_taken_from_the_other_findings_where_nobody_says_it() -> None:
    def said(study: str, finding: str, value: float | None) -> Label:
        return Label(study, f"p{study}", finding, value=value)

    labels = [
        said("a", "cyst", 1), said("a", "plica", 0),  # something is there
        said("b", "cyst", 0), said("b", "plica", 0),  # nothing of what the cohort speaks of
        said("c", "cyst", 0), said("c", "plica", None),  # who knows
        said("d", "cyst", 1), said("d", "plica", 0), said("d", "abnormality", 0),  # the source's own word counts
    ]  # fmt: skip
    targets, _ = targets_of(labels, ["a", "b", "c", "d", "e"], ["abnormality", "cyst"])
    np.testing.assert_array_equal(targets[:, 0], [1, 0, np.nan, 0, np.nan])
    np.testing.assert_array_equal(targets[:, 1], [1, 0, 0, 1, np.nan])
