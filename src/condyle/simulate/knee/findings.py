"""What is planted in a simulated knee: findings with size and severity, drawn by a difficulty or asked for in words.

Severity 0 changes no pixel, 1 is plain to see. In between it sets: of a meniscal tear the width and brightness of the cleft; of a
cartilage defect the share of thickness that is lost; of a ligament how swollen and bright it is, and from 0.5 on how wide it
gapes; of an oedema (fat pad, bone) its brightness; of a plica its thickness; of a cyst how round and filled it is; of
osteoarthritis the share of cartilage that is lost and the height of osteophytes; of a fracture the line's width and its oedema.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from condyle.errors import UsageError, nearest

FINDINGS = (
    "meniscal_tear", "cartilage_defect", "acl_injury", "pcl_injury", "mcl_injury", "lcl_injury", "fat_pad_injury", "plica", "cyst",
    "effusion", "bone_contusion", "osteoarthritis", "fracture",
)  # fmt: skip

# Where each may lie, with shares: frequencies of daily practice, rounded.
PLACES: dict[str, dict[str, float]] = {
    "meniscal_tear": {"medial": 0.65, "lateral": 0.35},
    "cartilage_defect": {"patella": 0.3, "medial": 0.3, "trochlea": 0.2, "lateral": 0.2},
    "cyst": {"popliteal": 0.6, "parameniscal": 0.25, "cruciate": 0.15},
    "bone_contusion": {"lateral_femur": 0.3, "lateral_tibia": 0.3, "medial_femur": 0.15, "medial_tibia": 0.15, "patella": 0.1},
    "osteoarthritis": {"medial": 0.5, "lateral": 0.2, "patellofemoral": 0.3},
    "fracture": {"lateral_tibia": 0.55, "medial_tibia": 0.15, "patella": 0.3},
}


@dataclass(frozen=True, slots=True)
class Planted:
    """One finding, or something that only looks like it.

    Parameters
    ----------
    finding : of ``FINDINGS``
    size : mm, its extent
    severity : 0 to 1
    place : of ``PLACES``; '' where there is one place only
    present : False for a distractor, which counts as absent
    """

    finding: str
    size: float
    severity: float
    place: str = ""
    present: bool = True

    def __post_init__(self) -> None:
        if self.finding not in FINDINGS:
            raise _unknown([_stranger(self.finding)])
        if not 0 <= self.severity <= 1 or not 0 <= self.size <= 40:
            raise _unknown([f"{self.finding} of {self.size:g} mm and severity {self.severity:g} is out of range"])
        if self.place not in ("", *PLACES.get(self.finding, ())):
            raise _unknown([f"{self.finding} has no place {self.place!r}"])


@cache
def difficulties() -> Mapping[str, Mapping[str, Any]]:
    """The tables of difficulty.toml by name."""
    text = resources.files("condyle.simulate.knee").joinpath("difficulty.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def difficulty(name: str) -> Mapping[str, Any]:
    """One table. Raises UsageError for an unknown name."""
    known = difficulties()
    if name not in known:
        raise UsageError("unknown-difficulty", f"There is no difficulty {name!r}.", what_to_do=f"Use one of: {', '.join(known)}.")
    return known[name]


def random_findings(rng: np.random.Generator, table: Mapping[str, Any]) -> tuple[Planted, ...]:
    """Findings and distractors of one knee."""
    found = []
    for name in FINDINGS:
        row = table[name]
        draws = rng.uniform(size=5)
        place = _place(rng, name)
        present = bool(draws[0] < row["share"])
        if not present and draws[1] >= row["distractor"]:
            continue
        size, severity = row["size"], row["severity"] if present else row["look"]
        found.append(Planted(name, _between(size, draws[2]), _between(severity, draws[3]), place, present))
    return tuple(found)


def _between(ends: Iterable[float], share: float) -> float:
    low, high = ends
    return float(low + (high - low) * share)


def _place(rng: np.random.Generator, name: str) -> str:
    places = PLACES.get(name)
    return "" if places is None else str(rng.choice(list(places), p=list(places.values())))


_WORD = re.compile(r"(?P<name>[a-z_]+)(=(?P<severity>[0-9.]+))?(@(?P<place>[a-z_]+))?")
_SIZE = dict.fromkeys(FINDINGS, 12.0) | {"effusion": 5.0, "cyst": 11.0, "osteoarthritis": 20.0, "fracture": 20.0, "mcl_injury": 18.0}


def plant(words: Iterable[str], rng: np.random.Generator) -> tuple[Planted, ...]:
    """Findings from words such as ``acl_injury``, ``meniscal_tear=0.4@lateral`` (severity, place), ``normal``; nothing else is planted.

    Raises
    ------
    UsageError - all words that are unknown or out of range, at once
    """
    found, wrong = [], list[str]()
    for word in words:
        if word == "normal":
            continue
        match = _WORD.fullmatch(word)
        name = match["name"] if match else word
        if not match or name not in FINDINGS:
            wrong.append(_stranger(name))
            continue
        severity = float(match["severity"] or 1.0)
        place = match["place"] or _place(rng, name)
        if place not in ("", *PLACES.get(name, ())):
            wrong.append(f"{word!r} names no place of it")
        elif not 0 <= severity <= 1:
            wrong.append(f"{word!r} is outside 0 to 1")
        else:
            found.append(Planted(name, _SIZE[name], severity, place))
    if wrong:
        raise _unknown(wrong)
    return tuple(found)


def _stranger(name: str) -> str:
    near = nearest(name, [*FINDINGS, "normal"], cutoff=0.6)
    return f"{name!r} is unknown" + (f" (did you mean {near!r}?)" if near else "")


def _unknown(wrong: list[str]) -> UsageError:
    return UsageError(
        "unknown-simulated-finding", "Some findings cannot be planted.", why="; ".join(wrong),
        what_to_do="Write finding, finding=severity or finding=severity@place with: " + ", ".join([*FINDINGS, "normal"]) + ".",
    )  # fmt: skip
