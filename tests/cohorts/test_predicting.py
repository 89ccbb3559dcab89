"""Predict: every study once, whole tables, failures listed, resumable after kill -9."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from condyle.cohorts import predict
from condyle.cohorts.predicting import constant_columns
from condyle.cohorts.predictions import read_predictions
from condyle.errors import InputError, PackageError, TableError, UsageError
from condyle.intake import load_volume
from condyle.readers import Package
from condyle.readers.fitted_on import patients_file
from condyle.study import Finding, PackageInfo, Reading, Site, Study


class PixelReader:
    """A reader whose score is a function of the pixels; ``bad`` are values that it cannot read, at ``stuck`` it hangs."""

    def __init__(self, bad=(), sha256="f" * 64, constant=False, stuck=None):
        self.info = PackageInfo("pixel", "1.0", sha256, "test", "nothing")
        self.bad, self.constant, self.stuck, self.seen = set(bad), constant, stuck, []

    def read(self, study: Study, *, maps: bool = True) -> Reading:
        value = int(np.median(load_volume(study.series[0]).pixels))
        if value == self.stuck:
            time.sleep(3600)
        self.seen.append(value)
        if value in self.bad:
            raise InputError("too-bad", "The study is too bad.", why="It is a test.", what_to_do="Scan again.")
        score = 0.5 if self.constant else value / 100
        finding = Finding("herniation", Site("L5-S1"), "binary", "absent", score)
        return Reading(study.study_key, study.patient_key, "lumbar", study.series, {}, (), (), (finding,), (), (), self.info)


def _table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_one_row_a_finding_with_the_manifests_ids(studies, tmp_path):
    seen = []
    result = predict(PixelReader(), studies(3), tmp_path / "out.csv", progress=lambda done, total: seen.append((done, total)))
    assert (result.done, result.failed, result.failures, result.warnings) == (3, (), None, ())
    rows = _table(tmp_path / "out.csv")
    assert [(row["study_id"], row["patient_id"], row["finding"], row["level"], row["score"], row["package"]) for row in rows] == [
        (f"s{n}", f"p{n}", "herniation", "L5-S1", f"{n / 100:g}", "pixel") for n in range(3)
    ]
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_misspelt_column_of_the_manifest_is_a_warning(studies, tmp_path):
    """Its values would be passed over in silence."""
    manifest = studies(3)
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join([lines[0] + ",vendr", *(line + ",Siemens" for line in lines[1:])]) + "\n")
    result = predict(PixelReader(), manifest, tmp_path / "out.csv")
    assert ["vendr" in warning and "vendor" in warning for warning in result.warnings] == [True]


def test_bad_studies_are_listed_and_read_again_next_time(studies, tmp_path):
    manifest, out = studies(12), tmp_path / "out.csv"
    result = predict(PixelReader(bad=[4]), manifest, out)
    assert (result.done, result.failed) == (11, (("s4", "The study is too bad. It is a test."),))
    failure = _table(result.failures)[0]
    assert (failure["study_id"], failure["manifest_row"], failure["code"], failure["what_to_do"]) == ("s4", "6", "too-bad", "Scan again.")
    assert len(_table(out)) == 11
    again, seen = PixelReader(), []
    result = predict(again, manifest, out, progress=lambda done, total: seen.append((done, total)))
    assert again.seen == [4]
    assert seen == [(11, 12), (12, 12)], "what an earlier run had done is told first"
    assert (result.done, result.failures) == (12, None)
    assert [row["study_id"] for row in _table(out)] == [f"s{n}" for n in range(12)]
    assert not (tmp_path / "out.failures.csv").exists()


def test_the_same_command_again_reads_nothing_and_writes_the_same_bytes(studies, tmp_path):
    manifest, out = studies(3), tmp_path / "out.csv"
    predict(PixelReader(), manifest, out)
    text, again = out.read_bytes(), PixelReader()
    predict(again, manifest, out)
    assert (again.seen, out.read_bytes()) == ([], text)


def test_another_package_or_manifest_is_refused(studies, tmp_path):
    manifest, out = studies(3), tmp_path / "out.csv"
    predict(PixelReader(), manifest, out)
    with pytest.raises(UsageError, match="package sha256"):
        predict(PixelReader(sha256="0" * 64), manifest, out)
    with manifest.open("a") as file:
        file.write("extra,p9,s0.nii,t2\n")
    with pytest.raises(TableError):
        predict(PixelReader(), manifest, out)
    manifest.write_text(manifest.read_text().replace("extra,p9,s0.nii,t2\n", "\n"))
    with pytest.raises(UsageError, match="manifest sha256"):
        predict(PixelReader(), manifest, out)


class FittedReader(PixelReader):
    """A reader whose package was fitted on some patients."""

    def __init__(self, patients, kind="keyed"):
        super().__init__()
        spec = SimpleNamespace(name="pixel")
        self.package = Package(spec, {"patients.json": patients_file(patients, kind, {"card.md": b"card"})}, "f" * 64, b"")


def test_g25_patients_of_the_training_are_refused_by_their_rows(studies, tmp_path):
    manifest, out = studies(5), tmp_path / "out.csv"
    with pytest.raises(TableError, match="fitted on 2 of 5 patients") as refused:
        predict(FittedReader(["p1", "p3", "elsewhere"]), manifest, out)
    assert [line.partition(":")[0] for line in refused.value.problems] == ["row 3", "row 5"]
    assert not out.exists()
    assert predict(FittedReader(["elsewhere"]), manifest, out).warnings == ()
    assert "in_training" not in out.read_text()


def test_g25_what_was_read_to_look_at_the_fit_is_marked_and_not_judged(studies, tmp_path):
    out = tmp_path / "out.csv"
    result = predict(FittedReader(["p1", "p3"]), studies(5), out, training_patients=True)
    assert result.done == 5
    assert "fitted on 2 of 5 patients" in result.warnings[0]
    assert [row["in_training"] for row in _table(out)] == ["", "yes", "", "yes", ""]
    with pytest.raises(TableError) as refused:
        read_predictions(out)
    assert refused.value.problems[0].startswith("rows 3 to 5: the package was fitted on the patients of 2 rows")


def test_a_list_made_with_another_key_is_a_warning(studies, tmp_path, monkeypatch):
    reader, manifest = FittedReader(["p1"]), studies(2)
    monkeypatch.setenv("CONDYLE_KEY_FILE", str(tmp_path / "another"))
    result = predict(reader, manifest, tmp_path / "out.csv")
    assert ["not known" in warning for warning in result.warnings] == [True]


def test_the_studies_of_a_split_alone_are_read(studies, tmp_path):
    manifest, out = studies(4), tmp_path / "out.csv"
    lines = manifest.read_text().splitlines()
    marks = ("train", "test", "train", "external")
    manifest.write_text("\n".join([lines[0] + ",split", *(f"{line},{mark}" for line, mark in zip(lines[1:], marks, strict=True))]) + "\n")
    assert predict(FittedReader(["p0", "p2"]), manifest, out, splits=("test", "external")).done == 2
    assert [row["study_id"] for row in _table(out)] == ["s1", "s3"]
    with pytest.raises(UsageError, match="splits"):
        predict(FittedReader(["p0", "p2"]), manifest, out, splits=("test",))
    with pytest.raises(UsageError, match="validation"):
        predict(FittedReader([]), manifest, out, splits=("validation",))


def test_a_strange_table_is_not_overwritten(studies, tmp_path):
    manifest = studies(2)
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        predict(PixelReader(), manifest, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "mine"


def test_g12_an_unreadable_file_is_one_named_failure(studies, tmp_path):
    manifest = studies(3)
    (tmp_path / "s1.nii").write_bytes(b"nothing at all")
    reader = PixelReader()
    result = predict(reader, manifest, tmp_path / "out.csv")
    assert [study_id for study_id, _ in result.failed] == ["s1"]
    assert reader.seen == [0, 2]


def test_g20_a_study_that_fails_still_counts(studies, tmp_path):
    """The number of studies read and failed is the number in the manifest, and a low share is said."""
    result = predict(PixelReader(bad=[0, 1]), studies(5), tmp_path / "out.csv")
    assert result.done + len(result.failed) == 5
    assert result.warnings[0].startswith("Only 3 of 5 studies were read (60%).")


def test_g50_nothing_read_gives_no_table(studies, tmp_path):
    with pytest.raises(InputError, match="None of 3 studies") as caught:
        predict(PixelReader(bad=range(9)), studies(3), tmp_path / "out.csv")
    assert caught.value.why == "The study is too bad. It is a test."
    assert not (tmp_path / "out.csv").exists()
    assert len(_table(tmp_path / "out.failures.csv")) == 3


def test_a_bug_on_one_study_is_listed_and_quotes_no_file(studies, tmp_path):
    class Stumbling(PixelReader):
        def read(self, study, *, maps=True):
            if len(self.seen) == 1:
                self.seen.append(-1)
                raise ZeroDivisionError("PATIENT^NAME")
            return super().read(study)

    result = predict(Stumbling(), studies(3), tmp_path / "out.csv")
    assert (result.done, [study_id for study_id, _ in result.failed]) == (2, ["s1"])
    text = result.failures.read_text()
    assert "ZeroDivisionError" in text
    assert "PATIENT" not in text


def test_g50_a_constant_answer_gives_no_table(studies, tmp_path):
    with pytest.raises(InputError, match="says the same of every study"):
        predict(PixelReader(constant=True), studies(10), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_g50_half_of_the_columns_may_be_constant():
    def column(finding, values):
        return [{"finding": finding, "level": "", "side": "", "score": str(v), "grade": "", "probabilities": ""} for v in values]

    rows = column("a", [0.5] * 10) + column("b", range(10)) + column("few", [0.5] * 9)
    assert constant_columns(rows) == ()
    assert constant_columns(rows + column("c", [1] * 10)) == ("a", "c")


def test_a_damaged_package_stops_the_run(studies, tmp_path):
    class Broken(PixelReader):
        def read(self, study, *, maps=True):
            raise PackageError("package-damaged", "The package is damaged.")

    with pytest.raises(PackageError):
        predict(Broken(), studies(2), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


_SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from test_predicting import PixelReader
from condyle.cohorts import predict
predict(PixelReader(stuck=5), sys.argv[2], sys.argv[3])
"""


def test_after_kill_9_it_goes_on_and_the_table_is_the_same(studies, tmp_path):
    manifest, out = studies(8), tmp_path / "out.csv"
    process = subprocess.Popen([sys.executable, "-c", _SCRIPT, str(Path(__file__).parent), str(manifest), str(out)])
    journal = tmp_path / "out.csv.journal"
    # A header and five studies, then it hangs in the sixth; a machine under load may need its time until there.
    while (not journal.exists() or journal.read_bytes().count(b"\n") < 6) and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    assert not out.exists()
    reader = PixelReader()
    result = predict(reader, manifest, out)
    assert reader.seen == [5, 6, 7], "finished studies are not read again"
    assert result.done == 8
    predict(PixelReader(), manifest, tmp_path / "whole.csv")
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
