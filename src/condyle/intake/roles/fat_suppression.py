"""Whether fat is suppressed: options and Dixon parts of the tags, then the words of the name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from condyle.intake.roles.tokens import TEXT_KEYS, codes, has, phrases, text_words
from condyle.intake.roles.witness import Witness, settle
from condyle.study.role import Trait

_YES = phrases("""
    fs, fatsat, fsat, fat sat, fatsaturated, fat saturated, fat saturation, fat suppressed, fat suppression, fatsup, fat sup,
    supfat, sfs, spir, spair, aspir, chess, chemsat, chem sat, special, stir, tirm, turbostir, we, wats, watsc, proset, pro set, water
    excitation, waterexcitation, water exc, wasserexcitation, wasseranregung, pfs, dfs, enhanced fs, fatsep water, wfs, fettsat,
    fettsattigung, fett sat, fettges, fettgesattigt, fettunterdruckung, fettunterdruckt, fettsupp, fettsuppression, sat graisse,
    satgraisse, saturation graisse, saturation de graisse, saturation de la graisse, suppression graisse, suppression de
    graisse, graisse saturee, sat fat, satfat, fat sat., sat grasa, supresion grasa, supresion de grasa, saturacion grasa,
    saturacion de grasa, supr grasa, con saturacion grasa, sat gordura, supressao gordura, supressao de gordura, saturacao de
    gordura, com saturacao, sat grasso, soppr grasso, soppressione grasso, soppressione del grasso, saturazione grasso,
    saturazione del grasso, vetsuppressie, vetonderdrukking, vet onderdrukking, vetsat, vet sat, fatsatt, t1fs, t2fs, pdfs, dpfs
""")
_NO = phrases("""
    nonfs, non fs, nofs, no fs, nfs, without fs, without fatsat, without fat sat, wo fs, non fat sat, non fatsat, no fatsat, no
    fat sat, nonfatsat, ohne fs, ohne fettsat, ohne fatsat, ohne fettsattigung, ohne fettunterdruckung, sans fs, sans fatsat,
    sans fat sat, sans sat, sans saturation, sin fs, sin fatsat, sin saturacion, sin saturacion grasa, sin supresion grasa,
    senza fs, senza fatsat, senza sat, sem fs, sem fatsat, sem saturacao, zonder fs, zonder fatsat, zonder vetsuppressie, zonder
    vetonderdrukking, geen fs, geen vetsuppressie
""")

_DIXON = phrases("""
    dixon, mdixon, dixonquant, ideal, flex, wfop, fatsep, fat sep, lava flex, 2pd, 3pd, fsdixon, tsedixon, dxn, xd
""")
# What part of a Dixon acquisition a series is; the short forms count only beside a word above or in ImageType.
_PARTS = {
    "water": phrases("w, water, wasser, eau, agua, acqua, water only"),
    "fat": phrases("f, fat, fett, graisse, grasa, gordura, grasso, vet, fat only"),
    "in": phrases("in, ip, inphase, in phase, phase in"),
    "opposed": phrases("opp, op, oop, outphase, out phase, opposed, opposed phase, opposedphase, out"),
}
_WHOLE_WORDS = phrases("in phase, inphase, out phase, outphase, opposed phase, opp phase")
_TYPE_PARTS = {"water": {"W", "WATER"}, "fat": {"F", "FAT"}, "in": {"IP", "IN"}, "opposed": {"OP", "OPP", "OUT"}}


def fat_suppressed(headers: Mapping[str, Any], weighting: Trait) -> Trait:
    """True, False or None. A Dixon water image counts as suppressed, its other parts do not.

    ScanOptions (FS, SFS, WE) and ImageType are heard first; "no" from options that are filled in but
    hold no fat saturation is believed less than a "yes", since preparation by inversion, water
    excitation and adiabatic pulses are not always written there.
    """
    found = text_words(headers, TEXT_KEYS)
    if weighting.value == "stir":
        return settle(Witness("timing" if weighting.source == "timing" else "text", True, 0.97))
    part = dixon_part(headers, found)
    if part == "unclear":
        return Trait(witnesses=(("text", "dixon, part unknown"),))
    if part:
        return Trait(part == "water", "tag" if _type_part(headers) else "text", 0.9, (("text", f"dixon {part}"),))
    said, option = by_text(found), _by_options(headers)
    # An explicit word ("no FS") outweighs an option, which may belong to a regional pulse; silence weighs least.
    return settle(Witness("text", said, 0.9), Witness("tag", option, 0.8), _by_silence(headers, found, said, option))


def by_text(found: tuple[str, ...]) -> bool | None:
    """What the words say: True, False, or None when they are silent."""
    if has(found, _NO):
        return False
    return True if has(found, _YES) else None


def dixon_part(headers: Mapping[str, Any], found: tuple[str, ...]) -> str:
    """'water', 'fat', 'in', 'opposed', 'unclear' for a Dixon series that does not say, '' when it is none."""
    from_type = _type_part(headers)
    if from_type:
        return from_type
    parts = {name for name, phrases in _PARTS.items() if has(found, phrases)}
    if has(found, phrases("fat sat, fat suppressed, fat suppression, water excitation, sat fat")):
        parts -= {"fat", "water"}
    if has(found, phrases("fat sep, fatsep")):
        parts -= {"fat"}
    if has(found, _DIXON):
        return parts.pop() if len(parts) == 1 else "unclear"
    whole = [name for name in ("in", "opposed") if name in parts and has(found, _WHOLE_WORDS)]
    if whole:
        return whole[0] if len(whole) == 1 else "unclear"
    # "WATER: Sag T2": the first word of GE's part names
    if found and found[0] in ("water", "fat"):
        return found[0] if not has(found[:2], phrases("fat sat, fat suppressed, water excitation")) else ""
    return ""


def _type_part(headers: Mapping[str, Any]) -> str:
    """The Dixon part that ImageType names: the first two values say original and primary, the rest what it is."""
    values = codes(headers, "image_type")
    parts = [name for name, names in _TYPE_PARTS.items() if names & values]
    return parts[0] if len(parts) == 1 else ""


def _by_options(headers: Mapping[str, Any]) -> bool | None:
    return True if {"FS", "SFS", "WE", "SPIR", "SPAIR", "FATSAT", "WATS", "PROSET"} & codes(headers, "scan_options") else None


def _by_silence(headers: Mapping[str, Any], found: tuple[str, ...], said: bool | None, option: bool | None) -> Witness:
    """Options that are filled in, without fat saturation, beside a name that does not mention it either."""
    silent = said is None and option is None and bool(codes(headers, "scan_options")) and any(word != "|" for word in found)
    return Witness("tag", False if silent else None, 0.65)
