"""Numbering of the levels on simulated spines: normal ones, and ones on which counting goes wrong.

    python scripts/numbering.py [--package lumbar] [--studies 30] [--seed 5000] [--series t2_sag] [--slices 9]
        [--kinds "normal,six lumbar"] [--json out.json]

Every kind is simulated ``--studies`` times (kind n, study m: seed + 1000 n + m) as sagittal T1 and T2, looked at like the reader
does, and every named disc compared with the truth. A study is

* *right* when each named disc of L5-S1 to L1-L2 is the disc of that name (levels that were not found are counted apart),
* *flagged* when the numbering is said to be uncertain, and *refused* when no lumbar spine was found.

Names count from the sacrum, as the grades of the training data do: with four or six lumbar vertebrae a name is right when the count
is, and the last column asks for more: that the unusual number itself is flagged. Intervals: Wilson, 95 %.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from condyle.readers.lumbar.segment import Network
from condyle.readers.lumbar.view import View, agree, look
from condyle.simulate import Variation, simulate_lumbar
from condyle.simulate.faults import Faults
from condyle.simulate.study import SimulatedStudy

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
from simulated_discs import package_network

LEVELS = ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2")
NEAR_MM = 14.0  # a named disc belongs to the true disc whose middle is nearest, if this near


def _random(seed: int, **bounds: tuple[float, float]) -> dict[str, float]:
    rng = np.random.default_rng([seed, 77])
    return {name: float(rng.uniform(*ends)) for name, ends in bounds.items()}


KINDS: dict[str, Callable[[int], dict[str, Any]]] = {
    "normal": lambda seed: {},
    "normal, aged": lambda seed: {"variation": Variation(age=70 + seed % 15)},
    "six lumbar": lambda seed: {"variation": Variation(lumbar_count=6)},
    "four lumbar": lambda seed: {"variation": Variation(lumbar_count=4)},
    "sacralised": lambda seed: {"variation": Variation(transition="sacralised")},
    "lumbarised": lambda seed: {"variation": Variation(transition="lumbarised")},
    "six, lumbarised": lambda seed: {"variation": Variation(lumbar_count=6, transition="lumbarised")},
    "cut sacrum": lambda seed: {"variation": Variation(sacrum_cut=True)},
    "starts at T10": lambda seed: {"variation": Variation(high_stack=True)},
    "scoliosis": lambda seed: {"variation": Variation(scoliosis=_random(seed, a=(12, 35))["a"] * (-1) ** seed)},
    "tilted stack": lambda seed: {
        "variation": Variation(stack_lean=_random(seed, a=(8, 18))["a"] * (-1) ** seed, stack_turn=_random(seed, b=(-15, 15))["b"])
    },
    "mirrored stack": lambda seed: {"faults": Faults(mirrored=True)},
}
NORMAL = ("normal", "normal, aged")
WIDE = ("scoliosis", "tilted stack")
COUNTED = {"six lumbar": 6, "four lumbar": 4, "six, lumbarised": 6}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one study. ``named`` of ``visible`` levels were found under some name, ``wrong`` are those under another's."""

    kind: str
    seed: int
    right: bool
    flagged: bool
    refused: bool
    visible: int
    named: int
    wrong: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def safe(self) -> bool:
        return self.right or self.flagged or self.refused


def judge(kind: str, study: SimulatedStudy, views: dict[str, View]) -> Outcome:
    """Compare the names of the preferred view with the truth."""
    truth = {name[5:]: place for name, place in study.truth.positions.items() if name.startswith("disc ")}
    doubts = tuple(dict.fromkeys(doubt for view in views.values() for doubt in view.levels.doubts))
    if not views:
        return Outcome(kind, study.seed, False, False, True, len(truth), 0, (), ())
    view = next(iter(views.values()))
    names, places = list(truth), np.array(list(truth.values()))
    wrong, named = [], 0
    for name, disc in view.levels.by_name.items():
        if name not in LEVELS:
            continue
        named += 1
        # In the plane of the picture: a tilted stack shows a disc beside its middle.
        away = np.linalg.norm((view.picture.from_world(places) - disc.centre) * view.picture.geometry.spacing[1:], axis=1)
        nearest = int(np.argmin(away))
        # A disc with no true one near it tells nothing; whoever counts from it gives the others wrong names.
        if (away[nearest] < NEAR_MM and names[nearest] != name) or (name in truth and away[names.index(name)] > NEAR_MM):
            wrong.append(name)
    return Outcome(kind, study.seed, not wrong, bool(doubts), False, len(set(truth) & set(LEVELS)), named, tuple(wrong), doubts)


