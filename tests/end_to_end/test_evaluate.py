"""``condyle evaluate`` as typed."""

from __future__ import annotations

from pathlib import Path

from tests.command import condyle


def test_standalone_and_its_refusals(tmp_path: Path) -> None:
    rows = "".join(f"s{k},p{k},modic,L4-L5,{(k * 37 % 100) / 100},{'present' if k % 3 == 0 else 'absent'}\n" for k in range(40))
    (tmp_path / "predictions.csv").write_text("study_id,patient_id,finding,level,score,decision\n" + rows, "utf-8")
    truth = "".join(f"s{k},p{k},modic,L4-L5,{int(k % 2)}\n" for k in range(40))
    (tmp_path / "truth.csv").write_text("study_id,patient_id,finding,level,value\n" + truth, "utf-8")
    words = ("evaluate", "standalone", "predictions.csv", "truth.csv", "-o", "out", "--resamples", 100, "--no-figures")
    done = condyle(*words, "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    first = done.document["results"][0]
    assert (first["finding"], first["measure"]) == ("modic", "AUROC")
    assert first["low"] < first["estimate"] < first["high"]
    assert (tmp_path / "out" / "evaluation.html").is_file()
    assert len((tmp_path / "truth.csv.openings.jsonl").read_text("utf-8").splitlines()) == 1
    (tmp_path / "predictions.csv").write_text("study_id,patient_id,finding,score\ns1,p1,modic,2\n", "utf-8")
    refused = condyle(*words[:4], "-o", "other", cwd=tmp_path)
    assert refused.code == 3
    assert "row 2: the score is 2" in refused.err
    assert not (tmp_path / "other").exists()
