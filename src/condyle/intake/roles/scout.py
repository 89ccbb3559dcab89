"""Localisers: series made to plan others, which no reader should take for a diagnostic series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from condyle.intake.roles.tokens import TEXT_KEYS, codes, has, phrases, text_words

_WORDS = phrases("""
    localizer, localiser, localizador, localizzatore, localisateur, localisation, lokalizer, loc, locs, 3loc, scout, scouts,
    survey, pilot, planning, planscan, topogram, repere, reperage, centrage, localizacion, localizacao, 3 plane, 3plane, three
    plane, tri pilot, plan scan, aahead scout, aaknee scout, aashoulder scout, aaspine scout, smartbrain, smartknee, smartspine,
    smartshoulder, smart brain, smart knee, smart spine, smart shoulder
""")


def is_scout(headers: Mapping[str, Any]) -> bool:
    """True when ImageType or the name of the series says localiser."""
    return "LOCALIZER" in codes(headers, "image_type") or has(text_words(headers, TEXT_KEYS), _WORDS)
