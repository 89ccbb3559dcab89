"""The reader of several planes: from a study to a reading, in the order of the stages that its timing names."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np

import condyle
from condyle.errors import InputError
from condyle.prepare.pipeline import opencv_single_threaded
from condyle.quality import check
from condyle.readers.engines import chosen_engine
from condyle.readers.multiplane import findings as say
from condyle.readers.multiplane.graphs import Ensemble, open_ensemble, probabilities, slots_of
from condyle.readers.multiplane.look import Seen, arrays, cut, decode
from condyle.readers.multiplane.network import answer
from condyle.readers.multiplane.stack import as_input
from condyle.readers.package import Package
from condyle.readers.spec import SlotSpec
from condyle.readers.stages import Stages
from condyle.readers.suits import refuse_elsewhere
from condyle.study import PackageInfo, Problem, Reading, Study

SIMULATED = "SIMULATED"  # how ``trained_on`` of a package begins that has seen no patient
_PLACES = {
    "joint_not_found": Problem(
        "joint-not-found", "warning", "The joint was not found, so the whole images were read.",
        why="No series shows the structures that it is found by.", what_to_do="Look at where the pictures were cut.",
    ),
    "planes_disagree": Problem(
        "planes-disagree", "warning", "The planes contradict each other about where the joint is; the surest was believed.",
        why="The places that they show lie far apart.", what_to_do="Look at where the pictures were cut.",
    ),
}  # fmt: skip


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
        """Open the graphs now. Raises PackageError where the settings do not describe them, or one cannot be loaded."""
        self.ensemble.wait()

    def read(self, study: Study, *, maps: bool = True) -> Reading:
        """Read every finding from the planes at hand; ``maps=False`` leaves out the class maps.

        Raises
        ------
        InputError - no series that this package reads, or another body part
        """
        stages = Stages()
        spec, slots = self.package.spec, slots_of(self.package)
        tried = spec.settings.get("size") == "smoke"
        refuse_elsewhere(study, spec.joint, (spec.joint,))
        # Graphs are opened while series are decoded and cut, quality is checked while they run; stages hold what was waited for.
        own = self.ensemble
        with opencv_single_threaded(), ThreadPoolExecutor(1) as aside:
            with stages("decode"):
                seen = decode(study, slots)
            _refuse_without_series(study, seen, spec.joint)
            checked = aside.submit(check, study, seen.volumes, spec.joint)
            with stages("locate and cut"):
                cut(seen, slots, own.spec, own.locate)
            with stages("read"):
                pixels, shown = arrays(seen, slots, own.spec)
                grey = np.stack([as_input(one, there) for one, there in zip(pixels, shown, strict=True)])
                told = answer(own.members, own.slots, grey, shown, own.attention, len(own.findings))
                scores = probabilities(told.logits, spec.calibration, own.findings, own.link)
            with stages("collect evidence"):
                marked = say.marked(own.findings, scores, spec.thresholds, spec.joint) if maps else []
                evidence, ids, keys = say.evidence_of(own.findings, marked, told, own.slots, seen.stacks, seen.series, spec.joint)
                images = say.key_images(own.slots, seen.stacks, seen.series, keys)
            with stages("check quality"):
                checks = checked.result()
        flags = tuple(flag for flag in (seen.place.flag, "" if seen.side else "side_unknown") if flag)
        return Reading(
            study_key=study.study_key,
            patient_key=study.patient_key,
            joint=spec.joint,
            series=study.series,
            used_series={slot: one.series_id for slot, one in seen.series.items()},
            checks=checks,
            problems=(*study.all_problems(), *seen.problems, *_doubts(seen, slots, self.info, mirrors=own.spec.mirror, tried=tried)),
            findings=tuple(say.state(own.findings, scores, spec.thresholds, spec.joint, ids)),
            evidence=tuple(evidence),
            key_images=tuple(images),
            package=self.info,
            flags=flags,
            unused=(*study.unused, *((f"series {name}", reason) for name, reason in seen.left.items())),
            timing=stages.rounded(),
            condyle_version=condyle.__version__,
        )


def _refuse_without_series(study: Study, seen: Seen, joint: str) -> None:
    if not seen.series:
        raise InputError(
            "no-usable-series", "The study holds no series that this package reads.", where=f"study {study.study_key}",
            why=" ".join(list(dict.fromkeys(seen.left.values()))[:3]) or "It holds no series at all.",
            what_to_do=f"Send the series of a {joint} MRI; `condyle show` lists what the package reads.",
        )  # fmt: skip


def _doubts(seen: Seen, slots: Mapping[str, SlotSpec], package: PackageInfo, *, mirrors: bool, tried: bool) -> list[Problem]:
    found = []
    if tried:
        found.append(
            Problem(
                "trained-to-try", "warning", f"The package {package.name} was trained in the size smoke.",
                why="That size only shows that everything runs; its scores and thresholds mean nothing.",
                what_to_do="Train it in the size study or full.",
            )
        )  # fmt: skip
    if package.trained_on.startswith(SIMULATED):
        found.append(
            Problem(
                "trained-on-simulation", "warning", f"The package {package.name} was trained on simulated studies alone.",
                why="Nothing is known of its accuracy on patients.", what_to_do="Use it to try the software; decide nothing by it.",
            )
        )  # fmt: skip
    missing = [slot.replace("_", " ") for slot in slots if slot not in seen.stacks]
    if missing:
        found.append(
            Problem(
                "planes-missing", "warning", f"Read without {', '.join(missing)}.", why="The study holds no series for it.",
                what_to_do="Weigh the findings accordingly, or add the series.",
            )
        )  # fmt: skip
    silent = [slot for slot, one in seen.series.items() if not one.role.contrast.value]
    assumed = [slot.replace("_", " ") for slot in silent if slots[slot].contrast == "none"]
    if assumed:
        found.append(
            Problem(
                "contrast-assumed", "note", f"Read as made without contrast: {', '.join(assumed)}.", why="No header speaks of contrast.",
                what_to_do="Say it in a manifest (column contrast) where the study is an arthrogram.",
            )
        )  # fmt: skip
    if seen.place.flag in _PLACES:
        found.append(_PLACES[seen.place.flag])
    if mirrors and not seen.side:
        found.append(
            Problem(
                "side-unknown", "warning", "The side of the joint is not known, so it was read as a left one.",
                why="The series do not tell the side, or contradict each other.", what_to_do="Say the side in a manifest.",
            )
        )  # fmt: skip
    return found
