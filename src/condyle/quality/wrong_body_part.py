"""Wrong body part: a study that is not of the joint it was given for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from condyle.quality.picture import Picture, foreground, middle_slices
from condyle.quality.protocol import Protocol, protocol
from condyle.quality.series import diagnostic, with_pixels
from condyle.registry import Plugin
from condyle.study import Check, Series, Study, Volume

PLUGIN = Plugin("wrong_body_part", "Tags, words, place and outline against the joint asked for", "condyle.quality.wrong_body_part:check")

THRESHOLD = 50.0
_ADVICE = "Check the order and the patient, name the joint that was scanned, or send the right study."
# A spine lies on the midline of the table; a limb is scanned off it or has a side. In mm of |x|.
_OFF_MIDLINE = 60.0
# Less than this head to foot holds a limb joint, not a lumbar spine.
_SMALL_FIELD_MM = 185.0


def check(study: Study, volumes: Mapping[str, Volume], joint: str) -> tuple[Check, ...]:
    """One Check for the study: the share of its telling series that speak of another part, in percent.

    Tags and words come first. Where no series names a part, place (far off the midline), size (field
    of view too small) and outline (air above the anatomy, as over a head) of the series are heard.
    """
    expected = protocol(joint)
    telling = {one.series_id: str(one.role.body_part.value) for one in diagnostic(study) if one.role.body_part.value is not None}
    if telling:
        others = sorted({part for part in telling.values() if part not in expected.parts})
        share = 100.0 * sum(part not in expected.parts for part in telling.values()) / len(telling)
        return (_by_name(share, others, len(telling), expected),)
    return (_by_shape(study, volumes, expected),)


def _by_name(share: float, others: list[str], telling: int, expected: Protocol) -> Check:
    passed = share < THRESHOLD
    if passed:
        sentence = f"The tags and names of the series agree with a {expected.title}."
        if others:
            sentence = f"Most series are named as a {expected.title}, but some as {', '.join(others)}."
    else:
        named = ", ".join(others)
        sentence = f"{share:.0f} % of the {telling} series that name a body part name another than the {expected.title}: {named}."
    return Check("wrong_body_part", passed, round(share, 1), THRESHOLD, "%", sentence, "" if passed else _ADVICE)


def _by_shape(study: Study, volumes: Mapping[str, Volume], expected: Protocol) -> Check:
    if expected.paired:
        return _silent(f"No tag or name says whether this is a {expected.title}.")
    series = [one for one in diagnostic(study) if one.geometry is not None and one.geometry.calibrated]
    against = {one.series_id: reason for one in series if (reason := _place(one))}
    for one, volume in with_pixels(study, volumes):
        if air_above(volume):
            against.setdefault(one.series_id, "there is air above the anatomy, as over a head")
    if not series:
        return _silent(f"No tag, name or geometry says whether this is a {expected.title}.")
    share = 100.0 * len(against) / len(series)
    if share < THRESHOLD:
        return _silent(f"No tag or name says whether this is a {expected.title}; place and outline do not speak against it.")
    reasons = "; ".join(sorted(set(against.values())))
    return Check("wrong_body_part", False, round(share, 1), THRESHOLD, "%", f"This is probably not a {expected.title}: {reasons}.", _ADVICE)


def _silent(sentence: str) -> Check:
    return Check("wrong_body_part", None, None, THRESHOLD, "%", sentence)


def _place(one: Series) -> str:
    """Why the place or size of a series does not suit a spine; '' when it does."""
    assert one.geometry is not None
    if one.role.side.value in ("left", "right"):
        return "a side is given"
    if one.geometry.spacing_source == "tags" and abs(float(one.geometry.centre[0])) > _OFF_MIDLINE:
        return "the pictures lie far off the midline"
    if one.role.plane.value == "sagittal":
        upright = np.abs(one.geometry.directions[2, 1:])
        sides = np.array(one.geometry.shape[1:]) * np.array(one.geometry.spacing[1:])
        if float(sides[int(np.argmax(upright))]) < _SMALL_FIELD_MM:
            return "the field of view is too small for it"
    return ""


def air_above(volume: Volume) -> bool:
    """True when, in the middle sagittal slices, the anatomy is broad but narrows and closes toward the head.

    A spine runs through the upper edge of the picture; a head is closed by air.
    """
    geometry = volume.geometry
    if geometry.plane != "sagittal" or not geometry.calibrated:
        return False
    verdicts = [_closed_above(picture, volume) for picture in middle_slices(volume) if min(picture.shape) >= 32]
    return bool(verdicts) and float(np.mean(verdicts)) > 0.5


def _closed_above(picture: Picture, volume: Volume) -> bool:
    upright = volume.geometry.directions[2, 1:]
    if abs(upright[1]) > abs(upright[0]):
        picture, up = picture.T, upright[1]
    else:
        up = upright[0]
    if up > 0:  # rows run to the head: turn the head to the first row
        picture = picture[::-1]
    filled = foreground(np.ascontiguousarray(picture, dtype=np.float32)).mean(axis=1)
    rows = picture.shape[0]
    edge = max(2, rows // 25)
    broad = float(filled[rows // 8 : rows // 3].max())
    first = int(np.argmax(filled > 0.02))
    # The uppermost tissue is narrow where a head closes; it is as broad as the rest at the edge of a picture.
    top = float(filled[first : first + edge].mean())
    return broad > 0.35 and top < 0.5 * broad and float(filled[:edge].max()) < 0.02
