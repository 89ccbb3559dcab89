"""From a fitted pipeline of several planes to a package on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from condyle.cohorts.cohort import Cohort
from condyle.readers.fitted_on import FILE as PATIENTS
from condyle.readers.fitted_on import patients_file
from condyle.readers.multiplane.family import SIMULATED
from condyle.readers.package import Package, write_package
from condyle.train.multiplane.batches import plain
from condyle.train.multiplane.export import Exported, localiser_onnx, network_onnx
from condyle.train.multiplane.learner import attention_of
from condyle.train.multiplane.localiser import FittedLocaliser
from condyle.train.multiplane.pipeline import Fitted, lesions_of, stack_spec
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.networks.multiplane import OUTPUTS

_COMPARED = 10  # studies on which graphs and torch are compared


def package_of(fitted: Fitted, cohort: Cohort, out: Path) -> Package:
    """Export every network, check it, write card and metrics, and put everything into one package.

    Raises
    ------
    CondyleError - an exported graph is not the trained network
    PackageError - ``out`` exists
    """
    recipe = fitted.recipe
    seen = [plain(fitted.store, number) for number in range(min(_COMPARED, len(fitted.store)))]
    grey, shown = np.stack([one for one, _ in seen]), np.stack([there for _, there in seen])
    files: dict[str, bytes] = {}
    graphs: dict[str, Any] = {}
    members = []
    moved: list[Exported] = []
    for number, one in enumerate(fitted.members):
        made = network_onnx(
            one.network, grey, shown, attention_of(recipe), half=recipe.export.half, tolerance=recipe.export.tolerance
        )
        moved.append(made)
        for name, data in made.graphs.items():
            file = f"graphs/{number}-{name}.onnx"
            files[file] = data
            inputs, outputs = (["features", "shown"], list(OUTPUTS)) if name == "reader" else (["grey"], ["features", "before"])
            graphs[f"{number}-{name}"] = {"file": file, "inputs": inputs, "outputs": outputs}
        members.append({
            "encoders": {slot: f"{number}-{name}" for slot, name in made.encoders.items()}, "reader": f"{number}-reader",
            "columns": list(one.columns), "grid": list(made.grid), "stacks": one.network.stacks,
        })  # fmt: skip
    locate: dict[str, Any] | None = None
    if fitted.localiser is not None:
        files["graphs/localiser.onnx"] = localiser_onnx(fitted.localiser, tolerance=recipe.export.tolerance)
        graphs["localiser"] = {"file": "graphs/localiser.onnx", "inputs": ["coarse"], "outputs": ["logits"]}
        locate = {**asdict(fitted.localiser.spec), "structures": list(fitted.localiser.spec.structures),
                  "cells": list(fitted.localiser.spec.cells)}  # fmt: skip
    simulated = any(row.extra.get("simulated") == "yes" for row in cohort.rows)
    exact = all(one.network.exact for one in fitted.members)
    marked = lesions_of(recipe, cohort)
    record = {
        "places_taught": sum(len(marked.get(study, ())) for study in fitted.store.studies),
        "simulated": simulated, "studies": len(fitted.store), "patients": len(fitted.splits.folds), "size": recipe.size,
        "seed": recipe.seed,
        "exported": max(one.exported for one in moved), "rounded": max(one.rounded for one in moved),
        "read": max(one.read for one in moved), "compared": len(seen), "half": recipe.export.half, "splits_sha256": fitted.splits.sha256,
        "validation": fitted.validation, "exact_maps": exact,
        "localiser": None if fitted.localiser is None else _record(fitted.localiser, fitted.store.facts),
    }  # fmt: skip
    about = cohort.about
    name = str(about.get("name", "cohort"))
    content = {
        "name": recipe.name, "version": recipe.version, "family": recipe.family, "joint": recipe.data.joint,
        "findings": list(dict.fromkeys(finding.partition("/")[0] for finding in recipe.data.findings)),
        "slots": {slot: {**own.model_dump(), "weightings": list(own.weightings)} for slot, own in recipe.data.slots.items()},
        "prepare": [],
        "graphs": graphs,
        "calibration": dict(fitted.calibration),
        "thresholds": dict(fitted.thresholds),
        "settings": {
            "slots": list(recipe.data.slots), "findings": list(recipe.columns), "stack": asdict(stack_spec(recipe)),
            "attention": asdict(attention_of(recipe)), "members": members, "size": recipe.size,
            "maps": "exact" if exact else "first_order",
            **({} if locate is None else {"locate": locate}),
            **({} if recipe.columns == recipe.data.findings else {"ordinal": recipe.loss.ordinal}),
        },
        "licence": recipe.card.licence,
        "data": [{"name": name, "licence": str(about.get("licence", "not stated")), "credit": str(about.get("credit", "not stated")),
                  "source": str(about.get("source", ""))}],
        "intended_use": recipe.card.intended_use,
        "trained_on": f"{SIMULATED + ' studies, ' if simulated else ''}{name}: {record['patients']} patients, {record['studies']} studies"
        + (f", contrast {recipe.data.contrast}" if recipe.data.contrast else ""),
        "limits": limits_of(recipe, simulated=simulated, exact_maps=exact),
    }  # fmt: skip
    metrics = {"record": record, "recipe": recipe.model_dump(mode="json")}
    files["card.md"] = card(recipe, about, record).encode()
    files["metrics.json"] = (json.dumps(metrics, indent=1, allow_nan=True) + "\n").encode()
    if recipe.export.patients != "none":
        files[PATIENTS] = patients_file(fitted.splits.folds, recipe.export.patients, files)
    out.parent.mkdir(parents=True, exist_ok=True)
    return write_package(out, content, files)


def _record(own: FittedLocaliser, facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How far its centres lay from those of the masks, in studies that it did not learn from, and where it found nothing."""
    middle = float(np.median(own.errors_mm)) if own.errors_mm else None
    worst = max(own.errors_mm, default=None)
    return {"series": len(own.errors_mm) + own.missed, "median_mm": middle, "worst_mm": worst, "missed": own.missed,
            "whole_images": sum(one["flag"] == "joint_not_found" for one in facts)}  # fmt: skip


