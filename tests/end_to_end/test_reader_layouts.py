"""Reading studies of every layout, through the command: the design is recognised, printed, and has a number with an interval."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from condyle.cli.app import run

READERS, CASES = 4, 40
LAYOUTS = {
    "cases nested in readers": (lambda arm, reader, pair: pair % 4 == reader, "Obuchowski-Rockette-Hillis, jackknife"),
    "readers nested in arms": (lambda arm, reader, pair: reader % 2 == arm, "Obuchowski-Rockette-Hillis, jackknife"),
    "split-plot": (lambda arm, reader, pair: pair % 2 == reader % 2, "Obuchowski-Rockette-Hillis, jackknife"),
    "partially paired": (lambda arm, reader, pair: (arm, reader) != (0, 3), "U-statistics"),
    "missing reads": (lambda arm, reader, pair: (7 * arm + 3 * reader + pair) % 6 > 0, "Obuchowski-Rockette-Hillis on readers' means"),
}


def write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(name: str, tmp_path: Path) -> None:
    rule, method = LAYOUTS[name]
    rng = np.random.default_rng(5)
    hard = rng.normal(0, 0.5, CASES)
    write(tmp_path / "truth.csv", [
        {"study_id": f"s{case}", "patient_id": f"p{case}", "finding": finding, "value": case % 2}
        for finding in ("cyst", "plica") for case in range(CASES)
    ])  # fmt: skip
    write(tmp_path / "reads.csv", [
        {
            "reader_id": f"r{reader}", "seniority": ("junior", "senior")[reader // 2], "study_id": f"s{case}", "finding": finding,
            "arm": ("unaided", "aided")[arm], "score": round(case % 2 * (1 + 0.5 * arm) + hard[case] + rng.normal(0, 0.7), 3),
        }
        for finding in ("cyst", "plica") for arm in range(2) for reader in range(READERS) for case in range(CASES)
        if rule(arm, reader, case // 2)
    ])  # fmt: skip
    (tmp_path / "plan.yaml").write_text("groups:\n  both: [cyst, plica]\n", "utf-8")
    out = tmp_path / "out"
    tables = (str(tmp_path / "reads.csv"), str(tmp_path / "truth.csv"))
    assert run(["evaluate", "mrmc", *tables, "-o", str(out), "--plan", str(tmp_path / "plan.yaml"), "--no-figures", "--quiet"]) == 0
    document = json.loads((out / "results.json").read_text("utf-8"))
    designs = document["tables"]["designs"]
    assert {row[designs["columns"].index("Design")] for row in designs["rows"]} == {name}
    assert any(name in sentence for sentence in document["summary"])
    rows = {row["finding"]: row for row in document["results"] if row["measure"] == "difference of auroc" and not row["group"]}
    assert set(rows) == {"cyst", "plica", "macro both"}
    for finding, row in rows.items():
        assert row["low"] < row["estimate"] < row["high"]
        assert row["method"].startswith(method) or finding == "macro both"
    assert "populations of readers and cases" in document["summary"][0]
