"""All that a name can mean: joints, findings, packages, recipes, plug-ins, error codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from condyle.anatomy import JOINTS
from condyle.registry import KINDS, Unavailable, plugins


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing with a name and what there is to say about it, in reading order."""

    kind: str
    name: str
    facts: dict[str, Any]


def things_named(name: str) -> list[Thing]:
    """Everything with exactly this name; a name may belong to a joint and a package alike."""
    sources: tuple[Callable[[str], Iterator[Thing]], ...] = (_joints, _findings, _packages, _recipes, _plugins)
    # No error code is called as anything else, and they are read from the whole source.
    return [thing for source in sources for thing in source(name)] or list(_codes(name))


def _joints(name: str) -> Iterator[Thing]:
    if name in JOINTS:
        joint = JOINTS[name]
        facts = {
            "title": joint.title,
            "levels": ", ".join(joint.levels),
            "sides": ", ".join(joint.sides),
            "compartments": ", ".join(joint.compartments),
            "findings": ", ".join(one.name for one in joint.findings),
            "never assessed": ", ".join(joint.not_covered),
        }  # fmt: skip
        yield Thing("joint", name, _said(facts))


def _findings(name: str) -> Iterator[Thing]:
    for joint in JOINTS.values():
        for one in joint.findings:
            if one.name == name:
                needs = " and ".join("/".join(choice) for choice in one.needs)
                facts: dict[str, Any] = {
                    "joint": joint.name,
                    "title": one.title,
                    "kind": one.kind,
                    "meaning": one.explanation,
                    "needs": needs,
                    "unit": one.unit,
                }
                if one.scale:
                    facts["steps"] = [f"{step}: {meaning}" for step, meaning in zip(one.scale.steps, one.scale.meanings, strict=True)]
                yield Thing("finding", name, _said({**facts, "source": one.source}))


def _packages(name: str) -> Iterator[Thing]:
    from condyle.readers import package_names, verify_package

    if name not in package_names():
        return
    one = verify_package(name)
    info = one.info
    if info is None:
        yield Thing("package", name, {"not usable": one.problem})
        return
    facts = {
        "version": info.version,
        "joint": one.joint,
        "family": one.family,
        "findings": ", ".join(one.findings),
        "intended use": info.intended_use,
        "trained on": info.trained_on,
        "limits": list(info.limits),
        "licence": info.licence,
        "credit": info.credit,
        "sha256": info.sha256,
    }
    yield Thing("package", name, _said(facts))


def _recipes(name: str) -> Iterator[Thing]:
    from condyle.train.recipe import load_recipe, shipped_recipes

    if path := shipped_recipes().get(name):
        one = load_recipe(path)
        slots = [
            f"{slot}: {given.plane}, {' or '.join(given.weightings)}" + (f", contrast {given.contrast}" if given.contrast else "")
            for slot, given in one.data.slots.items()
        ]
        facts = {
            "version": one.version,
            "family": one.family,
            "joint": one.data.joint,
            "slots": slots,
            "findings": ", ".join(one.data.findings),
        }
        yield Thing("recipe", name, _said({**facts, "check": f"condyle check recipe {name}"}))


def _plugins(name: str) -> Iterator[Thing]:
    for kind in KINDS:
        one = plugins(kind).get(name)
        if isinstance(one, Unavailable):
            yield Thing(_one_of(kind), name, {"not available": one.reason})
        elif one is not None:
            yield Thing(_one_of(kind), name, _said({"summary": one.summary, "source": one.source, "extra": one.extra, "code": one.target}))


def _one_of(kind: str) -> str:
    return kind.removesuffix("ies") + "y" if kind.endswith("ies") else kind.removesuffix("s")


def _codes(name: str) -> Iterator[Thing]:
    from condyle.cli.codes import error_codes

    for one in error_codes():
        if one.code == name:
            facts = {
                "what": list(one.whats),
                "why": list(one.whys),
                "what to do": list(one.advices),
                "exit code": one.exit_code,
                "raised in": list(one.files),
            }
            yield Thing("problem" if one.kind == "Problem" else "error", name, _said(facts))


def _said(facts: dict[str, Any]) -> dict[str, Any]:
    """Without what there is nothing to say about."""
    return {title: value for title, value in facts.items() if value not in ("", None, [], ())}
