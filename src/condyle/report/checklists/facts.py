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
OF_READERS = {"seniority"}  # groups of readers, not of patients
OF_PEOPLE = {"sex", "gender", "age", "ethnicity", "race", "language", "income", "education", "insurance", "bmi"}  # what fairness asks about
TRIAL, READERS = "Randomised trial", "Reader study"  # titles of evidence that holds people with and without help, and no model alone
NO_TRUTH = {"Agreement of readers": "How readers agree; no truth and no accuracy here.",
            "Sample size of a reader study": "A calculation for the next study; its pilot is not judged here."}  # fmt: skip


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
    # With several models their name comes first: 'old, seniority: junior'.
    named = {line.group.split(":")[0].split(", ")[-1] for line in study.lines if ": " in line.group} - NO_SUBGROUPS
    groups, of_readers = named - OF_READERS, named & OF_READERS
    by, people = f"By {', '.join(sorted(groups))}.", sorted(one for one in groups if one.lower() in OF_PEOPLE)
    return {
        **_of_the_run(study, provenance),
        **_of_the_data(study, provenance, measures),
        "subgroups": Fact(PARTIAL, "By stratum of the trial; of whom these are is not told.") if groups == {"stratum"}
        else _either(bool(groups), by, "No subgroup of patients was asked for."),
        "groups": _either(bool(named), f"By {', '.join(sorted(named))}.", "No group of patients or readers was asked for."),
        "fairness": _part(
            bool(people),
            f"Figures by {', '.join(people)}; whether what differs is unfair, and who was not asked about, is for the authors.",
            ("Groups of readers are no groups of patients." if of_readers and not groups else by if groups else "")
            + " No group of people (sex, age, ...) was asked for.",
        ),
        "robustness": _part(bool(groups), f"{by} No other analysis of robustness was run.", "No analysis of robustness was run."),
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
        "agreement": _part(
            bool({"agreement", "pairs"} & sheets), "Agreement of readers; whether they set the reference standard is not in these tables.",
            "Agreement was not judged here: condyle evaluate agreement.",
        ),
        "folds": _part("folds" in sheets, "Table of folds; how they were made is not in these tables.", "These tables hold no folds."),
        "splits": _part(
            len(sets) > 1, f"Apart for {', '.join(sorted(sets))}; how they were split is not in these tables.",
            "These tables hold one set of data: nothing is said of splits.",
        ),
        "internal": Fact(REPORTED, "The test set stands apart from validation and external sets.") if "test" in sets
        else _part(
            bool(study.lines) and study.title not in NO_TRUTH,
            "Figures of what was given; whether it is internal or external to where the model was made is not in these tables.",
            "There is no number of accuracy.",
        ),
        "partition": Fact(
            PARTIAL, "n, events and patients stand beside each number; how the data were parted, and leaks, are not looked at here: "
            "condyle audit.",
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
    several, ruled = len(study.endpoints) > 1, provenance.rule[1] != "none"
    met = f"{len(study.endpoints)} endpoint{'s' * several} of the plan."
    if several:
        met += f" Rule of multiplicity: {provenance.rule[1]}." if ruled else " Each is tested at the whole alpha: no rule of multiplicity."
    frozen = "frozen" in provenance.thresholds
    of_arms = "What the arms differ by; the model alone is not judged in these tables."
    adjusted = any("p, Holm" in sheet.columns for sheet in study.sheets if sheet.rows)
    return {
        "kind": Fact(PARTIAL, f"{study.title}; the goal in words is the authors' to write."),
        "aims": _part(bool(study.endpoints), f"{met} The aims in words are the authors' to write.", "No endpoint was fixed: exploratory."),
        "endpoints": _either(bool(study.endpoints), met, "No endpoint was fixed: exploratory."),
        "output": _part(bool(study.lines), "Answers come as columns of a table; what they mean is not in it.", "There is no answer."),
        "plan": Fact(PARTIAL, f"Plan with sha256 {provenance.plan[:12]}; where it can be read is not said.")
        if provenance.plan else Fact(MISSING, "No plan was fixed."),
        "metrics": Fact(REPORTED, "The methods paragraph names every method that was run."),
        "uncertainty": Fact(REPORTED, f"{all_}; {without} without an interval say why.")
        if study.lines else Fact(MISSING, "There is no number."),
        "multiplicity": Fact(PARTIAL, "p adjusted by Holm stand in the tables; no rule was fixed before.")
        if adjusted and not study.endpoints
        else Fact(PARTIAL, met) if several and not ruled
        else _either(
            bool(study.endpoints) or not tested, met if study.endpoints else "Nothing was tested.",
            "p are given; no rule over them was fixed.",
        ),
        "clustering": Fact(
            REPORTED, "What was randomised together (cluster) is the unit of all intervals; n and clusters stand beside each number."
            if study.title == TRIAL else "The patient is the unit of all intervals; n and patients stand beside each number.",
        ),
        "performance": Fact(MISSING, "There is no number.") if not study.lines
        else Fact(MISSING, NO_TRUTH[study.title]) if study.title in NO_TRUTH
        else Fact(PARTIAL, of_arms) if study.title in (TRIAL, READERS) else Fact(REPORTED, f"{all_} in results.csv."),
        "results": Fact(REPORTED, f"{all_} in results.csv.") if study.lines else Fact(MISSING, "There is no number."),
        "thresholds": Fact(MISSING, "Outcomes are given as columns; how they were called is not in the table.") if study.title == TRIAL
        else Fact(
            REPORTED if frozen and provenance.plan else PARTIAL,
            calls_sentence(provenance)
            + ("" if frozen and provenance.plan else " No plan fixed that file before." if frozen else " How that was chosen is not here."),
        ),
        "software": Fact(
            PARTIAL, f"Of this evaluation: Condyle {condyle.__version__}, its public source, numpy PCG64 with the seeds given. Hardware "
            "and software of what was judged are not in these tables.",
        ),
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
        else Fact(MISSING, NO_TRUTH[study.title]) if study.title in NO_TRUTH
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
