"""Sections that recipes of every family share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from condyle.anatomy import JOINTS
from condyle.errors import did_you_mean

Size = Literal["smoke", "study", "full"]
Contrast = Literal["none", "intravenous", "arthrogram"]

# Whether all of some places (``network.backbone``, ``split``) can be relied on: a check of several settings waits until each is sound.
Sound = Callable[..., bool]


def all_sound(*_places: str) -> bool:
    """Of a recipe whose every value was accepted."""
    return True


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Slot(Section):
    """An input: the series that may fill it. ``plane``, ``weightings`` and ``contrast`` are words of a series' role. Without ``contrast``
    any will do; ``none`` takes a series of which nothing says that contrast was given, ``arthrogram`` one that is told to be one."""

    plane: Literal["sagittal", "coronal", "axial"]
    weightings: tuple[str, ...] = Field(min_length=1)
    fat_suppressed: bool | None = None
    contrast: Contrast | None = None
    required: bool = False


class Data(Section):
    """Input slots, the preferred first, and the findings to learn (``finding`` or ``finding/compartment``). Unknown labels are left
    out of the loss. ``contrast`` takes from the manifest the studies made so alone, and is what every slot asks for that says nothing
    else: standard studies and arthrograms of one manifest are learnt by two recipes."""

    joint: str
    contrast: Contrast | None = None
    slots: dict[str, Slot] = Field(min_length=1)
    findings: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _said_once(cls, content: Any) -> Any:
        """Slots that say nothing of contrast say what the recipe says."""
        if not isinstance(content, dict) or not content.get("contrast") or not isinstance(content.get("slots"), dict):
            return content
        silent = {name for name, slot in content["slots"].items() if isinstance(slot, dict) and not slot.get("contrast")}
        slots = {
            name: {**slot, "contrast": content["contrast"]} if name in silent else slot for name, slot in content["slots"].items()
        }
        return {**content, "slots": slots}


class Select(Section):
    """Where a part is fitted beside held-out patients, the epoch that is best on them is kept and ``patience`` epochs are waited
    for a better one: lowest log loss, or highest mean AUROC. The lumbar heads have none: they train for a fixed number of epochs."""

    metric: Literal["log_loss", "auroc"] = "log_loss"
    patience: int = Field(default=10, ge=1)


class Ensemble(Section):
    """Networks trained with different seeds; the package averages their logits."""

    seeds: int = Field(default=2, ge=1)


class Export(Section):
    """Whether weights are stored as 16-bit floats (half the size; the reading is then not quite that of the network that was judged),
    and the largest difference of a logit that the exported graph may show from what is stored. ``patients`` is how the
    package remembers whom it was fitted on, so that ``condyle predict`` refuses them: hashes that only this machine's key can ask
    (``keyed``), hashes that everybody can test candidates on (``salted``: for public or simulated ids), or ``none``."""

    half: bool = False
    tolerance: float = Field(default=1e-4, gt=0)
    patients: Literal["keyed", "salted", "none"] = "keyed"


class Card(Section):
    """What the package says about itself."""

    licence: str
    intended_use: str
    limits: tuple[str, ...] = ()


class Recipe(Section):
    """What a recipe of any family says, with its size applied."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    family: str
    data: Data
    heads: dict[str, Literal["ordinal", "binary"]]
    select: Select = Select()
    ensemble: Ensemble = Ensemble()
    export: Export = Export()
    card: Card
    size: Size = "full"
    seed: int = 0

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        if problems := self.problems():
            raise PydanticCustomError("recipe", "{text}", {"text": "; ".join(problems), "problems": tuple(problems)})
        return self

    def problems(self, sound: Sound = all_sound) -> list[str]:
        """What settings that are right by themselves have wrong between them, one sentence each; ``sound`` as for ``wrong``."""
        return [*(self._wrong_findings(sound) if sound("data.joint", "data.findings") else []), *self.wrong(sound)]

    def wrong(self, sound: Sound = all_sound) -> list[str]:
        """What a family finds wrong beside this. Only checks are made of which ``sound`` says that all they look at is right."""
        return []

    def _wrong_findings(self, sound: Sound) -> list[str]:
        if self.data.joint not in JOINTS:
            near = did_you_mean(self.data.joint, JOINTS)
            return [f"data.joint: there is no joint {self.data.joint!r}; use one of {', '.join(JOINTS)}.{near}"]
        joint = JOINTS[self.data.joint]
        entries = {entry.name: entry.kind for entry in joint.findings}
        wrong = []
        for name in self.data.findings:
            finding, _, place = name.partition("/")
            if finding not in entries:
                wrong.append(f"data.findings: {name!r} is no finding of the {joint.name}.{did_you_mean(name, entries)}")
            elif place and place not in joint.compartments:
                wrong.append(f"data.findings: {place!r} is no compartment of the {joint.name}.{did_you_mean(place, joint.compartments)}")
        if not sound("heads"):
            return wrong
        if set(self.heads) != set(self.data.findings):
            wrong.append("heads: there must be one head for each of data.findings")
        for name, kind in self.heads.items():
            own = entries.get(name.partition("/")[0], kind)
            if own != kind:
                wrong.append(f"heads.{name}: {name} is {own}")
        return wrong

    def weightless(self, weights: dict[str, Any]) -> list[str]:
        """Findings that are weighed but not learnt."""
        return [f"loss.weights: {name!r} is not in data.findings" for name in weights if name not in self.data.findings]
