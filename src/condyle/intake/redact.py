"""File names may hold a patient's name; messages and documents must not.

Masked in the paths that messages show, for all objects that were opened: PatientID as a whole, however
its parts are joined; every word of it but those that say what was scanned (an ID such as ``SIM-LUMBAR-7``
must not hide every folder called lumbar); every word of PatientName; and PatientBirthDate as people write
it, with the year in four digits (1951-12-24, 24.12.1951, 12/24/1951, 24 Dec 1951, 24121951). A name in the
path of a file that carries no header (a picture, a NIfTI file) cannot be known: such sets must be named
without names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

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
_DATE = re.compile(r"([0-9]{4})(0[1-9]|1[0-2])([0-9]{2})")
_YEARS = re.compile("(?=((?:18|19|20)[0-9]{2}))").findall
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
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
    """Masks secrets in paths. The words of a secret may be joined by any signs, or by none; what is a date of DICOM
    (19511224) is masked in other forms of it, too.

    A folder of thousands of patients has thousands of secrets, and a path holds one or none of them: which ones it may hold
    is looked up first (every stretch of its letters and digits, in a set), and only these are searched for. Few are searched for at once.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets: dict[str, list[str]] = {}
        for secret in secrets:
            self._secrets.setdefault(secret.replace(" ", ""), []).append(secret)
        self._lengths = sorted({len(bare) for bare in self._secrets})
        self._births: dict[str, set[tuple[str, str]]] = {}  # year -> (month, day)
        for match in map(_DATE.fullmatch, self._secrets):
            if match:
                self._births.setdefault(match[1], set()).add((match[2], match[3]))
        self._written: dict[str, re.Pattern[str]] = {}  # year -> all forms of all its dates, made when a path holds the year
        every = [secret for own in self._secrets.values() for secret in own]
        self._all = _pattern(every) if 0 < len(every) <= _FEW else None

    def __call__(self, path: str) -> str:
        """The path with every secret word replaced by ``***``."""
        for year in self._births.keys() & _YEARS(path):
            path = _masked(path, _fold(path), self._dates_of(year))
        folded = _fold(path)
        return _masked(path, folded, self._all or self._pattern_for(folded))

    def each(self, paths: Sequence[str]) -> list[str]:
        """Every path masked. Paths that hold no secret, the ordinary case, are looked at all together."""
        together = "\n".join(paths)
        return list(paths) if self(together) == together else [self(path) for path in paths]

    def _dates_of(self, year: str) -> re.Pattern[str]:
        if year not in self._written:
            self._written[year] = re.compile("|".join(_written(year, month, day) for month, day in sorted(self._births[year])))
        return self._written[year]

    def _pattern_for(self, folded: str) -> re.Pattern[str] | None:
        """A pattern of those secrets that the path may hold."""
        bare = "".join(_WORDS.findall(folded))
        stretches = {bare[first : first + length] for length in self._lengths for first in range(len(bare) - length + 1)}
        held = [secret for stretch in stretches & self._secrets.keys() for secret in self._secrets[stretch]]
        return _pattern(held) if held else None


def _masked(path: str, folded: str, pattern: re.Pattern[str] | None) -> str:
    """The path with every match of the pattern in its folded form replaced."""
    if pattern is None or pattern.search(folded) is None:
        return path
    if len(folded) != len(path):  # folding moved the places: show the folded path
        return pattern.sub(MASK, folded)
    pieces, last = [], 0
    for match in pattern.finditer(folded):
        pieces += [path[last : match.start()], MASK]
        last = match.end()
    return "".join([*pieces, path[last:]])


def _written(year: str, month: str, day: str) -> str:
    """A date as people write it: year, month, day in the orders of the world. A single digit is no part of a longer number."""
    word = _MONTHS[int(month) - 1]
    name = f"{word[:3]}(?:{word[3:]})?"
    m, d = str(int(month)), str(int(day))
    first_month, any_month = f"(?:{month}|(?<!\\d){m}|{name})", f"(?:{month}|{m}|{name})"
    first_day, any_day, last_day = f"(?:{day}|(?<!\\d){d})", f"(?:{day}|{d})", f"(?:{day}|{d}(?!\\d))"
    orders = ((year, any_month, last_day), (first_day, any_month, year), (first_month, any_day, year))
    return "|".join(r"[\W_]*".join(parts) for parts in orders)


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
