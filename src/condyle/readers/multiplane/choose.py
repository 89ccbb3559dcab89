"""Which series fills which input of the package, and why the others are left."""

from __future__ import annotations

from collections.abc import Mapping

from condyle.readers.package import SlotSpec
from condyle.study import Series, Study

_RELIABLE = 0.5  # confidence from which a trait is believed


def choose(study: Study, slots: Mapping[str, SlotSpec]) -> tuple[dict[str, tuple[Series, ...]], dict[str, str]]:
    """Sort the series of a study by the inputs they can fill.

    Returns
    -------
    (slot -> candidates, the best first; series_id -> why the series fills no input). A series whose weighting or fat
    suppression no header tells is tried after those that surely fit. Among equals: the slot's order of weightings, more
    slices (up to 30), smaller pixels, the order of the study.
    """
    fitting: dict[str, list[tuple[tuple[float, ...], Series]]] = {name: [] for name in slots}
    left: dict[str, str] = {}
    for place, one in enumerate(study.series):
        if reason := _unusable(one):
            left[one.series_id] = reason
            continue
        planes = [name for name, slot in slots.items() if slot.plane == plane_of(one)]
        names = [name for name in planes if _fits(one, slots[name])]
        for name in names:
            fitting[name].append((_rank(one, slots[name], place), one))
        if not names:
            left[one.series_id] = f"The package takes no {_described(one)} series."
    return {name: tuple(one for _, one in sorted(found, key=lambda pair: pair[0])) for name, found in fitting.items()}, left


def plane_of(one: Series) -> str:
    """The plane as acquired; what the manifest or the headers say where there is no geometry."""
    told = one.role.plane
    if told.source != "user" and one.geometry is not None and one.geometry.calibrated:
        return one.geometry.plane
    return str(told.value) if told.value else one.geometry.plane if one.geometry is not None else ""


def _unusable(one: Series) -> str:
    if not one.used:
        reasons = [problem.why or problem.what for problem in one.problems if problem.severity == "error"]
        return " ".join(reasons[:1]) or "It cannot be loaded."
    if one.geometry is None:
        return "Its files lack the plane, the place or the pixel spacing, so its shape is not known."
    return ""


def _fits(one: Series, slot: SlotSpec) -> bool:
    weighting, suppressed = one.role.weighting, one.role.fat_suppressed
    if weighting.value is not None and weighting.confidence >= _RELIABLE and weighting.value not in slot.weightings:
        return False
    if slot.fat_suppressed is None or suppressed.value is None or suppressed.confidence < _RELIABLE:
        return True
    return bool(suppressed.value == slot.fat_suppressed)


def _rank(one: Series, slot: SlotSpec, place: int) -> tuple[float, ...]:
    assert one.geometry is not None
    weighting, suppressed = one.role.weighting, one.role.fat_suppressed
    sure = weighting.value in slot.weightings and weighting.confidence >= _RELIABLE
    unsure_fat = slot.fat_suppressed is not None and (suppressed.value is None or suppressed.confidence < _RELIABLE)
    preference = slot.weightings.index(str(weighting.value)) if sure else len(slot.weightings)
    enhanced = one.role.contrast.value not in (None, "none")
    return (preference, unsure_fat, enhanced, -min(one.geometry.shape[0], 30), one.geometry.spacing[1], place)


def _described(one: Series) -> str:
    fat = {True: "fat-suppressed ", False: "not fat-suppressed "}.get(one.role.fat_suppressed.value, "")  # type: ignore[arg-type]
    return f"{plane_of(one)} {fat}{str(one.role.weighting.value or 'unknown').upper()}"
