"""Grades learnt step by step: both links, from targets to the grade that is read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from condyle.cohorts.labels import Label
from condyle.readers.grades import LINKS, chained, columns_of, findings_of, grade_of, step_of, steps_of
from condyle.readers.multiplane.findings import marked, state
from condyle.readers.spec import ThresholdSpec
from condyle.train.losses import masked
from condyle.train.multiplane.targets import targets_of

NAME = "osteoarthritis_grade"
COLUMNS = columns_of({"cyst": (), NAME: (0, 1, 2, 3, 4)})


def test_a_grade_has_one_output_a_step_and_a_binary_finding_one() -> None:
    assert ("cyst", *(f"{NAME}>={step}" for step in (1, 2, 3, 4))) == COLUMNS
    assert [step_of(one) for one in COLUMNS] == [("cyst", None), *((NAME, step) for step in (1, 2, 3, 4))]
    assert findings_of(COLUMNS) == {"cyst": [0], NAME: [1, 2, 3, 4]}


def said(grades: list[float | None]) -> list[Label]:
    return [Label(str(number), "p", NAME, value=value) for number, value in enumerate(grades)]


def test_targets_of_steps_and_unknown_grades() -> None:
    grades = [0.0, 2.0, 4.0, None]
    studies, columns = list("0123"), COLUMNS[1:]
    nan = np.nan
    np.testing.assert_array_equal(
        targets_of(said(grades), studies, columns)[0], [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [nan] * 4]
    )
    np.testing.assert_array_equal(
        targets_of(said(grades), studies, columns, "corn")[0], [[0, nan, nan, nan], [1, 1, 0, nan], [1, 1, 1, 1], [nan] * 4]
    )


def test_the_loss_of_conditional_steps_is_that_of_the_paper() -> None:
    """Shi, Cao and Raschka 2023, equation 7: for each step the studies that reached the one below, log sigmoid of right answers, over
    their number in all steps."""
    rng = np.random.default_rng(3)
    grades = rng.integers(0, 5, 40)
    logits = torch.from_numpy(rng.normal(0, 2, (40, 4)).astype(np.float32))
    total, count = 0.0, 0
    for step in range(4):
        for row in np.flatnonzero(grades > step - 1):
            chance = 1 / (1 + np.exp(-float(logits[row, step])))
            total -= np.log(chance if grades[row] > step else 1 - chance)
            count += 1
    targets, _ = targets_of(said([float(one) for one in grades]), [str(one) for one in range(40)], COLUMNS[1:], "corn")
    assert float(masked(logits, torch.from_numpy(targets))) == pytest.approx(total / count, rel=1e-5)


@given(st.lists(st.floats(0, 1), min_size=5, max_size=5), st.sampled_from(LINKS))
def test_no_step_is_surer_than_the_one_below_and_shares_sum_to_one(scores: list[float], link: str) -> None:
    told = chained(np.array(scores), COLUMNS, link)  # type: ignore[arg-type]
    assert told[0] == scores[0]
    assert (np.diff(told[1:]) <= 0).all()
    assert (told >= 0).all()
    shares = steps_of(told[None, 1:])[0]
    assert shares.sum() == pytest.approx(1)
    grade = int(grade_of(told[None, 1:], 0)[0])
    assert shares[: grade + 1].sum() >= 0.5 - 1e-9
    assert shares[:grade].sum() < 0.5


def test_conditional_steps_multiply() -> None:
    np.testing.assert_allclose(chained(np.array([0.3, 0.9, 0.8, 0.5, 0.9]), COLUMNS, "corn"), [0.3, 0.9, 0.72, 0.36, 0.324])


@pytest.mark.parametrize(("at_least", "grade", "shown"), [((0.9, 0.7, 0.2, 0.1), 2, True), ((0.8, 0.4, 0.2, 0.1), 1, False)])
def test_a_reading_states_the_median_step_and_maps_only_what_is_abnormal(at_least: tuple[float, ...], grade: int, shown: bool) -> None:
    scores, thresholds = np.array([0.1, *at_least]), {"cyst": ThresholdSpec(value=0.5, rule="given")}
    columns = marked(COLUMNS, scores, thresholds, "knee")
    assert columns == ([f"{NAME}>=2"] if shown else [])
    cyst, own = state(COLUMNS, scores, thresholds, "knee", {NAME: ("a map",)})
    assert (cyst.decision, cyst.grade) == ("absent", None)
    assert (own.kind, own.grade, own.score, own.evidence) == ("ordinal", grade, at_least[1], ("a map",))
    np.testing.assert_allclose(own.probabilities, -np.diff([1, *at_least, 0]))
