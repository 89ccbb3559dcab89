"""The reader of several planes: from a study to a reading, in the order of the stages that its timing names."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import numpy as np

import condyle
from condyle.errors import InputError
from condyle.quality import check
from condyle.readers.engines import chosen_engine
from condyle.readers.multiplane import findings as say
from condyle.readers.multiplane.graphs import Ensemble, open_ensemble, probabilities
from condyle.readers.multiplane.look import Seen, arrays, see
from condyle.readers.multiplane.network import answer
from condyle.readers.multiplane.stack import as_input
from condyle.readers.package import Package
from condyle.study import PackageInfo, Problem, Reading, Study

_ELSEWHERE = 0.6  # confidence from which another body part in the headers is believed


class MultiplaneReader:
    """A package of several planes, ready to read. Deterministic; its graphs are opened at the first reading."""

    def __init__(self, package: Package, engine: str = "") -> None:
        self.package = package
        self.engine = chosen_engine(engine)
        self.info: PackageInfo = package.info

    @cached_property
    def ensemble(self) -> Ensemble:
        return open_ensemble(self.package, self.engine)

    def open(self) -> None:
        """Open the graphs now. Raises PackageError where the settings do not describe them."""
        _ = self.ensemble

    def read(self, study: Study) -> Reading:
        """Read every finding from the planes at hand.

        Raises
        ------
        InputError - no series that this package reads, or another body part
        """
        seconds: dict[str, float] = {}
        spec = self.package.spec
        _refuse_elsewhere(study, spec.joint)
        with _timed(seconds, "open package"):
            own = self.ensemble
        slots = {name: spec.slots[name] for name in own.slots}
        with _timed(seconds, "decode and cut"):
            seen = see(study, slots, own.spec)
        _refuse_without_series(study, seen, spec.joint)
        with _timed(seconds, "check quality"):
            checks = check(study, seen.volumes, spec.joint)
        with _timed(seconds, "read"):
            pixels, shown = arrays(seen, slots, own.spec)
            grey = np.stack([as_input(one, there) for one, there in zip(pixels, shown, strict=True)])
            told = answer(own.members, own.slots, grey, shown, own.attention, len(own.findings))
            scores = probabilities(told.logits, spec.calibration, own.findings)
        with _timed(seconds, "collect evidence"):
            marked = [
                name for name, score in zip(own.findings, scores.tolist(), strict=True)
                if say.decide(score, spec.thresholds.get(name)) in say.MARKED
            ]  # fmt: skip
            evidence, ids, keys = say.evidence_of(own.findings, marked, told, own.slots, seen.stacks, seen.series, spec.joint)
            images = say.key_images(own.slots, seen.stacks, seen.series, keys)
        flags = tuple(flag for flag in (seen.place.flag, "" if seen.side else "side_unknown") if flag)
        return Reading(
            study_key=study.study_key,
            patient_key=study.patient_key,
            joint=spec.joint,
            series=study.series,
            used_series={slot: one.series_id for slot, one in seen.series.items()},
            checks=checks,
            problems=(*study.all_problems(), *seen.problems, *_doubts(seen, tuple(slots), mirrors=own.spec.mirror)),
            findings=tuple(say.state(own.findings, scores, spec.thresholds, spec.joint, ids)),
            evidence=tuple(evidence),
            key_images=tuple(images),
            package=self.info,
            flags=flags,
            unused=(*study.unused, *((f"series {name}", reason) for name, reason in seen.left.items())),
            timing={name: round(value, 4) for name, value in seconds.items()},
            condyle_version=condyle.__version__,
        )


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        seconds[name] = time.perf_counter() - begun


def _refuse_elsewhere(study: Study, joint: str) -> None:
    told = [one.role.body_part for one in study.series]
    parts = {str(part.value) for part in told if part.value and part.confidence >= _ELSEWHERE}
    if parts and joint not in parts:
        raise InputError(
            "wrong-body-part", f"This is a study of another body part: {', '.join(sorted(parts))}.", where=f"study {study.study_key}",
            why=f"The package reads the {joint} only.", what_to_do="Choose the package for this body part, or another study.",
        )  # fmt: skip


def _refuse_without_series(study: Study, seen: Seen, joint: str) -> None:
    if not seen.stacks:
        raise InputError(
            "no-usable-series", "The study holds no series that this package reads.", where=f"study {study.study_key}",
            why=" ".join(list(dict.fromkeys(seen.left.values()))[:3]) or "It holds no series at all.",
            what_to_do=f"Send the series of a {joint} MRI; `condyle show` lists what the package reads.",
        )  # fmt: skip


def _doubts(seen: Seen, slots: tuple[str, ...], *, mirrors: bool) -> list[Problem]:
    found = []
    missing = [slot.replace("_", " ") for slot in slots if slot not in seen.stacks]
    if missing:
        found.append(
            Problem(
                "planes-missing", "warning", f"Read without {', '.join(missing)}.", why="The study holds no series for it.",
                what_to_do="Weigh the findings accordingly, or add the series.",
            )
        )  # fmt: skip
    if mirrors and not seen.side:
        found.append(
            Problem(
                "side-unknown", "warning", "The side of the joint is not known, so it was read as a left one.",
                why="The series do not tell the side, or contradict each other.", what_to_do="Say the side in a manifest.",
            )
        )  # fmt: skip
    return found
