"""The page of a run and TensorBoard's logs, while it goes on and when it is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from condyle.cohorts.cohort import Cohort
from condyle.errors import MissingExtraError, ResourceError
from condyle.report.line_chart import Line, line_chart
from condyle.report.run_page import Fit
from condyle.train import reporting
from condyle.train.recipe import load_recipe
from condyle.train.reporting import TENSORBOARD, fits_of, recipe_hash, reported
from condyle.train.stages import epoch_ended

NOBODY = Cohort(Path(), (), about={"name": "nobody"})


def run_of(work: Path, name: str, losses: list[float]) -> None:
    folder = work / name
    folder.mkdir(parents=True)
    history = []
    for epoch, loss in enumerate(losses):
        used = {"seconds": 2.0, "cpu_seconds": 3.0, "peak_mib": 100.0 + epoch}
        history.append({"epoch": float(epoch), **used, "loss": loss, "held_out": loss})
        (folder / "history.json").write_text(json.dumps(history))
        epoch_ended(folder, history[-1])


def test_curves_best_epoch_recipe_and_hash_stand_on_the_page(tmp_path: Path) -> None:
    recipe = load_recipe("knee_nine", size="smoke")
    with reported(recipe, NOBODY, tmp_path):
        run_of(tmp_path, "fold0/all-seed0", [0.9, 0.5, 0.7])
        assert "not finished" in (tmp_path / "run.html").read_text()
        (tmp_path / "fold0/all-seed0/network.pt").write_bytes(b"weights")
    page = (tmp_path / "run.html").read_text()
    assert "1 network begun, 6 s of training; finished" in page
    assert recipe_hash(recipe) in page
    assert "field_mm" in page
    assert page.count("<svg viewBox=\"0 0 460 250\"") == 3
    row = page[page.index("fold0/all-seed0</th>") :].partition("</tr>")[0]
    assert [cell.partition("</td>")[0] for cell in row.split("<td>")[1:]] == [
        "done", "3", "2", "0.5000", "6 s", "2.0 s", "1.5", "102 MiB"
    ]  # fmt: skip
    assert "script" not in page.partition("<body>")[2]


def test_a_run_that_fails_leaves_its_page(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), reported(load_recipe("lumbar", size="smoke"), NOBODY, tmp_path):  # noqa: PT012
        run_of(tmp_path, "heads", [0.3])
        raise RuntimeError
    assert "not finished" in (tmp_path / "run.html").read_text()


def test_a_full_disk_does_not_hide_what_ended_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object, **named: object) -> None:
        raise ResourceError("disk-full", "The output could not be written.")

    monkeypatch.setattr(reporting, "write_run", full)
    with pytest.raises(RuntimeError, match="the cause"), reported(load_recipe("knee_nine"), NOBODY, tmp_path):
        raise RuntimeError("the cause")


def test_tensorboard_has_every_epoch(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="the extra 'tensorboard' is not installed")
    with reported(load_recipe("knee_nine", size="smoke"), NOBODY, tmp_path, tensorboard=True):
        run_of(tmp_path, "fold0/all-seed0", [0.9, 0.5])
    files = list((tmp_path / TENSORBOARD / "fold0/all-seed0").glob("events.out.tfevents*"))
    assert len(files) == 1
    content = files[0].read_bytes()
    assert content.count(b"held_out") == 2
    assert content.count(b"cpu_seconds") == 2


def test_without_it_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as caught, reported(load_recipe("knee_nine"), NOBODY, tmp_path, tensorboard=True):
        pass
    assert "[tensorboard]" in caught.value.what_to_do


def test_the_best_epoch_is_the_lowest_and_gaps_are_passed_over(tmp_path: Path) -> None:
    history = ({"epoch": 0.0, "held_out": float("nan")}, {"epoch": 1.0, "held_out": 0.4}, {"epoch": 2.0, "held_out": 0.6})
    assert Fit("a", history, True).best == 1
    assert Fit("a", ({"epoch": 0.0},), True).best is None
    assert fits_of(tmp_path) == ()


def test_a_chart_shows_every_finite_point() -> None:
    svg = line_chart([Line("<a>", (1, 2, 3), (1.0, float("nan"), 3.0), mark=2)], across="epoch", up="loss & more")
    assert svg.count("<circle") == 1
    assert "&lt;a&gt;" in svg
    assert "loss &amp; more" in svg
    assert "nan" not in svg
    assert line_chart([Line("a", (1,), (float("nan"),))], across="x", up="y") == ""
    assert "inf" not in line_chart([Line("a", (1,), (0.0,))], across="x", up="y")
