"""Whether a study and its series suit a package, as every family asks it."""

from __future__ import annotations

from collections.abc import Collection

from condyle.errors import InputError
from condyle.readers.spec import SlotSpec
from condyle.study import Series, Study

RELIABLE = 0.5  # confidence from which a trait is believed
_CONTRASTS = {"none": "series without contrast", "intravenous": "series with intravenous contrast", "arthrogram": "arthrograms"}
_SERIES = {
    "none": "this series was made without contrast", "intravenous": "contrast was given into a vein", "arthrogram": "this is an arthrogram",
}  # fmt: skip
_ELSEWHERE = 0.6  # confidence from which another body part in the headers is believed


def parts_named(study: Study) -> set[str]:
    """Body parts that the headers of a study name, those that are believed."""
    told = [one.role.body_part for one in study.series]
    return {str(part.value) for part in told if part.value and part.confidence >= _ELSEWHERE}


def refuse_elsewhere(study: Study, joint: str, parts: Collection[str]) -> None:
    """Refuse a study whose headers name other body parts only.

    Parameters
    ----------
    joint : of the package, in words; parts : names in headers that mean it

    Raises
    ------
    InputError - another body part
    """
    named = parts_named(study)
    if named and not named & set(parts):
        raise InputError(
            "wrong-body-part", f"This is a study of another body part: {', '.join(sorted(named))}.", where=f"study {study.study_key}",
            why=f"The package reads the {joint} only.", what_to_do=f"Choose the package for this body part, or a study of the {joint}.",
        )  # fmt: skip


def unusable(one: Series) -> str:
    """Why a series can fill no input of any package; '' when it can."""
    if not one.used:
        reasons = [problem.why or problem.what for problem in one.problems if problem.severity == "error"]
        return " ".join(reasons[:1]) or "It cannot be loaded."
    if one.geometry is None:
        return "Its files lack the plane, the place or the pixel spacing, so its shape is not known."
    return ""


def contrast_suits(one: Series, slot: SlotSpec) -> bool:
    """Whether the series was made with the contrast that the input asks for.

    Contrast has to be told to be believed, and headers of a plain series seldom say that there was none: where nothing
    speaks of any, an input without contrast takes the series and one with contrast does not.
    """
    told = one.role.contrast
    if slot.contrast is None:
        return True
    if told.value is not None and told.confidence >= RELIABLE:
        return bool(told.value == slot.contrast)
    return slot.contrast == "none" and all(value == "none" for _, value in told.witnesses)


def other_contrast(one: Series, wanted: str) -> str:
    """Why a series of another contrast fills no input that asks for ``wanted``."""
    told = one.role.contrast
    said = str(told.value) if told.value is not None and told.confidence >= RELIABLE else ""
    unclear = "the headers leave open which contrast it was given" if told.witnesses else "nothing says that this series is one"
    return f"The package reads {_CONTRASTS[wanted]}; {_SERIES[said] if said else unclear}."


def fat_suits(one: Series, slot: SlotSpec) -> bool:
    """Whether the fat suppression is what the input asks for, or not known."""
    suppressed = one.role.fat_suppressed
    if slot.fat_suppressed is None or suppressed.value is None or suppressed.confidence < RELIABLE:
        return True
    return bool(suppressed.value == slot.fat_suppressed)
