import numpy as np
import pytest

from condyle.errors import InputError
from condyle.evaluate.mrmc import Reads, at_readers_specificity
from tests.evaluate.mrmc.studies import study


def test_the_model_is_taken_where_it_calls_no_more_negatives_than_readers() -> None:
    whole = study(1, arms=1, readers=3, cases=60)
    model, calls = whole.of_readers(("r0",)), whole.of_readers(("r1", "r2")).called(0.7)
    own, gap = at_readers_specificity(model, calls, n=200, seed=3)
    ill = whole.truth
    specificity = 1 - calls.score[0][:, ~ill].mean()
    score = model.score[0, 0]
    best = max(np.mean(score[ill] > limit) for limit in score if np.mean(score[~ill] <= limit) >= specificity)
    assert own.estimate == pytest.approx(best)
    assert gap.estimate == pytest.approx(best - calls.score[0][:, ill].mean())
    assert own.low <= own.estimate <= own.high
    assert at_readers_specificity(model, calls, n=200, seed=3)[1] == gap


def test_other_cases_are_refused() -> None:
    whole = study(2, arms=1, readers=2)
    less = Reads(whole.arms, whole.readers, whole.cases[1:], whole.patients, whole.patient[1:], whole.truth[1:], whole.score[:, :, 1:])
    with pytest.raises(InputError, match="same cases"):
        at_readers_specificity(whole.of_readers(("r0",)), less.of_readers(("r1",)).called(0.5))
