"""The recipe of the lumbar family: a segmenter, a frozen backbone, small heads on crops along each disc."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from condyle.train.sections import Recipe, Section, Sound, all_sound


class Split(Section):
    """Outer folds measure, inner folds calibrate; both by patient."""

    outer: int = Field(default=5, ge=2)
    inner: int = Field(default=4, ge=2)


class Prepare(Section):
    """The crop: pixels, pixels in one disc width, place of the disc, room around it for random shifts."""

    rows: int = Field(default=96, ge=32, multiple_of=16)
    columns: int = Field(default=112, ge=32, multiple_of=16)
    pixels_per_width: float = Field(default=56.0, gt=8)
    forward: float = Field(default=0.42, gt=0, lt=1)
    margin: int = Field(default=10, ge=0)


class Segment(Section):
    """Training of the segmenter: optimiser steps and pictures a step. ``package`` takes the segmenter of an installed package
    instead, which may have seen any patient: only the size ``smoke``, which measures nothing, may do so."""

    package: str = ""
    steps: int = Field(default=420, ge=1)
    batch: int = Field(default=8, ge=1)


class Network(Section):
    """Frozen backbone and trained head: hidden units, and the shares of inputs and hidden units dropped in training."""

    backbone: Literal["efficientnet-lite0"] = "efficientnet-lite0"
    hidden: int = Field(default=64, ge=1)
    drop_input: float = Field(default=0.2, ge=0, lt=1)
    drop_hidden: float = Field(default=0.4, ge=0, lt=1)


class Second(Section):
    """Heads of a second kind, trained like the first kind but wider or for longer. For the findings named here the logits of both kinds
    are averaged (the grade gains from longer training, by which the other findings lose); for all others they are not asked."""

    findings: tuple[str, ...] = ()
    hidden: int = Field(default=128, ge=1)
    drop_input: float = Field(default=0.2, ge=0, lt=1)
    drop_hidden: float = Field(default=0.4, ge=0, lt=1)
    epochs: int = Field(default=24, ge=1)


class Loss(Section):
    """Cross entropy a finding. ``balance`` 0 leaves classes as they are, 1 weighs positives up to equal shares; shares are
    those of the training rows alone."""

    balance: float = Field(default=0.0, ge=0, le=1)
    weights: dict[str, float] = Field(default_factory=dict)


class Optimiser(Section):
    """AdamW with one cycle of the rate over all steps."""

    epochs: int = Field(default=30, ge=1)
    batch: int = Field(default=64, ge=2)
    rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.3, ge=0)
    warm_up: float = Field(default=0.2, gt=0, lt=1)


class Augment(Section):
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


class Calibrate(Section):
    method: Literal["platt"] = "platt"


class Threshold(Section):
    """How thresholds are chosen on inner held-out scores; the share ``undecided`` nearest to it is called uncertain."""

    rule: Literal["youden"] = "youden"
    undecided: float = Field(default=0.1, ge=0, lt=1)


class LumbarRecipe(Recipe):
    """A recipe of the family ``lumbar``."""

    split: Split = Split()
    prepare: Prepare = Prepare()
    segment: Segment = Segment()
    network: Network = Network()
    second: Second = Second()
    loss: Loss = Loss()
    optimiser: Optimiser = Optimiser()
    augment: Augment = Augment()
    calibrate: Calibrate = Calibrate()
    threshold: Threshold = Threshold()

    def wrong(self, sound: Sound = all_sound) -> list[str]:
        found = self.weightless(self.loss.weights) if sound("data.findings", "loss.weights") else []
        if sound("data.findings", "second.findings"):
            known = self.data.findings
            found += [f"second.findings: {name} is none of data.findings" for name in self.second.findings if name not in known]
        if sound("segment.package", "size") and self.segment.package and self.size != "smoke":
            found.append("segment.package: a segmenter that was trained elsewhere may have seen the patients it is judged on")
        return found

    def kinds(self) -> dict[str, LumbarRecipe]:
        """Kind of head -> the recipe that its heads are trained by."""
        if not self.second.findings:
            return {"first": self}
        own = self.second
        network = self.network.model_copy(update={name: getattr(own, name) for name in ("hidden", "drop_input", "drop_hidden")})
        optimiser = self.optimiser.model_copy(update={"epochs": own.epochs})
        return {"first": self, "second": self.model_copy(update={"network": network, "optimiser": optimiser})}
