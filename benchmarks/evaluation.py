"""Evaluation: DeLong beside MLstatkit, patient bootstrap beside a loop of scikit-learn, a reader study, a whole evidence pack.

    python benchmarks/evaluation.py [--rounds 7] [--only delong,bootstrap,readers,pack] [--studies 5000] [--findings 12]

Asked for: DeLong at least 5 times as fast as MLstatkit, the bootstrap at least 20 times as fast as the loop, the reader study in
under 0.2 s, the pack in under a minute on two cores. The loop of scikit-learn runs ten resamples, and its seconds are
scaled to the thousand that ours does; replicates and p are compared, so that both answer the same question.

Needs scikit-learn and MLstatkit beside condyle[evaluate].
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from rounds import compare, machine, report

from condyle.anatomy import JOINTS
from condyle.evaluate.delong import compare_paired
from condyle.evaluate.mrmc import area_under_roc, obuchowski_rockette
from condyle.evaluate.mrmc.reads import Reads
from condyle.evaluate.resampling import ranking_draws, scored

LOOPED, RESAMPLES = 10, 1000


def delong(rounds: int, n: int = 20_000) -> None:
    from MLstatkit import Delong_test

    rng = np.random.default_rng(20261122)
    truth, shared = (rng.random(n) < 0.3).astype(int), rng.standard_normal(n)
    one, other = (
        np.round(1 / (1 + np.exp(-(gain * truth + 0.7 * shared + 0.7 * rng.standard_normal(n)))), 6) for gain in (1.2, 1.1)
    )
    found = compare(
        {"MLstatkit": lambda: Delong_test(truth, one, other), "condyle": lambda: compare_paired(truth, one, other)},
        reference="MLstatkit", rounds=rounds,
    )  # fmt: skip
    theirs, ours = found["MLstatkit"].last, found["condyle"].last
    print(f"\n## Paired DeLong, 2 models, n = {n}\n\n{report(found)}\n\np: {theirs[1]:.12g} and {ours.p:.12g}")
    assert abs(theirs[1] - ours.p) < 1e-9


def bootstrap(rounds: int, studies: int, findings: int) -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    truth = rng.random((findings, studies)) < 0.2
    score = 1 / (1 + np.exp(-rng.normal(2 * truth - 1)))
    problems = {str(k): scored(truth[k], score[k], np.arange(studies)) for k in range(findings)}

    def loop() -> np.ndarray:
        draws = np.random.default_rng(1)
        rows = [draws.integers(studies, size=studies) for _ in range(LOOPED)]
        return np.array([[roc_auc_score(truth[k][own], score[k][own]) for k in range(findings)] for own in rows])

    found = compare(
        {"scikit-learn": loop, "condyle": lambda: ranking_draws(problems, n=RESAMPLES, seed=1)}, reference="scikit-learn", rounds=rounds
    )
    ours = np.stack([one.auroc[:LOOPED] for one in found["condyle"].last.values()], axis=1)
    scale = RESAMPLES / LOOPED
    ratios = [scale * one for one in found["condyle"].ratios]
    seconds = [statistics.median(found[name].seconds) for name in found]
    print(
        f"\n## {RESAMPLES} patient bootstraps of {findings} AUROC, n = {studies}\n\n"
        f"scikit-learn {scale * seconds[0]:.1f} s (scaled from {LOOPED} resamples), condyle {seconds[1]:.2f} s; "
        f"ratio **{statistics.median(ratios):.1f}** ({min(ratios):.1f} to {max(ratios):.1f}, {rounds} rounds); "
        f"largest difference of a replicate {np.abs(found['scikit-learn'].last - ours).max():.1e}"
    )


def readers(rounds: int, arms: int = 2, count: int = 20, cases: int = 1000) -> None:
    rng = np.random.default_rng(3)
    ill = np.arange(cases) % 2 == 0
    score = ill * 1.2 + rng.normal(0, 0.6, cases) + rng.normal(0, 0.2, (arms, count, 1)) + rng.normal(0, 0.8, (arms, count, cases))
    names = tuple(map(str, range(cases)))
    study = Reads(("a", "b"), tuple(f"r{k}" for k in range(count)), names, names, np.arange(cases), ill, score)
    for method in ("delong", "jackknife"):
        seconds = []
        for _ in range(rounds + 1):
            start = time.perf_counter()
            obuchowski_rockette(area_under_roc(study), covariance=method)
            seconds.append(time.perf_counter() - start)
        kept = sorted(seconds[1:])
        print(
            f"\n## Obuchowski-Rockette, {arms} arms x {count} readers x {cases} cases, {method}\n\n"
            f"median **{statistics.median(kept):.3f} s** ({kept[0]:.3f} to {kept[-1]:.3f}, {rounds} rounds)"
        )


def pack(studies: int, findings: int) -> None:
    """From two tables on disk to the whole folder: numbers, 4 figures a finding as SVG and PNG, page, PDF, checklists."""
    from condyle.cohorts.evaluating import evaluate_predictions

    names = [entry.name for joint in JOINTS.values() for entry in joint.findings if entry.kind == "binary"][:findings]
    rng = np.random.default_rng(5)
    with tempfile.TemporaryDirectory() as folder:
        said, true = Path(folder) / "predictions.csv", Path(folder) / "truth.csv"
        with said.open("w", newline="") as one, true.open("w", newline="") as other:
            left, right = csv.writer(one), csv.writer(other)
            left.writerow(("study_id", "patient_id", "finding", "score", "decision"))
            right.writerow(("study_id", "patient_id", "finding", "value"))
            for study in range(studies):
                for name in names:
                    ill = int(rng.random() < 0.2)
                    score = 1 / (1 + np.exp(-rng.normal(2 * ill - 1)))
                    left.writerow((f"s{study}", f"p{study}", name, f"{score:.6f}", "present" if score >= 0.5 else "absent"))
                    right.writerow((f"s{study}", f"p{study}", name, ill))
        busy, start = sum(os.times()[:4]), time.perf_counter()
        done = evaluate_predictions(said, true, Path(folder) / "evidence")
        wall, worked = time.perf_counter() - start, sum(os.times()[:4]) - busy
        print(
            f"\n## Evidence pack of {len(names)} findings x {studies} studies\n\n**{wall:.1f} s** wall, {worked:.1f} s CPU: "
            f"{len(done.evidence.lines)} numbers, {len(done.files)} files"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="delong,bootstrap,readers,pack")
    parser.add_argument("--studies", type=int, default=5000)
    parser.add_argument("--findings", type=int, default=12)
    asked = parser.parse_args()
    parts = asked.only.split(",")
    print(machine("numpy", "scipy", "scikit-learn", "MLstatkit", "matplotlib"))
    if "delong" in parts:
        delong(asked.rounds)
    if "bootstrap" in parts:
        bootstrap(asked.rounds, asked.studies, asked.findings)
    if "readers" in parts:
        readers(asked.rounds)
    if "pack" in parts:
        pack(asked.studies, asked.findings)


if __name__ == "__main__":
    main()
