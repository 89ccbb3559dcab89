"""Stack: parallel slices in the order of their position, and the sentences that say what is wrong with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from condyle.intake.frame import Frame
from condyle.study import Geometry, Problem


@dataclass(frozen=True, slots=True)
class Stack:
    """Parallel slices in order of position.

    Parameters
    ----------
    frames : in the order of rising position along the normal
    geometry : Geometry, or None when the files do not say where the slices lie
    problems : what is noteworthy about it
    used : False when an error keeps it from being used
    """

    frames: tuple[Frame, ...]
    geometry: Geometry | None
    problems: tuple[Problem, ...] = ()
    used: bool = True

    def adding(self, *problems: Problem) -> Stack:
        """The same with more problems; an error marks it unused."""
        if not problems:
            return self
        used = self.used and all(problem.severity != "error" for problem in problems)
        return replace(self, problems=self.problems + problems, used=used)


def split_by(reasons: Sequence[str], frame: Frame) -> Problem:
    return Problem(
        "series-split",
        "note",
        f"The files of one series form several stacks that differ in {' and '.join(dict.fromkeys(reasons))}.",
        frame.where,
        "A stack is one set of parallel slices of one kind.",
        "Nothing: each stack is a series of its own.",
    )


def too_many_stacks(frames: Sequence[Frame], count: int, most: int) -> Problem:
    return Problem(
        "series-mixed",
        "error",
        f"The {len(frames)} images of one series form {count} stacks and are not used.",
        frames[0].where,
        f"More than {most} stacks in a series are a time course, a diffusion set or a rotation, which no reader takes.",
        "Send the anatomical series.",
    )


def orientation_invalid(frame: Frame) -> Problem:
    return Problem(
        "orientation-invalid",
        "error",
        "The direction cosines of a series are not those of a rectangular image.",
        frame.where,
        "ImageOrientationPatient must hold two perpendicular unit vectors (DICOM PS3.3 C.7.6.2.1.1).",
        "Export the series again.",
    )


def duplicated(count: int, frame: Frame) -> Problem:
    return Problem(
        "slices-duplicated",
        "warning",
        f"{count} images lie at the position of another of the same kind and were left out.",
        frame.where,
        "Nothing in the headers tells them apart.",
        "Check the export; the images left out are listed as unused.",
    )


def at_one_place(frames: Sequence[Frame]) -> Problem:
    return Problem(
        "slices-at-one-place",
        "error",
        f"All {len(frames)} images of a series are said to lie at one place, so they form no volume.",
        frames[0].where,
        "ImagePositionPatient is the same in all of them, and nothing else in the headers tells them apart.",
        "Export the series again with the position of each slice.",
    )


def missing(frames: Sequence[Frame], steps: NDArray[np.float64], starts: Sequence[int]) -> Problem:
    """``starts`` of the runs behind a gap; ``steps`` (len(frames) - 1,) in mm."""
    return Problem(
        "slices-missing",
        "warning",
        f"The {len(frames)} slices of a series do not follow each other evenly and form {len(starts) + 1} stacks.",
        frames[starts[0] - 1].where,
        f"The usual step is {np.median(steps):.2f} mm, the largest {max(steps[start - 1] for start in starts):.2f} mm, "
        "beginning at this file.",
        "Check whether slices were lost on the way and send the series again.",
    )


def uneven(frames: Sequence[Frame], steps: NDArray[np.float64]) -> Problem:
    return Problem(
        "slices-uneven",
        "error",
        f"The {len(frames)} slices of a series are spaced too unevenly to form a volume.",
        frames[0].where,
        f"Steps run from {steps.min():.2f} to {steps.max():.2f} mm.",
        "Send the whole series, or one with even spacing.",
    )


def leaning(frame: Frame, angle: float) -> Problem:
    return Problem(
        "stack-tilted",
        "warning",
        f"The slices of a series are shifted against each other: the stack leans by {angle:.1f} degrees.",
        frame.where,
        "The step from slice to slice is not perpendicular to the image plane; the affine keeps the lean.",
        "Nothing, if the acquisition was meant so.",
    )


def in_one_plane(frames: Sequence[Frame], angle: float) -> Problem:
    return Problem(
        "slices-side-by-side",
        "error",
        f"The {len(frames)} slices of a series lie beside each other and form no volume.",
        frames[0].where,
        f"The step from slice to slice is {angle:.0f} degrees away from the normal of the image plane.",
        "Send the series whose slices lie behind each other.",
    )


def without_order(frames: Sequence[Frame], absent: str) -> Problem:
    return Problem(
        "geometry-missing",
        "error",
        f"A series of {len(frames)} images does not say where its slices lie.",
        frames[0].where,
        f"{absent} is absent, empty or out of range, and the instance numbers are not unique and complete.",
        "Export the series again with its geometry.",
    )


def without_place(frames: Sequence[Frame], absent: str) -> Problem:
    return Problem(
        "geometry-missing",
        "warning",
        "A series does not say where its slices lie, so nothing is measured in millimetres.",
        frames[0].where,
        f"{absent} is absent, empty or out of range{'; the slices stand in the order of their numbers' if len(frames) > 1 else ''}.",
        "Export the series again with its geometry, or say its plane in a manifest.",
    )
