"""All that is said about one table of predictions: numbers, curves, figures, endpoints, and the sentences a paper needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from condyle.evaluate.calibrated import calibration_lines
from condyle.evaluate.curve_bands import BenefitBand
from condyle.evaluate.endpoints import Endpoint, EndpointResult, judge_endpoints
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.figures import Figure, Heat, finding_words, forest_of
from condyle.evaluate.finding_figures import benefit, binary_figures, grade_figures
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.precision import precision_recall
from condyle.evaluate.reliability import reliability
from condyle.evaluate.roc import roc_curve
from condyle.evaluate.standalone import Line, Settings, standalone
from condyle.evaluate.study_evidence import Cell, Sheet, StudyEvidence
from condyle.evaluate.subgroup_tests import GroupTest, compare_subgroups, tests_sheet


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Parameters
    ----------
    title : of the page
    lines : every number; calibration and subgroups follow the standalone ones
    compared : tests over subgroups
    endpoints : of the plan, in its order
    missed : (finding, rows with truth and without an answer, rows with truth, rows of unknown truth)
    sheets : points of the curves and what else is a file of its own
    figures : to draw
    """

    title: str
    settings: Settings
    lines: tuple[Line, ...]
    compared: tuple[GroupTest, ...] = ()
    endpoints: tuple[EndpointResult, ...] = ()
    missed: tuple[tuple[str, int, int, int], ...] = ()
    sheets: tuple[Sheet, ...] = ()
    figures: tuple[Figure, ...] = ()

    def as_study(self, *, plan: str = "") -> StudyEvidence:
        """The same in the shape that every document is written from."""
        columns = ("Finding", "Rows without an answer", "Rows with truth", "Rows of unknown truth, left out")
        missed = Sheet("missed", "Rows without an answer", columns, self.missed)
        tests = (tests_sheet(self.compared),) if self.compared else ()
        lines = (*self.lines, *(line for test in self.compared for line in test.lines))
        return StudyEvidence(
            self.title, (), lines, (missed, *tests, *self.sheets), self.endpoints, methods_paragraph(self, plan=plan), (), self.figures,
            asdict(self.settings),
        )  # fmt: skip


def gather(
    tables: Sequence[FindingTable],
    settings: Settings,
    *,
    subgroups: Sequence[str] = (),
    endpoints: Sequence[Endpoint] = (),
    alpha: float = 0.05,
    rule: str = "none",
) -> Evidence:
    """Judge every finding.

    Parameters
    ----------
    subgroups : columns of the tables; 'level' and 'side' too
    endpoints, alpha, rule : of the plan
    """
    lines = list(standalone(tables, settings))
    figures: list[Figure] = []
    ready = [table.answered(settings.failures) for table in tables]
    for table, own in zip(tables, ready, strict=True):
        if table.kind == "binary":
            lines += calibration_lines(table, settings)
            figures += binary_figures(own, settings, of(lines, own.finding, "AUROC"), of(lines, own.finding, "average precision"))
        else:
            figures += grade_figures(own, settings.level)
    more, compared = compare_subgroups(tables, subgroups, settings)
    lines += more
    by_name = {(line.finding, line.site, line.estimate.measure.lower()): line.estimate for line in lines if not line.group}
    found = [by_name.get((one.finding, one.site, one.measure.lower())) for one in endpoints]
    missed = tuple(
        (
            table.finding, int((np.isnan(table.score) if table.kind == "binary" else np.isnan(table.given)).sum()), len(table),
            table.left_out.get("unknown truth", 0),
        )
        for table in tables
    )
    return Evidence(
        "Evaluation of predictions",
        settings,
        tuple(lines),
        compared,
        judge_endpoints(endpoints, found, alpha=alpha, rule=rule),
        missed,
        curve_sheets(ready, settings),
        (*overview_figures(lines), *figures),
    )


BCA = "percentile, BCa for average precision with fewer than 50 positives"

