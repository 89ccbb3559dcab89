"""Every fault of a recipe at once: those of single values, and those between values that are right by themselves.

Pydantic looks at what settings ask of each other only when each of them is right. Here what is wrong is taken out, the rest is checked
with defaults in its place, and no check is made that would look at such a default.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from condyle.errors import did_you_mean, nearest
from condyle.train.sections import Recipe

Place = tuple[str | int, ...]


def faults(schema: type[Recipe], content: Mapping[str, Any], error: ValidationError) -> list[str]:
    """One sentence a fault of ``content``, which ``schema`` refused with ``error``."""
    alone = [one for one in error.errors() if one["type"] != "recipe"]
    if not alone:
        return [text for one in error.errors() for text in one["ctx"]["problems"]]
    rest, doubtful = _sound_part(schema, content, alone)
    told = [_sentence(one, schema) for one in alone]

    def sound(*places: str) -> bool:
        return not any(_touch(place, other) for place in places for other in doubtful)

    return told + [text for text in rest.problems(sound) if text not in told]


def _sound_part(schema: type[Recipe], content: Mapping[str, Any], errors: Iterable[Any]) -> tuple[Recipe, list[str]]:
    """(what is right, with defaults where something is wrong; places of these). Sections that are needed and wrong are absent."""
    left: dict[str, Any] = copy.deepcopy(dict(content))
    doubtful = []
    for one in errors:
        place: Place = one["loc"]
        if one["type"] == "extra_forbidden":  # it may have been meant for a key that now has its default
            meant = nearest(str(place[-1]), _known(schema, place[:-1]))
            doubtful += [".".join(map(str, (*place[:-1], meant)))] if meant else []
        else:
            doubtful.append(".".join(map(str, place)))
        _remove(left, place[:-1] if one["type"] == "missing" and len(place) > 2 else place)
    values = {}
    for name, field in schema.model_fields.items():
        if name not in left:
            continue
        try:
            values[name] = TypeAdapter[Any](field.rebuild_annotation()).validate_python(left[name])
        except ValidationError:
            doubtful.append(name)
    doubtful += [name for name, field in schema.model_fields.items() if field.is_required() and name not in values]
    return schema.model_construct(**values), doubtful


def _remove(content: Any, place: Place) -> None:
    """Take out what is at a place; of a list all of it, because its places would shift."""
    for depth, part in enumerate(place):
        inner = content.get(part) if isinstance(content, dict) else None
        if depth == len(place) - 1 or not isinstance(inner, dict):
            if isinstance(content, dict):
                content.pop(part, None)
            return
        content = inner


def _touch(place: str, other: str) -> bool:
    """One of two places lies within the other, or is it."""
    one, two = place.split("."), other.split(".")
    depth = min(len(one), len(two))
    return one[:depth] == two[:depth]


def _sentence(error: Any, schema: type[Recipe]) -> str:
    place = [str(part) for part in error["loc"]]
    text = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        text = f"unknown key.{did_you_mean(place[-1], _known(schema, place[:-1]))}"
    elif error["type"] == "literal_error":
        known = _words(error["ctx"]["expected"])
        text = f"{error['input']!r} is none of {', '.join(known)}.{did_you_mean(str(error['input']), known)}"
    elif error["type"] == "missing":
        text = "is missing"
    return f"{'.'.join(place)}: {text}" if place else text


def _words(expected: str) -> list[str]:
    """The words of pydantic's "'a', 'b' or 'c'"."""
    return [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]


def _known(schema: type[Recipe], place: Iterable[str | int]) -> list[str]:
    """Keys of the section at a place; of a mapping of sections (slots) those of each."""
    model: Any = schema
    for part in place:
        if part in getattr(model, "model_fields", {}):
            annotation = model.model_fields[part].annotation
            model = next((one for one in (annotation, *get_args(annotation)) if _is_section(one)), None)
    return [*model.model_fields, *(("extends", "sizes") if model is schema else ())] if _is_section(model) else []


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
