"""Evaluation: patient bootstrap of twelve AUROC beside a loop of scikit-learn, and the evidence of twelve findings.

The loop runs ten resamples and is scaled to the thousand that ours does; the first of each are compared, so that both answer
the same question. CPU seconds of one process.

    python benchmarks/evaluation.py [--studies 5000] [--findings 12]

Needs scikit-learn beside condyle.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn.metrics import roc_auc_score

from condyle.evaluate.evidence import gather
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.resampling import ranking_draws, scored
from condyle.evaluate.standalone import Settings


def tables(studies: int, findings: int) -> list[FindingTable]:
    rng = np.random.default_rng(0)
    patients, text, none = np.arange(studies).astype(str), np.array([""] * studies), np.full(studies, np.nan)
    found = []
    for number in range(findings):
        truth = (rng.random(studies) < 0.2).astype(float)
        score = 1 / (1 + np.exp(-rng.normal(2 * truth - 1)))
        called = (score > 0.5).astype(float)
        found.append(
            FindingTable(f"finding {number}", "binary", patients, patients, text, text, truth, score, none, called, np.zeros(studies, bool))
        )
    return found


def bootstrap(given: list[FindingTable], resamples: int = 1000, looped: int = 10) -> None:
    n = len(given[0])
    problems = {one.finding: scored(one.truth, one.score, np.arange(n)) for one in given}
    start = time.process_time()
    draws = ranking_draws(problems, n=resamples, seed=1)
    ours = time.process_time() - start
    rng, first = np.random.default_rng(1), []
    start = time.process_time()
    for _ in range(looped):
        rows = rng.integers(n, size=n)
        first.append([roc_auc_score(one.truth[rows], one.score[rows]) for one in given])
    loop = (time.process_time() - start) * resamples / looped
    apart = np.abs(np.array(first) - np.stack([one.auroc[:looped] for one in draws.values()], axis=1)).max()
    print(f"{resamples} patient bootstraps of {len(given)} AUROC, n = {n}: {ours:.2f} s;")
    print(f"scikit-learn's loop {loop:.1f} s (scaled from {looped} resamples);")
    print(f"ratio {loop / ours:.1f}; largest difference of a replicate {apart:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=5000)
    parser.add_argument("--findings", type=int, default=12)
    asked = parser.parse_args()
    given = tables(asked.studies, asked.findings)
    bootstrap(given)
    start = time.process_time()
    evidence = gather(given, Settings())
    seconds = time.process_time() - start
    print(f"evidence of {asked.findings} findings x {asked.studies} studies: {seconds:.1f} s, {len(evidence.lines)} numbers")


if __name__ == "__main__":
    main()
