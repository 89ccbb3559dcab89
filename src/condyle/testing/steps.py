"""The contract of a preparation step, as checks that anybody's step can be put through.

A step is a plug-in of the kind ``steps``: a ``condyle.prepare.Step``. Use in a test of your own package:

    import pytest
    from condyle.testing.steps import CHECKS

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_step(check):
        check("my_step")

Each check takes the plug-in's name and raises ``AssertionError`` with a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import UsageError
from condyle.prepare import Step, follow, prepare, record
from condyle.registry import get
from condyle.study import Geometry, Volume

Check = Callable[[str], None]


def step_is_pure(name: str) -> None:
    """The input stays as it is, byte for byte, and the same input gives the same output."""
    for volume, steps in _cases(name):
        before, affine = volume.pixels.copy(), np.array(volume.geometry.affine)
        first, second = prepare(volume, steps), prepare(volume, steps)
        assert np.array_equal(volume.pixels, before), f"{name} changed its input"
        assert np.array_equal(volume.geometry.affine, affine), f"{name} changed the geometry of its input"
        assert np.array_equal(first.pixels, second.pixels), f"{name} gave two results for one input"
        assert first.geometry == second.geometry, f"{name} gave two geometries for one input"


def step_gives_a_whole_volume(name: str) -> None:
    """Finite voxels on a grid that fits, under the same series_id, as sure of its millimetres as before."""
    for volume, steps in _cases(name):
        done = prepare(volume, steps)
        assert np.isfinite(done.pixels).all(), f"{name} made voxels that are not finite"
        assert done.geometry.shape == done.pixels.shape, f"{name} returned pixels that do not fit their geometry"
        assert done.series_id == volume.series_id, f"{name} lost the series_id"
        assert done.geometry.calibrated == volume.geometry.calibrated, f"{name} changed whether millimetres are known"


def step_keeps_a_landmark_in_place(name: str) -> None:
    """A bright ball stays where it was in the patient, to within half a voxel."""
    for volume, steps in _cases(name):
        before, after = _landmark(volume), prepare(volume, steps)
        moved = np.linalg.norm(_landmark(after) - before)
        allowed = max(*after.geometry.spacing, *volume.geometry.spacing) / 2
        assert moved <= allowed, f"{name} moved a landmark by {moved:.2f} mm"


def step_takes_a_mask_along(name: str) -> None:
    """A mask of the ball stays on the ball, on the grid of its image, and holds no new classes."""
    for volume, steps in _cases(name):
        mask = Volume((_bright(volume) * 3).astype(np.uint8), volume.geometry, volume.series_id)
        done = record(volume, steps)
        moved = follow(mask, done.record)
        assert moved.geometry == done.volume.geometry, f"{name} put the mask on another grid than its image"
        assert set(np.unique(moved.pixels)) <= {0, 3}, f"{name} made new classes"
        assert moved.pixels.any(), f"{name} emptied the mask"
        apart = np.linalg.norm(_landmark(moved) - _landmark(done.volume))
        assert apart <= max(done.volume.geometry.spacing) / 2, f"{name} parted mask and image by {apart:.2f} mm"


def step_replays_from_its_record(name: str) -> None:
    """What was recorded is plain JSON and gives the same voxels again, on a fresh copy."""
    for volume, steps in _cases(name):
        done = record(volume, steps)
        again = json.loads(json.dumps(done.record, allow_nan=False))
        copy = Volume(volume.pixels.copy(), volume.geometry, volume.series_id)
        replayed = record(copy, again)
        assert np.array_equal(replayed.volume.pixels, done.volume.pixels), f"{name} replayed to other voxels"
        assert replayed.volume.geometry == done.volume.geometry, f"{name} replayed to another geometry"
        assert json.loads(json.dumps(replayed.record)) == again, f"{name} recorded a replay otherwise"


def step_has_an_identity(name: str) -> None:
    """With its identity setting it changes neither a voxel nor the geometry."""
    step = _load(name)
    for volume in _volumes():
        done = prepare(volume, [{"step": name, **step.identity(volume)}])
        assert done.geometry == volume.geometry, f"the identity setting of {name} changed the geometry"
        assert np.allclose(done.pixels, volume.pixels, rtol=1e-6, atol=0), f"the identity setting of {name} changed voxels"


def step_refuses_unknown_settings(name: str) -> None:
    """A misspelt setting is an error, never ignored."""
    for volume, steps in _cases(name):
        try:
            prepare(volume, [{**steps[0], "no_such_setting": 1}])
        except UsageError:
            continue
        raise AssertionError(f"{name} ignored an unknown setting")


CHECKS: tuple[Check, ...] = (
    step_is_pure,
    step_gives_a_whole_volume,
    step_keeps_a_landmark_in_place,
    step_takes_a_mask_along,
    step_replays_from_its_record,
    step_has_an_identity,
    step_refuses_unknown_settings,
)


def _load(name: str) -> Step:
    step = get("steps", name)
    assert isinstance(step, Step), f"the plug-in {name!r} is no condyle.prepare.Step"
    assert step.name == name, f"the plug-in {name!r} calls itself {step.name!r}"
    assert step.examples, f"{name} gives no examples of its settings"
    return step


def _cases(name: str) -> Iterator[tuple[Volume, list[Mapping[str, Any]]]]:
    step = _load(name)
    for volume in _volumes():
        for settings in step.examples:
            yield volume, [{"step": name, **settings}]


def _volumes() -> Iterator[Volume]:
    """A bright ball in noise: an oblique sagittal stack of integers, an axial one of floats, a flipped view."""
    turn = np.radians(12)
    tilt = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    sagittal = tilt @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]) * (3.5, 0.8, 0.8)
    axial = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]]) * (4.0, 0.7, 0.9)
    yield _ball(sagittal, (15, 60, 72), np.int16)
    yield _ball(axial, (13, 64, 56), np.float32)
    flipped = _ball(sagittal, (15, 60, 72), np.uint16)
    yield prepare(flipped, [{"step": "orient"}])


def _ball(steps: NDArray[np.float64], shape: tuple[int, int, int], kind: Any) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = steps
    affine[:3, 3] = (12.0, -30.0, 45.0)
    geometry = Geometry(affine, shape)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    middle = geometry.to_world((np.array(shape) - 1) / 2 + (0.3, 2.0, -3.0))
    distance = np.linalg.norm(geometry.to_world(index) - middle, axis=-1)
    noise = np.random.default_rng(7).normal(0, 8, shape)
    return Volume((100 + 900 * np.exp(-((distance / 9) ** 2)) + noise).astype(kind), geometry, "ball")


def _bright(volume: Volume) -> NDArray[np.bool_]:
    pixels = volume.pixels.astype(np.float64)
    low, high = float(np.median(pixels)), float(pixels.max())
    return np.asarray(pixels > low + 0.4 * (high - low))


def _landmark(volume: Volume) -> NDArray[np.float64]:
    """(3,) LPS mm: the centre of what is bright."""
    return volume.geometry.to_world(np.argwhere(_bright(volume)).mean(axis=0))
