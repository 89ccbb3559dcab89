"""Readers who did not read everything: with every read made it is the complete analysis; with some missing it stays honest."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.cohorts.table import read_table
from condyle.evaluate.mrmc import area_under_roc, macro, obuchowski_rockette, parse_reads, parse_truth, reader_study, sensitivity
from condyle.evaluate.mrmc.covariance import delong
from condyle.evaluate.mrmc.incomplete import components, influence_covariance, mean_gain, mean_value
from tests.conftest import ROOT
from tests.evaluate.mrmc.studies import study, without

EXAMPLES = ROOT / "docs" / "examples"


def test_with_every_read_made_it_is_obuchowski_and_rockette() -> None:
    figures = area_under_roc(study(1, readers=6, cases=80))
    ours, theirs = influence_covariance(figures), delong(figures)
    assert np.diag(ours) == pytest.approx(np.diag(theirs), rel=0.05)  # K / (K - 1) over patients, not each class apart
    analysis = obuchowski_rockette(figures, covariance=ours)
    gain = mean_gain(figures, "arm0", "arm1")
    whole = analysis.differences[0]
    assert gain.estimate == pytest.approx(-whole.estimate)
    assert gain.se == pytest.approx(whole.se)
    assert gain.df == pytest.approx(whole.df)
    assert gain.p == pytest.approx(whole.p)
    found = components(figures, "arm0", "arm1")
    assert found is not None
    for name in ("reader", "arm_reader", "error", "cov1", "cov2", "cov3"):
        assert getattr(found, name) == pytest.approx(getattr(analysis.components, name), abs=1e-12)


def test_one_arm_of_a_share_is_the_mean_of_readers_within_0_and_1() -> None:
    reads = study(2, readers=5, cases=60).called(0.5)
    value = mean_value(sensitivity(reads), "arm0")
    assert value.estimate == pytest.approx(sensitivity(reads).value[0].mean())
    assert 0 <= value.low < value.estimate < value.high <= 1


def test_readers_of_one_arm_are_left_out_of_the_gain_and_counted() -> None:
    reads = study(3, readers=5, cases=60)
    mask = np.zeros(reads.score.shape, bool)
    mask[1, 0] = True  # the first reader never read with help
    figures = area_under_roc(without(reads, mask))
    gain = mean_gain(figures, "arm0", "arm1")
    kept = figures.value[1, 1:] - figures.value[0, 1:]
    assert gain.estimate == pytest.approx(kept.mean())
    assert "Readers of one arm only are left out: 1." in gain.warnings


def test_a_macro_average_of_missing_reads_has_a_number() -> None:
    rng = np.random.default_rng(4)
    parts = []
    for seed in (5, 6):
        reads = study(seed, readers=5, cases=80, gain=0.6)
        parts.append(area_under_roc(without(reads, rng.random(reads.score.shape) < 0.2)))
    gain = mean_gain(macro(parts), "arm0", "arm1")
    assert gain.low < gain.estimate < gain.high
    assert gain.estimate > 0


def test_the_page_of_missing_reads_has_readers_groups_terms_and_macro_averages() -> None:
    rows = [
        (number, row)
        for number, row in read_table(EXAMPLES / "knee_2_readers" / "reads.csv", what="reads").rows
        if number % 7 and row["finding"] in ("meniscal_tear", "acl_injury")
    ]
    truth = parse_truth(read_table(EXAMPLES / "knee_2_readers" / "truth.csv", what="truth").rows)
    groups = {"both": ("meniscal_tear", "acl_injury")}
    study = reader_study(parse_reads(rows), truth, arms=("unaided", "aided"), metrics=("auroc",), groups_of_findings=groups)
    for name in ("meniscal_tear", "macro both"):
        one = study.of(name, "auroc")
        assert len(one.readers) == 10
        assert set(one.groups) == {"junior", "senior"}
        assert one.components is not None
        assert one.between is not None
        assert one.difference.low < one.difference.estimate < one.difference.high
    # A seventh of the reads less moves the gain little.
    assert study.of("meniscal_tear", "auroc").difference.estimate == pytest.approx(0.07, abs=0.05)
