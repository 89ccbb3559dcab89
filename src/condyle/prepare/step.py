"""What a preparation step is.

A step has two halves, so that every preparation can be recorded and replayed: ``settle`` turns settings into parameters
(whatever has to be measured on the volume or chosen from it, as plain JSON values), ``apply`` does the work from
parameters alone. Parameters are settings too: settling them again gives the same parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from condyle.errors import InputError
from condyle.study import Volume

Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One preparation step, pure and deterministic.

    Parameters
    ----------
    name : str - as in recipes and packages
    settle : (volume, **settings) -> parameters, JSON values only
    apply : (volume, *, labels, **parameters) -> volume. With ``labels=True`` the volume holds classes: nothing may be
        averaged, and what is new is background (0)
    spatial : bool - it moves or resamples voxels, so a mask must follow; steps that only change values skip masks
    identity : volume -> settings that change nothing
    examples : settings for the contract battery
    """

    name: str
    settle: Callable[..., Parameters]
    apply: Callable[..., Volume]
    spatial: bool
    identity: Callable[[Volume], Parameters]
    examples: tuple[Mapping[str, Any], ...]


def same_shape(volume: Volume, from_shape: object, step: str) -> None:
    """Refuse to replay parameters that were settled on a volume of another shape."""
    if from_shape is not None and tuple(from_shape) != volume.shape:  # type: ignore[arg-type]
        raise InputError(
            "replay-shape",
            f"The step {step!r} was recorded on a volume of shape {tuple(from_shape)}, not {volume.shape}.",  # type: ignore[arg-type]
            why="Recorded parameters hold for one grid.",
            what_to_do="Replay them on the volume or mask they came from.",
        )


def millimetres_known(volume: Volume, step: str) -> None:
    """Refuse to work in millimetres where they are unknown; nothing is invented."""
    if not volume.geometry.calibrated:
        raise InputError(
            "spacing-unknown",
            f"The step {step!r} works in millimetres, but the spacing of this volume is unknown.",
            why="Pictures carry no spacing, and none is assumed.",
            what_to_do="Give the spacing ('dz,dy,dx' in mm) in the manifest, or name the shape in pixels.",
        )
