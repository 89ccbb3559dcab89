"""The pipeline: records, replays, masks, threads, errors."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from condyle.errors import InputError, UsageError
from condyle.prepare import check_steps, follow, prepare, prepare_all, record
from condyle.study import Geometry, Volume

STEPS = [
    {"step": "orient", "plane": "coronal"},
    {"step": "resample", "spacing_mm": 0.7},
    {"step": "crop_mm", "extent_mm": [40.0, 30.0]},
    {"step": "standardise"},
]


def test_a_record_is_json_and_replays_to_the_same_bits(knee_like):
    done = record(knee_like, STEPS)
    again = prepare(knee_like, json.loads(json.dumps(done.record)))
    assert np.array_equal(again.pixels, done.volume.pixels)
    assert again.geometry == done.volume.geometry


def test_a_record_applies_the_measured_grey_values_to_another_volume(knee_like):
    """Replaying does not measure again: a brighter volume comes out brighter."""
    done = record(knee_like, STEPS)
    brighter = prepare(Volume(knee_like.pixels + 100, knee_like.geometry), done.record)
    assert (brighter.pixels >= done.volume.pixels).all()
    assert brighter.pixels.mean() > done.volume.pixels.mean() + 0.1


def test_a_mask_follows_its_image(knee_like):
    mask = Volume((knee_like.pixels > 350).astype(np.uint8), knee_like.geometry)
    done = record(knee_like, STEPS)
    moved = follow(mask, done.record)
    assert moved.geometry == done.volume.geometry
    assert set(np.unique(moved.pixels)) == {0, 1}
    inside = done.volume.pixels[moved.pixels == 1].mean()
    assert inside > done.volume.pixels[moved.pixels == 0].mean() + 1


def test_a_record_is_refused_on_another_grid(knee_like):
    done = record(knee_like, STEPS)
    other = Volume(knee_like.pixels[:, :-1], Geometry(knee_like.geometry.affine, (6, 89, 70)))
    with pytest.raises(InputError, match="recorded on a volume of shape"):
        prepare(other, done.record)


def test_threads_change_nothing(knee_like):
    volumes = [knee_like, Volume(knee_like.pixels[::-1] + 5, knee_like.geometry), knee_like]
    for threads in (1, 2, 3, None):
        for ours, alone in zip(prepare_all(volumes, STEPS, threads=threads), volumes, strict=True):
            assert np.array_equal(ours.volume.pixels, prepare(alone, STEPS).pixels)
    assert prepare_all([], STEPS) == ()


def test_opencv_keeps_the_callers_number_of_threads(knee_like):
    import cv2

    before = cv2.getNumThreads()
    prepare_all([knee_like, knee_like], STEPS, threads=2)
    assert cv2.getNumThreads() == before


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([{"step": "orientt"}], "no preparation step 'orientt'"),
        ([{"spacing_mm": 1}], "step 1 has no name"),
        ([{"step": "orient"}, {"step": "resample", "spacing": 1}], "step 2 .resample. has no setting 'spacing'"),
        ([{"step": "resample"}], "needs 'spacing_mm'"),
    ],
)
def test_wrong_steps_are_named(knee_like, steps, message):
    with pytest.raises(UsageError, match=message):
        prepare(knee_like, steps)


def test_steps_can_be_checked_without_a_volume():
    assert check_steps(STEPS) == ()
    assert len(check_steps([{"step": "nonsense"}, {"step": "orient", "plan": "axial"}, {}])) == 3


def test_the_package_answers_to_the_call_after_it_was_imported(knee_like):
    import condyle

    assert condyle.prepare(knee_like, []).pixels is knee_like.pixels
    assert condyle.prepare(knee_like, []).pixels is knee_like.pixels


def test_listing_the_steps_does_not_load_opencv():
    code = "import sys; from condyle.registry import plugins; plugins('steps'); assert not {'cv2', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
