"""package.yaml as data: what each of its keys may hold, and everything that is wrong with one, at once.

Checked by hand, because the library that checks the recipes of training takes longer to import than a study takes to be decoded and cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal

Holds = Callable[[Any, str, list[str]], Any]  # (value, its place, faults to add to) -> the value as it is kept


def text(pattern: str = "") -> Holds:
    def check(value: Any, place: str, faults: list[str]) -> Any:
        if not isinstance(value, str):
            faults.append(f"{place}: must be text")
        elif pattern and not re.search(pattern, value):
            faults.append(f"{place}: must match {pattern}")
        return value

    return check


def one_of(*allowed: Any) -> Holds:
    def check(value: Any, place: str, faults: list[str]) -> Any:
        if not any(type(value) is type(one) and value == one for one in allowed):
            faults.append(f"{place}: must be one of {', '.join(str(one) for one in allowed)}")
        return value

    return check


def share(value: Any, place: str, faults: list[str]) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        faults.append(f"{place}: must be a number from 0 to 1")
        return 0.0
    return float(value)


def mapping(value: Any, place: str, faults: list[str]) -> Any:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        faults.append(f"{place}: must be keys with values")
        return {}
    return dict(value)


def many(own: Holds, least: int = 0) -> Holds:
    def check(value: Any, place: str, faults: list[str]) -> Any:
        if not isinstance(value, list | tuple) or len(value) < least:
            faults.append(f"{place}: must be a list{f' of at least {least}' if least else ''}")
            return ()
        return tuple(own(one, f"{place}.{number}", faults) for number, one in enumerate(value))

    return check


def table(own: Holds) -> Holds:
    def check(value: Any, place: str, faults: list[str]) -> Any:
        return {key: own(one, f"{place}.{key}", faults) for key, one in mapping(value, place, faults).items()}

    return check


def optional(own: Holds) -> Holds:
    return lambda value, place, faults: None if value is None else own(value, place, faults)


def record(kind: type[Any]) -> Holds:
    """Of a dataclass whose fields say in their metadata how they are checked; None where something of it is wrong."""

    def check(value: Any, place: str, faults: list[str]) -> Any:
        told, before, at = mapping(value, place or "the file", faults), len(faults), f"{place}." if place else ""
        known = {one.name: one for one in fields(kind)}
        faults += [f"{at}{key}: there is no such key" for key in told if key not in known]
        needed = (one.name for one in known.values() if one.default is MISSING and one.default_factory is MISSING)
        faults += [f"{at}{name}: is missing" for name in needed if name not in told]
        made = {name: known[name].metadata["holds"](own, at + name, faults) for name, own in told.items() if name in known}
        return kind(**made) if len(faults) == before else None

    return check


def _band(value: Any, place: str, faults: list[str]) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2:
        faults.append(f"{place}: must be two rising numbers from 0 to 1")
        return None
    low, high = (share(one, place, faults) for one in value)
    if low > high:
        faults.append(f"{place}: must be two rising numbers from 0 to 1")
    return low, high


def _key(holds: Holds, **default: Any) -> Any:
    return field(metadata={"holds": holds}, **default)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSpec:
    """An input of the reader: which series may fill it, in the order of preference."""

    plane: Literal["sagittal", "coronal", "axial"] = _key(one_of("sagittal", "coronal", "axial"))
    weightings: tuple[str, ...] = _key(many(text()))
    fat_suppressed: bool | None = _key(optional(one_of(True, False)), default=None)
    contrast: Literal["none", "intravenous", "arthrogram"] | None = _key(  # None: any
        optional(one_of("none", "intravenous", "arthrogram")), default=None
    )
    required: bool = _key(one_of(True, False), default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSpec:
    """A network: its file and the names of its inputs and outputs."""

    file: str = _key(text())
    inputs: tuple[str, ...] = _key(many(text(), least=1))
    outputs: tuple[str, ...] = _key(many(text(), least=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdSpec:
    """A frozen score threshold: present from ``value`` on. Scores in ``band`` are called uncertain."""

    value: float = _key(share)
    rule: str = _key(text())
    band: tuple[float, float] | None = _key(optional(_band), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """A data set that the package was trained on."""

    name: str = _key(text())
    licence: str = _key(text())
    credit: str = _key(text())
    source: str = _key(text(), default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSpec:
    """Contents of package.yaml. ``settings`` and the values of ``calibration`` belong to the family."""

    schema_version: Literal[1] = _key(one_of(1))
    name: str = _key(text(r"^[a-z][a-z0-9_]{0,63}\Z"))
    version: str = _key(text(r"^\d+\.\d+\.\d+([a-z0-9.+-]*)\Z"))
    family: str = _key(text())
    joint: str = _key(text())
    findings: tuple[str, ...] = _key(many(text()))
    slots: Mapping[str, SlotSpec] = _key(table(record(SlotSpec)))
    prepare: tuple[Mapping[str, Any], ...] = _key(many(mapping), default=())
    graphs: Mapping[str, GraphSpec] = _key(table(record(GraphSpec)))
    calibration: Mapping[str, Any] = _key(mapping, default_factory=dict)
    thresholds: Mapping[str, ThresholdSpec] = _key(table(record(ThresholdSpec)), default_factory=dict)
    settings: Mapping[str, Any] = _key(mapping, default_factory=dict)
    licence: str = _key(text())
    data: tuple[DataSpec, ...] = _key(many(record(DataSpec)), default=())
    credit: str = _key(text(), default="")
    intended_use: str = _key(text())
    trained_on: str = _key(text())
    limits: tuple[str, ...] = _key(many(text()), default=())
    files: Mapping[str, str] = _key(table(text()))
