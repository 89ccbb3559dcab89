"""The networks of a package, as its settings and graphs describe them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import PackageError
from condyle.readers.decide import demand_thresholds
from condyle.readers.engines import open_graph
from condyle.readers.grades import LINKS, Link, chained, step_of
from condyle.readers.multiplane.locate import Floats as Coarse
from condyle.readers.multiplane.locate import LocateSpec, place_of
from condyle.readers.multiplane.look import Locate
from condyle.readers.multiplane.network import Attention, Floats, Member
from condyle.readers.multiplane.stack import StackSpec
from condyle.readers.onnx import Graph
from condyle.readers.package import Package
from condyle.readers.spec import SlotSpec

SMALL = 8 << 20  # bytes of an encoder that runs as fast in 32-bit floats as in shorter ones, which cost it accuracy (docs/benchmarks.md)


@dataclass(frozen=True, slots=True, eq=False)
class GraphMember:
    """A member of the ensemble run by an engine: encoders by slot, and the reader of features."""

    encoders: Mapping[str, Graph]
    reader: Graph
    columns: tuple[int, ...]
    grid: tuple[int, int] | None = None
    stacks: bool = False

    def encode(self, slot: str, grey: Floats) -> tuple[Floats, Floats]:
        found = self.encoders[slot]({"grey": grey})
        return found["features"], found["before"]

    def read(self, features: Floats, shown: Floats) -> Mapping[str, Floats]:
        found = self.reader({"features": features[None], "shown": shown[None]})
        return {name: values[0] for name, values in found.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """Everything a package says about how its networks are fed and asked.

    Parameters
    ----------
    findings : outputs of the networks; a grade has one a step, tied by ``link``
    opening : graphs on their way; whoever calls one waits for it
    """

    slots: tuple[str, ...]
    findings: tuple[str, ...]
    spec: StackSpec
    attention: Attention
    members: tuple[Member, ...]
    locate: Locate | None = None
    link: Link = "cumulative"
    opening: tuple[Future[Graph], ...] = ()

    def wait(self) -> None:
        """Until every graph is open. Raises PackageError - one cannot be loaded."""
        for one in self.opening:
            one.result()


def slots_of(package: Package) -> dict[str, SlotSpec]:
    """The inputs in the order of training, as far as the package describes them."""
    told = package.spec.settings.get("slots")
    return {name: package.spec.slots[name] for name in told if name in package.spec.slots} if isinstance(told, list) else {}


def open_ensemble(package: Package, engine: str = "") -> Ensemble:
    """The ensemble of a package. Its graphs are opened by another thread, so that a study can be decoded and cut meanwhile.

    Raises
    ------
    PackageError - its settings do not describe one, or it lacks a threshold; from ``Ensemble.wait`` or the first call of a graph: it
        cannot be loaded
    """
    settings: Mapping[str, Any] = package.spec.settings
    try:
        slots, findings = tuple(settings["slots"]), tuple(settings["findings"])
        spec, attention = StackSpec(**settings["stack"]), Attention(**settings["attention"])
        link = LINKS[LINKS.index(settings.get("ordinal", "cumulative"))]
        names = [(dict(one["encoders"]), str(one["reader"]), tuple(map(int, one["columns"])), (int(one["grid"][0]), int(one["grid"][1])),
                  bool(one.get("stacks"))) for one in settings["members"]]  # fmt: skip
        spoken = {column for _, _, columns, *_ in names for column in columns}
        where = _locate_spec(settings["locate"]) if "locate" in settings else None
        lacking = spoken != set(range(len(findings))) or set(slots) != set(package.spec.slots)
        if lacking or any(set(own) != set(slots) for own, *_ in names):
            raise KeyError("members")
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise PackageError(
            "package-damaged", "The package does not describe its networks.", where="package.yaml: settings",
            why=f"{error} is missing or wrong.", what_to_do="Fetch the package again.",
        ) from None  # fmt: skip
    demand_thresholds(package.spec, [name for name in findings if step_of(name)[1] is None])
    opened: dict[str, Future[Graph]] = {}
    decides = {"localiser", *(reader for _, reader, *_ in names)}  # where the joint is, and how likely a finding

    def graph(name: str, batch: int | None = None) -> Graph:
        if name not in opened:
            data = package.graph(name)
            precise = name in decides or len(data) < SMALL
            opened[name] = aside.submit(open_graph, data, name, engine=engine, precise=precise, batch=batch)
        return lambda inputs: opened[name].result()(inputs)

    aside = ThreadPoolExecutor(1)
    locate = None if where is None else _locator(graph("localiser"), where)
    members = tuple(
        GraphMember({slot: graph(own[slot], spec.slices) for slot in slots}, graph(reader), columns, grid, stacks)
        for own, reader, columns, grid, stacks in names
    )
    aside.shutdown(wait=False)
    return Ensemble(slots, findings, spec, attention, members, locate, link, tuple(opened.values()))


def _locate_spec(told: Mapping[str, Any]) -> LocateSpec:
    z, y, x = (int(one) for one in told["cells"])
    return LocateSpec(**{**told, "structures": tuple(told["structures"]), "cells": (z, y, x)})


def _locator(run: Graph, spec: LocateSpec) -> Locate:
    def logits(coarse: Coarse) -> Coarse:
        return np.asarray(run({"coarse": coarse})["logits"], np.float32)

    return lambda volumes, side: place_of(volumes, side, logits, spec)


def probabilities(
    logits: NDArray[np.float64], calibration: Mapping[str, Any], findings: tuple[str, ...], link: Link | None = None
) -> NDArray[np.float64]:
    """[finding] logits -> calibrated probabilities.

    Parameters
    ----------
    link : ties the steps of grades; None leaves each as it is
    calibration : finding -> {'slope', 'intercept'} (Platt; slope 1 / temperature, intercept 0 for temperature scaling), or
        {'logits', 'scores'}, a rising curve between whose points is interpolated (isotonic)
    """
    out = np.empty(len(findings))
    for at, finding in enumerate(findings):
        own, logit = calibration.get(finding, {}), float(logits[at])
        if "scores" in own:
            out[at] = np.interp(logit, own["logits"], own["scores"])
        else:
            out[at] = 1 / (1 + np.exp(-np.clip(own.get("slope", 1.0) * logit + own.get("intercept", 0.0), -30, 30)))
    return out if link is None else chained(out, findings, link)
