"""File names may hold a patient's name; messages and documents must not.

Every word of PatientName, PatientID and PatientBirthDate of all objects that were opened is masked
in the paths that messages show. A name in the path of a file that carries no header (a picture, a
NIfTI file) cannot be known: such sets must be named without names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from condyle.intake.header import Header

MASK = "***"
_LONG = 4  # from this length on a word is masked inside longer words, too
_WORDS = re.compile(r"[^\W_]+")


def secret_words(headers: Iterable[Header]) -> frozenset[str]:
    """Words that identify a person, folded; single characters and lone digits are too common to mask."""
    raws = {tuple(header.raw.get(tag, b"") for tag in (0x00080005, 0x00100010, 0x00100020, 0x00100030)): header for header in headers}
    words: set[str] = set()
    for header in raws.values():
        for name in ("PatientName", "PatientID", "PatientBirthDate"):
            text = _fold(" ".join(header.texts(name)))
            found = _WORDS.findall(text)
            words.update(word for word in found if len(word) > 1)
            if name != "PatientName" and len(found) > 1:
                words.add(text.strip())
                words.add("".join(found))
    return frozenset(words)


class Redactor:
    """Masks secret words in paths."""

    def __init__(self, words: Iterable[str]) -> None:
        ordered = sorted(words, key=lambda word: (-len(word), word))
        long = [re.escape(word) for word in ordered if len(word) >= _LONG]
        short = [rf"(?<![^\W_]){re.escape(word)}(?![^\W_])" for word in ordered if len(word) < _LONG]
        self._pattern = re.compile("|".join(long + short)) if ordered else None

    def __call__(self, path: str) -> str:
        """The path with every secret word replaced by ``***``."""
        if self._pattern is None:
            return path
        folded = _fold(path)
        if len(folded) != len(path):  # folding moved the places: show the folded path
            return self._pattern.sub(MASK, folded)
        pieces, last = [], 0
        for match in self._pattern.finditer(folded):
            pieces += [path[last : match.start()], MASK]
            last = match.end()
        return "".join([*pieces, path[last:]])


def _fold(text: str) -> str:
    """Lower case without accents, so that 'Müller' and 'MULLER' are one word."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()
