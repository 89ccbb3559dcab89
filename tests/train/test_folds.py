"""Folds by patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from condyle.cohorts.splits import deal
from condyle.errors import UsageError
from condyle.train.folds import patient_tags


def assign_folds(tags: Mapping[str, Collection[str]], n_folds: int, seed: int) -> dict[str, int]:
    return deal({patient: dict.fromkeys(own, 1) for patient, own in tags.items()}, n_folds, seed)


@settings(deadline=None)
@given(
    st.dictionaries(st.text("abc0123", min_size=1, max_size=6), st.frozensets(st.sampled_from("rstu")), min_size=5, max_size=60),
    st.integers(2, 5),
    st.integers(0, 9),
)
def test_every_patient_has_one_fold_and_sizes_differ_by_one(tags: dict[str, frozenset[str]], n_folds: int, seed: int) -> None:
    folds = assign_folds(tags, n_folds, seed)
    assert set(folds) == set(tags)
    sizes = [Counter(folds.values())[fold] for fold in range(n_folds)]
    assert max(sizes) - min(sizes) <= 1


def test_g04_shuffled_rows_give_the_same_evenly_stratified_folds() -> None:
    rng = np.random.default_rng(3)
    labels = [(f"p{i}", "herniation", float(rng.random() < 0.09)) for i in range(200) for _ in range(6)]
    tags = patient_tags(labels)
    shuffled = [labels[i] for i in rng.permutation(len(labels))]
    folds = assign_folds(tags, 5, seed=1)
    assert folds == assign_folds(patient_tags(shuffled), 5, seed=1)
    positives = [sum("herniation" in tags[p] for p, fold in folds.items() if fold == k) for k in range(5)]
    expected = sum(positives) / 5
    assert all(abs(n - expected) <= 1 for n in positives)


def test_g06_two_studies_of_a_patient_share_a_fold_and_a_seed_repeats() -> None:
    # Folds are dealt to patients; a study can only look its patient up.
    studies = {f"study{i}": f"patient{i // 2}" for i in range(40)}
    tags: dict[str, tuple[str, ...]] = dict.fromkeys(studies.values(), ())
    folds = assign_folds(tags, 4, seed=5)
    assert len(folds) == 20
    assert folds == assign_folds(dict(reversed(tags.items())), 4, seed=5)
    assert folds != assign_folds(tags, 4, seed=6)


def test_a_high_pfirrmann_grade_is_the_tag_not_any_grade() -> None:
    tags = patient_tags([("a", "pfirrmann", 3.0), ("b", "pfirrmann", 4.0)], {"c": {"mask"}})
    assert tags == {"a": frozenset(), "b": frozenset({"pfirrmann"}), "c": frozenset({"mask"})}


def test_more_folds_than_patients_are_refused() -> None:
    with pytest.raises(UsageError, match="cannot be dealt"):
        assign_folds({"a": (), "b": ()}, 3, seed=0)
