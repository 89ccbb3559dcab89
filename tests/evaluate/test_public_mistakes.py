"""The twenty mistakes of public code that this part must not make, by their numbers; 1, 2, 5, 7, 11 and 16 are in test_standalone.py."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from condyle.cohorts.manifest import read_manifest
from condyle.cohorts.splits import make_splits
from condyle.errors import InputError
from condyle.evaluate.bootstrap import patient_bootstrap
from condyle.evaluate.clustered_auc import clustered_auroc
from condyle.evaluate.delong import compare_paired, components, delong
from condyle.evaluate.diagnostic import accuracy, predictive_at
from condyle.evaluate.ensemble import EnsembleScore, FoldValue
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.interval_limits import quantiles
from condyle.evaluate.noninferiority import noninferior
from condyle.evaluate.paired_proportions import mcnemar, pair, paired_difference
from condyle.evaluate.ranking import auroc
from condyle.evaluate.recalibration import recalibration
from condyle.evaluate.scaling import fit_scaling
from condyle.evaluate.segmentation import score_masks, summarise_masks
from condyle.evaluate.standalone import Settings
from condyle.evaluate.study_evidence import Claim, judge_claims
from condyle.evaluate.views import Views, views_evidence

RNG = np.random.default_rng(17)
TRUTH = (RNG.random(200) < 0.4).astype(float)
SCORE = TRUTH + RNG.normal(0, 1.2, 200)


def test_03_variance_divides_by_n_minus_1() -> None:
    """DeLong's sums with m - 1 and n - 1 by hand; with m and n the error is smaller."""
    v10, v01 = (one[0] for one in components(TRUTH, SCORE[None]))
    m, n = len(v10), len(v01)
    assert delong(TRUTH, SCORE).se == pytest.approx(np.sqrt(v10.var(ddof=1) / m + v01.var(ddof=1) / n))
    assert delong(TRUTH, SCORE).se > np.sqrt(v10.var() / m + v01.var() / n)


def test_04_slices_are_not_drawn_patients_are() -> None:
    """Ten slices a patient that say the same: resampling patients is wider than resampling slices, by about the root of ten."""
    patients = np.repeat(np.arange(200), 10)
    truth, score = np.repeat(TRUTH, 10), np.repeat(SCORE, 10)
    width = [
        (found := patient_bootstrap({"area": lambda w: auroc(truth, score, w)}, units, n=200, seed=1)["area"]).high - found.low
        for units in (patients, np.arange(2000))
    ]
    assert width[0] > 2.5 * width[1]
    assert clustered_auroc(truth, score, patients).se == pytest.approx(clustered_auroc(TRUTH, SCORE, np.arange(200)).se)


def test_06_percentiles_are_those_of_the_metric() -> None:
    """The interval of an area holds the area and lies in [0, 1], whatever the scale of the scores."""
    found = [
        patient_bootstrap({"area": lambda w, s=s: auroc(TRUTH, s, w)}, np.arange(200), n=200, seed=2)["area"]
        for s in (SCORE, 1000 * SCORE - 7)
    ]
    assert found[0] == found[1]
    assert 0 < found[0].low < found[0].estimate < found[0].high < 1


def views() -> Views:
    folds = tuple(FoldValue("cyst", "sagittal", str(k), 0.8 + 0.01 * k, 25, 10) for k in range(8))
    cases = tuple(EnsembleScore(f"s{k}", f"p{k}", "cyst", "", "", float(SCORE[k] > 0.5), ("sagittal",), 0.0) for k in range(200))
    return Views("test", folds, cases, {("cyst", one.case): TRUTH[k] for k, one in enumerate(cases)}, {})


def test_10_spread_of_seeds_or_folds_is_no_interval() -> None:
    """Folds are told as median and range; the only interval is that over the patients of the set."""
    study = views_evidence([views()], {}, None, settings=Settings(resamples=100))
    folds = next(sheet for sheet in study.sheets if sheet.name == "folds")
    assert not [cell for row in folds.rows for cell in row if isinstance(cell, Estimate)]
    assert "is no interval" in folds.note
    assert study.lines[0].estimate.clusters == 200
    # The same scores from twice as many folds: the interval does not shrink.
    one = views()
    twice = Views(one.name, one.folds * 2, one.scores, one.truth, {})
    assert views_evidence([twice], {}, None, settings=Settings(resamples=100)).lines[0].estimate == study.lines[0].estimate


def test_08_nothing_is_fitted_or_chosen_on_test_data() -> None:
    share = 1 / (1 + np.exp(-SCORE))
    for kind in ("temperature", "platt", "isotonic"):
        with pytest.raises(InputError, match="Nothing is fitted on the split 'test'"):
            fit_scaling(TRUTH, share, kind, split="test")


def test_09_copies_of_a_patient_stay_on_one_side(tmp_path: Path) -> None:
    """Augmented copies and repeat visits carry their patient's id, and a split deals out patients."""
    rows = "".join(f"s{k}{copy},p{k},s{k}{copy}.dcm\n" for k in range(20) for copy in "abc")
    (tmp_path / "manifest.csv").write_text("study_id,patient_id,path\n" + rows, "utf-8")
    splits = make_splits(read_manifest(tmp_path / "manifest.csv", files=False), n_folds=4, seed=1)
    assert len(splits.folds) == 20  # one fold a patient, not a study


