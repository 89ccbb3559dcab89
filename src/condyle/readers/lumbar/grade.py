"""Grades of every level from its crops, by a package's graph. The network's numbers become probabilities here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LUMBAR
from condyle.errors import PackageError
from condyle.readers.engines import open_graph
from condyle.readers.grades import grade_of, steps_of
from condyle.readers.lumbar.crops import CropSpec
from condyle.readers.lumbar.graded import Graded
from condyle.readers.lumbar.measured import measure_levels, names
from condyle.readers.lumbar.occlusion import occlusion_maps
from condyle.readers.lumbar.regions import NAMES as REGIONS
from condyle.readers.lumbar.regions import enlarge, region_shares, regions
from condyle.readers.onnx import Graph
from condyle.readers.package import Package

HIGH_GRADE = 4  # the score of an ordinal finding is the probability of this grade or a worse one
_GRAPHS = {  # name -> what it takes, what it gives
    "features": ({"grey", "regions"}, "features"),
    "grader": ({"features", "present", "measured", "level"}, "logits"),
}
FOCAL = ("upper_endplate", "lower_endplate")  # neighbouring slices make their scores worse: docs/results.md
_AT_ONCE = 16  # crops
_WORDS = {"t1": "T1", "t2": "T2"}


def outputs_of(findings: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """(finding, step) of every logit: "the finding's value is at least step". An ordinal scale has one logit less than steps."""
    return tuple(
        (finding, step)
        for finding in findings
        for step in (LUMBAR.finding(finding).scale.steps[1:] if LUMBAR.finding(finding).scale else (1,))  # type: ignore[union-attr]
    )


def calibrated(
    logits: NDArray[np.floating], calibration: Mapping[str, Sequence[Sequence[float]]], findings: Sequence[str]
) -> NDArray[np.float64]:
    """[row, output] logits -> probabilities of "at least step", never rising with the step of a scale.

    Parameters
    ----------
    calibration : finding -> one (slope, intercept) a step (Platt 1999)
    """
    pairs = np.array([pair for finding in findings for pair in calibration[finding]], np.float64)
    scores = 1.0 / (1.0 + np.exp(-np.clip(np.asarray(logits, np.float64) * pairs[:, 0] + pairs[:, 1], -30, 30)))
    for finding in findings:
        own = [at for at, (name, _) in enumerate(outputs_of(findings)) if name == finding]
        scores[:, own] = np.minimum.accumulate(scores[:, own], axis=1)
    return scores


def missing_input(finding: str, present: Mapping[str, bool]) -> str:
    """Why a finding cannot be assessed with these inputs; empty when it can."""
    for alternatives in LUMBAR.finding(finding).needs:
        if not any(present.get(slot, False) for slot in alternatives):
            wanted = " or ".join(_WORDS.get(slot, slot) for slot in alternatives)
            return f"It needs a sagittal {wanted} picture that shows this level, and there is none."
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class Grader:
    """A package's grader.

    Parameters
    ----------
    backbone : graph from enlarged crops and shares of regions to features
    heads : graph from features, presence, measurements and level to logits
    slots : inputs in the order of the crops
    spec : grid of the crops
    findings, levels : in the order of training
    """

    backbone: Graph
    heads: Graph
    slots: tuple[str, ...]
    spec: CropSpec
    findings: tuple[str, ...]
    levels: tuple[str, ...]
    calibration: Mapping[str, Sequence[Sequence[float]]]

    def grade(
        self, level_names: Sequence[str], crops: NDArray[np.float32], present: NDArray[np.bool_],
        beside: Sequence[NDArray[np.float32]] = (),
    ) -> tuple[Graded, ...]:  # fmt: skip
        """Every finding at every level.

        Parameters
        ----------
        level_names : from the bottom up
        crops : [level, slot, 4, row, column] of ``level_crops``, with all levels of the study
        present : [level, slot]
        beside : the same crops of neighbouring slices; see ``logits_of_slices``
        """
        if not len(level_names):
            return ()
        scores = calibrated(self.logits_of_slices(level_names, crops, present, beside), self.calibration, self.findings)
        outputs = outputs_of(self.findings)
        graded = []
        for row, level in enumerate(level_names):
            here = dict(zip(self.slots, present[row].tolist(), strict=True))
            for finding in self.findings:
                reason = missing_input(finding, here)
                if reason:
                    graded.append(Graded(level, finding, reason=reason))
                    continue
                own = [at for at, (name, _) in enumerate(outputs) if name == finding]
                graded.append(_graded(level, finding, scores[row, own]))
        return tuple(graded)

    def logits(self, level_names: Sequence[str], crops: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float32]:
        """[level, output]; see ``outputs_of``."""
        return np.asarray(self.heads(self._inputs(level_names, crops, present))["logits"], np.float32)

    def logits_of_slices(
        self, level_names: Sequence[str], crops: NDArray[np.float32], present: NDArray[np.bool_], beside: Sequence[NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """[level, output] mean over the slices; of what lies in one slice (``FOCAL``) that of the middle one."""
        middle = self.logits(level_names, crops, present)
        mean = np.mean([middle, *(self.logits(level_names, one, present) for one in beside)], axis=0)
        focal = np.array([finding in FOCAL for finding, _ in outputs_of(self.findings)])
        return np.asarray(np.where(focal, middle, mean), np.float32)

    def logits_with(
        self, level_names: Sequence[str], crops: NDArray[np.float32], present: NDArray[np.bool_], row: int, slot: int
    ) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """[n, row, column] other greys of one crop -> [n, output] logits of its level, everything else as it is."""
        inputs, tissue = self._inputs(level_names, crops, present), crops[row, slot, 1:]

        def logits_of(grey: NDArray[np.float32]) -> NDArray[np.float32]:
            same = {name: np.repeat(value[row : row + 1], len(grey), axis=0) for name, value in inputs.items()}
            same["features"][:, slot] = self._features(grey, np.repeat(region_shares([tissue], self.spec), len(grey), axis=0))
            return np.asarray(self.heads(same)["logits"], np.float32)

        return logits_of

    def class_maps(
        self, level_names: Sequence[str], crops: NDArray[np.float32], present: NDArray[np.bool_], row: int
    ) -> dict[str, NDArray[np.float32]]:
        """finding -> [slot, row, column] map of one level, in logits, 0 on crops that are not there; see ``occlusion_maps``."""
        maps = np.zeros((len(outputs_of(self.findings)), len(self.slots), self.spec.rows, self.spec.columns), np.float32)
        for slot in np.flatnonzero(present[row]).tolist():
            read = regions(crops[row, slot, 1:], self.spec).max(axis=0) > 0
            maps[:, slot] = occlusion_maps(self.logits_with(level_names, crops, present, row, slot), crops[row, slot, 0], read)
        return {finding: maps[score_column(self.findings, finding)] for finding in self.findings}

    def _inputs(
        self, level_names: Sequence[str], crops: NDArray[np.float32], present: NDArray[np.bool_]
    ) -> dict[str, NDArray[np.float32]]:
        """What the heads take, from the crops of all levels of a study."""
        rows, slots = np.nonzero(present)
        found = self._features(crops[rows, slots, 0], region_shares(crops[rows, slots, 1:], self.spec))
        features = np.zeros((*present.shape, found.shape[1]), np.float32)
        features[rows, slots] = found
        return {
            "features": features,
            "present": present.astype(np.float32),
            "measured": measure_levels(crops, present, self.spec),
            "level": level_codes(level_names, self.levels),
        }

    def _features(self, grey: NDArray[np.float32], shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, feature] of crops, a few at a time: planes of many crops at once would take the memory of a whole study."""
        some = [slice(first, first + _AT_ONCE) for first in range(0, len(grey), _AT_ONCE)]
        return np.concatenate([self.backbone({"grey": enlarge(grey[one]), "regions": shares[one]})["features"] for one in some])


