"""Reader studies, trials and ensembles on disk become evidence on disk: plan first, then the log, then the truth."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from condyle.cohorts.evaluation import claim_of, in_whole_plan, judged_values, plan_beside, rule_of, without_threshold
from condyle.cohorts.plan import EndpointPlan, Planned, log_opening, unjudged
from condyle.cohorts.predictions import NO_PREDICTION, NO_TRUTH
from condyle.cohorts.table import all_read, read_table, together, told_rows
from condyle.errors import InputError, UsageError
from condyle.evaluate.ensemble import EnsembleScore, MemberScore, ensemble, fold_values, parse_members, views_missing
from condyle.evaluate.mrmc.analysis import Approach
from condyle.evaluate.mrmc.design import design_of, design_of_mask
from condyle.evaluate.mrmc.evidence import model_evidence, reader_evidence
from condyle.evaluate.mrmc.macro import macro
from condyle.evaluate.mrmc.model_study import ModelStudy, model_study
from condyle.evaluate.mrmc.planning import Planning, plan_readers, planning_evidence
from condyle.evaluate.mrmc.study import METRICS, reader_study
from condyle.evaluate.mrmc.table import Read, Truth, assemble, parse_reads, parse_truth
from condyle.evaluate.standalone import Settings
from condyle.evaluate.study_evidence import Sheet, StudyEvidence
from condyle.evaluate.trial import parse_trial, trial_study
from condyle.evaluate.trial.evidence import trial_evidence
from condyle.evaluate.views import Views, views_evidence
from condyle.outputs import refuse_to_overwrite
from condyle.report.evidence import write_evidence
from condyle.report.provenance import Provenance

SETS = ("validation", "test", "external")


@dataclass(frozen=True, slots=True)
class StudyEvaluated:
    """What an evaluation left."""

    evidence: StudyEvidence
    provenance: Provenance
    files: tuple[Path, ...]


def evaluate_readers(
    reads: Path | str,
    truth: Path | str,
    out: Path | str,
    *,
    arms: Sequence[str] = (),
    predictions: Path | str | None = None,
    plan: Path | str | None = None,
    approach: Approach | None = None,
    level: float = 0.95,
    figures: bool = True,
) -> StudyEvaluated:
    """Judge a reader study: two arms or more against each other, or, with predictions, a model beside readers of one arm.

    Parameters
    ----------
    reads : reads.csv; truth : truth.csv (columns study_id, patient_id, finding, value, optional level, side)
    arms : the base and the other arms (one arm with predictions); none takes them from the plan (``mrmc.arms``, else its comparisons),
        else from the table
    predictions : predictions.csv of a model; folds and views are averaged when the columns ``view`` and ``fold`` are there
    plan : YAML; its endpoints compare ('aided - unaided', 'model - readers'), and its ``mrmc`` fixes the approach
    approach : method, random and fixed factors; not beside a plan

    Raises
    ------
    UsageError - arms cannot be told, an approach beside a plan; InputError, TableError - a table has problems, all at once
    """
    reads, truth = Path(reads), Path(truth)
    refuse_to_overwrite(out)
    reading, scoring = partial(_reads, reads), partial(_predictions, predictions)
    planned = plan_beside(plan, reading, scoring)
    approach = _approach(planned, approach)
    said, given, (known, openings) = together(reading, scoring, partial(_open_truth, truth, planned, "evaluate mrmc"))
    names = tuple(arms) or _arms(planned, tuple(dict.fromkeys(one.arm for one in said)), 1 if given is not None else 2)
    settings = _settings(planned, level)
    pairs = [f"{later} - {earlier}" for earlier, later in itertools.combinations(names, 2)]
    own, other = _claims(planned, ["model - readers"] if given is not None else pairs)
    claims = [claim_of(one) for one in own]
    if given is not None:
        scores, missing = given
        study = model_study(
            {(one.finding, one.case): one.score for one in scores},
            dict(planned.thresholds) if planned else {},
            said,
            known,
            arm=names[0],
            groups_of_findings=dict(planned.plan.groups) if planned else {},
            approach=approach,
            level=settings.level,
            n=settings.n,
            seed=settings.seed,
        )
        other = (*other, *without_threshold(said, planned.thresholds if planned else {}))
        evidence = model_evidence(
            study, names[0], settings.of_bootstrap, claims=claims, alpha=settings.alpha, rule=settings.rule
        )
    else:
        missing = {}
        groups = dict(planned.plan.groups) if planned else {}
        found = reader_study(
            said, known, arms=names, groups_of_findings=groups, approach=approach, level=settings.level
        )
        evidence = reader_evidence(found, claims=claims, alpha=settings.alpha, rule=settings.rule)
    evidence = in_whole_plan(evidence, planned, own)
    files = [reads, truth, *([Path(predictions)] if predictions else [])]
    provenance = _provenance(
        files,
        planned,
        openings,
        (*other, *(f"{count} cases have no {view} view; they keep the others." for view, count in missing.items())),
    )
    return StudyEvaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


def evaluate_trial(
    trial: Path | str,
    out: Path | str,
    *,
    control: str,
    arm: str,
    outcomes: Sequence[str] = (),
    times: Sequence[str] = (),
    baseline: Sequence[str] = (),
    plan: Path | str | None = None,
    level: float = 0.95,
    figures: bool = True,
) -> StudyEvaluated:
    """Judge a randomised trial.

    Parameters
    ----------
    trial : trial.csv
    control, arm : names of the arms; differences are arm - control
    outcomes, times, baseline : columns; no outcomes takes every column that begins with ``correct_``, no times ``seconds`` if there
    """
    trial = Path(trial)
    refuse_to_overwrite(out)
    planned = plan_beside(plan, lambda: read_table(trial, what="trial table"))
    openings = log_opening(trial, planned.sha256 if planned else "", command="evaluate trial")
    table = read_table(trial, what="trial table")
    binary = tuple(outcomes) or tuple(name for name in table.columns if name.startswith("correct_"))
    clocks = tuple(times) or tuple(name for name in ("seconds",) if name in table.columns)
    if not binary and not clocks:
        raise UsageError(
            "trial-outcomes",
            "The trial table has no outcome.",
            why="Outcomes are columns named correct_..., or seconds.",
            what_to_do="Name the columns with --outcome or --time.",
        )
    settings = _settings(planned, level)
    own, other = _claims(planned, [f"{arm} - {control}"])
    units = parse_trial(table.rows, control=control, arm=arm, binary=binary, positive=clocks, where=trial.name)
    study = trial_study(units, binary=binary, times=clocks, baseline=baseline, level=settings.level)
    evidence = trial_evidence(study, claims=[claim_of(one) for one in own], alpha=settings.alpha, rule=settings.rule)
    evidence = in_whole_plan(evidence, planned, own)
    provenance = _provenance([trial], planned, openings, other)
    return StudyEvaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


def evaluate_views(
    folder: Path | str, out: Path | str, *, plan: Path | str | None = None, level: float = 0.95, figures: bool = True
) -> StudyEvaluated:
    """Judge an ensemble of folds and views: its folds on validation, the ensemble on test and external sets, readers beside it.

    Parameters
    ----------
    folder : holds ``<set>_predictions.csv`` and ``<set>_truth.csv`` for the sets validation, test and (optional) external, and
        (optional) ``reads.csv`` of readers of the test set
    """
    folder = Path(folder)
    refuse_to_overwrite(out)
    names = [name for name in SETS if name != "external" or (folder / f"{name}_predictions.csv").exists()]
    paths = {name: (folder / f"{name}_predictions.csv", folder / f"{name}_truth.csv") for name in names}
    reads = folder / "reads.csv"
    reading = partial(_reads_if_there, reads)
    members = [partial(_members, scores) for scores, _ in paths.values()]
    planned = plan_beside(plan, *members, reading)
    settings = _settings(planned, level)
    scored, opened, said = together(
        lambda: all_read(members),
        lambda: all_read([partial(_open_truth, truth, planned, "evaluate views") for _, truth in paths.values()]),
        reading,
    )
    _refuse_patients_of_two_sets({name: {one.patient for one in known} for name, (known, _) in zip(names, opened, strict=True)})
    sets: dict[str, Views] = {}
    stray: list[tuple[str, str, int, str, str]] = []
    for name, own, (known, _) in zip(names, scored, opened, strict=True):
        values = {(one.finding, one.case): one.value for one in known}
        averaged = ensemble(own)
        lacking = _unread(own, known)
        sets[name] = Views(
            name, fold_values(own, values), averaged, values, views_missing(averaged),
            {finding: tuple((one.patient, float(one.value or 0)) for one in rows) for finding, rows in lacking.items()},
        )  # fmt: skip
        stray += [(name, "truth", one.row, one.study, NO_PREDICTION) for rows in lacking.values() for one in rows]
        stray += [(name, "predictions", one.row, one.study, NO_TRUTH) for one in own if (one.finding, one.case) not in values]
    thresholds = dict(planned.thresholds) if planned else {}
    readers, undone = _beside_readers(sets["test"], thresholds, said, settings)
    if thresholds and said is not None:
        undone = (*without_threshold(said, thresholds), *undone)
    if not thresholds:
        undone = ("No threshold was frozen: sensitivity and specificity are not given. Name a file of thresholds in a plan.", *undone)
    compared, _ = _claims(planned, ["model - readers"]) if readers is not None else ([], ())
    claims = [claim_of(one) for one in compared]
    evidence = views_evidence(
        tuple(sets.values()), thresholds, readers, claims=claims, alpha=settings.alpha, rule=settings.rule, settings=settings.of_bootstrap
    )
    at_test = [replace(line, site="all") for line in evidence.lines if line.site == "test"]
    valued, judged = judged_values(planned, at_test)
    evidence = in_whole_plan(replace(evidence, endpoints=(*evidence.endpoints, *judged)), planned, [*compared, *valued])
    other = unjudged(planned.plan.endpoints, [*compared, *valued]) if planned else ()
    told = _told_stray(stray, settings.of_bootstrap.failures)
    evidence = replace(evidence, sheets=(*evidence.sheets, *([Sheet("unmatched", UNMATCHED, STRAY, stray, long=True)] if stray else [])))
    files = [path for pair in paths.values() for path in pair] + ([reads] if said is not None else [])
    provenance = _provenance(files, planned, [line for _, lines in opened for line in lines], (*told, *undone, *other))
    return StudyEvaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


UNMATCHED, STRAY = "Rows without a counterpart", ("Of", "Table", "Row", "Study", "Why")


def _unread(said: Sequence[MemberScore], known: Sequence[Truth]) -> dict[str, list[Truth]]:
    """finding -> cases of known truth that no member has scored, of the findings that are scored at all."""
    scored = {(one.finding, one.case) for one in said}
    found: dict[str, list[Truth]] = {one.finding: [] for one in said}
    for one in known:
        if one.finding in found and one.value is not None and (one.finding, one.case) not in scored:
            found[one.finding].append(one)
    return found


def _told_stray(stray: Sequence[tuple[str, str, int, str, str]], failures: str) -> tuple[str, ...]:
    """A sentence for each set and table with rows that lack their counterpart."""
    ends = {"truth": f"they are {'left out' if failures == 'exclude' else 'counted as wrong'}", "predictions": "they are judged nowhere"}
    found = []
    for name, table, why in dict.fromkeys((name, table, why) for name, table, _, _, why in stray):
        rows = [row for of, which, row, _, _ in stray if (of, which) == (name, table)]
        found.append(f"{name}: {why}, {len(rows)} of the {table} (rows {told_rows(rows)}); {ends[table]}. Each is named in unmatched.csv.")
    return tuple(found)


def _refuse_patients_of_two_sets(sets: Mapping[str, set[str]]) -> None:
    for one, other in itertools.combinations(sets, 2):
        common = len(sets[one] & sets[other])
        if common:
            raise InputError(
                "views-common-patients", f"{common} patients are in the {one} and in the {other} set.",
                why="A set that shares patients with the one that tuned the model, or with another set, is no new evidence.",
                what_to_do="Keep each patient in one set, or make the ids of different places distinct (site-id).",
            )  # fmt: skip


def _beside_readers(
    test: Views, thresholds: Mapping[str, float], said: tuple[Read, ...] | None, settings: _Settings
) -> tuple[ModelStudy | None, tuple[str, ...]]:
    """The ensemble beside the readers of the test set, or None and why there is nothing to compare."""
    if said is None:
        return None, ()
    scores = {(one.finding, one.case): one.score for one in test.scores}
    how = {"arm": said[0].arm, "level": settings.level, "n": settings.n, "seed": settings.seed}
    try:
        return model_study(scores, thresholds, said, _truths(test), **how), ()  # type: ignore[arg-type]
    except InputError as error:
        if error.code != "model-study-none":
            raise
        return None, (f"The readers are not compared with the ensemble: {error.what} {error.what_to_do}",)


@dataclass(frozen=True, slots=True)
class _Settings:
    level: float
    alpha: float
    rule: str
    n: int
    seed: int
    failures: str = "exclude"
    proportions: str = "wilson"

    @property
    def of_bootstrap(self) -> Settings:
        return Settings(self.level, self.n, self.seed, self.proportions, self.failures)


def _approach(planned: Planned | None, asked: Approach | None) -> Approach:
    """The plan's, or what was asked for without a plan."""
    if planned is None:
        return asked or Approach()
    if asked not in (None, Approach()):
        raise UsageError(
            "plan-fixes", "The plan fixes how readers are analysed.", why="--method, --readers or --cases was given beside it.",
            what_to_do="Change its section mrmc, or leave these options out.",
        )  # fmt: skip
    return Approach(planned.plan.mrmc.method, planned.plan.mrmc.readers, planned.plan.mrmc.cases)


