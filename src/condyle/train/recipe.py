"""recipe.yaml: from what and how a package is trained. Data, no code; checked without torch.

A recipe may inherit (``extends: other``) and holds its sizes: ``smoke`` shows in seconds that everything runs, ``study``
is a first answer, ``full`` makes what is shipped. Every wrong key and value is reported at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from condyle.anatomy import JOINTS
from condyle.errors import InputError, TableError, UsageError

Size = Literal["smoke", "study", "full"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Slot(_Section):
    """An input: the series that may fill it. ``plane`` and ``weightings`` are words of a series' role."""

    plane: Literal["sagittal", "coronal", "axial"]
    weightings: tuple[str, ...] = Field(min_length=1)
    fat_suppressed: bool | None = None
    required: bool = False


class Data(_Section):
    """Input slots, the preferred first, and the findings to learn. Unknown labels are left out of the loss."""

    joint: str
    slots: dict[str, Slot] = Field(min_length=1)
    findings: tuple[str, ...] = Field(min_length=1)


class Split(_Section):
    """Outer folds measure, inner folds calibrate; both by patient."""

    outer: int = Field(default=5, ge=2)
    inner: int = Field(default=4, ge=2)


class Prepare(_Section):
    """The crop: pixels, pixels in one disc width, place of the disc, room around it for random shifts."""

    rows: int = Field(default=96, ge=32, multiple_of=16)
    columns: int = Field(default=112, ge=32, multiple_of=16)
    pixels_per_width: float = Field(default=56.0, gt=8)
    forward: float = Field(default=0.42, gt=0, lt=1)
    margin: int = Field(default=10, ge=0)


class Segment(_Section):
    """Training of the segmenter: optimiser steps and pictures a step. ``package`` takes the segmenter of an installed package
    instead, which may have seen any patient: only the size ``smoke``, which measures nothing, may do so."""

    package: str = ""
    steps: int = Field(default=420, ge=1)
    batch: int = Field(default=8, ge=1)


class Network(_Section):
    """Frozen backbone and trained head: hidden units, and the shares of inputs and hidden units dropped in training."""

    backbone: Literal["efficientnet-lite0"] = "efficientnet-lite0"
    hidden: int = Field(default=64, ge=1)
    drop_input: float = Field(default=0.2, ge=0, lt=1)
    drop_hidden: float = Field(default=0.4, ge=0, lt=1)


class Loss(_Section):
    """Cross entropy a finding. ``balance`` 0 leaves classes as they are, 1 weighs positives up to equal shares; shares are
    those of the training rows alone."""

    balance: float = Field(default=0.0, ge=0, le=1)
    weights: dict[str, float] = Field(default_factory=dict)


class Optimiser(_Section):
    """AdamW with one cycle of the rate over all steps."""

    epochs: int = Field(default=30, ge=1)
    batch: int = Field(default=64, ge=2)
    rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.3, ge=0)
    warm_up: float = Field(default=0.2, gt=0, lt=1)


class Augment(_Section):
    """Varied copies of each crop (the first is plain): degrees, log zoom, shift in disc widths, log gamma, log gain, noise;
    ``drop_slot`` is the chance that an input is hidden although it is there."""

    copies: int = Field(default=3, ge=1)
    turn_degrees: float = Field(default=4.0, ge=0)
    zoom: float = Field(default=0.06, ge=0)
    shift: float = Field(default=0.05, ge=0)
    gamma: float = Field(default=0.15, ge=0)
    gain: float = Field(default=0.1, ge=0)
    noise: float = Field(default=0.03, ge=0)
    drop_slot: float = Field(default=0.15, ge=0, lt=1)


class Select(_Section):
    """Where a part is fitted beside held-out patients, the epoch with their lowest loss is kept and ``patience`` epochs are waited
    for a better one. The lumbar heads have none: they train for a fixed number of epochs."""

    patience: int = Field(default=10, ge=1)


class Ensemble(_Section):
    """Heads trained with different seeds; the package averages their logits."""

    seeds: int = Field(default=2, ge=1)


class Calibrate(_Section):
    method: Literal["platt"] = "platt"


class Threshold(_Section):
    """How thresholds are chosen on inner held-out scores; the share ``undecided`` nearest to it is called uncertain."""

    rule: Literal["youden"] = "youden"
    undecided: float = Field(default=0.1, ge=0, lt=1)


class Export(_Section):
    """Weights stored as 16-bit floats, and the largest difference of a logit that the exported graph may show."""

    half: bool = True
    tolerance: float = Field(default=1e-4, gt=0)


class Card(_Section):
    """What the package says about itself."""

    licence: str
    intended_use: str
    limits: tuple[str, ...] = ()


