"""What is planted in a simulated lumbar spine: findings by level, drawn at random or asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from condyle.anatomy.lumbar import LEVELS
from condyle.errors import UsageError, nearest

# Mean disc height by Pfirrmann grade, relative to a healthy disc of the level. Height separates only grade 5 (methods: Pfirrmann).
_HEIGHT = {1: 1.0, 2: 0.98, 3: 0.92, 4: 0.78, 5: 0.45}


@dataclass(frozen=True, slots=True)
class LevelFindings:
    """What is planted at one level.

    Parameters
    ----------
    pfirrmann : 1 to 5
    height : factor on the healthy disc height, 0.25 to 1.1
    bulge : mm beyond the vertebral edge all around; called bulging from 1.5
    herniation : '', 'protrusion' or 'extrusion'
    herniation_size : mm beyond the edge
    herniation_side : mm from the midline, positive to the left
    slip : mm, positive when the upper vertebra lies in front; called spondylolisthesis from 3 either way
    modic : 0 to 3
    upper_endplate, lower_endplate : mm, depth of a defect of the end plate above and below the disc; 0 none
    """

    pfirrmann: int = 2
    height: float = 1.0
    bulge: float = 0.0
    herniation: str = ""
    herniation_size: float = 0.0
    herniation_side: float = 0.0
    slip: float = 0.0
    modic: int = 0
    upper_endplate: float = 0.0
    lower_endplate: float = 0.0

    def labels(self) -> dict[str, int]:
        """The findings of the anatomy catalogue, as a reader of the pictures should give them."""
        return {
            "pfirrmann": self.pfirrmann,
            "disc_narrowing": int(self.height < 0.75),
            "bulging": int(self.bulge >= 1.5 or bool(self.herniation)),
            "herniation": int(bool(self.herniation)),
            "spondylolisthesis": int(abs(self.slip) >= 3.0),
            "modic": int(self.modic > 0),
            "upper_endplate": int(self.upper_endplate >= 2.0),
            "lower_endplate": int(self.lower_endplate >= 2.0),
        }


def random_findings(rng: np.random.Generator, age: float) -> dict[str, LevelFindings]:
    """Findings of a person of that age: the lower levels degenerate first, and what goes together comes together."""
    wear = np.clip((age - 20) / 50 + rng.normal(0, 0.25), 0, 1.3)
    # Share of wear by level, from the distribution of grades in the SPIDER gradings.
    share = dict(zip(LEVELS, (1.0, 1.0, 0.8, 0.65, 0.55, 0.5, 0.5, 0.45, 0.4, 0.4, 0.4), strict=True))
    return {level: _random_level(rng, float(wear) * share[level], level) for level in LEVELS}


def _random_level(rng: np.random.Generator, wear: float, level: str) -> LevelFindings:
    grade = int(np.clip(np.round(1.0 + 3.2 * wear + rng.normal(0, 0.7)), 1, 5))
    low = LEVELS.index(level) < 3
    herniated = low and grade >= 3 and rng.random() < 0.15
    slipped = low and grade >= 3 and rng.random() < 0.12
    bulging = grade >= 3 and rng.random() < 0.65
    return LevelFindings(
        pfirrmann=grade,
        height=float(np.clip(_HEIGHT[grade] + rng.normal(0, 0.05), 0.3, 1.1)),
        bulge=float(rng.uniform(1.5, 3.2)) if bulging else float(rng.uniform(0, 0.7)),
        herniation=("protrusion" if rng.random() < 0.65 else "extrusion") if herniated else "",
        herniation_size=float(rng.uniform(4, 7)) if herniated else 0.0,
        herniation_side=float(rng.normal(0, 3.5)) if herniated else 0.0,
        slip=float(rng.uniform(3.5, 9) * (1 if rng.random() < 0.75 else -0.6)) if slipped else float(rng.normal(0, 0.4)),
        modic=int(rng.choice([1, 2, 2, 2, 3])) if grade >= 3 and rng.random() < 0.3 else 0,
        upper_endplate=float(2.2 + rng.gamma(1.5, 0.9)) if rng.random() < 0.04 + 0.15 * wear else 0.0,
        lower_endplate=float(2.2 + rng.gamma(1.5, 0.9)) if rng.random() < 0.04 + 0.15 * wear else 0.0,
    )


def normal_findings() -> dict[str, LevelFindings]:
    """A healthy young spine."""
    return {level: LevelFindings(pfirrmann=1) for level in LEVELS}


# What a word of ``--findings`` plants when no value is given, and what it needs beside itself.
_PLANT: dict[str, dict[str, object]] = {
    "pfirrmann": {"pfirrmann": 5},
    "disc_narrowing": {"height": 0.5},
    "bulging": {"bulge": 2.6},
    "herniation": {"herniation": "extrusion", "herniation_size": 7.0},
    "protrusion": {"herniation": "protrusion", "herniation_size": 5.0},
    "extrusion": {"herniation": "extrusion", "herniation_size": 7.5},
    "spondylolisthesis": {"slip": 7.0},
    "retrolisthesis": {"slip": -4.5},
    "modic": {"modic": 2},
    "upper_endplate": {"upper_endplate": 5.0},
    "lower_endplate": {"lower_endplate": 5.0},
}
_VALUE = {
    "pfirrmann": "pfirrmann", "disc_narrowing": "height", "bulging": "bulge", "herniation": "herniation_size",
    "protrusion": "herniation_size", "extrusion": "herniation_size", "spondylolisthesis": "slip", "retrolisthesis": "slip",
    "modic": "modic", "upper_endplate": "upper_endplate", "lower_endplate": "lower_endplate",
}  # fmt: skip
_LIMITS: dict[str, tuple[float, float]] = {
    "pfirrmann": (1, 5), "height": (0.25, 1.1), "bulge": (0, 5), "herniation_size": (2, 12), "slip": (-15, 20), "modic": (0, 3),
    "upper_endplate": (0, 9), "lower_endplate": (0, 9), "herniation_side": (-12, 12),
}  # fmt: skip
_WORD = re.compile(r"(?P<name>[a-z_0-9]+)(=(?P<value>-?[0-9.]+))?(@(?P<level>[A-Z0-9-]+))?")

# Words about the whole spine: (field of Variation, value).
SPINE_WORDS: dict[str, tuple[str, object]] = {
    "six_lumbar": ("lumbar_count", 6), "four_lumbar": ("lumbar_count", 4), "scoliosis": ("scoliosis", 18.0),
    "cut_sacrum": ("sacrum_cut", True), "high_stack": ("high_stack", True), "sacralised": ("transition", "sacralised"),
    "lumbarised": ("transition", "lumbarised"), "tilted_stack": ("stack_lean", 12.0),
}  # fmt: skip


def plant(
    words: Iterable[str], base: Mapping[str, LevelFindings], rng: np.random.Generator
) -> tuple[dict[str, LevelFindings], dict[str, object]]:
    """Findings from words such as ``herniation``, ``pfirrmann=5@L4-L5``, ``spondylolisthesis=8@L5-S1``, ``normal``, ``six_lumbar``.

    Parameters
    ----------
    words : finding, optional value (grade, mm, or factor of disc height), optional level; without a level one of the lowest
        four is drawn
    base : what the other levels have

    Returns
    -------
    (findings by level, fields of the spine's Variation)

    Raises
    ------
    UsageError - all words that are unknown or out of range, at once
    """
    found, spine, wrong = dict(base), {}, list[str]()
    words = list(words)
    if "normal" in words:
        found = normal_findings()
    for word in words:
        if word == "normal":
            continue
        if word in SPINE_WORDS:
            name, value = SPINE_WORDS[word]
            spine[name] = value
            continue
        problem = _plant_one(word, found, rng)
        if problem:
            wrong.append(problem)
    if wrong:
        raise UsageError(
            "unknown-simulated-finding", "Some findings cannot be planted.", why="; ".join(wrong),
            what_to_do="Write finding, finding=value or finding=value@level with: " + ", ".join([*_PLANT, "normal", *SPINE_WORDS]) + ".",
        )  # fmt: skip
    return found, spine


def _plant_one(word: str, found: dict[str, LevelFindings], rng: np.random.Generator) -> str:
    """Change ``found``; a sentence when the word cannot be used, else ''."""
    match = _WORD.fullmatch(word)
    name = match["name"] if match else word
    if not match or name not in _PLANT:
        near = nearest(name, [*_PLANT, *SPINE_WORDS, "normal"], cutoff=0.6)
        return f"{word!r} is unknown" + (f" (did you mean {near!r}?)" if near else "")
    level = match["level"] or str(rng.choice(LEVELS[:4]))
    if level not in LEVELS:
        return f"{word!r} names no level"
    changes = dict(_PLANT[name])
    if match["value"]:
        field, number = _VALUE[name], float(match["value"])
        low, high = _LIMITS[field]
        if not low <= number <= high:
            return f"{word!r} is outside {low:g} to {high:g}"
        changes[field] = int(number) if field in ("pfirrmann", "modic") else number
    if "pfirrmann" in changes:
        changes["height"] = _HEIGHT[int(str(changes["pfirrmann"]))]
    found[level] = replace(found[level], **changes)  # type: ignore[arg-type]
    if found[level].herniation or abs(found[level].slip) >= 3 or found[level].modic or found[level].height < 0.75:
        # None of these comes with a healthy disc.
        found[level] = replace(found[level], pfirrmann=max(found[level].pfirrmann, 3))
    return ""


def check_findings(findings: Mapping[str, LevelFindings]) -> None:
    """Raise UsageError for levels or values that cannot be drawn, all at once."""
    wrong = [f"{level!r} is no level" for level in findings if level not in LEVELS]
    for level, planted in findings.items():
        for field in fields(planted):
            value = getattr(planted, field.name)
            low, high = _LIMITS.get(field.name, (float("-inf"), float("inf")))
            if field.name == "herniation_size" and not planted.herniation:
                continue
            if not isinstance(value, str) and not low <= value <= high:
                wrong.append(f"{field.name} {value} at {level} is outside {low:g} to {high:g}")
        if planted.herniation not in ("", "protrusion", "extrusion"):
            wrong.append(f"herniation {planted.herniation!r} at {level} is not '', 'protrusion' or 'extrusion'")
    if wrong:
        raise UsageError(
            "simulated-finding-out-of-range", "Some findings cannot be drawn.", why="; ".join(wrong),
            what_to_do="Give values within these limits.",
        )  # fmt: skip