def card(recipe: MultiplaneRecipe, about: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """card.md."""
    warning = "**Simulated studies: nothing here is evidence of accuracy on patients.** " if record["simulated"] else ""
    network, own = recipe.network, record["validation"]
    attention = "; the place that drew attention is read again, enlarged" if network.attention.use else ""
    held = (
        f"{own['studies']:.0f} held-out studies chose epochs, calibration and thresholds; their mean AUROC was {own['mean_auroc']:.3f}. "
        "That is a sign of life, no measure of accuracy: such comes from `condyle evaluate` on patients marked test or external, whom "
        "training never opened."
    )
    parts = [
        f"# {recipe.name} {recipe.version}",
        recipe.card.intended_use,
        "## What it was trained on",
        f"{warning}{about.get('credit', 'Credit not stated')} ({about.get('licence', 'licence not stated')}): "
        f"{record['patients']} patients, {record['studies']} studies. Source: {about.get('source', 'not stated')}.",
        "## How good it is",
        held if recipe.size != "smoke" else f"Nothing was measured: the size `{recipe.size}` only shows that everything runs.",
        "## Limits",
        "\n".join(f"- {line}" for line in limits_of(recipe, simulated=record["simulated"], exact_maps=record["exact_maps"])),
        "## How it works",
        _localised(record["localiser"])
        + (f"What lies further than {recipe.locate.near_mm:g} mm from what it marks is blackened. " if recipe.locate.near_mm else "")
        + f"Up to {recipe.prepare.slices} slices of each of {', '.join(recipe.data.slots)} ({recipe.prepare.field_mm:g} mm, "
        f"{recipe.prepare.pixels} pixels) pass a {', '.join(sorted(set(recipe.backbones().values())))}; slices are pooled by "
        f"{network.aggregate.replace('_', ' ')}, planes fused by {network.fuse}{attention}. A missing plane is masked."
        + (f" Attention was taught where to look by {record['places_taught']} marked lesions." if record["places_taught"] else ""),
        f"Seed {recipe.seed}. On {record['compared']} studies, read as a reader reads them, no logit of the exported graphs differs from "
        f"that of the trained networks by more than {record['read']:.1e}"
        + (f", of which rounding weights to 16 bits makes {record['rounded']:.1e}" if record["half"] else "")
        + f". Split: sha256 {record['splits_sha256'][:16]}.",
        f"Licence of the weights: {recipe.card.licence}.",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def limits_of(recipe: MultiplaneRecipe, *, simulated: bool, exact_maps: bool) -> list[str]:
    """What the recipe says of its limits, behind what holds of everything that was trained on simulation alone, or is not linear."""
    known = ["Trained on simulated studies; nothing is known of its accuracy on patients."] if simulated else []
    if not exact_maps:
        known.append("Class maps are of first order (by gradient): what they show at a place is not exactly what it added to the score.")
    return [*known, *recipe.card.limits]


def _localised(own: Mapping[str, Any] | None) -> str:
    if own is None:
        return ""
    if own["median_mm"] is None:
        return "A coarse network finds where to cut. "
    return (
        f"A coarse network finds where to cut; on {own['series']} series of studies that it did not learn from (they chose its epoch) "
        f"its centre lay {own['median_mm']:.1f} mm (median; at worst {own['worst_mm']:.1f}) from the masks', and it found nothing on "
        f"{own['missed']}. "
    )
