"""Small reading studies for tests."""

from __future__ import annotations

import numpy as np

from condyle.evaluate.mrmc import Reads


def study(
    seed: int, *, arms: int = 2, readers: int = 4, cases: int = 24, per_patient: int = 1, gain: float = 0.0, step: float = 0.0
) -> Reads:
    """Roe-Metz-like scores: truth + case + reader + noise; ``step`` rounds them, so that ties occur."""
    rng = np.random.default_rng(seed)
    patient = np.arange(cases) // per_patient
    truth = np.arange(cases) % 2 == 0 if per_patient == 1 else rng.random(cases) < 0.5
    truth[:2] = (True, False)
    case = rng.normal(0, 0.6, cases) + rng.normal(0, 0.5, patient.max() + 1)[patient]
    score = truth * (1.2 + gain * np.arange(arms)[:, None, None]) + case + rng.normal(0, 0.2, (arms, readers, 1))
    score = score + rng.normal(0, 0.8, (arms, readers, cases))
    score = np.round(score / step) * step if step else score
    return Reads(
        tuple(f"arm{a}" for a in range(arms)), tuple(f"r{r}" for r in range(readers)), tuple(f"c{c}" for c in range(cases)),
        tuple(f"p{p}" for p in range(patient.max() + 1)), patient, np.asarray(truth, bool), score,
    )  # fmt: skip


def without(reads: Reads, mask: np.ndarray) -> Reads:
    """The same with reads taken out where the (t, r, n) mask is True."""
    return Reads(
        reads.arms, reads.readers, reads.cases, reads.patients, reads.patient, reads.truth, np.where(mask, np.nan, reads.score)
    )


def tables(reads: Reads, threshold: float = 0.5) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The same as rows of a reading table (scores and decisions; readers by turns junior and senior) and of a truth table, one finding."""
    rows = [
        {
            "reader_id": reads.readers[r], "study_id": reads.cases[c], "finding": "cyst", "arm": reads.arms[a], "score": repr(float(score)),
            "decision": "present" if score >= threshold else "absent", "seniority": ("junior", "senior")[r % 2],
        }
        for (a, r, c), score in np.ndenumerate(reads.score)
        if not np.isnan(score)
    ]  # fmt: skip
    truth = [
        {"study_id": case, "patient_id": reads.patients[reads.patient[c]], "finding": "cyst", "value": str(int(reads.truth[c]))}
        for c, case in enumerate(reads.cases)
    ]
    return rows, truth


def numbered(rows: list[dict[str, str]]) -> list[tuple[int, dict[str, str]]]:
    """Rows as a reader of CSV files numbers them."""
    return list(enumerate(rows, start=2))
