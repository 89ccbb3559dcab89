"""The next reader study, planned from a pilot: power over readers and patients, patients that are needed, as evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from condyle.errors import InputError
from condyle.evaluate.figures import Chart, Series, finding_words
from condyle.evaluate.mrmc.analysis import Approach, Compared, compare_arms
from condyle.evaluate.mrmc.design import Design
from condyle.evaluate.mrmc.figure import Figures
from condyle.evaluate.mrmc.obuchowski_rockette import COMPONENTS, NESTED
from condyle.evaluate.mrmc.power import MAX_CASES, Pilot, Power, most_power, patients_needed, power
from condyle.evaluate.standalone import Line
from condyle.evaluate.study_evidence import Cell, Sheet, StudyEvidence

DOUBT = (0.5, 1.0, 2.0)  # times the pilot's arm-by-reader variance, which few readers estimate badly
TIMES = (0.5, 1.0, 2.0, 4.0)  # times the pilot's patients, where no numbers were asked for


@dataclass(frozen=True, slots=True)
class Needed:
    """Patients that a number of readers needs for the power ``wanted``, None above 100,000; ``most`` is the power that none exceeds."""

    patients: int | None
    most: float
    wanted: float

    @property
    def words(self) -> str | int:
        """The number, or why there is none."""
        if self.patients is not None:
            return self.patients
        if self.most > self.wanted:
            return f"more than {MAX_CASES:,}"
        return f"none: power stays below {max(np.ceil(100 * self.most), 1):.0f} %"


@dataclass(frozen=True, slots=True)
class Planning:
    """A planned study of two arms, readers and patients random.

    Parameters
    ----------
    finding, metric, base, arm : of the pilot; compared : what the pilot itself says
    pilot : variance components and patients; pilot_readers : how many
    effect, wanted, alpha : difference that shall be found, the power to find it, two-sided alpha
    needed : readers -> patients at each factor of ``DOUBT``
    table : power of every number of readers with every number of patients
    doubts : what the reader of the plan must know, in sentences
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
    needed: dict[int, tuple[Needed, ...]]
    table: tuple[Power, ...]
    doubts: tuple[str, ...]


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
            what_to_do="Use a larger pilot, or another finding or metric of it.",
        )  # fmt: skip
    pilot = Pilot(parts, len(figures.patients))
    own = tuple(patients) or tuple(int(np.ceil(factor * pilot.n_patients / 10)) * 10 for factor in TIMES)

    def least(count: int, factor: float) -> Needed:
        doubted = replace(pilot, components=replace(parts, arm_reader=factor * max(parts.arm_reader, 0.0)))
        found = patients_needed(doubted, n_readers=count, effect=effect, wanted=wanted, alpha=alpha)
        most = most_power(doubted, n_readers=count, effect=effect, alpha=alpha)
        return Needed(None if found is None else found.n_patients, most, wanted)

    needed = {count: tuple(least(count, factor) for factor in DOUBT) for count in readers}
    return Planning(
        finding, metric, base, arm, compared, pilot, len(figures.readers), effect, wanted, alpha, needed,
        tuple(power(pilot, n_readers=j, n_patients=k, effect=effect, alpha=alpha) for j in readers for k in own),
        _doubts(pilot, len(figures.readers), needed, effect, wanted, alpha),
    )  # fmt: skip


def _doubts(
    pilot: Pilot, pilot_readers: int, needed: Mapping[int, tuple[Needed, ...]], effect: float, wanted: float, alpha: float
) -> tuple[str, ...]:
    """A small pilot, readers who seem not to differ, numbers of readers that no number of patients makes enough."""
    said = [] if pilot_readers >= 5 else [f"The pilot has {pilot_readers} readers: look at the columns of doubt."]
    if pilot.components.arm_reader <= 0:
        said.append(
            f"The pilot's arm-by-reader variance is {pilot.components.arm_reader:.3g} and was taken as 0: the plan believes that all "
            "readers gain alike, half and twice of it change nothing, and the numbers are too small if they do not."
        )
    few = [count for count, own in needed.items() if own[1].patients is None]
    if few:
        enough = next((n for n in range(2, 201) if most_power(pilot, n_readers=n, effect=effect, alpha=alpha) > wanted), None)
        least = f"{enough} readers or more" if enough is not None else "more than 200 readers, or a larger effect,"
        said.append(
            f"With {', '.join(map(str, few))} readers no number of patients gives a power of {wanted:g}: more patients do not lessen how "
            f"readers differ in what the arm does to them. {least} are needed."
        )
    return tuple(said)


def planning_evidence(planned: Planning) -> StudyEvidence:
    """The plan as a page: the pilot, patients needed, power, a curve for each number of readers."""
    contrast, c = f"{planned.arm} - {planned.base}", planned.pilot.components
    pilot = planned.compared
    lines = tuple(
        Line(planned.finding, site, "pilot", one)
        for site, one in ((planned.base, pilot.base), (planned.arm, pilot.arm), (contrast, pilot.difference))
    )
    needed: list[tuple[Cell, ...]] = [
        (count, *(found[place].words for place in (1, 0, 2))) for count, found in planned.needed.items()
    ]
    sheets = (
        Sheet(
            "needed", f"Patients needed for a power of {planned.wanted:g}",
            ("Readers", "Patients", "If readers vary half as much", "If readers vary twice as much"), needed,
            "Readers vary: the pilot's arm-by-reader variance. 'none': no number of patients is enough, since readers differ in what the "
            "arm does to them; the power that stands there is never exceeded. More readers are needed.",
        ),
        Sheet(
            "power", "Power", ("Readers", "Patients", "Power", "Non-centrality", "df2", "Critical F"),
            tuple((one.n_readers, one.n_patients, one.power, one.ncp, one.df2, one.critical) for one in planned.table),
            f"Chance that a difference of {planned.effect:g} gives p below {planned.alpha:g}, two-sided.",
            how={
                "Power": "non-central F beyond the critical value", "Non-centrality": "readers x effect^2 / 2 by the error of the test",
                "df2": "Hillis 2007", "Critical F": "of 1 and df2 degrees of freedom",
            },
        ),
        Sheet(
            "components", "Variance components of the pilot",
            ("Finding", "Metric", "Readers", "Patients", "Reader", "Arm by reader", "Error", "Cov1", "Cov2", "Cov3"),
            ((planned.finding, planned.metric, planned.pilot_readers, planned.pilot.n_patients,
              c.reader, c.arm_reader, c.error, c.cov1, c.cov2, c.cov3),),
            "Negative components are given as estimated; the plan takes a negative arm-by-reader variance, and Cov2 below Cov3, as 0.",
            how=COMPONENTS,
        ),
    )  # fmt: skip
    methods = (
        f"The power to find a difference of {planned.effect:g} in {_word(planned.metric)} between two arms, readers and cases random, was "
        f"computed from the variance components of a pilot of {planned.pilot_readers} readers and {planned.pilot.n_patients} patients "
        "(Hillis, Obuchowski & Berbaum 2011): covariances shrink as 1 / patients, the test is Obuchowski and Rockette's with Hillis' "
        f"degrees of freedom at a two-sided alpha of {planned.alpha:g}. The effect was chosen, not taken from the pilot."
    )
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
        planned.doubts,
        (_curves(planned),),
        {"level": 0.95, "effect": planned.effect, "power": planned.wanted, "alpha": planned.alpha},
    )  # fmt: skip


def _curves(planned: Planning) -> Chart:
    enough = [
        found[1].patients for found in planned.needed.values()
        if found[1].patients is not None and found[1].patients < 10 * planned.pilot.n_patients
    ]
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