def test_12_quantiles_are_equally_spaced_type_7() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0])
    assert quantiles(values, [0.0, 0.25, 0.5, 1.0]) == pytest.approx([1.0, 1.75, 3.0, 8.0])


def test_13_distances_are_millimetres() -> None:
    mask = np.zeros((6, 20, 20), bool)
    mask[1:4, 5:15, 5:15] = True
    moved = np.roll(mask, 1, axis=0)
    thick, thin = (score_masks(mask, moved, (dz, 0.5, 0.5), tolerance_mm=1.0).hd95 for dz in (4.0, 1.0))
    assert (thick, thin) == (pytest.approx(4.0), pytest.approx(1.0))


def test_14_two_empty_masks_are_no_perfect_score() -> None:
    empty, full = np.zeros((3, 8, 8), bool), np.ones((3, 8, 8), bool)
    half = full & (np.arange(8) < 4)
    scores = [score_masks(*pair_, (1.0, 1.0, 1.0), tolerance_mm=1.0) for pair_ in ((empty, empty), (full, half), (full, half))]
    assert np.isnan(scores[0].dice)
    found = summarise_masks(scores, ["a", "b", "c"], n=100)
    assert found.means["dice"].estimate == pytest.approx(scores[1].dice)
    assert found.both_empty == 1


def test_15_mcnemar_is_not_used_for_knees() -> None:
    """Both knees of a patient that say the same are no second patient: the interval over patients stays, the p of pairs would shrink."""
    first, second = RNG.random(40) < 0.8, RNG.random(40) < 0.6
    patients = np.arange(40)
    single = paired_difference("difference", first, second, patients)
    double = paired_difference("difference", np.repeat(first, 2), np.repeat(second, 2), np.repeat(patients, 2))
    assert "patients" in double.method
    assert double.high - double.low > 0.9 * (single.high - single.low)
    assert mcnemar(pair(np.repeat(first, 2), np.repeat(second, 2))).midp < mcnemar(pair(first, second)).midp  # what it would have said


def test_17_predictive_values_of_an_enriched_sample_are_recomputed() -> None:
    truth, calls = np.repeat([1.0, 0.0], 100), np.r_[np.repeat([1.0, 0.0], [90, 10]), np.repeat([1.0, 0.0], [10, 90])]
    found = accuracy(truth, calls)
    assert found["PPV"].estimate == pytest.approx(0.9)
    rare = predictive_at(found["sensitivity"], found["specificity"], 0.05)
    ppv = next(one for name, one in rare.items() if name.startswith("PPV"))
    assert ppv.estimate == pytest.approx(0.9 * 0.05 / (0.9 * 0.05 + 0.1 * 0.95))
    assert "0.05" in ppv.measure


def test_18_one_sided_p_is_made_one_sided_not_halved_afterwards() -> None:
    """A difference in the wrong direction has a one-sided p near 1, not half of its two-sided p."""
    worse = Estimate("difference of auroc", -0.10, se=0.03, df=float("inf"), p=0.0009, low=-0.16, high=-0.04)
    (judged,) = judge_claims([Claim("cyst", "auroc", "aided - unaided")], {("cyst", "auroc"): worse}, alpha=0.05, rule="none")
    assert judged.p > 0.99
    assert not judged.met


def test_19_overlapping_intervals_are_no_test() -> None:
    """Two areas on the same studies whose intervals overlap, and whose paired difference does not hold 0."""
    rng = np.random.default_rng(3)
    truth = (rng.random(300) < 0.5).astype(float)
    shared = rng.normal(0, 1.0, 300)
    one, other = (gain * truth + shared + rng.normal(0, 0.15, 300) for gain in (1.1, 1.4))
    low, high = delong(truth, one), delong(truth, other)
    assert high.low < low.high
    difference = compare_paired(truth, other, one)
    assert difference.low > 0
    assert not noninferior(difference, 0.01).sentence.lower().count("equivalent")


def test_20_calibration_of_a_sample_that_was_enriched_is_shifted_and_seen() -> None:
    """Half of the negatives left out: the slope stays, the level moves by log 2, which is what the intercept says."""
    rng = np.random.default_rng(8)
    share = 1 / (1 + np.exp(-rng.normal(-1, 1, 6000)))
    truth = (rng.random(6000) < share).astype(float)
    kept = (truth == 1) | (rng.random(6000) < 0.5)
    found = recalibration(truth[kept], share[kept])
    assert found.slope.low < 1 < found.slope.high
    assert found.in_the_large.low < np.log(2) < found.in_the_large.high
    assert found.in_the_large.p < 1e-6


def test_every_number_has_its_test() -> None:
    text = "".join(path.read_text("utf-8") for path in (Path(__file__), Path(__file__).with_name("test_standalone.py")))
    assert {int(number) for number in re.findall(r"^def test_(\d\d)_", text, re.MULTILINE)} == set(range(1, 21))
