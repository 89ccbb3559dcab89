"""recipe.yaml: from what and how a package is trained. Data, no code; checked without torch.

A recipe may inherit (``extends: other``) and holds its sizes: ``smoke`` shows in seconds that everything runs, ``study``
is a first answer, ``full`` makes what is shipped. Every wrong key and value is reported at once. Which keys there are
depends on its family; ``sections.py`` holds what all families share.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from condyle.errors import InputError, TableError, UsageError, did_you_mean
from condyle.safe_yaml import read_yaml
from condyle.train.lumbar_recipe import LumbarRecipe
from condyle.train.multiplane.recipe import MultiplaneRecipe
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
    sizes = content.pop("sizes", {})
    if not isinstance(sizes, dict) or set(sizes) - {"smoke", "study", "full"}:
        raise _wrong(where, ["sizes: must hold some of smoke, study, full"])
    content = _merged(content, sizes.get(size) or {})
    content["size"] = size
    if seed is not None:
        content["seed"] = seed
    family = content.get("family")
    if family not in FAMILIES:
        raise _wrong(where, [f"family: {family!r} is none of {', '.join(FAMILIES)}.{did_you_mean(str(family), FAMILIES)}"])
    schema = FAMILIES[family]
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        raise _wrong(where, [_sentence(one, schema) for one in error.errors()]) from None


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
    return _merged(base, content), path.name


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in over.items():
        out[key] = _merged(out[key], value) if isinstance(value, Mapping) and isinstance(out.get(key), Mapping) else value
    return out


def _sentence(error: Any, schema: type[Recipe]) -> str:
    place = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        return f"{'.'.join(place)}: unknown key.{did_you_mean(place[-1], _known(schema, place[:-1]))}"
    return f"{'.'.join(place)}: {error['msg']}" if place else str(error["msg"]).removeprefix("Value error, ")


def _known(schema: type[Recipe], place: list[str]) -> list[str]:
    """Keys of the section at a place; of a mapping of sections (slots) those of each."""
    model: Any = schema
    for part in place:
        if part in getattr(model, "model_fields", {}):
            annotation = model.model_fields[part].annotation
            model = next((one for one in (annotation, *get_args(annotation)) if _is_section(one)), None)
    return list(model.model_fields) if _is_section(model) else []


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError("recipe-unreadable", "The recipe cannot be read.", where=path.name, why=reason, what_to_do="Correct the file.")


def _wrong(where: str, problems: list[str]) -> TableError:
    return TableError(
        "recipe-invalid", "The recipe cannot be used.", where=where,
        why=f"{len(problems)} problem{'s were' if len(problems) > 1 else ' was'} found.",
        what_to_do="Correct the lines below.", problems=tuple(problems),
    )  # fmt: skip
