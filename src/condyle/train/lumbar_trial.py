"""A dry run of the lumbar family measured: a few steps, studies and crops are timed, and the run is reckoned from that.

Pipelines, heads, steps, levels and crops are counted from the tables; what one of each costs is timed here, with this recipe, on this
machine. An untrained segmenter finds no spine, so what follows on a spine that was found is timed on outlines of the installed package
``lumbar``. Export of the graphs and the bootstrap of the figures (a minute or two) are not reckoned.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LEVELS
from condyle.cohorts.cohort import Cohort, development
from condyle.cohorts.opening import open_rows
from condyle.readers.lumbar.choose import choose
from condyle.readers.lumbar.measured import measure_levels, names
from condyle.readers.lumbar.regions import enlarge, region_shares
from condyle.readers.lumbar.segment import Network
from condyle.readers.lumbar.view import agree, level_crops
from condyle.readers.onnx import open_graph
from condyle.readers.package import open_package
from condyle.readers.shelf import find_package
from condyle.train.features import extractor, vary
from condyle.train.folds import PRESENT_FROM, cohort_folds
from condyle.train.grading import Inputs, targets_of
from condyle.train.heads import fit_head
from condyle.train.level_table import series_view
from condyle.train.lumbar_recipe import LumbarRecipe
from condyle.train.pipeline import crop_spec, of_patients, slot_specs, torch_network
from condyle.train.planning import Part, Reckoned
from condyle.train.segmentation import RandomViews, SegmentationModule, SegmentationSettings, bellies, masked_pictures
from condyle.train.segmentation_network import SegmentationNetwork

SAMPLE = 3  # studies that are looked at
_STEPS = 2  # timed after one that warms up
_CROPS = 16
_HEAD_STEPS = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds and bytes, each of one.

    Parameters
    ----------
    studies : that were looked at; crops : of a level in these, one an input
    segment_s : step of the segmenter, 0 where a package brings it; look_s : study, its levels found and cut; feature_s : crop, one copy
    open_s : opening of the backbone, once a segmenter; head_s : step of a head, by its kind; fit_s : begin and end of a head's fit
    crop_bytes, feature_bytes : of one crop in memory and on disk, and of its features in one copy
    peak_mib : memory of this process; busy : processors at hand
    """

    studies: int
    crops: float
    segment_s: float
    look_s: float
    feature_s: float
    open_s: float
    head_s: Mapping[str, float]
    fit_s: float
    crop_bytes: int
    feature_bytes: int
    peak_mib: float
    threads: int
    busy: float


def parts_of(recipe: LumbarRecipe, cohort: Cohort) -> tuple[Part, ...]:
    """Everybody who trains, then who trains and who is held out in every outer fold; findings are counted in graded levels. The size
    ``smoke`` has no outer folds. Raises as training would."""
    cohort = development(cohort)
    everybody = set(cohort.patients.values())
    found = [_part("all", cohort, everybody, recipe)]
    folds = _outer(recipe, cohort)
    for fold in sorted(set(folds.values())):
        held = {patient for patient, own in folds.items() if own == fold}
        found += [_part(f"fold {fold + 1}, trained on", cohort, everybody - held, recipe),
                  _part(f"fold {fold + 1}, held out", cohort, held, recipe)]  # fmt: skip
    return tuple(found)


def measure(recipe: LumbarRecipe, cohort: Cohort, folder: Path) -> Measured:
    """Time a few steps, studies and crops; ``folder`` is for what a fit keeps. Raises as training would, for what these studies are."""
    begun, cpu = time.perf_counter(), time.process_time()
    cohort = development(cohort)
    segment_s = 0.0 if recipe.segment.package else _segmenter_step(recipe, cohort)
    look_s, crops, studies = _looked(recipe, cohort)
    feature_s, open_s, length = _features(recipe)
    wide = crop_spec(recipe).widened(recipe.prepare.margin)
    fits = {kind: _head_fit(own, length, folder / kind) for kind, own in recipe.kinds().items()}
    return Measured(
        studies, crops, segment_s, look_s, feature_s, open_s, {kind: step for kind, (step, _) in fits.items()},
        min(whole for _, whole in fits.values()), 2 * 4 * wide.rows * wide.columns, 2 * length,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, torch.get_num_threads(),
        (time.process_time() - cpu) / (time.perf_counter() - begun),
    )  # fmt: skip


