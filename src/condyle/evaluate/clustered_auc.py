"""The area under the ROC curve when patients give several units: knees, levels, lesions, visits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from condyle.errors import InputError
from condyle.evaluate.delong import components, covariance, difference_of, few_events, one_class
from condyle.evaluate.estimate import Estimate, binary, logit_limits, z_of
from condyle.evaluate.near_one import newcombe_limits

Floats = NDArray[np.float64]


def clustered_covariance(truth: ArrayLike, scores: ArrayLike, clusters: ArrayLike) -> tuple[Floats, Floats]:
    """AUROCs of k models and their covariance with patients as the independent units.

    Parameters
    ----------
    truth : (n,) 0 or 1; scores : (k, n) or (n,); clusters : (n,) patient of each unit

    Returns
    -------
    areas (k,), covariance (k, k); NaN covariance when fewer than two patients have a positive or a negative

    Source: Obuchowski, Biometrics 1997;53:567-578. Components are summed within patients; S11 is the covariance between
    the positives and the negatives of one patient, which code for independent units drops.
    """
    positive = binary(truth)
    v10, v01 = components(truth, scores)
    labels, place = np.unique(np.asarray(clusters), return_inverse=True)
    if len(place) != len(positive):
        raise InputError(
            "statistics-shape", "Clusters and truth must have one length.", what_to_do="Give one patient for each value of truth.",
        )  # fmt: skip
    m, n, patients = v10.shape[1], v01.shape[1], len(labels)
    areas = v10.mean(axis=1) if m and n else np.full(len(v10), np.nan)
    with_positive, with_negative = len(np.unique(place[positive])), len(np.unique(place[~positive]))
    if min(with_positive, with_negative) < 2:
        return areas, np.full((len(v10), len(v10)), np.nan)
    tens = _centred_sums(v10, place[positive], patients, areas)
    ones = _centred_sums(v01, place[~positive], patients, areas)
    s10 = with_positive / ((with_positive - 1) * m) * tens @ tens.T
    s01 = with_negative / ((with_negative - 1) * n) * ones @ ones.T
    s11 = patients / (patients - 1) * tens @ ones.T
    return areas, s10 / m + s01 / n + (s11 + s11.T) / (m * n)


def clustered_auroc(truth: ArrayLike, score: ArrayLike, clusters: ArrayLike, *, level: float = 0.95, interval: str = "logit-t") -> Estimate:
    """AUROC of one model with an interval over patients.

    Parameters
    ----------
    interval : 'logit-t' (t with min(patients with a positive, with a negative) - 1 degrees of freedom on the logit scale;
        z undercovers even at 60 patients) or 'wald' (plain z, as Obuchowski's program prints)

    Returns
    -------
    Estimate. At an area of 0 or 1 without variance the interval is Newcombe's with patients as class sizes.
    """
    positive = binary(truth)
    labels = np.asarray(clusters)
    patients, m = len(np.unique(labels)), int(positive.sum())
    record: dict[str, Any] = {"n": len(positive), "events": m, "clusters": patients, "level": level}
    if m in (0, len(positive)):
        return Estimate("AUROC", np.nan, **record, warnings=(one_class(m),))
    areas, cov = clustered_covariance(truth, score, clusters)
    area, variance = float(areas[0]), float(cov[0, 0])
    of_class = (len(np.unique(labels[positive])), len(np.unique(labels[~positive])))
    warnings = tuple(one for one in (few_events(m, len(positive) - m),) if one)
    if np.isnan(variance):
        return Estimate("AUROC", area, **record, warnings=(*warnings, "A class comes from a single patient; no interval."))
    se = float(np.sqrt(max(variance, 0.0)))
    df = float(min(of_class) - 1)
    if not se > 1e-12:
        if not 0 < area < 1:
            low, high = newcombe_limits(area, *of_class, level=level)
            return Estimate("AUROC", area, low, high, "Newcombe 2006, method 5, over patients", se=0.0, **record, warnings=warnings)
        return Estimate("AUROC", area, se=0.0, **record, warnings=(*warnings, "The area has no variance; no interval."))
    if interval == "wald":
        half = z_of(level) * se
        return Estimate("AUROC", area, area - half, area + half, "Obuchowski, Wald", se=se, **record, warnings=warnings)
    low, high = logit_limits(area, se, float(t.ppf(0.5 + level / 2, df)))
    return Estimate("AUROC", area, low, high, "Obuchowski, logit, t", se=se, df=df, **record, warnings=warnings)


def compare_clustered(
    truth: ArrayLike, first: ArrayLike, second: ArrayLike, clusters: ArrayLike, *, level: float = 0.95, interval: str = "t"
) -> Estimate:
    """AUROC of the first minus that of the second model on the same units, over patients.

    Parameters
    ----------
    interval : 't' (min(patients with a positive, with a negative) - 1 degrees of freedom, as ``clustered_auroc``: at 15 to 25 patients
        the normal test calls 7 to 7.5 % of null differences significant, t 3.5 to 5 %) or 'wald' (plain z, as Obuchowski's program)
    """
    positive, labels = binary(truth), np.asarray(clusters)
    scores = np.stack([np.asarray(first, np.float64), np.asarray(second, np.float64)])
    areas, cov = clustered_covariance(truth, scores, clusters)
    m, patients = int(positive.sum()), len(np.unique(labels))
    if m in (0, len(positive)) or np.isnan(cov[0, 0]):
        warning = one_class(m) if m in (0, len(positive)) else "A class comes from a single patient."
        return Estimate("difference of AUROC", np.nan, n=len(positive), events=m, clusters=patients, level=level, warnings=(warning,))
    counts = len(positive), m, patients
    if interval == "wald":
        return difference_of(areas, cov, counts, level, method="Obuchowski 1997, paired, normal")
    df = float(min(len(np.unique(labels[own])) for own in (positive, ~positive)) - 1)
    return difference_of(areas, cov, counts, level, method="Obuchowski 1997, paired, t", df=df)


def design_effect(truth: ArrayLike, score: ArrayLike, clusters: ArrayLike) -> float:
    """Variance over patients divided by the variance as if units were independent."""
    _, cov = clustered_covariance(truth, score, clusters)
    naive = float(covariance(*components(truth, score))[0, 0])
    return float(cov[0, 0]) / naive if naive > 0 else float("nan")


def _centred_sums(values: Floats, place: NDArray[np.intp], patients: int, areas: Floats) -> Floats:
    """(k, patients): components of a patient summed, less their number times the area."""
    count = np.bincount(place, minlength=patients)
    return np.stack([np.bincount(place, row, patients) - count * area for row, area in zip(values, areas, strict=True)])
