"""The plane of a series: geometry speaks, text is the second witness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from condyle.intake.roles.scout import is_scout
from condyle.intake.roles.tokens import TEXT_KEYS, has, phrases, text_words
from condyle.intake.roles.witness import Witness, settle
from condyle.study.geometry import PLANES, Geometry
from condyle.study.role import Trait

_WORDS = {
    "sagittal": phrases("""
        sag, sagittal, sagital, sagittale, sagitale, sagittaal, sagi, sagt, psag, parasag, parasagittal
    """),
    "coronal": phrases("""
        cor, coronal, coronale, coronaal, koronar, koronal, kor, frontal, frontale, frontaal, coro, paracor
    """),
    "axial": phrases("""
        ax, axi, axial, axiale, assiale, axiaal, tra, trans, transv, transversal, transversale, transverse, transversaal,
        trasversale, transaxial, tva, paratra, paraaxial
    """),
}

# Abduction and external rotation: the slices follow the humerus, not a plane of the body (methods G8).
_ABER = phrases("aber, abduction external rotation")
# Beyond this angle from the nearest plane, as in oblique shoulder series, two planes are about equally near.
_OBLIQUE_DEGREES = 36.0


def plane(headers: Mapping[str, Any], geometry: Geometry | None) -> Trait:
    """'sagittal', 'coronal' or 'axial'.

    Geometry agreed with the curated plane in all series of a public audit of 24,371, text in 99.7 % of
    those that name one (methods D.2, D.3). A strongly oblique stack, whose second nearest plane is
    almost as near, is settled by text. The plane of an ABER series is not stated.
    """
    found = text_words(headers, TEXT_KEYS)
    named = {name for name, vocabulary in _WORDS.items() if vocabulary & set(found)}
    said = named.pop() if len(named) == 1 else None
    if has(found, _ABER):
        return Trait(witnesses=(("text", "aber"), *((("geometry", geometry.plane),) if geometry else ())))
    # A scout's name lists or omits planes at will; only its geometry counts.
    by_text = Witness("text", None if is_scout(headers) else said, 0.8)
    # Pictures and bare arrays have a nominal geometry that knows no direction.
    if geometry is None or not geometry.calibrated:
        return settle(by_text)
    by_geometry = Witness("geometry", geometry.plane, 0.98)
    if geometry.tilt_degrees > _OBLIQUE_DEGREES:
        near = np.abs(geometry.normal)
        candidates = {PLANES[k] for k in np.flatnonzero(near > near.max() - 0.15)}
        if said in candidates and said != geometry.plane:
            return Trait(said, "text", 0.7, (("text", str(said)), ("geometry", geometry.plane)))
        by_geometry = Witness("geometry", geometry.plane, 0.7 if len(candidates) == 1 else 0.55)
    return settle(by_geometry, Witness("text", by_text.value, 0.6))
