"""What an evaluation can vouch for, fact by fact: reported, partial or missing, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

import condyle
from condyle.evaluate.study_evidence import StudyEvidence
from condyle.report.provenance import Provenance, calls_sentence

REPORTED, PARTIAL, MISSING = "reported", "partial", "missing"
NO_SUBGROUPS = {"reader", "recalibration", "conformal sets", "cohorts"}  # what else stands before the colon of a line's group
TRIAL, READERS = "Randomised trial", "Reader study"  # titles of evidence that holds people with and without help, and no model alone


@dataclass(frozen=True, slots=True)
class Fact:
    """What is said about one thing, and how complete that is."""

    status: str
    said: str


def facts_of(study: StudyEvidence, provenance: Provenance) -> dict[str, Fact]:
    """Every fact that a checklist may ask for; each is decided by what stands in the evidence, never by what is usual."""
    sheets = {sheet.name for sheet in study.sheets if sheet.rows}
    sets = {line.site for line in study.lines} & {"validation", "test", "external"}
    measures = {line.estimate.measure for line in study.lines}
    groups = {line.group.split(":")[0] for line in study.lines if ": " in line.group} - NO_SUBGROUPS
    return {
        **_of_the_run(study, provenance),
        **_of_the_data(study, provenance, measures),
        "subgroups": _either(bool(groups), f"By {', '.join(sorted(groups))}.", "No subgroup was asked for."),
        "heterogeneity": _either("heterogeneity" in sheets, "Table of heterogeneity.", "Cohorts or sites were not compared."),
        "calibration": _either(
            any("calibration" in one or one == "Brier score" for one in measures), "Numbers of calibration.", "Calibration was not judged."
        ),
        "recalibration": _either(
            "recalibration" in sheets, "Fitted on validation data, judged on the rest.", "The model was not updated here."
        ),
        "utility": _either(
            any(one.name.startswith("decision_curve") for one in study.figures), "Decision curves.", "Decision curves were not drawn."
        ),
        "agreement": _either(
            bool({"agreement", "pairs"} & sheets), "Tables of agreement.", "Agreement was not judged here: condyle evaluate agreement."
        ),
        "folds": _part("folds" in sheets, "Table of folds; how they were made is not in these tables.", "These tables hold no folds."),
        "splits": _part(
            len(sets) > 1, f"Apart for {', '.join(sorted(sets))}; how they were split is not in these tables.",
            "These tables hold one set of data: nothing is said of splits.",
        ),
        "external": _either(
            any(line.site == "external" for line in study.lines), "The external set stands apart.", "No external set was named."
        ),
        "readers": _part(
            bool({"readers", "reader_points", "agreement"} & sheets),
            "Readers by id and seniority; their training is not in these tables.",
            "Readers are in the table of the trial; who they are is not told." if study.title == TRIAL
            else "No reader took part.",
        ),
        "arms": _part(
            bool({"comparison", "outcomes", "times"} & sheets), "Arms are named; how help was given is not in these tables.", "No arms."
        ),
        "time": _either("reading_time" in sheets or "times" in sheets, "Reading times by arm.", "No reading times in the tables."),
        "order": _part("washout" in sheets, "Order and gaps of reads; learning was not modelled.", "No order of reads here."),
        "baseline": _either("balance" in sheets, "Baseline table by arm.", "No characteristics of participants in these tables."),
        "input_exclusions": _part(
            "flow" in sheets, "Exclusions about input are counted in the flow; the criteria are not here.", "Not in these tables."
        ),
        "cross_table": _part(
            bool({"sensitivity", "specificity"} & measures),
            "Sensitivity and specificity are means over readers; those of each reader stand in a table." if study.title == READERS
            else "Sensitivity and specificity with their counts; both follow from n and events.", "No calls at a threshold.",
        ),
        "criteria": _part(
            "flow" in sheets, "Exclusions with their reasons are counted in the flow; the criteria are not in the table.",
            "Not in these tables.",
        ),
    }  # fmt: skip


def _of_the_run(study: StudyEvidence, provenance: Provenance) -> dict[str, Fact]:
    tested = [line for line in study.lines if np.isfinite(line.estimate.p)]
    without = sum(np.isfinite(line.estimate.estimate) and np.isnan(line.estimate.low) for line in study.lines)
    all_ = f"{len(study.lines)} numbers with n, interval and method"
    met = f"{len(study.endpoints)} endpoints with a rule of multiplicity."
    of_arms = "What the arms differ by; the model alone is not judged in these tables."
    adjusted = any("p, Holm" in sheet.columns for sheet in study.sheets if sheet.rows)
    return {
        "kind": Fact(REPORTED, f"{study.title}."),
        "endpoints": _either(bool(study.endpoints), met, "No endpoint was fixed: exploratory."),
        "plan": Fact(PARTIAL, f"Plan with sha256 {provenance.plan[:12]}; where it can be read is not said.")
        if provenance.plan else Fact(MISSING, "No plan was fixed."),
        "metrics": Fact(REPORTED, "The methods paragraph names every method that was run."),
        "uncertainty": Fact(REPORTED, f"{all_}; {without} without an interval say why.")
        if study.lines else Fact(MISSING, "There is no number."),
        "multiplicity": Fact(PARTIAL, "p adjusted by Holm stand in the tables; no rule was fixed before.")
        if adjusted and not study.endpoints
        else _either(
            bool(study.endpoints) or not tested, met if study.endpoints else "Nothing was tested.",
            "p are given; no rule over them was fixed.",
        ),
        "clustering": Fact(
            REPORTED, "What was randomised together (cluster) is the unit of all intervals; n and clusters stand beside each number."
            if study.title == TRIAL else "The patient is the unit of all intervals; n and patients stand beside each number.",
        ),
        "performance": Fact(MISSING, "There is no number.") if not study.lines
        else Fact(PARTIAL, of_arms) if study.title in (TRIAL, READERS) else Fact(REPORTED, f"{all_} in results.csv."),
        "results": Fact(REPORTED, f"{all_} in results.csv.") if study.lines else Fact(MISSING, "There is no number."),
        "thresholds": Fact(MISSING, "Outcomes are given as columns; how they were called is not in the table.") if study.title == TRIAL
        else Fact(
            REPORTED if "frozen" in provenance.thresholds else PARTIAL,
            calls_sentence(provenance) + ("" if "frozen" in provenance.thresholds else " How that was chosen is not here."),
        ),
        "software": Fact(REPORTED, f"Condyle {condyle.__version__}, its public source; numpy PCG64 with the seeds given."),
        "access": Fact(PARTIAL, "The program of this evaluation is public; access to what was judged is not in these tables."),
        "limits": _part(
            bool(study.warnings or provenance.warnings or any(line.estimate.warnings for line in study.lines)),
            "Warnings stand beside the numbers; what they mean is for the authors.", "The run raised no warning.",
        ),
        "blinding": _part(
            bool(provenance.plan) and not provenance.openings[1],
            "The plan was fixed before the truth was opened here; who saw what before is not in these tables.", "Not in these tables.",
        ),
        "sample_size": Fact(MISSING, "No calculation is part of this run: condyle evaluate samplesize plans the next study."),
    }  # fmt: skip


def _of_the_data(study: StudyEvidence, provenance: Provenance, measures: Iterable[str]) -> dict[str, Fact]:
    files = ", ".join(f"{name} ({digest[:12]})" for name, digest in provenance.inputs.items())
    clusters = max((line.estimate.clusters for line in study.lines), default=0)
    flow = any(sheet.name == "flow" and sheet.rows for sheet in study.sheets)
    unread = f"{provenance.unread} studies with truth were not read, {provenance.unknown} were read without truth"
    return {
        "inputs": Fact(PARTIAL, f"Tables by sha256: {files}; origin and access are not in them."),
        "reference": Fact(MISSING, "Outcomes come as right or wrong; against what is not in the table.") if study.title == TRIAL
        else Fact(PARTIAL, "Truth comes as a table; who set it, from what, and why is not in it."),
        "missing": Fact(
            REPORTED, "Missing outcomes are counted by arm and bounded, not filled in." if study.title == TRIAL
            else "Unknown truth and rows without an answer are counted and handled as the methods say.",
        ),
        "failures": Fact(
            PARTIAL, "Exclusions about input or system are counted in the flow; errors one by one are not analysed." if study.title == TRIAL
            else "Rows without an answer are counted; reasons and errors one by one are not analysed.",
        ),
        "flow": Fact(REPORTED, "Flow of units.") if flow else Fact(PARTIAL, f"From the tables on: {unread}; before that is not in them."),
        "counts": Fact(
            REPORTED, f"n, events and {'clusters' if study.title == TRIAL else 'patients'} (up to {clusters}) beside every number."
        ),
        "prevalence": _part("prevalence" in measures, "Prevalence of each finding; severity is not here.", "Not in these tables."),
        "package": Fact(PARTIAL, f"{provenance.package}; its card says the rest.")
        if provenance.package else Fact(MISSING, "The tables do not name what was judged."),
    }  # fmt: skip


def _either(there: bool, said: str, lacking: str) -> Fact:
    return Fact(REPORTED, said) if there else Fact(MISSING, lacking)


def _part(there: bool, said: str, lacking: str) -> Fact:
    return Fact(PARTIAL, said) if there else Fact(MISSING, lacking)