class Recipe(_Section):
    """A whole recipe with its size applied."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    family: str
    data: Data
    split: Split = Split()
    prepare: Prepare = Prepare()
    segment: Segment = Segment()
    network: Network = Network()
    heads: dict[str, Literal["ordinal", "binary"]]
    loss: Loss = Loss()
    optimiser: Optimiser = Optimiser()
    augment: Augment = Augment()
    select: Select = Select()
    ensemble: Ensemble = Ensemble()
    calibrate: Calibrate = Calibrate()
    threshold: Threshold = Threshold()
    export: Export = Export()
    card: Card
    size: Size = "full"
    seed: int = 0

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        if self.data.joint not in JOINTS:
            raise ValueError(f"data.joint: there is no joint {self.data.joint!r}; use one of {', '.join(JOINTS)}")
        entries = {entry.name: entry.kind for entry in JOINTS[self.data.joint].findings}
        strangers = [name for name in self.data.findings if name not in entries]
        wrong = [f"data.findings: {name!r} is no finding of the {self.data.joint}{_hint(name, entries)}" for name in strangers]
        if set(self.heads) != set(self.data.findings):
            wrong.append("heads: there must be one head for each of data.findings")
        wrong += [f"heads.{name}: {name} is {entries[name]}" for name, kind in self.heads.items() if entries.get(name, kind) != kind]
        wrong += [f"loss.weights: {name!r} is not in data.findings" for name in self.loss.weights if name not in self.data.findings]
        if self.segment.package and self.size != "smoke":
            wrong.append("segment.package: a segmenter that was trained elsewhere may have seen the patients it is judged on")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def load_recipe(name_or_path: str | Path, *, size: Size = "full", seed: int | None = None) -> Recipe:
    """Read a recipe, apply what it extends, its size and a seed, and check it.

    Parameters
    ----------
    name_or_path : name of a shipped recipe (``lumbar``) or path of a YAML file
    size : which of the recipe's sizes
    seed : overrides the recipe's

    Raises
    ------
    UsageError - no such recipe
    InputError - not a YAML mapping, or recipes that extend each other in a circle
    TableError - wrong keys or values, all at once, unknown keys with the nearest known one
    """
    content, where = _resolved(name_or_path, ())
    sizes = content.pop("sizes", {})
    if not isinstance(sizes, dict) or set(sizes) - {"smoke", "study", "full"}:
        raise _wrong(where, ["sizes: must hold some of smoke, study, full"])
    content = _merged(content, sizes.get(size) or {})
    content["size"] = size
    if seed is not None:
        content["seed"] = seed
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise _wrong(where, [_sentence(one, content) for one in error.errors()]) from None


def shipped_recipes() -> dict[str, Path]:
    """Name -> file of every recipe in the package."""
    root = Path(str(resources.files("condyle"))) / "recipes"
    return {path.stem: path for path in sorted(root.glob("*/*.yaml"))}


def _resolved(name_or_path: str | Path, seen: tuple[Path, ...]) -> tuple[dict[str, Any], str]:
    path = shipped_recipes().get(str(name_or_path), Path(name_or_path))
    if not path.is_file():
        raise UsageError(
            "unknown-recipe", f"There is no recipe {str(name_or_path)!r}.",
            what_to_do=f"Give the path of a recipe.yaml, or one of: {', '.join(shipped_recipes())}.",
        )  # fmt: skip
    if path.resolve() in seen:
        raise InputError("recipe-circle", "Recipes extend each other in a circle.", where=path.name, what_to_do="Remove one `extends`.")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        content = None
    if not isinstance(content, dict):
        raise InputError("recipe-unreadable", "The recipe is not a YAML mapping.", where=path.name, what_to_do="Correct the file.")
    parent = content.pop("extends", None)
    if parent is None:
        return content, path.name
    beside = path.parent / str(parent)
    base, _ = _resolved(beside if beside.is_file() else str(parent), (*seen, path.resolve()))
    return _merged(base, content), path.name


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in over.items():
        out[key] = _merged(out[key], value) if isinstance(value, Mapping) and isinstance(out.get(key), Mapping) else value
    return out


def _sentence(error: Any, content: Mapping[str, Any]) -> str:
    place = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        return f"{'.'.join(place)}: unknown key{_hint(place[-1], _known(place[:-1]))}"
    return f"{'.'.join(place)}: {error['msg']}" if place else str(error["msg"]).removeprefix("Value error, ")


def _known(place: list[str]) -> list[str]:
    model: Any = Recipe
    for part in place:
        field = model.model_fields.get(part) if isinstance(model, type) and issubclass(model, BaseModel) else None
        model = field.annotation if field is not None else Slot
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _hint(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _wrong(where: str, problems: list[str]) -> TableError:
    return TableError(
        "recipe-invalid", "The recipe cannot be used.", where=where, why=f"{len(problems)} problems were found.",
        what_to_do="Correct the lines below.", problems=tuple(problems),
    )  # fmt: skip
