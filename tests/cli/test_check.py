"""``condyle check study`` says with its exit code whether a study is in order, and each thing once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from condyle.cli import check
from condyle.cli.app import run
from condyle.study import Check, Geometry, Problem, Series, Study, Volume

GAP = Problem("not-one-stack", "warning", "The slices form 2 stacks.", "IM0004", "They do not follow each other.", "Send them again.")
LOST = Problem("object-damaged", "error", "An MR object cannot be used.", "IM0005", "It is cut short.", "Send it again.")


@pytest.mark.parametrize(
    ("problems", "passed", "code"),
    [((), True, 0), ((), None, 0), ((), False, 1), ((LOST,), True, 1), ((GAP,), True, 0)],
)
def test_exit_code_1_for_errors_and_failed_checks(
    problems: tuple[Problem, ...], passed: bool | None, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    geometry = Geometry(np.eye(4), (2, 4, 4))
    stacks = tuple(Series(name, "dicom", None, geometry, problems=problems) for name in ("002-1", "002-2"))
    volumes = {one.series_id: Volume(np.zeros((2, 4, 4)), geometry) for one in stacks}
    monkeypatch.setattr(check, "load_study", lambda *_: (Study("0" * 16, "1" * 16, stacks), volumes))
    measured = Check("spacing", passed, 1.0, 1.2, "mm", "The pixels measure 1 mm.")
    monkeypatch.setattr("condyle.quality.check", lambda *_, **__: (measured, measured))
    assert run(["check", "study", str(Path("a study"))]) == code
    said = capsys.readouterr().out.splitlines()
    assert len(said) == len(set(said))
    assert sum("The pixels measure" in line for line in said) == 1
    assert sum(line.startswith(("error", "warning")) for line in said) == len(problems)


def test_a_manifest_is_checked_with_the_labels_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "manifest.csv").write_text("study_id,patient_id,path\ns1,p1,a\n")
    labels = tmp_path / "labels.csv"
    labels.write_text("study_id,patient_id,finding,value\ns1,p1,cyst,1\n")
    assert run(["check", "manifest", str(tmp_path / "manifest.csv")]) == 0
    assert "1 labels, 0 studies without one" in capsys.readouterr().out
    labels.write_text("study_id,patient_id,finding,value\ns1,p1,acl_tear,1\ns2,p1,cyst,1\n")
    assert run(["check", "manifest", str(tmp_path / "manifest.csv")]) == 3
    said = capsys.readouterr().err
    assert "Did you mean 'acl_injury'" in said
    assert "row 3: study_id is not in the manifest" in said
