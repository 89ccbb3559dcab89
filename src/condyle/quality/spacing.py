"""Spacing: distance of slices and size of pixels against what the joint needs."""

from __future__ import annotations

from collections.abc import Mapping

from condyle.quality.protocol import Protocol, protocol
from condyle.quality.series import diagnostic, named
from condyle.registry import Plugin
from condyle.study import Check, Series, Study, Volume

PLUGIN = Plugin(
    "spacing", "Distance of slices and size of pixels", "condyle.quality.spacing:check", source="limits of quality/protocol.py"
)

# Problems of intake that mean: the distances between slices are not all equal.
_UNEVEN = {"slices-missing", "slices-uneven"}


def check(study: Study, volumes: Mapping[str, Volume], joint: str) -> tuple[Check, ...]:
    """Two Checks a series, of the slice step and of the pixel size, both in mm."""
    expected = protocol(joint)
    return tuple(found for one in diagnostic(study) for found in _of_series(one, expected))


def _of_series(one: Series, expected: Protocol) -> tuple[Check, ...]:
    if one.geometry is None or not one.geometry.calibrated:
        sentence = f"The spacing of {named(one)} is unknown: its files give no millimetres."
        return (Check("spacing", None, None, expected.max_pixel_mm, "mm", sentence, series_id=one.series_id),)
    step, row, column = one.geometry.spacing
    pixel = max(row, column)
    found = [_pixel(one, pixel, expected)]
    if one.geometry.shape[0] > 1:
        found.append(_step(one, step, expected))
    return tuple(found)


def _pixel(one: Series, pixel: float, expected: Protocol) -> Check:
    passed = pixel <= expected.max_pixel_mm
    return Check(
        "spacing", passed, round(pixel, 3), expected.max_pixel_mm, "mm",
        f"The pixels of {named(one)} measure {pixel:.2f} mm{'' if passed else f', more than {expected.max_pixel_mm:g} mm'}.",
        "" if passed else "Repeat with a larger matrix or a smaller field of view.",
        one.series_id,
    )  # fmt: skip


def _step(one: Series, step: float, expected: Protocol) -> Check:
    uneven = any(problem.code in _UNEVEN for problem in one.problems)
    passed = step <= expected.max_step_mm and not uneven
    if uneven:
        sentence = f"The slices of {named(one)} are not evenly spaced: one or more are missing or displaced."
        advice = "Send the series again; if slices are missing on the scanner too, repeat it."
    else:
        sentence = f"The slices of {named(one)} lie {step:.1f} mm apart{'' if passed else f', more than {expected.max_step_mm:g} mm'}."
        advice = "" if passed else "Repeat with thinner slices or a smaller gap."
    return Check("spacing", passed, round(step, 3), expected.max_step_mm, "mm", sentence, advice, one.series_id)
