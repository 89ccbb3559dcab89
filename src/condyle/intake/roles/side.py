"""The side of a paired joint, from three independent witnesses (methods D.1)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from condyle.intake.roles.body_part import PAIRED, UNPAIRED, named_part
from condyle.intake.roles.tokens import STUDY_TEXT_KEYS, TEXT_KEYS, codes, phrases, text_words
from condyle.intake.roles.witness import Witness, settle
from condyle.study.geometry import Geometry
from condyle.study.role import Trait

DEAD_ZONE_MM = 20.0
"""Within this distance of the midline the image centre says nothing: right in 98.5 % beyond it."""

_LEFT = phrases("""
    left, lt, li, lks, links, linke, linker, linkes, gauche, gche, izquierdo, izquierda, izq, izqda, izda, izqdo, sinistra,
    sinistro, sx, sin, esquerdo, esquerda, esq
""")
_RIGHT = phrases("""
    right, rt, re, rts, rechts, rechte, rechter, rechtes, droite, droit, drt, dte, derecho, derecha, der, dcha, dcho, destra,
    destro, dx, dex, direito, direita, dir, dto, dta
""")
_BOTH = phrases("""
    bilateral, bilaterale, bilat, both, beide, beidseits, bds, beids, bilaterales, ambas, ambos, bilateraal, beiderseits
""")
# Single letters only stand for a side next to the name of a joint or alone at the end of the name.
_LETTERS = {"l": "left", "r": "right"}
# Of these the geometry rule agreed with the tag in 25 to 85 %, or could not be verified.
_DOUBTED_VENDORS = phrases("hitachi, fujifilm, ge , gehc, general electric")


def side(headers: Mapping[str, Any], geometry: Geometry | None, part: Trait) -> Trait:
    """'left', 'right', 'both' or None; always None for an unpaired part such as the lumbar spine."""
    if part.value in UNPAIRED:
        return Trait()
    by_tag = Witness("tag", _by_tag(headers), 0.9)
    # Off-centre only means a side when the part is known to have two.
    confidence = 0.85 if part.value in PAIRED else 0.4
    vendor = f"{headers.get('manufacturer') or ''} ".casefold()
    if any(name in vendor for name in _DOUBTED_VENDORS):
        confidence = min(confidence, 0.55)
    return settle(by_tag, Witness("text", by_text(headers), 0.85), Witness("geometry", by_geometry(geometry), confidence))


def by_geometry(geometry: Geometry | None) -> str | None:
    """Sign of the x of the image centre (+x is the patient's left), None within the dead zone or without millimetres.

    The corner (ImagePositionPatient) would be right in about 59 % only.
    """
    if geometry is None or not geometry.calibrated:
        return None
    x = float(geometry.centre[0])
    return None if abs(x) < DEAD_ZONE_MM else "left" if x > 0 else "right"


def by_text(headers: Mapping[str, Any]) -> str | None:
    """The side that the words of the series name, else those of the study."""
    for keys in (TEXT_KEYS, STUDY_TEXT_KEYS):
        said = _side_of_words(text_words(headers, keys))
        if said:
            return said
    return None


def _side_of_words(found: tuple[str, ...]) -> str | None:
    words = set(found)
    if words & _BOTH:
        return "both"
    named = ({"left"} if words & _LEFT else set()) | ({"right"} if words & _RIGHT else set())
    if not named:
        for first, second in pairwise(found):
            for letter, name in _LETTERS.items():
                if (first == letter and _is_paired(second)) or (second == letter and _is_paired(first)):
                    named.add(name)
    if len(named) == 2:
        return None  # "R>L", "left to right", or two sides in one study name
    return named.pop() if named else None


def _is_paired(word: str) -> bool:
    return named_part((word,)) in PAIRED


def _by_tag(headers: Mapping[str, Any]) -> str | None:
    """Laterality or ImageLaterality: L, R, B; anything else is blank (methods G48)."""
    for key in ("laterality", "image_laterality", "frame_laterality"):
        value = codes(headers, key)
        for name, letters in (("left", {"L", "LEFT"}), ("right", {"R", "RIGHT"}), ("both", {"B", "BOTH"})):
            if value and value <= letters:
                return name
    return None

