"""The card of a package: what it is, how good it was measured to be, on whom, and what it cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from condyle.anatomy.lumbar import LUMBAR
from condyle.train.lumbar_recipe import LumbarRecipe

_END = "endplates_mean"


def card(recipe: LumbarRecipe, about: Mapping[str, Any], figures: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """card.md.

    Parameters
    ----------
    about : cohort.json of the cohort
    figures : of ``figures_of``; empty when the recipe's size measures nothing
    record : numbers of the training: patients, levels, sizes, differences of the exported graphs, segmenter's figures
    """
    parts = [
        f"# {recipe.name} {recipe.version}",
        recipe.card.intended_use,
        "## What it was trained on",
        _trained_on(about, record),
        "## How good it is",
    ]
    if figures:
        parts += _measured(recipe, figures, record)
    else:
        parts.append(f"Nothing was measured: the size `{recipe.size}` only shows that everything runs.")
    parts += [
        "## Limits",
        "\n".join(f"- {line}" for line in recipe.card.limits),
        "## How it works",
        "A small U-Net finds vertebrae, canal and discs on the mid-sagittal slice; discs are named from the sacrum upward; a crop "
        "along each disc's axis is read out by a frozen ImageNet backbone over the parts of the level (thirds of the disc, end plates, "
        "marrow, canal) and, with heights, signals, slips and "
        f"bulges measured from the outlines, graded by {recipe.ensemble.seeds} small heads whose logits are "
        "averaged. Scores are calibrated and thresholds chosen on training patients that the heads in question did not see.",
        f"Seed {recipe.seed}; exported graphs equal the trained networks within {record.get('exported', 0.0):.1e}; storing weights as "
        f"16-bit floats moves a logit by at most {record.get('rounded', 0.0):.1e}.",
        f"Licence of the weights: {recipe.card.licence}.",
    ]
    return "\n\n".join(parts) + "\n"


def _trained_on(about: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    warning = "**Simulated studies: nothing here is evidence of accuracy on patients.** " if record.get("simulated") else ""
    credit, licence = about.get("credit", "Credit not stated"), about.get("licence", "licence not stated")
    return (
        f"{warning}{credit}{'' if licence in credit else f' ({licence})'}: {record['patients']} "
        f"patients, {record['levels']} graded levels, {about.get('content', 'one cohort')}. Source: {about.get('source', 'not stated')}. "
        "The frozen backbone, EfficientNet-Lite0 (Tan and Le 2019), learnt on ImageNet, whose pictures carry research terms."
    )


def _measured(recipe: LumbarRecipe, figures: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    lines = [
        f"Nested cross-validation by patient, {recipe.split.outer} outer folds: segmenter, heads, calibration and thresholds of each fold "
        "never saw the patients it is judged on. End to end over every graded level: a level that was not found counts as a miss (score: "
        "the level's prevalence; grade: one step off). Intervals: 95 % percentile bootstrap of patients. Sensitivity and specificity "
        "leave out scores inside the abstention band; a debiased calibration error below 0 is printed as 0. Dice: over all pixels of all "
        "masks. One reading is the reference; readers agree with each other at kappa 0.43 to 0.81 on Pfirrmann grades.",
        table(figures),
    ]
    pfirrmann = figures.get("pfirrmann")
    if pfirrmann:
        lines.append(
            f"Pfirrmann grade: quadratic kappa {_ci(pfirrmann['quadratic_kappa'])}, balanced accuracy "
            f"{_ci(pfirrmann['balanced_accuracy'])}, more than one grade off {_ci(pfirrmann['off_by_more_than_one'])}; n = "
            f"{pfirrmann['n']} levels of {pfirrmann['patients']} patients."
        )
    if _END in figures:
        both = figures[_END]
        lines.append(f"Mean of both end plates: AUROC {_ci(both['auroc'])}, within level {_ci(both['auroc_within_level'])}.")
    if record.get("segmenter"):
        said = (f"{name.replace('_', ' ')} {value:.3f}" for name, value in record["segmenter"].items())
        lines.append("Segmenter on held-out patients: " + "; ".join(said) + ".")
    return lines


def table(figures: Mapping[str, Any]) -> str:
    """The figures of all findings as a Markdown table."""
    head = (
        "| finding | n (positive) | coverage | AUROC | level alone | difference | within level | sensitivity / specificity | Brier "
        "| Brier skill over the level | debiased calibration error | calibration slope | decided: error, of all: error |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    rows = []
    for finding, own in figures.items():
        if finding == _END:
            continue
        title = LUMBAR.finding(finding).title + (", grade 4-5" if "quadratic_kappa" in own else "")
        pair = f"{own['sensitivity']['estimate']:.2f} / {own['specificity']['estimate']:.2f}" if "sensitivity" in own else "-"
        cells = [
            title, f"{own['n']} ({own['positives']})", f"{own['coverage']:.3f}", _ci(own["auroc"]),
            f"{own['auroc_level_only']['estimate']:.3f}",
            _ci(own["auroc_minus_level_only"]), _ci(own["auroc_within_level"]), pair, f"{own['brier']['estimate']:.3f}",
            _ci(own["brier_skill_over_level"]), f"{own['calibration_error_debiased']:.3f}", _ci(own["calibration_slope"], 2), _decided(own),
        ]  # fmt: skip
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join([head, *rows])


def _decided(own: Mapping[str, Any]) -> str:
    if "decided" not in own:
        return "-"
    share, error, whole = (own[name]["estimate"] for name in ("decided", "error_decided", "error_if_all_were_decided"))
    return f"{share:.2f}: {error:.3f}, {whole:.3f}"


def _ci(interval: Mapping[str, Any], digits: int = 3) -> str:
    return f"{interval['estimate']:.{digits}f} ({interval['low']:.{digits}f} to {interval['high']:.{digits}f})"
