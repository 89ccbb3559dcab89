"""From out-of-fold logits to calibrated scores, and the fusion that is fitted after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from condyle.evaluate.calibration import fit_platt
from condyle.evaluate.scaling import fit_scaling
from condyle.readers.multiplane.graphs import probabilities
from condyle.train.networks.fuse import Logistic
from condyle.train.networks.multiplane import MultiplaneNetwork

_FEWEST = 5  # positives and negatives below which nothing is fitted
Floats = NDArray[np.floating]


def fit_calibrations(logits: Floats, targets: Floats, findings: Sequence[str], method: str) -> dict[str, dict[str, Any]]:
    """finding -> parameters, in logits, as ``graphs.probabilities`` takes them.

    Parameters
    ----------
    logits, targets : [study, finding], NaN where unknown; logits from networks that did not train on the study
    method : 'platt', 'temperature', 'isotonic' or 'none'. With fewer than five positives or negatives, or a falling slope, the
        logits are left as they are
    """
    found: dict[str, dict[str, Any]] = {}
    for column, name in enumerate(findings):
        known = ~np.isnan(logits[:, column]) & ~np.isnan(targets[:, column])
        truth, own = (targets[known, column] > 0.5).astype(np.float64), logits[known, column].astype(np.float64)
        found[name] = {"slope": 1.0, "intercept": 0.0}
        if method == "none" or min(truth.sum(), (1 - truth).sum()) < _FEWEST:
            continue
        if method == "isotonic":
            fitted = fit_scaling(truth, 1 / (1 + np.exp(-own)), "isotonic", split="validation")
            half = len(fitted.parameters) // 2
            levels = np.clip(np.array(fitted.parameters[:half]), 1e-9, 1 - 1e-9)
            shares = np.clip(np.array(fitted.parameters[half:]), 0.5 / len(truth), 1 - 0.5 / len(truth))
            found[name] = {"logits": np.log(levels / (1 - levels)).tolist(), "scores": shares.tolist()}
        elif method == "temperature":
            found[name] = {"slope": fit_scaling(truth, 1 / (1 + np.exp(-own)), "temperature", split="validation").parameters[0],
                           "intercept": 0.0}  # fmt: skip
        else:
            slope, intercept = fit_platt(truth, own)
            if slope > 0:
                found[name] = {"slope": float(slope), "intercept": float(intercept)}
    return found


def scores_of(logits: Floats, calibration: Mapping[str, Any], findings: Sequence[str]) -> NDArray[np.float64]:
    """[study, finding] calibrated scores; NaN stays."""
    out = np.full(logits.shape, np.nan)
    for row in np.flatnonzero(~np.isnan(logits).any(axis=1)):
        out[row] = probabilities(logits[row].astype(np.float64), calibration, tuple(findings))
    return out


def fit_logistic(network: MultiplaneNetwork, planes: Floats, targets: Floats) -> None:
    """Weights of the fusion by logistic regression (ridge) on logits of studies that the network did not train on (fault G27).

    Parameters
    ----------
    planes : of ``plane_logits``; targets : [study, finding]
    """
    fuse = network.fuse
    assert isinstance(fuse, Logistic)
    centre, slope, offset = (torch.from_numpy(one.astype(np.float32)) for one in _stacker(planes, targets))
    with torch.no_grad():
        fuse.centre.copy_(centre)
        fuse.slope.copy_(slope)
        fuse.offset.copy_(offset)


def plane_logits(network: MultiplaneNetwork, single: Floats) -> Floats:
    """[study, slot, finding] logits of single inputs, NaN where missing -> [study, plane, finding], as the fusion averages them."""
    return np.asarray(network.fuse.by_plane(torch.from_numpy(np.asarray(single, np.float32))).numpy())


def crossfitted(planes: Floats, targets: Floats, patients: NDArray[np.str_], parts: int = 5) -> NDArray[np.float64]:
    """[study, finding] fused logits of every study by weights fitted on other patients: what calibration, thresholds and the
    validation figure rest on must not come from the studies that the fusion was fitted to (fault G27).

    Parameters
    ----------
    planes : of ``plane_logits``; targets : [study, finding]; patients : [study]
    """
    names, place = np.unique(patients, return_inverse=True)
    part = np.random.default_rng(len(names)).permutation(len(names))[place] % min(parts, len(names))
    fused = np.zeros(targets.shape)
    for number in range(part.max() + 1):
        own = part == number
        centre, slope, offset = _stacker(planes[~own], targets[~own])
        fused[own] = np.nan_to_num((planes[own] - centre) * slope).sum(axis=1) + offset
    return fused


def _stacker(planes: Floats, targets: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """([plane, finding] mean logits, which stand for a plane that is not there, [plane, finding] weights, [finding] offsets)."""
    centre, slope = np.zeros(planes.shape[1:]), np.zeros(planes.shape[1:])
    offset = np.zeros(targets.shape[1])
    for column in range(targets.shape[1]):
        known = ~np.isnan(targets[:, column])
        truth, own = (targets[known, column] > 0.5).astype(np.float64), planes[known, :, column].astype(np.float64)
        counts = (~np.isnan(own)).sum(axis=0)
        centre[:, column] = np.where(counts > 0, np.nansum(own, axis=0) / np.maximum(counts, 1), 0.0)
        slope[:, column], offset[column] = _ridge(truth, np.nan_to_num(own - centre[:, column]))
    return centre, slope, offset


def _ridge(truth: NDArray[np.float64], design: NDArray[np.float64], weight: float = 1.0) -> tuple[NDArray[np.float64], float]:
    """Logistic regression drawn towards the mean of the inputs, by Newton's steps; slopes never below 0."""
    n, k = design.shape
    prior = np.full(k, 1.0 / k)
    base = float(np.clip(truth.mean() if n else 0.5, 0.02, 0.98))
    beta = np.r_[prior, np.log(base / (1 - base))]
    if min(truth.sum(), n - truth.sum()) >= _FEWEST:
        x = np.column_stack([design, np.ones(n)])
        penalty = np.r_[np.full(k, weight), 1e-6]
        target = np.r_[prior, beta[-1]]
        for _ in range(50):
            chance = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
            gradient = x.T @ (chance - truth) + penalty * (beta - target)
            step = np.linalg.solve((x * (chance * (1 - chance))[:, None]).T @ x + np.diag(penalty), gradient)
            beta = beta - step
            if np.abs(step).max() < 1e-8:
                break
    return np.maximum(beta[:k], 0.0), float(beta[k])
