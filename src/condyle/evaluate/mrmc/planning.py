"""The next reader study, planned from a pilot: power over readers and patients, patients that are needed, as evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from condyle.errors import InputError
from condyle.evaluate.figures import Chart, Series, finding_words
from condyle.evaluate.mrmc.analysis import Approach, Compared, compare_arms
from condyle.evaluate.mrmc.design import Design
from condyle.evaluate.mrmc.figure import Figures
from condyle.evaluate.mrmc.obuchowski_rockette import NESTED
from condyle.evaluate.mrmc.power import Pilot, Power, patients_needed, power
from condyle.evaluate.standalone import Line
from condyle.evaluate.study_evidence import Cell, Sheet, StudyEvidence

DOUBT = (0.5, 1.0, 2.0)  # times the pilot's arm-by-reader variance, which few readers estimate badly
TIMES = (0.5, 1.0, 2.0, 4.0)  # times the pilot's patients, where no numbers were asked for


@dataclass(frozen=True, slots=True)
class Planning:
    """A planned study of two arms, readers and patients random.

    Parameters
    ----------
    finding, metric, base, arm : of the pilot; compared : what the pilot itself says
    pilot : variance components and patients; pilot_readers : how many
    effect, wanted, alpha : difference that shall be found, the power to find it, two-sided alpha
    needed : readers -> patients at each factor of ``DOUBT``; None where no number suffices
    table : power of every number of readers with every number of patients
    """

    finding: str
    metric: str
    base: str
    arm: str
    compared: Compared
    pilot: Pilot
    pilot_readers: int
    effect: float
    wanted: float
    alpha: float
    needed: dict[int, tuple[int | None, ...]]
    table: tuple[Power, ...]


def plan_readers(
    figures: Figures,
    design: Design,
    *,
    finding: str,
    metric: str,
    base: str,
    arm: str,
    effect: float,
    readers: Sequence[int],
    patients: Sequence[int] = (),
    wanted: float = 0.8,
    alpha: float = 0.05,
) -> Planning:
    """Plan a crossed study from the figures of a pilot of two arms; holes in the pilot are allowed.

    Parameters
    ----------
    patients : to give the power for; none takes half to four times the pilot's

    Raises
    ------
    InputError - readers of one arm only, fewer than two readers of both, a class too small for a variance
    """
    if design.name in NESTED:
        raise InputError(
            "power-pilot", "This pilot says nothing about what an arm does to a reader.", why=f"Its design is {design}.",
            what_to_do="Use a pilot whose readers read in both arms.",
        )  # fmt: skip
    compared = compare_arms(figures, design, base, arm, Approach(), metric=metric)
    parts = compared.components
    if parts is None or not np.isfinite(compared.difference.se):
        raise InputError(
            "power-pilot", "The pilot gives no variance components.",
            why="At least two readers of both arms, and two patients of each class, are needed.",
        )  # fmt: skip
    pilot = Pilot(parts, len(figures.patients))
    own = tuple(patients) or tuple(int(np.ceil(factor * pilot.n_patients / 10)) * 10 for factor in TIMES)

    def least(count: int, factor: float) -> int | None:
        doubted = replace(pilot, components=replace(parts, arm_reader=factor * max(parts.arm_reader, 0.0)))
        found = patients_needed(doubted, n_readers=count, effect=effect, wanted=wanted, alpha=alpha)
        return None if found is None else found.n_patients

    return Planning(
        finding, metric, base, arm, compared, pilot, len(figures.readers), effect, wanted, alpha,
        {count: tuple(least(count, factor) for factor in DOUBT) for count in readers},
        tuple(power(pilot, n_readers=j, n_patients=k, effect=effect, alpha=alpha) for j in readers for k in own),
    )  # fmt: skip


def planning_evidence(planned: Planning) -> StudyEvidence:
    """The plan as a page: the pilot, patients needed, power, a curve for each number of readers."""
    contrast, c = f"{planned.arm} - {planned.base}", planned.pilot.components
    pilot = planned.compared
    lines = tuple(
        Line(planned.finding, site, "pilot", one)
        for site, one in ((planned.base, pilot.base), (planned.arm, pilot.arm), (contrast, pilot.difference))
    )
    needed: list[tuple[Cell, ...]] = [
        (count, *("none" if one is None else one for one in (found[1], found[0], found[2]))) for count, found in planned.needed.items()
    ]
    sheets = (
        Sheet(
            "needed", f"Patients needed for a power of {planned.wanted:g}",
            ("Readers", "Patients", "If readers vary half as much", "If readers vary twice as much"), needed,
            "Readers vary: the pilot's arm-by-reader variance. 'none': no number of patients up to 100,000 is enough; more readers are.",
        ),
        Sheet(
            "power", "Power", ("Readers", "Patients", "Power", "Non-centrality", "df2", "Critical F"),
            tuple((one.n_readers, one.n_patients, one.power, one.ncp, one.df2, one.critical) for one in planned.table),
            f"Chance that a difference of {planned.effect:g} gives p below {planned.alpha:g}, two-sided.",
        ),
        Sheet(
            "components", "Variance components of the pilot",
            ("Finding", "Metric", "Readers", "Patients", "Reader", "Arm by reader", "Error", "Cov1", "Cov2", "Cov3"),
            ((planned.finding, planned.metric, planned.pilot_readers, planned.pilot.n_patients,
              c.reader, c.arm_reader, c.error, c.cov1, c.cov2, c.cov3),),
            "Negative components are given as estimated; the plan takes a negative arm-by-reader variance, and Cov2 below Cov3, as 0.",
        ),
    )  # fmt: skip
    methods = (
        f"The power to find a difference of {planned.effect:g} in {_word(planned.metric)} between two arms, readers and cases random, was "
        f"computed from the variance components of a pilot of {planned.pilot_readers} readers and {planned.pilot.n_patients} patients "
        "(Hillis, Obuchowski & Berbaum 2011): covariances shrink as 1 / patients, the test is Obuchowski and Rockette's with Hillis' "
        f"degrees of freedom at a two-sided alpha of {planned.alpha:g}. The effect was chosen, not taken from the pilot."
    )
    few = () if planned.pilot_readers >= 5 else (f"The pilot has {planned.pilot_readers} readers: look at the columns of doubt.",)
    return StudyEvidence(
        "Sample size of a reader study",
        (
            f"{finding_words(planned.finding)}, {_word(planned.metric)}: a difference of {planned.effect:g} between {planned.arm} and "
            f"{planned.base} shall be found with a power of {planned.wanted:g}.",
            "Readers and patients are random and crossed; patients come in the pilot's mix of positive and negative.",
        ),
        lines,
        sheets,
        (),
        methods,
        few,
        (_curves(planned),),
        {"level": 0.95, "effect": planned.effect, "power": planned.wanted, "alpha": planned.alpha},
    )  # fmt: skip


def _curves(planned: Planning) -> Chart:
    enough = [found[1] for found in planned.needed.values() if found[1] is not None and found[1] < 10 * planned.pilot.n_patients]
    most = max(max(one.n_patients for one in planned.table), *(round(1.1 * one) for one in enough), 20)
    x = np.unique(np.round(np.linspace(10, most, 40)).astype(int))
    series = [
        Series(f"{count} readers", x.astype(np.float64), np.array([
            power(planned.pilot, n_readers=count, n_patients=int(k), effect=planned.effect, alpha=planned.alpha).power for k in x
        ]))
        for count in planned.needed
    ]  # fmt: skip
    series.append(Series("", np.array([x[0], x[-1]], np.float64), np.full(2, planned.wanted), kind="reference"))
    words = f"Power to find a difference of {planned.effect:g}; the dashed line is the power that is wanted."
    return Chart("power", "", "Power of the next study", "Patients", "Power", tuple(series), words, up_from=0.0, up_to=1.0)


def _word(metric: str) -> str:
    return "AUROC" if metric == "auroc" else metric
