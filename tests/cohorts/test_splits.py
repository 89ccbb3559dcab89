"""Splits: nobody on two sides, balanced, the same for the same seed, and refused when altered."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from condyle.cohorts import ManifestRow, load_splits, make_splits, save_splits
from condyle.cohorts.labels import Label
from condyle.errors import InputError, TableError, UsageError

FOUND = {"meniscal_tear": "p09", "cyst": "p17"}


def _rows(patients, visits=2, sites=None):
    sites = sites or {}
    return [
        ManifestRow(row=2 + n, study_id=f"{name}-{visit}", patient_id=name, path=f"/{name}/{visit}", site_id=sites.get(name, ""))
        for n, (name, visit) in enumerate((name, visit) for name in patients for visit in range(visits))
    ]


@settings(deadline=None)
@given(patients=st.integers(6, 30), n_folds=st.integers(2, 5), seed=st.integers(0, 9))
def test_g06_no_patient_on_two_sides(patients, n_folds, seed):
    names = [f"p{n}" for n in range(patients)]
    splits = make_splits(_rows(names), n_folds=n_folds, seed=seed)
    assert set(splits.folds) == set(names)
    for fold in range(n_folds):
        assert not splits.held_out(fold) & splits.training(fold)
        assert splits.held_out(fold) | splits.training(fold) == set(names)
    sizes = [len(splits.held_out(fold)) for fold in range(n_folds)]
    assert max(sizes) - min(sizes) <= 1


def test_g06_the_same_seed_gives_the_same_file_and_another_seed_another(tmp_path):
    rows = _rows([f"p{n}" for n in range(20)])
    first = save_splits(tmp_path / "a.json", make_splits(rows, seed=3)).read_bytes()
    assert save_splits(tmp_path / "b.json", make_splits(rows, seed=3)).read_bytes() == first
    assert save_splits(tmp_path / "c.json", make_splits(rows, seed=4)).read_bytes() != first


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_g04_every_fold_has_its_share_of_positives_whatever_the_order_of_rows(data):
    names = [f"p{n:02d}" for n in range(data.draw(st.integers(20, 60)))]
    positive = set(data.draw(st.lists(st.sampled_from(names), unique=True, min_size=5, max_size=15)))
    labels = [Label(f"{name}-0", name, "herniation", "L5-S1", value=float(name in positive)) for name in names]
    rows = _rows(names)
    splits = make_splits(rows, labels, stratify=["herniation"], seed=1)
    for fold in range(5):
        assert abs(len(splits.held_out(fold) & positive) - len(positive) / 5) < 1
    shuffler = random.Random(7)
    shuffler.shuffle(rows)
    shuffler.shuffle(labels)
    assert make_splits(rows, labels, stratify=["herniation"], seed=1) == splits


def test_parts_told_beside_the_whole_change_no_fold():
    names = [f"p{n:02d}" for n in range(40)]
    whole = [Label(f"{name}-0", name, finding, value=float(name < last)) for name in names for finding, last in FOUND.items()]
    parts = [Label(one.study_id, one.patient_id, "meniscal_tear", "medial", value=one.value) for one in whole[::2]]
    folds = [make_splits(_rows(names), labels, stratify=list(FOUND), seed=1).folds for labels in (whole, [*whole, *parts])]
    assert folds[0] == folds[1]


def test_several_findings_are_balanced_at_once():
    rng = random.Random(2)
    names = [f"p{n}" for n in range(150)]
    rates = {"herniation": 0.08, "modic": 0.4, "bulging": 0.7}
    labels = [
        Label(f"{name}-0", name, finding, "L5-S1", value=float(rng.random() < rate)) for name in names for finding, rate in rates.items()
    ]
    splits = make_splits(_rows(names), labels, stratify=list(rates), seed=0)
    for finding in rates:
        own = [label for label in labels if label.finding == finding]
        counts = [sum(label.value for label in own if splits.folds[label.patient_id] == fold) for fold in range(5)]
        assert max(counts) - min(counts) <= max(2, 0.25 * sum(counts) / 5), (finding, counts)


def test_an_ordinal_finding_counts_its_upper_half():
    names = [f"p{n}" for n in range(40)]
    labels = [Label(f"{name}-0", name, "pfirrmann", "L5-S1", value=float(5 if n < 10 else 3)) for n, name in enumerate(names)]
    splits = make_splits(_rows(names), labels, stratify=["pfirrmann"], n_folds=5)
    assert [len(splits.held_out(fold) & set(names[:10])) for fold in range(5)] == [2] * 5


def test_sites_stay_together_and_a_patient_joins_his_sites():
    sites = {f"p{n}": f"site{n // 5}" for n in range(30)}
    rows = [*_rows(sites, sites=sites), ManifestRow(row=99, study_id="x", patient_id="p0", path="/x", site_id="site1")]
    splits = make_splits(rows, n_folds=3, group="site")
    for fold in range(3):
        held = {sites[patient] for patient in splits.held_out(fold)}
        assert not held & {sites[patient] for patient in splits.training(fold)}
    assert splits.folds["p0"] == splits.folds["p7"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"n_folds": 1}, "folds-impossible"),
        ({"n_folds": 9}, "folds-impossible"),
        ({"group": "scanner"}, "unknown-grouping"),
        ({"group": "site"}, "site-missing"),
        ({"stratify": ["herniation"]}, "stratify-unlabelled"),
    ],
)
def test_impossible_splits_are_refused(options, code):
    with pytest.raises(UsageError) as caught:
        make_splits(_rows(["a", "b", "c", "d"]), **options)
    assert caught.value.code == code


def test_a_saved_split_comes_back(tmp_path):
    rows = _rows([f"p{n}" for n in range(9)])
    splits = make_splits(rows, n_folds=3, seed=5)
    assert load_splits(save_splits(tmp_path / "s.json", splits), rows) == splits


@pytest.mark.parametrize("change", [{"seed": 6}, {"folds": {"p0": 1}}, {"sha256": "0" * 64}])
def test_an_altered_split_is_refused(tmp_path, change):
    path = save_splits(tmp_path / "s.json", make_splits(_rows([f"p{n}" for n in range(9)]), n_folds=3))
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match="altered"):
        load_splits(path)


NO_SPLIT = [
    "", "[]", "{}", "null", '{"schema_version": 1, "folds": []}', "\ufeff", '{"folds": {"a": 0, "a": 1}}', "[" * 9999,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_SPLIT)
def test_what_is_no_split_is_refused(tmp_path, text):
    path = tmp_path / "s.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        load_splits(path)


def test_patients_without_a_fold_are_refused(tmp_path):
    rows = _rows([f"p{n}" for n in range(9)])
    path = save_splits(tmp_path / "s.json", make_splits(rows[:10], n_folds=3))
    with pytest.raises(TableError) as caught:
        load_splits(path, rows)
    assert len(caught.value.problems) == 8
    assert "p7" not in str(caught.value)