def reckon(recipe: LumbarRecipe, cohort: Cohort, one: Measured) -> Reckoned:
    """The run from its counts and what one of each costs. Every level counts as found on every picture that may show it."""
    cohort = development(cohort)
    levels = _levels(cohort, recipe)
    everybody = set(cohort.patients.values())
    outer = _outer(recipe, cohort)
    pipelines = [{patient for patient, own in outer.items() if own != fold} for fold in sorted(set(outer.values()))] + [everybody]
    tables = 1 if recipe.segment.package else len(pipelines)  # one a segmenter, of all studies
    fits = [own for patients in pipelines for own in _fits(recipe, cohort, patients)]
    kinds = recipe.kinds()
    steps = {
        kind: recipe.ensemble.seeds * own.optimiser.epochs * sum(
            max(1, sum(levels.get(patient, 0) for patient in fit) // own.optimiser.batch) for fit in fits
        )
        for kind, own in kinds.items()
    }  # fmt: skip
    segment_steps = 0 if recipe.segment.package else recipe.segment.steps * len(pipelines)
    crops = sum(levels.values()) * one.crops
    looks = len(cohort.studies) * (tables + (1 if outer else 0))  # held-out pictures are looked at once more, for the segmenter's figures
    prepare = looks * one.look_s + tables * (one.open_s + crops * recipe.augment.copies * one.feature_s)
    heads = len(fits) * recipe.ensemble.seeds * len(kinds)
    train_s = segment_steps * one.segment_s + heads * one.fit_s + sum(count * one.head_s[kind] for kind, count in steps.items())
    slots = len(recipe.data.slots)
    table = sum(levels.values()) * slots * one.crop_bytes
    features = sum(levels.values()) * slots * recipe.augment.copies * one.feature_bytes
    # While a table is made its crops lie there as 32-bit floats and as 16-bit ones; later they lie there once, beside the features twice.
    memory = one.peak_mib + max(3 * table, table + 2 * features) / 2**20
    networks = heads + (0 if recipe.segment.package else len(pipelines))
    stand_in = "" if recipe.segment.package else f"{one.segment_s:.2f} s a step of the segmenter, "
    how = (
        f"measured here ({one.threads} threads, {one.busy:.1f} processors at hand) on {one.studies} studies: {stand_in}{one.look_s:.2f} s "
        f"to find the levels of a study, {one.feature_s:.3f} s for the features of a crop, "
        + ", ".join(f"{seconds:.4f} s a step of a {kind} head" for kind, seconds in one.head_s.items())
        + "; export and the bootstrap of figures are not reckoned. Findings are counted in graded levels"
    )
    return Reckoned(networks, segment_steps + sum(steps.values()), prepare, train_s, tables * (table + features), memory, how, one)


def _outer(recipe: LumbarRecipe, cohort: Cohort) -> dict[str, int]:
    return {} if recipe.size == "smoke" else cohort_folds(cohort, recipe.split.outer, recipe.seed)


def _fits(recipe: LumbarRecipe, cohort: Cohort, patients: set[str]) -> list[set[str]]:
    """Patients of each fit of heads in one pipeline: all but an inner fold, and all."""
    folds = cohort_folds(of_patients(cohort, patients), recipe.split.inner, recipe.seed + 1)
    return [{patient for patient, own in folds.items() if own != fold} for fold in range(recipe.split.inner)] + [patients]


def _part(name: str, cohort: Cohort, patients: set[str], recipe: LumbarRecipe) -> Part:
    own = of_patients(cohort, patients)
    levels = sum(_levels(own, recipe).values())
    counts = {}
    for finding in recipe.data.findings:
        values = list(own.grades(finding).values())
        present = sum(value >= PRESENT_FROM.get(finding, 1) for value in values)
        counts[finding] = (present, len(values) - present, levels - len(values))
    return Part(name, len(own.studies), len(patients), counts)


def _levels(cohort: Cohort, recipe: LumbarRecipe) -> dict[str, int]:
    """patient -> graded levels: rows of the table."""
    found: dict[str, int] = {}
    for study, _ in {key for finding in recipe.data.findings for key in cohort.grades(finding)}:
        patient = cohort.patients[study]
        found[patient] = found.get(patient, 0) + 1
    return found


def _segmenter_step(recipe: LumbarRecipe, cohort: Cohort) -> float:
    """Seconds a step on pictures of a few patients with masks; views are made between the steps, as in training."""
    masked = list(dict.fromkeys(row.patient_id for row in (*cohort.rows, *cohort.slices) if row.mask is not None))
    few = set(masked[:SAMPLE]) or set(cohort.patients.values())  # without any mask: refused as training refuses
    settings = SegmentationSettings(steps=_STEPS + 1, batch=recipe.segment.batch)
    module = SegmentationModule(settings).to(memory_format=torch.channels_last)
    module.log = lambda *told, **more: None  # no trainer listens
    optimiser = module.configure_optimizers()["optimizer"]
    views = iter(RandomViews(masked_pictures(cohort, few), bellies(cohort, few), settings, recipe.seed))
    begun = 0.0
    for number in range(_STEPS + 1):
        if number == 1:
            begun = time.perf_counter()
        grey, classes = (torch.stack(list(part)) for part in zip(*(next(views) for _ in range(settings.batch)), strict=True))
        with torch.autocast("cpu", torch.bfloat16):
            loss = module.training_step((grey, classes), number)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return (time.perf_counter() - begun) / _STEPS


def _looked(recipe: LumbarRecipe, cohort: Cohort) -> tuple[float, float, int]:
    """(seconds a study, inputs a level is seen on, studies): an installed package says where the spine is, the recipe's own network runs
    beside it, and what the package took is taken off."""
    graph = open_graph(open_package(find_package(recipe.segment.package or "lumbar")).graph("segmenter"), "segmenter")
    own: Network | None = None if recipe.segment.package else torch_network(SegmentationNetwork().eval())
    taken = 0.0

    def network(grey: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal taken
        if own is None:
            return np.asarray(graph({"picture": grey})["logits"], np.float32)
        own(grey)
        begun = time.perf_counter()
        found = np.asarray(graph({"picture": grey})["logits"], np.float32)
        taken += time.perf_counter() - begun
        return found

    slots, spec, margin = slot_specs(recipe), crop_spec(recipe), recipe.prepare.margin
    studies = list(cohort.studies.items())
    places = np.unique(np.linspace(0, len(studies) - 1, SAMPLE).astype(int)).tolist()
    inputs = 0
    begun = time.perf_counter()
    for place in places:
        chosen = choose(open_rows(studies[place][1]), slots).slots
        views = agree({slot: series_view(series[0], network) for slot, series in chosen.items() if series})
        crops, present = level_crops(views, tuple(slots), LEVELS[:5], spec.widened(margin))
        measure_levels(crops[..., margin : margin + spec.rows, margin : margin + spec.columns], present, spec)
        inputs += sum(bool(series) for series in chosen.values())
    return (time.perf_counter() - begun - taken) / len(places), inputs / len(places), len(places)


def _features(recipe: LumbarRecipe) -> tuple[float, float, int]:
    """(seconds a crop, seconds to open the backbone, length of a crop's features); what a crop shows does not matter."""
    begun = time.perf_counter()
    spec, margin = crop_spec(recipe), recipe.prepare.margin
    extract = extractor(spec)
    open_s = time.perf_counter() - begun
    wide = spec.widened(margin)
    crops = np.random.default_rng(0).random((_CROPS, 4, wide.rows, wide.columns), np.float32)
    seconds = 0.0
    for _ in range(2):  # the first warms up
        begun = time.perf_counter()
        varied = [vary(one, spec, margin, recipe.augment, np.random.default_rng(number)) for number, one in enumerate(crops)]
        features = extract(enlarge(np.stack([one[0] for one in varied])), region_shares([one[1:] for one in varied], spec))
        seconds = time.perf_counter() - begun
    return seconds / _CROPS, open_s, features.shape[1]


def _head_fit(recipe: LumbarRecipe, length: int, folder: Path) -> tuple[float, float]:
    """(seconds a step, seconds to begin and end a fit) of a head on drawn numbers; what they are does not matter."""
    rng = np.random.default_rng(0)
    rows, own = recipe.optimiser.batch * _HEAD_STEPS, tuple(recipe.data.slots)
    inputs = Inputs(
        rng.random((1, rows, len(own), length), np.float32).astype(np.float16), np.ones((rows, len(own)), bool),
        rng.random((rows, len(names(own))), np.float32), np.zeros((rows, len(LEVELS)), np.float32),
    )  # fmt: skip
    targets = targets_of(rng.integers(0, 2, (rows, len(recipe.data.findings))).astype(np.float32), recipe.data.findings)
    short = recipe.model_copy(update={"optimiser": recipe.optimiser.model_copy(update={"epochs": 2})})
    begun = time.perf_counter()
    fit_head(short, inputs, targets, np.arange(rows), np.zeros(0, np.intp), folder, recipe.seed)
    seconds = time.perf_counter() - begun
    epochs = [one["seconds"] for one in json.loads((folder / "history.json").read_text())]
    return epochs[-1] / _HEAD_STEPS, max(seconds - sum(epochs), 0.0)
