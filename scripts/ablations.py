"""Does each part of a recipe earn its place? One arm a part, trained with several seeds and judged on patients set apart.

    condyle simulate knee train --studies 400 --seed 1000 ... ; condyle simulate knee test --studies 200 --seed 5000 ...
    python scripts/ablations.py train test OUT [--recipe knee_nine] [--size study] [--seeds 2] [--arms all]

Killed, the same command goes on with the next run; what is prepared is kept in OUT/prepared and shared by all arms. A second process
with ``--backwards`` beside the first takes the runs from the end. Intervals are from a bootstrap of test patients, the same draws for
every arm, so differences from the first arm are paired. Each score is the mean over findings and seeds. Writes OUT/ablations.md and
OUT/ablations.json.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.cohort import Cohort, development, load_cohort
from condyle.cohorts.plan import log_opening
from condyle.errors import UsageError
from condyle.evaluate.bootstrap import sums_bootstrap
from condyle.evaluate.resampling import ranking_draws, scored
from condyle.train.keep import keep_array
from condyle.train.multiplane.calibrate import scores_of
from condyle.train.multiplane.learner import mean_auroc
from condyle.train.multiplane.localiser import fit_localiser
from condyle.train.multiplane.pipeline import (
    Fitted,
    Prepared,
    cut_studies,
    ensemble_logits,
    fit_prepared,
    lesions_of,
    prepare_studies,
    slot_specs,
)
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.multiplane.targets import targets_of
from condyle.train.recipe import load_recipe

Floats = NDArray[np.float64]
RESAMPLES = 2000
BINS = 10  # of equal width, of the calibration error


@dataclass(frozen=True)
class Arm:
    """One way to train: sections of the recipe that differ, the one input that is not hidden in training and test, the arm that it is
    compared with, and whether slices are described by the mean of their parts."""

    title: str
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    only: str = ""
    against: str = "whole"
    of_slices: bool = False


def arms_of(recipe: MultiplaneRecipe) -> dict[str, Arm]:
    slices = {"network": {"parts": 1}, "loss": {"places": 0}}
    return {
        "whole": Arm("the recipe as it is"),
        "no-places": Arm("labels of studies alone: nobody says where lesions lie", {"loss": {"places": 0}}),
        "no-aolm": Arm("no attention object localisation", {"network": {"attention": {"use": False}}}),
        **{f"only-{slot}": Arm(f"{slot} plane alone", only=slot) for slot in recipe.data.slots},
        "max": Arm("labels alone, places pooled by max", {"network": {"aggregate": "max"}, "loss": {"places": 0}}, against="no-places"),
        "slices": Arm("labels alone, means of whole slices, pooled by attention", slices, against="no-places", of_slices=True),
        "slices-max": Arm(
            "the same, pooled by max", {**slices, "network": {"parts": 1, "aggregate": "max"}}, against="slices", of_slices=True
        ),
        "sites": Arm("folds by site, not by patient", {"split": {"by": "site"}}),
        "no-localiser": Arm("no localiser: crops about the middle of each series", {"locate": {"use": False}}),
    }


def changed(recipe: MultiplaneRecipe, changes: Mapping[str, Mapping[str, Any]], seed: int) -> MultiplaneRecipe:
    content = recipe.model_dump(mode="json") | {"seed": seed}
    for section, values in changes.items():
        for key, value in values.items():
            old = content[section][key]
            content[section][key] = {**old, **value} if isinstance(old, dict) else value
    return MultiplaneRecipe.model_validate(content)


def both_prepared(recipe: MultiplaneRecipe, train: Cohort, test: Cohort, folder: Path, *, backwards: bool) -> tuple[Prepared, Prepared]:
    """The two cohorts ready. Backwards they are first prepared from the last study on, until what another process made is met."""
    studies = development(train).studies
    if backwards:
        found = fit_localiser(recipe.locate, studies, slot_specs(recipe), folder) if recipe.locate.use else None
        cut_studies(recipe, dict(reversed(test.studies.items())), found, folder, draws=0)
        cut_studies(recipe, dict(reversed(studies.items())), found, folder, lesions=lesions_of(recipe, train))
    mine = prepare_studies(recipe, train, folder)
    return mine, cut_studies(recipe, test.studies, mine.localiser, folder, draws=0)


def described(prepared: Prepared, folder: Path) -> Prepared:
    """The same with the features of whole slices: the means of those of their parts, which are as large as each other."""
    assert prepared.features is not None
    files = []
    for path in prepared.features.files:
        mean = folder / f"{path.name.partition('.')[0]}.slices.npy"
        if not mean.is_file():
            parts = np.load(path, mmap_mode="r", allow_pickle=False)
            keep_array(mean, parts.reshape(*parts.shape[:3], prepared.store.shown.shape[2], -1, parts.shape[-1]).mean(4, np.float32))
        files.append(mean)
    return replace(prepared, features=replace(prepared.features, files=tuple(files), marks=()))


def hidden(prepared: Prepared, recipe: MultiplaneRecipe, arm: Arm) -> Prepared:
    if not arm.only:
        return prepared
    hide = np.array([slot != arm.only for slot in recipe.data.slots])
    return prepared.without(np.tile(hide, (len(prepared.store), 1)))


def missing(prepared: Prepared, count: int, seed: int) -> Prepared:
    """Without ``count`` of the inputs of each study, drawn; never without the last."""
    rng = np.random.default_rng([seed, count])
    there = np.asarray(prepared.store.shown.any(axis=2))
    hide = np.zeros_like(there)
    for row, own in enumerate(there):
        places = rng.permutation(np.flatnonzero(own))
        hide[row, places[: min(count, len(places) - 1)]] = True
    return prepared.without(hide)


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Whether this process alone has the run; a process that dies lets go of it."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def run(
    name: str, arm: Arm, recipe: MultiplaneRecipe, seed: int, train: tuple[Cohort, Prepared], test: tuple[Cohort, Prepared], out: Path
) -> None:
    """Train one arm with one seed; keep its logits of test patients, calibrated scores and held-out AUROC."""
    kept = out / f"{name}-seed{seed}.npz"
    if kept.is_file():
        return
    begun, busy = time.monotonic(), sum(os.times()[:4])
    own = changed(recipe, arm.changes, recipe.seed + seed)
    ours, theirs = (described(one[1], out / "prepared") if arm.of_slices else one[1] for one in (train, test))
    fitted = fit_prepared(own, train[0], hidden(ours, own, arm), out / f"{name}-seed{seed}.work")
    unseen = hidden(theirs, own, arm)
    rows = np.arange(len(unseen.store))
    told: dict[str, Any] = {"logits": ensemble_logits(list(fitted.members), own, unseen, rows)}
    told["scores"] = scores_of(told["logits"], fitted.calibration, own.data.findings)
    told |= {"held_out": fitted.validation["mean_auroc"], "held_low_high": held_out_limits(fitted, train[0])}
    if name == "whole":
        for count in (1, 2):
            told[f"missing{count}"] = ensemble_logits(list(fitted.members), own, missing(unseen, count, seed), rows)
    told |= {"seconds": time.monotonic() - begun, "cpu_seconds": sum(os.times()[:4]) - busy}
    part = kept.with_suffix(".part.npz")
    np.savez(part, **told)
    part.replace(kept)


def held_out_limits(fitted: Fitted, cohort: Cohort) -> list[float]:
    """95 % limits, over patients, of the mean AUROC of the studies that training held out."""
    held = ~np.isnan(fitted.out_of_fold).all(axis=1)
    who = np.array([cohort.patients[study] for study in fitted.store.studies])[held]
    problems = {}
    for column, (truth, logits) in enumerate(zip(fitted.targets[held].T, fitted.out_of_fold[held].T, strict=True)):
        known = ~np.isnan(truth)
        if 0 < (truth[known] > 0.5).sum() < known.sum():
            problems[str(column)] = scored(truth[known] > 0.5, logits[known], who[known])
    return _limits(np.mean([one.auroc for one in ranking_draws(problems, n=RESAMPLES, seed=0).values()], axis=0))


def judge(
    out: Path, arms: Mapping[str, Arm], seeds: int, targets: NDArray[np.float32], patients: Sequence[str], findings: Sequence[str]
) -> dict[str, Any]:
    """Every finished arm with intervals, its difference from the first, calibration before and after, each finding of the first."""
    rows: dict[str, list[NDArray[np.float32]]] = {}
    held: dict[str, list[list[float]]] = {}
    cost: dict[str, list[float]] = {}
    calibration: list[tuple[Floats, Floats]] = []
    for name in arms:
        pieces = [np.load(path) for seed in range(seeds) if (path := out / f"{name}-seed{seed}.npz").is_file()]
        if len(pieces) < seeds:  # an ensemble of fewer would be another experiment (fault G47)
            continue
        rows[name] = [piece["logits"] for piece in pieces]
        held[name] = [[float(piece["held_out"]), *map(float, piece["held_low_high"])] for piece in pieces]
        cost[name] = [float(piece["cpu_seconds"]) for piece in pieces]
        if name == "whole":
            for count in (1, 2):
                rows[f"missing{count}"] = [piece[f"missing{count}"] for piece in pieces]
            calibration = [(1 / (1 + np.exp(-piece["logits"].astype(float))), piece["scores"]) for piece in pieces]
    who = np.asarray(patients)
    problems = {
        (name, seed, column): scored((truth := targets[:, column])[known := ~np.isnan(truth)] > 0.5, logits[known, column], who[known])
        for name, every in rows.items() for seed, logits in enumerate(every) for column in range(len(findings))
    }  # fmt: skip
    draws = ranking_draws({"/".join(map(str, key)): one for key, one in problems.items()}, n=RESAMPLES, seed=0)
    point = {name: float(np.mean([mean_auroc(targets, one) for one in every])) for name, every in rows.items()}

    def mean_of(name: str, columns: Sequence[int]) -> Floats:
        every = [draws[f"{name}/{seed}/{column}"].auroc for seed in range(seeds) for column in columns]
        return np.asarray(np.mean(every, axis=0))

    whole = range(len(findings))
    table = {}
    for name in rows:
        own, against = mean_of(name, whole), arms[name].against if name in arms else "whole"
        if against not in rows:
            against = "whole"
        table[name] = {
            "auroc": point[name], "low_high": _limits(own), "against": against,
            "difference": point[name] - point[against], "difference_low_high": _limits(own - mean_of(against, whole)),
            "seeds": [mean_auroc(targets, one) for one in rows[name]], "held_out": held.get(name), "cpu_seconds": cost.get(name),
        }  # fmt: skip
    each = {
        finding: {"auroc": float(np.mean([mean_auroc(targets[:, [k]], one[:, [k]]) for one in rows["whole"]])),
                  "low_high": _limits(mean_of("whole", [k])), "positives": int((targets[:, k] > 0.5).sum())}
        for k, finding in enumerate(findings)
    }  # fmt: skip
    return {"arms": table, "findings": each, "calibration": _calibration(calibration, targets, who), "patients": len(set(patients))}


def _limits(draws: Floats) -> list[float]:
    low, high = np.nanpercentile(draws, (2.5, 97.5))
    return [float(low), float(high)]


def _calibration(pairs: Sequence[tuple[Floats, Floats]], targets: NDArray[np.float32], patients: NDArray[np.str_]) -> dict[str, Any]:
    """Brier score, log loss and calibration error before and after calibration, mean over findings and seeds, and paired differences."""
    known = ~np.isnan(targets)
    truth = np.nan_to_num(targets) > 0.5

    def per_study(scores: Floats, kind: str) -> Floats:
        own = np.clip(scores, 1e-6, 1 - 1e-6)
        loss = (own - truth) ** 2 if kind == "brier" else -np.log(np.where(truth, own, 1 - own))
        return np.asarray((loss * known).sum(axis=1))

    out = {}
    for kind in ("brier", "log_loss"):
        before, after = (np.mean([per_study(pair[which], kind) for pair in pairs], axis=0) for which in (0, 1))
        found = sums_bootstrap(
            np.column_stack([before, after, known.sum(axis=1)]),
            lambda s: {
                "before": s[..., 0] / s[..., 2], "after": s[..., 1] / s[..., 2],
                "change": (s[..., 1] - s[..., 0]) / s[..., 2],
            },
            patients, n=RESAMPLES, seed=0,
        )  # fmt: skip
        out[kind] = {name: [one.estimate, one.low, one.high] for name, one in found.items()}
    # The expected calibration error of a finding: share of studies in a bin times the distance of mean score and share of positives,
    # summed over bins; that is |sum of (score - truth)| over the bins, by the number of studies.
    cells = []
    for which in (0, 1):
        for pair in pairs:
            place = np.minimum((pair[which] * BINS).astype(int), BINS - 1)
            excess = np.where(known, pair[which] - truth, 0.0)
            cells.append((excess[:, :, None] * (place[:, :, None] == np.arange(BINS))).reshape(len(excess), -1))
    findings = targets.shape[1]

    def errors(sums: Floats) -> dict[str, Floats]:
        studies = sums[..., -findings:]
        own = np.abs(sums[..., :-findings]).reshape(*sums.shape[:-1], 2, len(pairs), findings, BINS).sum(-1) / studies[..., None, None, :]
        before, after = np.moveaxis(own.mean((-1, -2)), -1, 0)
        return {"before": before, "after": after, "change": after - before}

    found = sums_bootstrap(np.column_stack([*cells, known]), errors, patients, n=RESAMPLES, seed=0)
    out["expected_calibration_error"] = {name: [one.estimate, one.low, one.high] for name, one in found.items()}
    return out


def written(found: Mapping[str, Any], titles: Mapping[str, str], command: str) -> str:
    lines = [
        f"Test: {found['patients']} patients; mean AUROC over findings and seeds, 95 % intervals over patients. `{command}`", "",
        "| arm | AUROC | difference from the first or the arm named (paired) | seeds | held-out AUROC in training | CPU s a run |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, own in found["arms"].items():
        (a, b), (c, d) = own["low_high"], own["difference_low_high"]
        change = "" if name == "whole" else f"{own['difference']:+.3f} ({c:+.3f} to {d:+.3f})"
        change += f" from {titles[own['against']]!r}" if own["against"] != "whole" else ""
        seeds = ", ".join(f"{one:.3f}" for one in own["seeds"])
        held = ", ".join(f"{one:.3f} ({low:.3f} to {high:.3f})" for one, low, high in own["held_out"] or ())
        cost = f"{np.mean(own['cpu_seconds']):.0f}" if own["cpu_seconds"] else ""
        lines.append(f"| {titles[name]} | {own['auroc']:.3f} ({a:.3f} to {b:.3f}) | {change} | {seeds} | {held} | {cost} |")
    lines += ["", "| finding, the recipe as it is | AUROC | positives |", "|---|---|---|"]
    for name, own in found["findings"].items():
        lines.append(f"| {name} | {own['auroc']:.3f} ({own['low_high'][0]:.3f} to {own['low_high'][1]:.3f}) | {own['positives']} |")
    lines += ["", "| calibration | before | after | change (paired) |", "|---|---|---|---|"]
    for kind, own in found["calibration"].items():
        before, after, change = (f"{own[key][0]:.4f} ({own[key][1]:.4f} to {own[key][2]:.4f})" for key in ("before", "after", "change"))
        lines.append(f"| {kind.replace('_', ' ')} | {before} | {after} | {change} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipe", default="knee_nine")
    parser.add_argument("--size", default="study", choices=("smoke", "study", "full"))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--arms", default="all", help="names, separated by commas; the first arm is always run")
    parser.add_argument("--backwards", action="store_true", help="take the runs, and the studies to prepare, from the end")
    given = parser.parse_args(arguments)
    recipe = load_recipe(given.recipe, size=given.size)
    if not isinstance(recipe, MultiplaneRecipe):
        raise UsageError("no-arms", "Only recipes of the family multiplane have arms.", what_to_do="Name another recipe.")
    every = arms_of(recipe)
    arms = {name: arm for name, arm in every.items() if name == "whole" or given.arms == "all" or name in given.arms.split(",")}
    train, test = load_cohort(given.train), load_cohort(given.test)
    if both := set(train.patients.values()) & set(test.patients.values()):
        raise UsageError(
            "patients-on-both-sides", f"{len(both)} patients are in both cohorts.", why="The test would be of patients who trained.",
            what_to_do="Simulate the two cohorts with seeds that lie further apart than their sizes.",
        )  # fmt: skip
    given.out.mkdir(parents=True, exist_ok=True)
    log_opening(given.test / "labels.csv", "", command="scripts/ablations.py")
    ready: dict[bool, tuple[Prepared, Prepared]] = {}

    def prepared(located: bool) -> tuple[Prepared, Prepared]:
        if located not in ready:
            # Attention off reads the first pass of features that were kept with it on.
            base, begun = changed(recipe, {"locate": {"use": located}}, recipe.seed), time.monotonic()
            ready[located] = both_prepared(base, train, test, given.out / "prepared", backwards=given.backwards)
            print(f"prepared, localiser {located}: {time.monotonic() - begun:.0f} s", flush=True)
        return ready[located]

    runs = [(seed, name) for seed in range(given.seeds) for name in arms]
    for seed, name in reversed(runs) if given.backwards else runs:
        with claimed(given.out / f"{name}-seed{seed}.claim") as mine:
            if mine and not (given.out / f"{name}-seed{seed}.npz").is_file():
                ours, theirs = prepared(changed(recipe, arms[name].changes, recipe.seed).locate.use)
                run(name, arms[name], recipe, seed, (train, ours), (test, theirs), given.out)
                print(f"done: {name}, seed {seed}", flush=True)
    missing_runs = [f"{name}-seed{seed}" for seed, name in runs if not (given.out / f"{name}-seed{seed}.npz").is_file()]
    if any(one.startswith("whole") for one in missing_runs):
        print(f"not finished: {', '.join(missing_runs)}", flush=True)
        return
    studies = tuple(test.studies)
    targets, _ = targets_of(test.labels, studies, recipe.data.findings)
    found = judge(given.out, arms, given.seeds, targets, [test.patients[study] for study in studies], recipe.data.findings)
    titles = {name: arm.title for name, arm in arms.items()}
    titles |= {"missing1": "one plane of each test study missing", "missing2": "two planes missing"}
    (given.out / "ablations.json").write_text(json.dumps(found, indent=1) + "\n")
    command = f"python scripts/ablations.py {given.train.name} {given.test.name} {given.out.name} --size {given.size} --seeds {given.seeds}"
    (given.out / "ablations.md").write_text(written(found, titles, command))


if __name__ == "__main__":
    main()