# What was run, when one of these measures is there.
SAID = {
    "Average precision is the step sum over distinct scores.": {"average precision"},
    "Means over groups of findings weigh findings alike; all findings share each draw of patients.": {"macro AUROC"},
    "Calibration: logistic recalibration (slope, intercepts), Brier score with its skill against the prevalence, expected calibration "
    "error over 15 bins of equal width, and of equal mass (cut at quantiles of the scores, type 7; equal cuts count once, a score on a "
    "cut goes above it), with its excess over a perfect model (1000 simulated outcomes) and the root mean square gap less sampling noise "
    "(Kumar 2019), loess of degree 2 and span 0.75 (ICI).": {"calibration slope"},
    "Kappa is Cohen's over the whole scale; agreement of grades is also given as balanced accuracy and mean error.": {"quadratic kappa"},
    "Measurements: Bland and Altman's bias and limits, ICC(A,1) and Lin's concordance.": {"ICC(A,1)"},
    "A mark hits a lesion when strictly nearer to its centre than its radius; the best mark on a lesion counts, further ones and marks on "
    "irrelevant lesions are neither hits nor false. Sensitivity is read on straight lines between the points of the curve at false marks "
    "over all studies of the manifest, held flat beyond its end; CPM is its mean at 1/8 to 8. Every reader is taken to have read every "
    "study.": {"CPM"},
    "Lesions of a study share its weight evenly (wAFROC) or count one each (AFROC), against the highest false mark of every study without "
    "a lesion that counts.": {"wAFROC"},
    "Boxes are matched from the highest score on at overlaps of 0.50 to 0.95; precision is interpolated at 101 recalls (COCO).": {"AP50"},
    "Masks: Dice, IoU and surface Dice are means over studies, distances are medians in millimetres of studies with both masks; masks "
    "empty on both sides are left out, on one side count as 0. Surfaces are those of marching cubes (outlines of marching squares where a "
    "mask has one slice), every element weighted by its area (length) (Nikolov 2021). Sizes, predicted less true with one empty mask as 0: "
    "Bland and Altman's bias and limits, t over patients.": {"surface Dice"},
    "Objects are parts that touch by a face, matched one to one for the largest summed IoU.": {"panoptic quality"},
}


def methods_paragraph(evidence: Evidence, *, plan: str = "") -> str:
    """What was done, in sentences, written from the methods that the numbers name."""
    settings = evidence.settings
    measures = {line.estimate.measure for line in evidence.lines}
    used = {line.estimate.method.split(",")[0] for line in evidence.lines if line.estimate.method}
    parts = [f"Intervals are {settings.level:.0%}, two-sided; the patient is the independent unit."]
    if any(word.startswith("DeLong") for word in used):
        parts.append(
            "Areas under the ROC curve of patients with one row each have DeLong intervals, on the logit scale above 0.9 "
            "or with fewer than 50 of a class."
        )
    if "Obuchowski" in used:
        parts.append("Where patients give several rows, areas have intervals over patients (Obuchowski 1997) with t on the logit scale.")
    if "Newcombe 2006" in used:
        parts.append("Areas without variance have Newcombe's score-type interval (2006, method 5).")
    if used & {"Wilson", "Clopper-Pearson"}:
        parts.append(f"Shares of independent units have {'Wilson' if settings.proportions == 'wilson' else 'Clopper-Pearson'} intervals.")
    if "ratio estimator over patients" in used:
        parts.append("Shares of rows within patients use the ratio estimator with logit limits and t over patients.")
    if any("bootstrap" in word for word in used):
        parts.append(
            f"Other intervals come from {settings.resamples} resamples of patients with all their rows (seed {settings.seed}, PCG64; "
            + ("BCa" if settings.interval == "bca" else BCA if "average precision" in measures else "percentile") + ")."
        )
    parts += [sentence for sentence, named in SAID.items() if measures & named]
    if "structural components over patients" in used:
        parts.append("wAFROC and AFROC (Chakraborty) have intervals from structural components over patients, t on the logit scale.")
    if "Obuchowski-Rockette-Hillis on readers' means" in used:
        parts.append("wAFROC and AFROC of several readers: Obuchowski-Rockette-Hillis on readers' means, readers and cases random.")
    if evidence.compared:
        parts.append(
            "Subgroups were compared by Welch's F of areas about their weighted mean, and by logistic regression with a "
            "sandwich over patients (Wald's F); areas of groups that share patients, kappa and errors by an F test with the jackknife "
            "covariance over patients."
        )
    if evidence.missed:
        how = "left out and counted" if settings.failures == "exclude" else "counted as wrong answers"
        parts.append(f"Rows without an answer were {how}.")
    parts.append(
        f"The plan (sha256 {plan[:12]}...) was hashed before the truth was opened."
        if plan
        else "No plan was fixed: all results are exploratory."
    )
    return " ".join(parts)