def score_column(findings: Sequence[str], finding: str) -> int:
    """The output that scores a finding: its only one, or that of the first high grade."""
    return outputs_of(findings).index((finding, HIGH_GRADE if LUMBAR.finding(finding).scale else 1))


def _graded(level: str, finding: str, at_least: NDArray[np.float64]) -> Graded:
    scale = LUMBAR.finding(finding).scale
    if scale is None:
        return Graded(level, finding, score=float(at_least[0]))
    steps = steps_of(at_least[None])[0]
    high = float(at_least[HIGH_GRADE - scale.steps[0] - 1])
    grade = int(grade_of(at_least[None], scale.steps[0])[0])
    return Graded(level, finding, score=high, grade=grade, probabilities=tuple(map(float, steps)))


def level_codes(level_names: Sequence[str], levels: Sequence[str]) -> NDArray[np.float32]:
    """[level, levels] one-hot; a level that training did not know is all zeros."""
    return np.array([[float(name == known) for known in levels] for name in level_names], np.float32)


def open_grader(package: Package, engine: str = "") -> Grader:
    """The grader of a package. Raises PackageError when its settings do not describe one."""
    settings: Mapping[str, Any] = package.spec.settings
    try:
        slots, findings = tuple(settings["slots"]), tuple(settings["findings"])
        spec = CropSpec(**settings["crop"])
        levels, measured = tuple(settings["levels"]), tuple(settings["measured"])
        calibration = {finding: package.spec.calibration[finding] for finding in findings}
    except (KeyError, TypeError) as error:
        raise PackageError(
            "package-damaged", "The package does not describe its grader.", where="package.yaml: settings",
            why=f"{error} is missing or wrong.", what_to_do="Fetch the package again.",
        ) from None  # fmt: skip
    for name, (inputs, output) in _GRAPHS.items():
        told = package.spec.graphs.get(name)
        if told is None or set(told.inputs) != inputs or output not in told.outputs:
            raise PackageError(
                "package-incompatible", f"The graph {name!r} is not there, or not fed and asked as a grader's is.",
                why=f"It takes {', '.join(sorted(inputs))} and gives {output}.", what_to_do="Make the package with `condyle train`.",
            )  # fmt: skip
    if measured != names(slots) or tuple(settings.get("regions", ())) != REGIONS:
        raise PackageError(
            "package-incompatible", "The package was made for other features than this Condyle computes.",
            why="A grader must be fed what it was trained on.", what_to_do="Update Condyle, or use a package made for this version.",
        )  # fmt: skip
    backbone, heads = (open_graph(package.graph(name), name, engine=engine) for name in ("features", "grader"))
    return Grader(backbone, heads, slots, spec, findings, levels, calibration)
