"""The lumbar reader: from a study to a reading, in the order of the stages that its timing names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

import condyle
from condyle.anatomy.lumbar import LUMBAR
from condyle.errors import InputError, PackageError
from condyle.intake import load_volume
from condyle.quality import check
from condyle.readers.decide import demand_thresholds
from condyle.readers.engines import chosen_engine, open_graph
from condyle.readers.lumbar import findings as say
from condyle.readers.lumbar.choose import Choice, choose, weighting_of
from condyle.readers.lumbar.discs import CANAL, VERTEBRA
from condyle.readers.lumbar.grade import Grader, open_grader
from condyle.readers.lumbar.graded import Graded
from condyle.readers.lumbar.segment import Network
from condyle.readers.lumbar.view import View, agree, beside, disc_depth_mm, level_crops, level_names, look_critically
from condyle.readers.package import Package
from condyle.readers.stages import Stages
from condyle.readers.suits import contrast_suits, refuse_elsewhere
from condyle.study import Evidence, Finding, PackageInfo, Problem, Reading, Series, Study, Trait, Volume

FEWEST_DISCS = 3  # fewer discs in a row are no lumbar spine
_SPINE = ("lumbar", "spine")


class LumbarReader:
    """A lumbar package, ready to read. Deterministic; its graphs are opened at the first reading."""

    def __init__(self, package: Package, engine: str = "") -> None:
        self.package = package
        self.engine = chosen_engine(engine)
        self.info: PackageInfo = package.info

    @cached_property
    def network(self) -> Network:
        """The segmenter, as ``segment`` wants it."""
        run = open_graph(self.package.graph("segmenter"), "segmenter", engine=self.engine)
        spec = self.package.spec.graphs["segmenter"]

        def network(grey: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray(run({spec.inputs[0]: grey})[spec.outputs[0]], np.float32)

        return network

    @cached_property
    def grader(self) -> Grader:
        grader = open_grader(self.package, self.engine)
        demand_thresholds(self.package.spec, [name for name in grader.findings if LUMBAR.finding(name).kind == "binary"])
        return grader

    def open(self) -> None:
        """Open the graphs now. Raises PackageError where they or the settings do not fit a lumbar reader."""
        spec = self.package.spec
        _, grader = self.network, self.grader
        if spec.joint != LUMBAR.name or not set(grader.slots) <= set(spec.slots) or not set(grader.findings) <= set(spec.findings):
            raise PackageError(
                "package-incompatible", "The package is not one of the lumbar family.",
                why="Its joint is another, or its grader speaks of slots or findings that package.yaml does not name.",
                what_to_do="Name the family that it is made for.",
            )  # fmt: skip

    def read(self, study: Study, *, maps: bool = True) -> Reading:
        """Find, name, grade and measure the levels of a study; ``maps=False`` leaves out the class maps.

        Raises
        ------
        InputError - no series that this package reads, another body part, or no lumbar spine on the pictures
        """
        stages = Stages()
        refuse_elsewhere(study, "lumbar spine", _SPINE)
        choice = choose(study, self.package.spec.slots)
        # Neither needs what the other does, and on two cores both go on at once: opening the grader while the spine is looked for,
        # the quality checks while it is graded. The stages hold what the reading waited for.
        with ThreadPoolExecutor(1) as aside:
            opened = aside.submit(lambda: self.grader)
            with stages("open package"):
                network = self.network
            seen = _Seen(study, dict(choice.left))
            views = self._look(seen, choice, network, stages)
            _refuse_without_spine(views, seen)
            checked = aside.submit(check, study, seen.volumes, self.package.spec.joint)
            with stages("name levels"):
                views = agree(views)
                names = level_names(views)
            with stages("open package"):
                grader = opened.result()
            with stages("grade"):
                crops, present = level_crops(views, grader.slots, names, grader.spec)
                neighbours = [level_crops(side, grader.slots, names, grader.spec)[0] for side in beside(views)]
                graded = grader.grade(names, crops, present, neighbours)
            with stages("collect evidence"):
                drawn = self._maps(views, names, graded, crops, present) if maps else {}
                findings, evidence = self._say(views, names, graded, drawn)
            with stages("check quality"):
                checks = checked.result()
        doubts = tuple(dict.fromkeys(doubt for view in views.values() for doubt in view.levels.doubts))
        return Reading(
            study_key=study.study_key,
            patient_key=study.patient_key,
            joint=self.package.spec.joint,
            series=tuple(seen.roles.get(one.series_id, one) for one in study.series),
            used_series={slot: view.picture.series_id for slot, view in views.items()},
            checks=checks,
            problems=(*study.all_problems(), *seen.problems, *(_doubtful(doubt) for doubt in doubts)),
            findings=tuple(findings),
            evidence=tuple(evidence),
            key_images=tuple(say.key_image(view, _title(slot, view, seen, bool(neighbours))) for slot, view in views.items()),
            package=self.info,
            flags=("numbering_uncertain",) if doubts else (),
            unused=(*study.unused, *((f"series {name}", reason) for name, reason in seen.left.items())),
            timing=stages.rounded(),
            condyle_version=condyle.__version__,
        )

    def _look(self, seen: _Seen, choice: Choice, network: Network, stages: Stages) -> dict[str, View]:
        """The best series that can be seen for every slot, then those of unknown weighting for slots still empty."""
        views: dict[str, View] = {}
        for slot in self.package.spec.slots:
            for one in choice.slots[slot]:
                if slot in views:
                    seen.left.setdefault(one.series_id, f"Another series was preferred as {slot}.")
                elif (view := seen.look(one, network, stages, _first(views))) is not None:
                    views[slot] = view
        for one in choice.unknown:
            if set(self.package.spec.slots) <= set(views):
                seen.left[one.series_id] = "Its weighting is not known, and every input is filled."
            elif (view := seen.look(one, network, stages, _first(views))) is not None:
                self._place(one, view, seen, views)
        return {slot: views[slot] for slot in self.package.spec.slots if slot in views}

    def _place(self, one: Series, view: View, seen: _Seen, views: dict[str, View]) -> None:
        """Give a series of unknown weighting to a slot by the contrast of its canal."""
        weighting = weighting_of(_contrast(view))
        own = self.package.spec.slots
        slots = [name for name in own if weighting in own[name].weightings and contrast_suits(one, own[name]) and name not in views]
        if weighting is None or not slots:
            seen.left[one.series_id] = "Its weighting is not known, and its pixels do not tell or tell one that is there."
            return
        views[slots[0]] = view
        seen.roles[one.series_id] = one.with_role(replace(one.role, weighting=Trait(weighting, "pixels", 0.8)))
        seen.problems.append(_guessed(one, weighting))

    def _maps(
        self, views: Mapping[str, View], names: Sequence[str], graded: Sequence[Graded], crops: NDArray[np.float32],
        present: NDArray[np.bool_],
    ) -> dict[tuple[str, str], Evidence]:  # fmt: skip
        """(level, finding) -> class map of what is there or in doubt."""
        grader, found = self.grader, {}
        for row, level in enumerate(names):
            wanted = [one.finding for one in graded if one.level == level and say.marked(one, self.package.spec.thresholds)]
            maps = grader.class_maps(names, crops, present, row) if wanted else {}
            for finding in wanted:
                evidence = say.class_map(level, finding, maps[finding], grader.slots, views, grader.spec)
                if evidence is not None:
                    found[level, finding] = evidence
        return found

    def _say(
        self, views: Mapping[str, View], names: Sequence[str], graded: Sequence[Graded], maps: Mapping[tuple[str, str], Evidence]
    ) -> tuple[list[Finding], list[Evidence]]:
        spec = self.package.spec
        evidence = list(maps.values())
        ids = {key: [one.evidence_id] for key, one in maps.items()}
        for slot, view in views.items():
            shapes, own = say.outlines(slot, view)
            evidence += shapes
            for key, found in own.items():
                ids.setdefault(key, []).extend(found)
        measured, lines = say.measured_findings(views, names)
        stated = say.graded_findings(graded, spec.thresholds, ids)
        return [*stated, *measured, *say.unread_findings(names, spec.findings)], [*evidence, *lines]


@dataclass(slots=True)
class _Seen:
    """What a reading gathers while it looks at the series of a study."""

    study: Study
    left: dict[str, str]
    volumes: dict[str, Volume] = field(default_factory=dict)
    roles: dict[str, Series] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def look(self, one: Series, network: Network, stages: Stages, before: View | None) -> View | None:
        """The view of a series, looked for where another one of the study was best.

        None, with the reason noted, when it cannot be decoded or shows no spine.
        """
        try:
            with stages("decode"):
                volume = load_volume(one)
            self.volumes[one.series_id] = volume
            aspect = one.headers.get("pixel_aspect")
            with stages("find structures"):
                view, believed = look_critically(
                    volume, network, pixel_aspect=None if aspect is None else float(aspect), before=before
                )
        except InputError as error:
            self.left[one.series_id] = " ".join(part for part in (error.what, error.why) if part)
            place = error.where or f"series {one.series_id}"
            self.problems.append(Problem(error.code, "error", error.what, place, error.why, error.what_to_do))
            return None
        if reason := _no_lumbar_spine(view):
            self.left[one.series_id] = reason
            return None
        if not believed:
            self.problems.append(_spacing_lies(one))
        return view


def _first(views: Mapping[str, View]) -> View | None:
    return next(iter(views.values()), None)


def _no_lumbar_spine(view: View) -> str:
    """Why a view shows no lumbar spine; '' when it does: at least three discs in a row, with the canal behind them, of the size of lumbar
    discs where the size is known."""
    levels = view.levels
    sure = [disc for disc in levels.discs if not disc.recovered and disc.probability > 0.6]
    if len(sure) < FEWEST_DISCS or (view.tissue[CANAL] > 0.5).sum() < levels.width**2 * 0.5:
        return "No column of lumbar discs was found on it."
    depth = disc_depth_mm(view)
    if view.picture.calibrated and not 18.0 <= depth <= 65.0:
        return f"Its discs are {depth:.0f} mm deep from front to back: it shows no lumbar discs, or its spacing is wrong."
    return ""


def _contrast(view: View) -> float | None:
    """Brightness of the canal over that of the vertebrae; None when one of them is not seen."""
    canal, bone = (view.picture.pixels[view.tissue[kind] > 0.8] for kind in (CANAL, VERTEBRA))
    if canal.size < 200 or bone.size < 200:
        return None
    return float(np.median(canal)) / max(float(np.median(bone)), 1e-3)


def _refuse_without_spine(views: Mapping[str, View], seen: _Seen) -> None:
    if views:
        return
    reasons = list(dict.fromkeys(seen.left.values()))
    spineless = any("lumbar discs" in reason for reason in reasons)
    raise InputError(
        "no-lumbar-spine" if spineless else "no-usable-series",
        "No lumbar spine was found on the pictures." if spineless else "The study holds no series that this package reads.",
        where=f"study {seen.study.study_key}",
        why=" ".join(reasons[:3]) or "It holds no sagittal T1 or T2 series.",
        what_to_do="Send the sagittal T1 and T2 series of a lumbar MRI.",
    )


def _title(slot: str, view: View, seen: _Seen, graded_beside: bool) -> str:
    count = seen.volumes[view.picture.series_id].shape[0]
    place = f", slice {view.picture.slice_index + 1} of {count}" if count > 1 else ""
    return f"Sagittal {slot.upper()}{place}{', graded with its neighbours' if graded_beside else ''}"


def _doubtful(doubt: str) -> Problem:
    return Problem(
        "numbering-uncertain", "warning", "The numbering of the levels is uncertain.", why=doubt,
        what_to_do="Count the vertebrae on a view that shows the sacrum or the ribs.",
    )  # fmt: skip


def _guessed(one: Series, weighting: str) -> Problem:
    return Problem(
        "weighting-from-pixels", "warning", f"A series is taken for {weighting.upper()} from the brightness of the spinal canal.",
        f"series {one.series_id}", "Its headers do not tell its weighting.", "Say the weighting in a manifest if this is wrong.",
    )  # fmt: skip


def _spacing_lies(one: Series) -> Problem:
    return Problem(
        "spacing-implausible", "warning", "The spacing of a series cannot be right, so nothing is measured in millimetres on it.",
        f"series {one.series_id}", "With it the discs would not have the size of lumbar discs, while they fill the picture as these do.",
        "Check PixelSpacing and SliceThickness of the series, or give the spacing in a manifest.",
    )  # fmt: skip
