"""The ``search`` block of a recipe: which settings are tried, between which limits. Data, checked without torch or Optuna."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from condyle.train.sections import Section


class Range(Section):
    """Values of one setting: between ``low`` and ``high`` (``log``: evenly on the logarithm; ``step``: whole steps from ``low``), or one of
    ``among``."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = Field(default=None, gt=0)
    among: tuple[float | str | bool | None, ...] = ()

    def wrong(self) -> list[str]:
        """What no range can be, one sentence each. No validator: the recipe tells it beside what else is wrong."""
        found = []
        bounded = self.low is not None and self.high is not None
        if bounded == bool(self.among) or (self.low is None) != (self.high is None):
            found.append("give either low and high, or among")
        if self.low is not None and self.high is not None and (self.low >= self.high or (self.log and self.low <= 0)):
            found.append("low must lie below high, and above 0 with log")
        if self.log and self.step is not None:
            found.append("log and step exclude each other")
        return found

    def corners(self) -> tuple[Any, ...]:
        """Values that must be allowed for all between them to be; one is no whole number unless there are steps."""
        if self.among or self.low is None or self.high is None:
            return self.among
        return (self.low, self.high) if self.step else (self.low, self.low + 0.381966 * (self.high - self.low), self.high)


class Search(Section):
    """Optuna tries ``trials`` settings (tree-structured Parzen estimator) of ``space``, a mapping from the place of a setting
    (``optimiser.rate``) to its values. Each trial trains the first ``folds`` folds on patients that are not set apart and is judged by
    ``select.metric`` on their held-out patients; from trial ``startup`` on, and epoch ``warm_up`` on, one that is worse than the median of
    those before it at the same epoch is stopped. The package is then trained with the best settings. Patients marked test or external are
    taken out of the cohort before the search is given it."""

    space: dict[str, Range] = Field(min_length=1)
    trials: int = Field(default=20, ge=1)
    folds: int = Field(default=1, ge=1)
    startup: int = Field(default=5, ge=0)
    warm_up: int = Field(default=2, ge=0)
    seed: int = 0


def placed(content: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Nested ``content`` with each 'section.key' of ``settings`` set. Raises KeyError for a place that is not there."""
    out = {name: dict(value) if isinstance(value, Mapping) else value for name, value in content.items()}
    for place, value in settings.items():
        head, _, rest = place.partition(".")
        if head not in out or (rest and not isinstance(out[head], Mapping)):
            raise KeyError(place)
        out[head] = placed(out[head], {rest: value}) if rest else value
    return out
