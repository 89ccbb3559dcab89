"""recipe.yaml: from what and how a package is trained. Data, no code; checked without torch.

A recipe may inherit (``extends: other``: sections are merged key by key, lists and values replaced, ``null`` takes back what was
inherited; findings named anew leave the inherited heads and weights of all others behind). It holds its sizes: ``smoke`` shows in seconds
that everything runs, ``study`` is a first answer, ``full`` makes what is shipped. Every wrong key and value is reported at once. Which
keys there are depends on its family; ``sections.py`` holds what all families share.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from condyle.errors import InputError, TableError, UsageError, did_you_mean, nearest
from condyle.safe_yaml import read_yaml
from condyle.train.lumbar_recipe import LumbarRecipe
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.recipe_faults import faults
from condyle.train.sections import Recipe, Size

FAMILIES: dict[str, type[Recipe]] = {"lumbar": LumbarRecipe, "multiplane": MultiplaneRecipe}


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
    problems: list[str] = []
    recipe = _of_size(content, size, seed, problems)
    if problems or recipe is None:
        raise _wrong(where, problems)
    return recipe


def load_sizes(name_or_path: str | Path) -> dict[Size, Recipe]:
    """A recipe in all its sizes. Raises as ``load_recipe``; a problem of several sizes is told once."""
    content, where = _resolved(name_or_path, ())
    problems: list[str] = []
    found = {size: _of_size(content, size, None, problems) for size in get_args(Size)}
    if problems:
        raise _wrong(where, list(dict.fromkeys(problems)))
    return {size: recipe for size, recipe in found.items() if recipe is not None}


def _of_size(content: Mapping[str, Any], size: Size, seed: int | None, problems: list[str]) -> Recipe | None:
    """The recipe of a size; what is wrong with it is appended to ``problems``."""
    content = dict(content)
    sizes = content.pop("sizes", {})
    if not isinstance(sizes, dict) or set(sizes) - set(get_args(Size)) or not all(isinstance(own or {}, dict) for own in sizes.values()):
        problems.append(f"sizes: must hold some of {', '.join(get_args(Size))}, each with the sections that differ in it")
        sizes = {}
    content = _merged(content, sizes.get(size) or {})
    content["size"] = size
    if seed is not None:
        content["seed"] = seed
    family = content.get("family")
    if family not in FAMILIES:
        meant = nearest(str(family), FAMILIES)
        problems.append(f"family: {family!r} is none of {', '.join(FAMILIES)}." + (f" Did you mean {meant!r}?" if meant else ""))
        if not meant:
            return None
        content["family"] = family = meant
    schema = FAMILIES[str(family)]
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        problems += faults(schema, content, error)
        return None


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
    content = read_yaml(path, lambda reason: _unreadable(path, reason))
    parent = content.pop("extends", None)
    if parent is None:
        return content, path.name
    beside = path.parent / str(parent)
    if not beside.is_file() and str(parent) not in shipped_recipes():
        raise _wrong(path.name, [f"extends: there is no recipe {str(parent)!r}.{did_you_mean(str(parent), shipped_recipes())}"])
    base, _ = _resolved(beside if beside.is_file() else str(parent), (*seen, path.resolve()))
    return _merged(_without_others(base, content), content), path.name


def _without_others(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """What is inherited, without heads and weights of findings that are not named any more."""
    data = over.get("data")
    named = data.get("findings") if isinstance(data, Mapping) else None
    if not isinstance(named, list):
        return dict(base)
    out = dict(base) | {"heads": {name: kind for name, kind in dict(base.get("heads") or {}).items() if name in named}}
    if isinstance(loss := base.get("loss"), Mapping) and isinstance(weights := loss.get("weights"), Mapping):
        out["loss"] = {**loss, "weights": {name: weight for name, weight in weights.items() if name in named}}
    return out


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in over.items():
        if value is None:
            out.pop(key, None)
            continue
        out[key] = _merged(out[key], value) if isinstance(value, Mapping) and isinstance(out.get(key), Mapping) else value
    return out


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError("recipe-unreadable", "The recipe cannot be read.", where=path.name, why=reason, what_to_do="Correct the file.")


def _wrong(where: str, problems: list[str]) -> TableError:
    return TableError(
        "recipe-invalid", "The recipe cannot be used.", where=where,
        why=f"{len(problems)} problem{'s were' if len(problems) > 1 else ' was'} found.",
        what_to_do="Correct the lines below.", problems=tuple(problems),
    )  # fmt: skip
