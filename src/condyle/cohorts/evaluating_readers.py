"""Reader studies, trials and ensembles on disk become evidence on disk: plan first, then the log, then the truth."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from condyle.cohorts.plan import Planned, log_opening, read_plan, unjudged
from condyle.cohorts.table import read_table
from condyle.errors import UsageError
from condyle.evaluate.ensemble import EnsembleScore, ensemble, fold_values, parse_members, views_missing
from condyle.evaluate.mrmc.analysis import Approach
from condyle.evaluate.mrmc.design import design_of, design_of_mask
from condyle.evaluate.mrmc.evidence import model_evidence, reader_evidence
from condyle.evaluate.mrmc.macro import macro
from condyle.evaluate.mrmc.model_study import model_study
from condyle.evaluate.mrmc.planning import Planning, plan_readers, planning_evidence
from condyle.evaluate.mrmc.study import METRICS, reader_study
from condyle.evaluate.mrmc.table import Truth, assemble, parse_reads, parse_truth
from condyle.evaluate.standalone import Settings
from condyle.evaluate.study_evidence import Claim, StudyEvidence
from condyle.evaluate.trial import parse_trial, trial_study
from condyle.evaluate.trial.evidence import trial_evidence
from condyle.evaluate.views import Views, views_evidence
from condyle.outputs import refuse_to_overwrite
from condyle.report.evidence import write_evidence
from condyle.report.provenance import Provenance


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
    """Judge a reader study: two arms against each other, or, with predictions, a model beside readers of one arm.

    Parameters
    ----------
    reads : reads.csv; truth : truth.csv (columns study_id, patient_id, finding, value, optional level, side)
    arms : the base and the other arm (one arm with predictions); none takes them from the plan's comparison, else from the table
    predictions : predictions.csv of a model; folds and views are averaged when the columns ``view`` and ``fold`` are there
    plan : YAML; its endpoints compare ('aided - unaided', 'model - readers'), and its ``mrmc`` fixes the approach
    approach : method, random and fixed factors; not beside a plan

    Raises
    ------
    UsageError - arms cannot be told, an approach beside a plan; InputError, TableError - a table has problems, all at once
    """
    reads, truth = Path(reads), Path(truth)
    refuse_to_overwrite(out)
    planned = None if plan is None else read_plan(plan)
    approach = _approach(planned, approach)
    said = parse_reads(read_table(reads, what="reading table").rows, where=reads.name)
    given = None if predictions is None else _predictions(Path(predictions))
    names = tuple(arms) or _arms(planned, tuple(dict.fromkeys(one.arm for one in said)), 1 if given is not None else 2)
    openings = log_opening(truth, planned.sha256 if planned else "", command="evaluate mrmc")
    known = parse_truth(read_table(truth, what="truth table").rows, where=truth.name)
    settings = _settings(planned, level)
    claims, other = _claims(planned, "model - readers" if given is not None else f"{names[1]} - {names[0]}")
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
        evidence = model_evidence(
            study, names[0], settings.of_bootstrap, claims=claims, alpha=settings.alpha, rule=settings.rule
        )
    else:
        missing = {}
        groups = dict(planned.plan.groups) if planned else {}
        found = reader_study(
            said, known, base=names[0], arm=names[1], groups_of_findings=groups, approach=approach, level=settings.level
        )
        evidence = reader_evidence(found, claims=claims, alpha=settings.alpha, rule=settings.rule)
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
    planned = None if plan is None else read_plan(plan)
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
    claims, other = _claims(planned, f"{arm} - {control}")
    units = parse_trial(table.rows, control=control, arm=arm, binary=binary, positive=clocks, where=trial.name)
    study = trial_study(units, binary=binary, times=clocks, baseline=baseline, level=settings.level)
    evidence = trial_evidence(study, claims=claims, alpha=settings.alpha, rule=settings.rule)
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
    planned = None if plan is None else read_plan(plan)
    settings = _settings(planned, level)
    claims, other = _claims(planned, "model - readers")
    sets: dict[str, Views] = {}
    files: list[Path] = []
    openings: list[object] = []
    for name in ("validation", "test", "external"):
        scores, truth = folder / f"{name}_predictions.csv", folder / f"{name}_truth.csv"
        if name == "external" and not scores.exists():
            continue
        members = parse_members(read_table(scores, what="prediction table").rows, where=scores.name)
        openings += log_opening(truth, planned.sha256 if planned else "", command="evaluate views")
        known = parse_truth(read_table(truth, what="truth table").rows, where=truth.name)
        values = {(one.finding, one.case): one.value for one in known}
        averaged = ensemble(members)
        sets[name] = Views(name, fold_values(members, values), averaged, values, views_missing(averaged))
        files += [scores, truth]
    readers = None
    if (folder / "reads.csv").exists():
        files.append(folder / "reads.csv")
        said = parse_reads(read_table(folder / "reads.csv", what="reading table").rows, where="reads.csv")
        truths = _truths(sets["test"])
        readers = model_study(
            {(one.finding, one.case): one.score for one in sets["test"].scores},
            dict(planned.thresholds) if planned else {},
            said,
            truths,
            arm=said[0].arm,
            level=settings.level,
            n=settings.n,
            seed=settings.seed,
        )
    evidence = views_evidence(
        tuple(sets.values()),
        dict(planned.thresholds) if planned else {},
        readers,
        claims=claims,
        alpha=settings.alpha,
        rule=settings.rule,
        settings=settings.of_bootstrap,
    )
    provenance = _provenance(files, planned, openings, other)
    return StudyEvaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


@dataclass(frozen=True, slots=True)
class _Settings:
    level: float
    alpha: float
    rule: str
    n: int
    seed: int

    @property
    def of_bootstrap(self) -> Settings:
        return Settings(self.level, self.n, self.seed)


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
    return _Settings(plan.level, plan.alpha, plan.multiplicity, plan.bootstrap.n, plan.bootstrap.seed)


def _claims(planned: Planned | None, comparison: str) -> tuple[tuple[Claim, ...], tuple[str, ...]]:
    """Endpoints of the plan that this analysis judges, and a sentence for each other one."""
    listed = planned.plan.endpoints if planned else ()
    own = [one for one in listed if one.comparison == comparison]
    return tuple(Claim(one.finding, one.metric, comparison, one.margin or 0.0, one.family) for one in own), unjudged(listed, own)


def _arms(planned: Planned | None, present: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Base and arm: from the plan's comparisons ('aided - unaided'), else from the table when it leaves no doubt."""
    comparisons = {one.comparison for one in planned.plan.endpoints if one.comparison} if planned else set()
    named = {tuple(reversed(one.split(" - "))) for one in comparisons if set(one.split(" - ")) <= set(present)}
    if count == 2 and len(named) == 1:
        return next(iter(named))
    if count == 2 and set(present) == {"unaided", "aided"}:
        return "unaided", "aided"
    if count == 1 and (len(present) == 1 or "unaided" in present):
        return (present[0] if len(present) == 1 else "unaided",)
    raise UsageError(
        "mrmc-arms",
        "Which arm is the base cannot be told.",
        why=f"The arms are {', '.join(present)}.",
        what_to_do="Name them: --base unaided --arm aided.",
    )


def _predictions(path: Path) -> tuple[tuple[EnsembleScore, ...], dict[str, int]]:
    """Scores of a model; a table without views and folds is one view of one fold."""
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
    return Provenance(digests, sha, name, thresholds, openings=(len(earlier), others), warnings=(*words, *said))


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
    planned = None if plan is None else read_plan(plan)
    if metric not in METRICS:
        raise UsageError("samplesize-metric", f"There is no metric {metric!r}.", what_to_do=f"Use {', '.join(METRICS)}.")
    reads, truth = Path(reads), Path(truth)
    said = parse_reads(read_table(reads, what="reading table").rows, where=reads.name)
    openings = log_opening(truth, planned.sha256 if planned else "", command="evaluate samplesize")
    known = parse_truth(read_table(truth, what="truth table").rows, where=truth.name)
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