def see(study: SimulatedStudy, network: Network) -> dict[str, View]:
    """The views of a study as the reader has them: T2 first."""
    from condyle.readers.lumbar.family import _no_lumbar_spine

    views: dict[str, View] = {}
    for slot, name in (("t2", "t2_sag"), ("t1", "t1_sag")):
        if name in study.series:
            views[slot] = look(study.volumes[name], network, before=views.get("t2"))
    return agree({slot: view for slot, view in views.items() if not _no_lumbar_spine(view)})


def simulate(kind: str, seed: int, **options: Any) -> SimulatedStudy:
    return simulate_lumbar(seed, **KINDS[kind](seed), **options)


def wilson(successes: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % interval of a share. Source: Wilson, J Am Stat Assoc 1927;22:209-212."""
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, float((middle - half) / (1 + z * z / n))), min(1.0, float((middle + half) / (1 + z * z / n)))


def share(flags: Iterable[bool]) -> str:
    found = list(flags)
    low, high = wilson(sum(found), len(found))
    return f"{sum(found)}/{len(found)} {100 * sum(found) / max(len(found), 1):.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def table(outcomes: list[Outcome]) -> str:
    head = ("kind", "right", "flagged", "refused", "right, flagged or refused", "unusual number flagged", "levels found")
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    kinds = list(dict.fromkeys(one.kind for one in outcomes))
    for kind in kinds:
        rows.append(_row(kind, [one for one in outcomes if one.kind == kind], kind in COUNTED))
    for title, wanted in (("all normal", True), ("all abnormal", False)):
        chosen = [one for one in outcomes if (one.kind in NORMAL) == wanted]
        if chosen:
            rows.append(_row(f"**{title}**", chosen, False))
    return "\n".join(rows)


def _row(kind: str, some: list[Outcome], counted: bool) -> str:
    unusual = share(one.flagged or one.refused for one in some) if counted else "-"
    levels = f"{sum(one.named - len(one.wrong) for one in some)}/{sum(one.visible for one in some)}"
    columns = (share(one.right for one in some), share(one.flagged for one in some), sum(one.refused for one in some))
    return f"| {kind} | {' | '.join(map(str, columns))} | {share(one.safe for one in some)} | {unusual} | {levels} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", default="lumbar")
    parser.add_argument("--studies", type=int, default=30)
    parser.add_argument("--seed", type=int, default=5000)
    parser.add_argument("--series", default="t1_sag,t2_sag")
    parser.add_argument("--slices", type=int, help="of the stack; scoliosis and tilted stacks take at least 9")
    parser.add_argument("--kinds", default=",".join(KINDS).replace(", ", ";"), help="';' stands for ', '")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    network = package_network(given.package)
    outcomes = []
    for kind in (one.replace(";", ", ") for one in given.kinds.split(",")):
        first = given.seed + 1000 * list(KINDS).index(kind)
        for seed in range(first, first + given.studies):
            slices = given.slices if given.slices is None or kind not in WIDE else max(given.slices, 9)
            study = simulate(kind, seed, series=tuple(given.series.split(",")), slices=slices)
            outcomes.append(judge(kind, study, see(study, network)))
            if given.json:
                given.json.write_text(json.dumps([asdict(one) for one in outcomes], indent=1) + "\n")
    print(table(outcomes))


if __name__ == "__main__":
    main()