def _settings(planned: Planned | None, level: float) -> _Settings:
    if planned is None:
        return _Settings(level, 0.05, "holm", 2000, 0)
    plan = planned.plan
    return _Settings(plan.confidence, plan.alpha, plan.multiplicity, plan.bootstrap.n, plan.bootstrap.seed, plan.failures, plan.proportions)


def _claims(planned: Planned | None, comparisons: Sequence[str]) -> tuple[list[EndpointPlan], tuple[str, ...]]:
    """Endpoints of the plan that this analysis judges, and a sentence for each other one."""
    listed = planned.plan.endpoints if planned else ()
    own = [one for one in listed if one.comparison in comparisons]
    return own, unjudged(listed, own)


def _arms(planned: Planned | None, present: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Base and other arms: as the plan lists or compares them ('aided - unaided'), else from the table when it leaves no doubt."""
    if count == 2 and planned and planned.plan.mrmc.arms:
        return planned.plan.mrmc.arms
    comparisons = {one.comparison for one in planned.plan.endpoints if one.comparison} if planned else set()
    named = {tuple(reversed(one.split(" - "))) for one in comparisons if set(one.split(" - ")) <= set(present)}
    if count == 2 and len(named) == 1 and len(present) == 2:
        return next(iter(named))
    if count == 2 and len(present) > 1 and "unaided" in present:
        return ("unaided", *(one for one in present if one != "unaided"))
    if count == 1 and (len(present) == 1 or "unaided" in present):
        return (present[0] if len(present) == 1 else "unaided",)
    raise UsageError(
        "mrmc-arms",
        "Which arm is the base cannot be told.",
        why=f"The arms are {', '.join(present)}.",
        what_to_do="Name them, the base first: --base unaided --arm aided (--arm may be given again).",
    )


def _reads(path: Path) -> tuple[Read, ...]:
    return parse_reads(read_table(path, what="reading table").rows, where=path.name)


def _reads_if_there(path: Path) -> tuple[Read, ...] | None:
    return _reads(path) if path.exists() else None


def _members(path: Path) -> tuple[MemberScore, ...]:
    return parse_members(read_table(path, what="prediction table").rows, where=path.name)


def _open_truth(path: Path, planned: Planned | None, command: str) -> tuple[tuple[Truth, ...], Sequence[object]]:
    """The truth of readers, and the earlier lines of its log; the opening is logged first."""
    earlier = log_opening(path, planned.sha256 if planned else "", command=command)
    return parse_truth(read_table(path, what="truth table").rows, where=path.name), earlier


def _predictions(given: Path | str | None) -> tuple[tuple[EnsembleScore, ...], dict[str, int]] | None:
    """Scores of a model; a table without views and folds is one view of one fold."""
    if given is None:
        return None
    path = Path(given)
    rows = [(number, {"view": "all", "fold": "all", **cells}) for number, cells in read_table(path, what="prediction table").rows]
    averaged = ensemble(parse_members(rows, where=path.name))
    return averaged, views_missing(averaged)


def _truths(one: Views) -> tuple[Truth, ...]:
    patients = {score.study: score.patient for score in one.scores}
    return tuple(
        Truth(case[0], patients.get(case[0], case[0]), finding, case[1], case[2], value) for (finding, case), value in one.truth.items()
    )


def _provenance(files: Sequence[Path], planned: Planned | None, earlier: Sequence[object], said: tuple[str, ...]) -> Provenance:
    sha = planned.sha256 if planned else ""
    others = sum(isinstance(one, dict) and one.get("plan_sha256") != sha for one in earlier)
    words = (f"The truth was opened {others} times before with another plan or none.",) if others and planned else ()
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    thresholds = f"frozen file, sha256 {planned.thresholds_sha256}" if planned and planned.thresholds_sha256 else "decisions of the readers"
    name = planned.plan.name if planned else ""
    frozen = dict(planned.thresholds) if planned else {}
    return Provenance(
        digests, sha, name, thresholds, openings=(len(earlier), others), warnings=(*words, *said), frozen=frozen, rule=rule_of(planned)
    )


def plan_study(
    reads: Path | str,
    truth: Path | str,
    out: Path | str | None = None,
    *,
    finding: str,
    metric: str,
    base: str,
    arm: str,
    effect: float,
    readers: Sequence[int],
    patients: Sequence[int] = (),
    wanted: float = 0.8,
    plan: Path | str | None = None,
    figures: bool = True,
) -> tuple[Planning, StudyEvaluated | None]:
    """Plan a crossed study of two arms from the variance components of a pilot of two arms.

    Parameters
    ----------
    out : folder of evidence; None writes nothing
    finding : or a group of findings of the plan, whose macro average it then is
    plan : YAML; its alpha and groups are used
    """
    if out is not None:
        refuse_to_overwrite(out)
    reads, truth = Path(reads), Path(truth)
    reading = partial(_reads, reads)
    planned = plan_beside(plan, reading)
    if metric not in METRICS:
        raise UsageError("samplesize-metric", f"There is no metric {metric!r}.", what_to_do=f"Use {', '.join(METRICS)}.")
    said, (known, openings) = together(reading, partial(_open_truth, truth, planned, "evaluate samplesize"))
    column, figure = METRICS[metric]
    members = dict(planned.plan.groups).get(finding, (finding,)) if planned else (finding,)
    gathered = [assemble(said, known, one, value=column, arms=(base, arm)).reads for one in members]
    made = figure(gathered[0]) if len(gathered) == 1 else macro([figure(one) for one in gathered])
    found = plan_readers(
        made, design_of_mask(np.moveaxis(made.used, 0, 2)) if len(gathered) > 1 else design_of(gathered[0]), finding=finding, metric=metric,
        base=base, arm=arm, effect=effect, readers=readers, patients=patients, wanted=wanted, alpha=_settings(planned, 0.95).alpha,
    )  # fmt: skip
    if out is None:
        return found, None
    evidence = planning_evidence(found)
    provenance = _provenance([reads, truth], planned, openings, ())
    return found, StudyEvaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))
