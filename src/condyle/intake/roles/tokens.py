"""Words in free text and codes in technical tags.

Text is matched by whole words, never by substring: ``contrast`` holds the letters of ``tra`` but says
nothing about a plane. Vendors and radiographers also run words together (``sagT2fs``); such a word
counts only when *all* of it can be cut into known words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

# Written by exporters and de-identifiers where there is nothing to say (methods G48, D.3).
_BLANKS = {"", "u", "unknown", "none", "null", "nan", "n/a", "na", "unspecified", "dummyseriesdesc!", "anonymized", "anonymous", "removed"}

# Short words that people join without a separator; longest first so that ``t2w`` is not cut as ``t2`` + ``w``.
_LISTED = """
    sagittal coronal transversal transverse axial sag cor tra axi ax tse fse gre ffe tirm stir spair spir fatsat fsat sat fat fs we t1w t2w
    pdw dpw t1 t2 pd dp 2d 3d space vista cube flair haste vibe medic dess dixon mdixon ideal post pre km gd flash t2star lws hws bws lwk
    cwk knie knee rt lt
"""
_JOINED = sorted(_LISTED.split(), key=len, reverse=True)
_JOINED_WORD = re.compile("(?:" + "|".join(_JOINED) + ")+")
_JOINED_PART = re.compile("|".join(_JOINED))

TEXT_KEYS = ("series_description", "protocol_name")
STUDY_TEXT_KEYS = ("study_description", "requested_procedure")


def is_blank(value: Any) -> bool:
    """True for None, empty text, white space and the stand-ins for "nothing" (``U``, ``NONE``, ...)."""
    return value is None or (isinstance(value, str) and value.strip().casefold() in _BLANKS)


def codes(headers: Mapping[str, Any], key: str) -> frozenset[str]:
    """The coded values of a technical tag in upper case, however they were joined.

    DICOM joins values by a backslash, dcm2niix by an underscore; lists come from other readers.
    Values that hold an underscore themselves (``IN_PHASE``) come apart, which the callers know.
    """
    value = headers.get(key)
    if is_blank(value):
        return frozenset()
    return _codes(tuple(map(str, value)) if isinstance(value, (list, tuple)) else (str(value),))


@lru_cache(maxsize=1024)
def _codes(parts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word for part in parts for word in re.split(r"[\\_,;/\s]+", part.upper()) if word)


def numbers(headers: Mapping[str, Any], key: str) -> tuple[float, ...]:
    """The positive numbers of a tag; zero means "not applicable" in timing tags and counts as missing.

    So does what no scanner writes: no time in ms, angle, field (in gauss, too) or bandwidth lies outside.
    """
    value = headers.get(key)
    if is_blank(value):
        return ()
    parts = value if isinstance(value, (list, tuple)) else str(value).split("\\")
    found = []
    for part in parts:
        try:
            number = float(part)
        except (TypeError, ValueError):
            continue
        if 1e-3 < number < 1e5:
            found.append(number)
    return tuple(found)


def number(headers: Mapping[str, Any], key: str) -> float | None:
    """The first positive finite number of a tag, or None."""
    found = numbers(headers, key)
    return found[0] if found else None


def words(text: Any) -> tuple[str, ...]:
    """Words of free text: accents folded, lower case, split at everything but letters and digits.

    ``T2*`` becomes ``t2star`` and ``+C`` becomes ``plusc``, because their signs carry the meaning.
    """
    return () if is_blank(text) else _words(str(text)[:1024])


def text_words(headers: Mapping[str, Any], keys: Iterable[str]) -> tuple[str, ...]:
    """Words of several text tags in order, with a bar between tags so that no phrase spans two of them."""
    found: list[str] = []
    for key in keys:
        value = headers.get(key)
        parts = value if isinstance(value, (list, tuple)) else [value]
        for part in parts:
            found.extend((*words(part), "|"))
    return tuple(found)


@lru_cache(maxsize=1024)
def phrases(listed: str) -> frozenset[str]:
    """A vocabulary from one text: phrases separated by commas, of up to five words each."""
    return frozenset(" ".join(phrase.split()) for phrase in listed.split(",") if phrase.strip())


def has(found: tuple[str, ...], vocabulary: frozenset[str]) -> bool:
    """True when one of the phrases stands in the text, word by word."""
    return not vocabulary.isdisjoint(_runs(found))


@lru_cache(maxsize=1024)
def _runs(found: tuple[str, ...]) -> frozenset[str]:
    """Every run of one to five neighbouring words."""
    return frozenset(" ".join(found[start : start + n]) for n in range(1, 6) for start in range(len(found) - n + 1))


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    folded = "".join(letter for letter in folded if not unicodedata.combining(letter))
    folded = re.sub(r"(?i)t2\s?\*", " t2star ", folded)
    folded = re.sub(r"(?i)\+\s?(c|gd|km|gad)(?![a-z])", lambda sign: f" plus{sign[1].lower()} ", folded)
    folded = re.sub(r"(?i)\bw/o\b", " without ", folded)
    # KneeLeft, tseSag: a capital after a lower-case letter begins a word; T1w and mDIXON stay whole.
    folded = re.sub(r"(?<=[a-z]{2})(?=[A-Z][a-z])", " ", folded)
    found: list[str] = []
    for word in re.split(r"[^a-z0-9]+", folded.casefold()):
        if word:
            found.extend(_JOINED_PART.findall(word) if _JOINED_WORD.fullmatch(word) and word not in _JOINED else (word,))
    return tuple(found)
