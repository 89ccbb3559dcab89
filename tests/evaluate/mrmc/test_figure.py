import numpy as np
import pytest

from condyle.errors import InputError
from condyle.evaluate import auroc
from condyle.evaluate.mrmc import (
    Figures,
    MarkedReads,
    Reads,
    accuracy,
    afroc,
    area_under_roc,
    macro,
    sensitivity,
    specificity,
    weighted_afroc,
    weighted_afroc1,
)
from tests.evaluate.mrmc.studies import study, without


def drop(reads: Reads, patient: int) -> Reads:
    kept = reads.patient != patient
    return Reads(
        reads.arms, reads.readers, tuple(np.array(reads.cases)[kept]), reads.patients, reads.patient[kept], reads.truth[kept],
        reads.score[:, :, kept],
    )  # fmt: skip


@pytest.mark.parametrize(("seed", "per_patient", "step"), [(1, 1, 0.0), (2, 1, 0.5), (3, 2, 0.5), (4, 3, 0.0)])
def test_leaving_a_patient_out_is_the_value_of_the_rest(seed: int, per_patient: int, step: float) -> None:
    reads = study(seed, per_patient=per_patient, step=step)
    missing = np.random.default_rng(seed).random(reads.score.shape) < 0.1
    reads = without(reads, missing)
    shares = (lambda r: sensitivity(r.called(0.6)), lambda r: specificity(r.called(0.6)), lambda r: accuracy(r.called(0.6)))
    for figure in (area_under_roc, *shares):
        whole: Figures = figure(reads)
        for place, name in enumerate(whole.patients):
            np.testing.assert_allclose(whole.without[place], figure(drop(reads, reads.patients.index(name))).value, atol=1e-12)


def test_each_cell_is_the_area_of_one_reader() -> None:
    reads = study(5, step=0.5)
    ours = area_under_roc(reads)
    for arm, reader in np.ndindex(2, 4):
        assert ours.value[arm, reader] == pytest.approx(auroc(reads.truth, reads.score[arm, reader]), abs=1e-14)


def test_weights_of_patients_are_copies_of_patients() -> None:
    reads = study(6, per_patient=2, step=0.5)
    ours = area_under_roc(reads)
    weights = np.random.default_rng(0).integers(1, 3, len(reads.patients)).astype(float)
    times = weights[reads.patient].astype(int)
    many = np.repeat(np.arange(len(reads.cases)), times)
    again = auroc(reads.truth[many], reads.score[1, 2][many])
    assert ours.weighted(weights)[1, 2] == pytest.approx(again, abs=1e-12)
    np.testing.assert_allclose(ours.weighted(np.ones(len(reads.patients))), ours.value, atol=1e-14)


def test_patients_without_a_positive_case_are_no_units_of_a_sensitivity() -> None:
    reads = study(7)
    assert len(sensitivity(reads.called(0.5)).patients) == int(reads.truth.sum())


def test_scores_are_refused_where_decisions_are_needed() -> None:
    with pytest.raises(InputError, match="need decisions"):
        sensitivity(study(8))


def test_one_class_gives_no_value() -> None:
    reads = study(9)
    one = Reads(reads.arms, reads.readers, reads.cases, reads.patients, reads.patient, np.ones_like(reads.truth), reads.score)
    assert np.isnan(area_under_roc(one).value).all()


def marked(seed: int) -> MarkedReads:
    rng = np.random.default_rng(seed)
    false = np.where(rng.random((2, 2, 10)) < 0.4, -np.inf, np.round(rng.normal(size=(2, 2, 10)), 1))
    owner = np.array([5, 6, 6, 7, 8, 9, 9, 9])
    weight = 1 / np.bincount(owner)[owner]
    lesion = np.where(rng.random((2, 2, 8)) < 0.3, -np.inf, np.round(rng.normal(1, 1, (2, 2, 8)), 1))
    names = tuple(map(str, range(10)))
    return MarkedReads(("a", "b"), ("x", "y"), names, names, np.arange(10), false, owner, weight, lesion)


@pytest.mark.parametrize("figure", [weighted_afroc, afroc, weighted_afroc1])
def test_marks_by_the_definition_and_without_each_case(figure) -> None:  # type: ignore[no-untyped-def]
    marks = marked(1)

    def value(kept: np.ndarray) -> float:
        use_weights = figure is not afroc
        against = [c for c in kept if figure is weighted_afroc1 or c < 5]
        top = bottom = 0.0
        for place, case in enumerate(marks.lesion_case):
            if case in kept:
                weight = marks.lesion_weight[place] if use_weights else 1.0
                for other in against:
                    high, low = marks.lesion[0, 1, place], marks.false_mark[0, 1, other]
                    top += weight * ((high > low) + 0.5 * (high == low))
                bottom += weight * len(against)
        return top / bottom

    ours = figure(marks)
    assert ours.value[0, 1] == pytest.approx(value(np.arange(10)), abs=1e-12)
    for place in range(10):
        assert ours.without[place, 0, 1] == pytest.approx(value(np.delete(np.arange(10), place)), abs=1e-12)


def test_macro_is_the_mean_and_moves_all_findings_at_once() -> None:
    first, second = study(10), study(11)
    parts = [area_under_roc(first), sensitivity(second.called(0.5))]
    mean = macro(parts, "both")
    np.testing.assert_allclose(mean.value, (parts[0].value + parts[1].value) / 2)
    patient = mean.patients.index("p2")
    left = (parts[0].without[parts[0].patients.index("p2")] + parts[1].without[parts[1].patients.index("p2")]) / 2
    np.testing.assert_allclose(mean.without[patient], left)