def curve_sheets(tables: Sequence[FindingTable], settings: Settings) -> tuple[Sheet, ...]:
    """Points of the ROC, precision-recall, reliability and decision curves of every binary finding with both classes."""
    roc: list[tuple[Cell, ...]] = []
    precision: list[tuple[Cell, ...]] = []
    bins: list[tuple[Cell, ...]] = []
    benefits: list[tuple[Cell, ...]] = []
    for own in tables:
        if own.kind != "binary" or not 0 < own.truth.sum() < len(own):
            continue
        curve = roc_curve(own.truth, own.score)
        points = zip(curve.thresholds.tolist(), curve.sensitivity.tolist(), curve.specificity.tolist(), strict=True)
        roc += [(own.finding, *point) for point in points]
        up, along, _ = precision_recall(own.truth, own.score)
        precision += [(own.finding, recall, value) for recall, value in zip(along.tolist(), up.tolist(), strict=True)]
        if not ((own.score >= 0) & (own.score <= 1)).all():
            continue
        for one in reliability(own.truth, own.score, own.patients, level=settings.level):
            seen = one.observed
            bins.append((own.finding, one.low, one.high, one.mean_score, seen.estimate, seen.low, seen.high, seen.n, seen.events))
        benefits += benefit_rows(own.finding, benefit(own, settings))
    return (
        Sheet("roc", "ROC curves", ("finding", "threshold", "sensitivity", "specificity"), roc, long=True),
        Sheet("precision_recall", "Precision and recall", ("finding", "recall", "precision"), precision, long=True),
        Sheet("reliability", "Reliability", RELIABILITY_COLUMNS, bins, long=True),
        Sheet("decision_curve", "Decision curves", BENEFIT_COLUMNS, benefits, long=True),
    )


RELIABILITY_COLUMNS = ("finding", "low", "high", "mean_score", "observed", "observed_low", "observed_high", "n", "events")
BENEFIT_COLUMNS = (
    "finding", "threshold", "net_benefit", "net_benefit_low", "net_benefit_high", "treat_all", "standardised", "avoided", "gain",
    "gain_low", "gain_high",
)  # fmt: skip


def benefit_rows(finding: str, one: BenefitBand) -> list[tuple[Cell, ...]]:
    """Points of a decision curve; ``gain`` is over the better of treating all and none."""
    # Where everybody is treated in every resample the gain is 0 and cannot vary: no interval.
    wide = one.gain_band.high > one.gain_band.low
    low, high = (np.where(wide, ends, np.nan) for ends in (one.gain_band.low, one.gain_band.high))
    columns = (
        one.thresholds, one.net_benefit, one.band.low, one.band.high, one.treat_all, one.standardised, one.avoided, one.gain, low, high,
    )  # fmt: skip
    return [(finding, *row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def overview_figures(lines: Sequence[Line]) -> tuple[Figure, ...]:
    """AUROC of every finding below each other, and by level as a heat map, when there are several."""
    areas = [line for line in lines if line.estimate.measure == "AUROC" and not line.group and np.isfinite(line.estimate.estimate)]
    whole = [line for line in areas if line.site == "all"]
    found: list[Figure] = []
    if len(whole) > 1:
        rows = [(finding_words(line.finding), f"{line.estimate.events} of {line.estimate.n}", line.estimate) for line in whole]
        words = "AUROC of each finding with its interval, positives of rows on the left; squares grow with the rows. Dashed: chance."
        found += forest_of("findings", "AUROC of each finding", "AUROC", rows, words, reference=0.5)
    sites = list(dict.fromkeys(line.site for line in areas if line.site != "all"))
    named = list(dict.fromkeys(line.finding for line in areas if line.site != "all"))
    if len(sites) > 1 and len(named) > 1:
        by_place = {(line.finding, line.site): line.estimate.estimate for line in areas}
        values = np.array([[by_place.get((name, site), np.nan) for site in sites] for name in named])
        words = "AUROC of each finding at each level or side; empty where one class is absent. Intervals stand in the tables."
        down = tuple(map(finding_words, named))
        found.append(Heat("levels", "", "AUROC by level", "", "", down, tuple(sites), values, words, low=0.5, high=1.0))
    return tuple(found)


def of(lines: Sequence[Line], finding: str, measure: str, site: str = "all") -> Estimate | None:
    """The number of one finding, or None."""
    return next(
        (line.estimate for line in lines if (line.finding, line.site, line.group, line.estimate.measure) == (finding, site, "", measure)),
        None,
    )
