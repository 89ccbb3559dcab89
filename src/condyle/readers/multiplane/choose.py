"""Which series fills which input of the package, and why the others are left."""

from __future__ import annotations

from collections.abc import Mapping

from condyle.readers.spec import SlotSpec
from condyle.readers.suits import RELIABLE, contrast_suits, fat_suits, other_contrast, unusable
from condyle.study import Series, Study


def choose(study: Study, slots: Mapping[str, SlotSpec]) -> tuple[dict[str, tuple[Series, ...]], dict[str, str]]:
    """Sort the series of a study by the inputs they can fill.

    Returns
    -------
    (slot -> candidates, the best first; series_id -> why the series fills no input). A series whose weighting or fat
    suppression no header tells is tried after those that surely fit; contrast has to suit (``contrast_suits``). Among
    equals: the slot's order of weightings, more slices (up to 30), smaller pixels, the order of the study.
    """
    fitting: dict[str, list[tuple[tuple[float, ...], Series]]] = {name: [] for name in slots}
    left: dict[str, str] = {}
    for place, one in enumerate(study.series):
        if reason := unusable(one):
            left[one.series_id] = reason
            continue
        planes = [name for name, slot in slots.items() if slot.plane == plane_of(one)]
        otherwise = [name for name in planes if _fits(one, slots[name])]
        names = [name for name in otherwise if contrast_suits(one, slots[name])]
        for name in names:
            fitting[name].append((_rank(one, slots[name], place), one))
        if not names:
            wanted = slots[otherwise[0]].contrast if otherwise else None
            left[one.series_id] = other_contrast(one, wanted) if wanted else f"The package takes no {_described(one)} series."
    return {name: tuple(one for _, one in sorted(found, key=lambda pair: pair[0])) for name, found in fitting.items()}, left


def plane_of(one: Series) -> str:
    """The plane as acquired; what the manifest or the headers say where there is no geometry."""
    told = one.role.plane
    if told.source != "user" and one.geometry is not None and one.geometry.calibrated:
        return one.geometry.plane
    return str(told.value) if told.value else one.geometry.plane if one.geometry is not None else ""


def _fits(one: Series, slot: SlotSpec) -> bool:
    weighting = one.role.weighting
    other = weighting.value is not None and weighting.confidence >= RELIABLE and weighting.value not in slot.weightings
    return not other and fat_suits(one, slot)


def _rank(one: Series, slot: SlotSpec, place: int) -> tuple[float, ...]:
    assert one.geometry is not None
    weighting, suppressed = one.role.weighting, one.role.fat_suppressed
    sure = weighting.value in slot.weightings and weighting.confidence >= RELIABLE
    unsure_fat = slot.fat_suppressed is not None and (suppressed.value is None or suppressed.confidence < RELIABLE)
    preference = slot.weightings.index(str(weighting.value)) if sure else len(slot.weightings)
    enhanced = one.role.contrast.value not in (None, "none")
    return (preference, unsure_fat, enhanced, -min(one.geometry.shape[0], 30), one.geometry.spacing[1], place)


def _described(one: Series) -> str:
    fat = {True: "fat-suppressed ", False: "not fat-suppressed "}.get(one.role.fat_suppressed.value, "")  # type: ignore[arg-type]
    return f"{plane_of(one)} {fat}{str(one.role.weighting.value or 'unknown').upper()}"
