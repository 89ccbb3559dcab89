"""The phrases of the plain-text report: one YAML file a language, and files of one's own.

A phrase is text with names in braces. Only plain names that the phrase's place knows are filled in; everything
else, attributes and indices above all, is refused before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from condyle.errors import InputError, TableError, UsageError
from condyle.safe_yaml import read_yaml

LANGUAGES = ("en", "de")

# Names that a phrase may hold, by section and key; a key that is not here takes none.
_NAMES: Mapping[tuple[str, str], frozenset[str]] = {
    ("headings", "title"): frozenset({"joint"}),
    ("lines", "keys"): frozenset({"study", "patient", "package", "version"}),
    ("lines", "series"): frozenset({"series"}),
    ("lines", "series_one"): frozenset({"plane", "weighting"}),
    ("lines", "quality"): frozenset({"sentence"}),
    ("lines", "site"): frozenset({"site", "statements"}),
    ("lines", "gap"): frozenset({"findings", "sites", "reason"}),
    ("lines", "gap_everywhere"): frozenset({"findings", "reason"}),
    ("lines", "change"): frozenset({"site", "finding", "before", "now"}),
    ("lines", "no_change"): frozenset({"study"}),
    ("lines", "not_comparable"): frozenset({"study", "reason"}),
    ("lines", "abnormal"): frozenset({"site", "statements"}),
    ("lines", "uncertain"): frozenset({"list"}),
    ("lines", "nothing_marked"): frozenset({"sites"}),
    ("lines", "reviewed"): frozenset({"done", "site", "finding", "before"}),
    ("words", "sure"): frozenset({"text", "percent"}),
    ("words", "uncertain"): frozenset({"text"}),
    ("words", "withdrawn"): frozenset({"text"}),
    ("words", "measured"): frozenset({"title", "value", "unit"}),
}
_FREE = ("flags", "joints", "reasons")  # any key; the phrase takes no names
_OF_FINDING: Mapping[str, frozenset[str]] = {
    "title": frozenset(), "present": frozenset(), "absent": frozenset(), "given": frozenset({"grade", "value", "unit"}),
}  # fmt: skip
_SECTIONS = ("headings", "lines", "words", *_FREE, "findings")


@dataclass(frozen=True, slots=True, eq=False)
class Phrases:
    """What the report says, by section and key."""

    language: str
    sections: Mapping[str, Mapping[str, Any]]

    def say(self, section: str, key: str, **names: str) -> str:
        """The phrase with its names filled in."""
        return str(self.sections[section][key]).format(**names)

    def word(self, section: str, key: str, otherwise: str) -> str:
        """A phrase without names, or ``otherwise`` where the language has none."""
        return str(self.sections[section].get(key, otherwise))

    def of_finding(self, finding: str, key: str) -> str | None:
        """A phrase of a finding; None when there is none for it."""
        phrase = self.sections["findings"].get(finding, {}).get(key)
        return None if phrase is None else str(phrase)


def load_phrases(language: str = "en", own: str | Path | None = None) -> Phrases:
    """The phrases of a language, with those of one's own file laid over them.

    Raises
    ------
    UsageError - a language that is not there
    InputError, TableError - the file cannot be read, or holds what is not understood: all problems at once
    """
    if language not in LANGUAGES:
        raise UsageError(
            "unknown-language", f"There are no phrases in the language {language!r:.20}.",
            what_to_do=f"Use one of {', '.join(LANGUAGES)}, or give a file of your own with --phrases.",
        )  # fmt: skip
    shipped = _shipped(language)
    if own is None:
        return Phrases(language, shipped)
    given = _own(Path(own))
    merged = {section: {**shipped[section], **(given.get(section) or {})} for section in _SECTIONS}
    merged["findings"] = {
        name: {**shipped["findings"].get(name, {}), **phrases} for name, phrases in merged["findings"].items()
    }  # fmt: skip
    return Phrases(str(given.get("language", language)), merged)


def problems_of(content: Any, known: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """All that is wrong with the content of a phrases file; ``known`` are the shipped ones."""
    if not isinstance(content, dict):
        return ("file: it is no mapping of sections",)
    problems = [f"{key!r:.40}: there is no such section" for key in content if key not in (*_SECTIONS, "language")]
    for section in _SECTIONS:
        part = content.get(section)
        if part is None:
            continue
        if not isinstance(part, dict):
            problems.append(f"{section}: it is no mapping")
            continue
        for key, phrase in part.items():
            place = f"{section}.{key}"[:80]
            if section == "findings":
                problems += _finding_problems(place, phrase)
            elif section not in _FREE and key not in known[section] and key not in _ANYWHERE:
                problems.append(f"{place}: there is no such phrase")
            else:
                problems += _phrase_problems(place, phrase, _NAMES.get((section, str(key)), frozenset()), free=section in _FREE)
    return tuple(problems)


# Words that English needs no phrase for.
_ANYWHERE = ("present", "absent", "not_assessed", "sagittal", "coronal", "axial")


def _finding_problems(place: str, phrases: Any) -> Iterator[str]:
    if not isinstance(phrases, dict):
        yield f"{place}: it is no mapping of title, present, absent, given"
        return
    for key, phrase in phrases.items():
        if key not in _OF_FINDING:
            yield f"{place}.{key}"[:80] + ": use title, present, absent or given"
        else:
            yield from _phrase_problems(f"{place}.{key}", phrase, _OF_FINDING[key])


def _phrase_problems(place: str, phrase: Any, names: frozenset[str], *, free: bool = False) -> Iterator[str]:
    if not isinstance(phrase, str) or len(phrase) > 1000:
        yield f"{place}: a phrase is a text of at most 1000 characters"
        return
    if free:  # put in as it stands
        return
    try:
        found = [(name, rule, how) for _, name, rule, how in Formatter().parse(phrase) if name is not None]
    except ValueError:
        yield f"{place}: its braces do not match"
        return
    for name, rule, how in found:
        if name not in names or rule or how:
            yield f"{place}: {{{name}}} is not filled in here" + (f"; known: {', '.join(sorted(names))}" if names else "")


@cache
def _shipped(language: str) -> dict[str, dict[str, Any]]:
    import yaml

    text = (_home() / f"{language}.yaml").read_text("utf-8")
    content: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return content


def _home() -> Any:
    from importlib.resources import files

    return files("condyle.report") / "languages"


def _own(path: Path) -> dict[str, Any]:
    what = f"The phrases in {path.name!r} cannot be used."
    advice = "Copy en.yaml or de.yaml from the documentation and change its phrases."
    try:
        content = read_yaml(path, lambda reason: InputError("phrases-invalid", what, why=reason, what_to_do=advice))
    except OSError as error:
        raise InputError("phrases-unreadable", what, why=f"{error.strerror}.", what_to_do="Check the path and its rights.") from error
    if problems := problems_of(content, _shipped("en")):
        raise TableError("phrases-invalid", what, why="Not all of it is understood.", what_to_do=advice, problems=problems)
    return content
