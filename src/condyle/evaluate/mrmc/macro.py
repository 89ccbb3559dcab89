"""A figure of merit averaged over findings, each finding weighing alike, with patients as the unit throughout."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.evaluate.mrmc.figure import Figures

Floats = NDArray[np.float64]


def macro(figures: Sequence[Figures], name: str = "") -> Figures:
    """Mean over findings of the figure of each reader in each arm.

    A patient enters when any finding uses it; leaving it out changes every finding at once, so that the correlation of the
    findings in a patient is in the variance.

    Parameters
    ----------
    figures : the same figure of several findings, same arms and readers
    name : default: macro and the figure's name

    Raises
    ------
    InputError - none, or arms or readers differ
    """
    if not figures or any(one.arms != figures[0].arms or one.readers != figures[0].readers for one in figures):
        raise InputError(
            "macro-differ", "A macro average needs findings read in the same arms by the same readers.",
            what_to_do="Keep the readers who read every finding of the group.",
        )  # fmt: skip
    patients = tuple(dict.fromkeys(name for one in figures for name in one.patients))
    at = {patient: place for place, patient in enumerate(patients)}
    places = [np.array([at[patient] for patient in one.patients], np.intp) for one in figures]

    def spread(one: Figures, place: NDArray[np.intp], values: Floats, rest: Floats | float) -> Floats:
        whole = np.broadcast_to(np.asarray(rest, np.float64), (len(patients), *one.value.shape)).copy()
        whole[place] = values
        return whole

    pairs = list(zip(figures, places, strict=True))
    without = np.mean([spread(one, place, one.without, one.value) for one, place in pairs], axis=0)
    used = np.any([spread(one, place, one.used.astype(np.float64), 0.0) > 0 for one, place in pairs], axis=0)
    positive = np.mean([spread(one, place, one.positive, 0.0) for one, place in pairs], axis=0)
    negative = np.mean([spread(one, place, one.negative, 0.0) for one, place in pairs], axis=0)

    def weighted(weights: Floats) -> Floats:
        return np.asarray(np.mean([one.weighted(weights[place]) for one, place in pairs], axis=0))

    return Figures(
        name or f"macro {figures[0].name}", figures[0].arms, figures[0].readers, patients,
        np.asarray(np.mean([one.value for one in figures], axis=0)), without, used, positive, negative, weighted,
    )  # fmt: skip
