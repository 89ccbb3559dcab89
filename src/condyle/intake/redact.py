"""File names may hold a patient's name; messages and documents must not.

Masked in the paths that messages show, for all objects that were opened: PatientID and PatientBirthDate
as a whole, however their parts are joined; every word of PatientName; and every word of the two others
but those that say what was scanned (an ID such as ``SIM-LUMBAR-7`` must not hide every folder called
lumbar). A name in the path of a file that carries no header (a picture, a NIfTI file) cannot be known:
such sets must be named without names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from condyle.anatomy import JOINTS
from condyle.intake.header import Header
from condyle.intake.tags import TAG

MASK = "***"
_LONG = 4  # from this length on a word is masked inside longer words, too
_FEW = 40  # secrets that one pattern may search for
_WORDS = re.compile(r"[^\W_]+")
# Words of an ID that stand in paths of everybody. Never taken out of PatientName: people are called Knee.
_COMMON = frozenset(JOINTS) | {
    "anonymous", "cohort", "dicom", "patient", "phantom", "series", "simulated", "spine", "study", "subject", "volunteer",
}  # fmt: skip
_TAGS = tuple(TAG[name] for name in ("SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate"))


def secret_words(headers: Iterable[Header]) -> frozenset[str]:
    """Folded texts that identify a person; single characters and lone digits are too common to mask."""
    raws = {tuple(map(header.raw.get, _TAGS)): header for header in headers}
    secrets: set[str] = set()
    for header in raws.values():
        secrets.update(_words(header, "PatientName"))
        for name in ("PatientID", "PatientBirthDate"):
            found = _words(header, name)
            secrets.add(" ".join(found))
            secrets.update(word for word in found if word not in _COMMON)
    return frozenset(secret for secret in secrets if len(secret) > 1)


def _words(header: Header, name: str) -> list[str]:
    return _WORDS.findall(_fold(" ".join(header.texts(name))))


class Redactor:
    """Masks secrets in paths. The words of a secret may be joined by any signs, or by none.

    A folder of thousands of patients has thousands of secrets, and a path holds one or none of them: which ones it may hold
    is looked up first (every stretch of its letters and digits, in a set), and only these are searched for. Few are searched for at once.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets: dict[str, list[str]] = {}
        for secret in secrets:
            self._secrets.setdefault(secret.replace(" ", ""), []).append(secret)
        self._lengths = sorted({len(bare) for bare in self._secrets})
        every = [secret for own in self._secrets.values() for secret in own]
        self._all = _pattern(every) if 0 < len(every) <= _FEW else None

    def __call__(self, path: str) -> str:
        """The path with every secret word replaced by ``***``."""
        folded = _fold(path)
        pattern = self._all or self._pattern_for(folded)
        if pattern is None or pattern.search(folded) is None:
            return path
        if len(folded) != len(path):  # folding moved the places: show the folded path
            return pattern.sub(MASK, folded)
        pieces, last = [], 0
        for match in pattern.finditer(folded):
            pieces += [path[last : match.start()], MASK]
            last = match.end()
        return "".join([*pieces, path[last:]])

    def _pattern_for(self, folded: str) -> re.Pattern[str] | None:
        """A pattern of those secrets that the path may hold."""
        bare = "".join(_WORDS.findall(folded))
        stretches = {bare[first : first + length] for length in self._lengths for first in range(len(bare) - length + 1)}
        held = [secret for stretch in stretches & self._secrets.keys() for secret in self._secrets[stretch]]
        return _pattern(held) if held else None


def _pattern(secrets: Iterable[str]) -> re.Pattern[str]:
    """Longest first; a short secret counts as a word of its own only."""
    ordered = sorted(secrets, key=lambda secret: (-len(secret), secret))
    long = [_joined(secret) for secret in ordered if len(secret) >= _LONG]
    short = [rf"(?<![^\W_]){_joined(secret)}(?![^\W_])" for secret in ordered if len(secret) < _LONG]
    return re.compile("|".join(long + short))


def _joined(secret: str) -> str:
    return r"[\W_]*".join(map(re.escape, secret.split(" ")))


def _fold(text: str) -> str:
    """Lower case without accents, so that 'Müller' and 'MULLER' are one word."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()
