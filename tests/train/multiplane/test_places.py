"""Marked lesions: their pixels are those whose places in the patient lie within, through mirroring, augmentation and enlargement."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from condyle.cohorts import open_rows
from condyle.cohorts.cohort import Cohort, load_cohort
from condyle.cohorts.lesions import Lesion
from condyle.errors import TableError
from condyle.readers.multiplane.look import see
from condyle.train.multiplane.augment import draw, move, vary
from condyle.train.multiplane.learner import missed
from condyle.train.multiplane.pipeline import fit_prepared, lesions_of, prepare_studies, slot_specs, stack_spec
from condyle.train.multiplane.places import WIDER_MM, in_parts, marked
from condyle.train.multiplane.store import open_store
from tests.knees import NINE, place

from .conftest import tiny

TAUGHT = {
    "network": {"backbone": "efficientnet_lite0_fine", "init": "imagenet", "width": 1.0, "stride": 8, "parts": 4},
    "optimiser": {"backbone_rate": 0.0, "draws": 1, "epochs": 2, "batch": 4, "precision": "32"},
    "loss": {"places": 0.3},
}


def test_marked_pixels_lie_within_the_lesion(cohort: Cohort, tmp_path: Path) -> None:
    recipe = tiny()
    slots, spec = slot_specs(recipe), stack_spec(recipe)
    study = next(name for name, own in cohort.studies.items() if see(open_rows(own), slots, spec).side == "right")
    seen = see(open_rows(cohort.studies[study]), slots, spec)  # mirrored
    store = open_store({study: cohort.studies[study]}, slots, spec, tmp_path)
    lesion = Lesion(study, "cyst", (12.0, -7.0, 20.0), 9.0)
    shape = (spec.slices, spec.pixels, spec.pixels)
    found = marked(store.facts[0], list(slots), ("plica", "cyst", "cyst/medial"), [lesion], shape)
    assert not found[[0, 2]].any()
    pixels = np.stack(np.meshgrid(*2 * [np.arange(spec.pixels)], indexing="ij"), -1).reshape(-1, 2)
    for number, slot in enumerate(slots):
        for at in np.flatnonzero(seen.stacks[slot].shown):
            far = np.linalg.norm(seen.stacks[slot].to_world(int(at), pixels) - lesion.centre_mm, axis=1)
            assert np.array_equal(found[1, number, at].ravel() > 0, far <= lesion.radius_mm + WIDER_MM)
    assert found[1].any()


def test_marks_move_with_the_pixels() -> None:
    recipe = tiny(augment={"noise": 0.0, "motion": 0.0, "blur": 0.0, "bias": 0.0, "gamma": 0.0})
    stack = np.zeros((1, 64, 64), np.uint8)
    stack[0, 20:30, 36:50] = 255
    for seed in range(5):
        own = draw(recipe.augment, 64, 1.0, np.random.default_rng(seed))
        pixels, marks = vary(stack, np.array([True]), own), move(stack, own)
        assert ((pixels > 127) != (marks > 127)).mean() < 0.01  # one is interpolated, the other takes the nearest
        assert not np.array_equal(marks, stack)


def test_a_small_mark_has_one_part_and_none_has_none() -> None:
    inside = np.zeros((2, 32, 32), np.uint8)
    inside[0, 9:11, 17:19] = 255
    assert in_parts(inside, 4).nonzero()[1].tolist() == [6]


def test_what_is_missed_is_the_mean_log_of_the_share() -> None:
    share = torch.tensor([[[0.5], [0.25], [0.25]], [[0.2], [0.2], [0.6]]])[None]  # one study, two findings, three places
    inside = torch.tensor([[[True, True, False]], [[False, False, False]]])[None]
    assert float(missed([share], inside)) == pytest.approx(-np.log(0.75))
    assert float(missed([share], torch.zeros_like(inside))) == 0


def test_attention_is_taught_where_lesions_lie(knees: Path, tmp_path: Path) -> None:
    cohort = load_cohort(knees)
    with (tmp_path / "lesions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["study_id", "finding", "x", "y", "z", "radius_mm"])
        for label in cohort.labels:
            if label.value == 1 and label.finding in NINE:
                writer.writerow([label.study_id, label.finding, *place(NINE.index(label.finding)), 8])
        writer.writerow(["s000", "fracture", 0, 0, 0, 5])
    told = Cohort(tmp_path, cohort.rows, cohort.labels)
    recipe = tiny(**TAUGHT)
    found = lesions_of(recipe, told)
    assert sum(map(len, found.values())) > 9
    assert not any(one.finding == "fracture" for own in found.values() for one in own)  # nothing that the recipe learns
    prepared = prepare_studies(recipe, told, tmp_path / "prepared")
    assert prepared.features is not None
    inside = prepared.features.inside(0, 0)
    assert inside is not None
    assert inside.shape == (2, 9, 3, recipe.prepare.slices * 16)
    assert prepare_studies(recipe, cohort, tmp_path / "prepared").features is not None  # without lesions.csv: by labels alone
    fit_prepared(recipe, told, prepared, tmp_path / "work")

    (tmp_path / "lesions.csv").write_text("study_id,finding,x,y,z,radius_mm\nnobody,cyst,0,0,0,1\n")
    with pytest.raises(TableError, match="lesions"):
        lesions_of(recipe, told)


def test_places_need_attention_over_parts() -> None:
    with pytest.raises(ValidationError, match=r"loss\.places"):
        tiny(loss={"places": 0.3})
