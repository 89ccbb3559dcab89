"""Write docs/reference from the code: commands, findings, error codes, plug-ins, recipe keys.

Usage: python scripts/reference.py [FOLDER]      (docs/reference by default; a test compares both)
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from condyle.anatomy import JOINTS
from condyle.cli.app import program
from condyle.cli.codes import ErrorCode, error_codes
from condyle.registry import KINDS, Unavailable, plugins
from condyle.train.recipe import FAMILIES, shipped_recipes
from condyle.train.search_space import Range
from condyle.train.sections import Recipe, Slot

HEAD = "<!-- Written by scripts/reference.py from the code (make reference). Do not edit. -->\n"
KIND_WORDS = {
    "families": "Reader families: from a study to a reading.",
    "exporters": "Exporters: from a reading to a document (`condyle read --format`).",
    "steps": "Preparation steps: from a volume to a volume.",
    "checks": "Quality checks: a measured number, a threshold, a sentence.",
    "adapters": "Adapters of public data sets (`condyle data import`).",
}


def pages() -> dict[str, str]:
    """Text of every generated page by file name."""
    return {
        "commands.md": _commands(),
        "findings.md": _findings(),
        "errors.md": _errors(),
        "plugins.md": _plugins(),
        "recipes.md": _recipes(),
    }


def _commands() -> str:
    parts = [HEAD, "# Commands\n", "What each command says under `--help`.\n"]
    for words, command in _walk(program(), ("condyle",)):
        name = " ".join(words)
        context = command.make_context(name, [], resilient_parsing=True, terminal_width=100, help_option_names=["-h", "--help"])
        parts.append(f"## {name}\n\n```text\n{command.get_help(context).rstrip()}\n```\n")
    return "\n".join(parts)


def _walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    if hasattr(command, "commands"):
        order = command.list_commands(None)
        for name in order:
            yield from _walk(command.commands[name], (*words, name))


def _findings() -> str:
    parts = [HEAD, "# Joints and findings\n", "The names used in every file. A package assesses some of them; its card says which.\n"]
    for joint in JOINTS.values():
        sites = [
            ("Levels", joint.levels),
            ("Sides", joint.sides),
            ("Compartments", joint.compartments),
            ("Never assessed", joint.not_covered),
        ]
        parts.append(f"## {joint.title} (`{joint.name}`)\n")
        parts += [f"{title}: {', '.join(values)}\n" for title, values in sites if values]
        parts.append("| finding | words | kind | needs | meaning | source |\n|---|---|---|---|---|---|")
        for one in joint.findings:
            needs = " and ".join("/".join(choice) for choice in one.needs)
            parts.append(f"| `{one.name}` | {one.title} | {one.kind} | {needs} | {one.explanation} | {one.source} |")
        parts.append("")
        for scale in dict.fromkeys(one.scale for one in joint.findings if one.scale):
            parts.append(f"### Scale `{scale.name}`\n\nSource: {scale.source}\n")
            parts += [f"- **{step}**: {meaning}" for step, meaning in zip(scale.steps, scale.meanings, strict=True)]
            parts.append("")
    return "\n".join(parts)


def _errors() -> str:
    parts = [
        HEAD,
        "# Errors and problems\n",
        "An *error* stops a command; its exit code stands beside it. A *problem* stops nothing: it travels with the study and is",
        "printed in the report. `...` stands for a name or number. `condyle show CODE` prints the same in the terminal.\n",
    ]
    parts += [_error(one) for one in error_codes()]
    return "\n".join(parts)


def _error(one: ErrorCode) -> str:
    head = "problem" if one.exit_code is None else f"error, exit code {one.exit_code}"
    lines = [f"## `{one.code}`\n", f"*{head}*\n"]
    for title, sentences in (("What", one.whats), ("Why", one.whys), ("What to do", one.advices)):
        lines += [f"- {title}: {_plain(sentence)}" for sentence in sentences if sentence]
    return "\n".join(lines) + "\n"


def _plain(sentence: str) -> str:
    return sentence.replace("<", "&lt;").replace("*", "\\*")


def _plugins() -> str:
    parts = [HEAD, "# Plug-ins\n", "Found through the entry points `condyle.<kind>`; ours use the same door as yours.\n"]
    for kind in KINDS:
        parts.append(f"## {kind}\n\n{KIND_WORDS[kind]}\n\n| name | what it does | source |\n|---|---|---|")
        for name, one in plugins(kind).items():
            if not isinstance(one, Unavailable) and one.target.startswith("condyle."):
                parts.append(f"| `{name}` | {one.summary} | {one.source} |")
        parts.append("")
    return "\n".join(parts)


def _recipes() -> str:
    parts = [
        HEAD,
        "# Recipes\n",
        "A recipe is YAML: data, no code. `sizes` holds what differs in `smoke`, `study` and `full`. `extends: other` inherits: sections",
        "are merged key by key, lists and values are replaced, and `null` takes back what was inherited (`data: {slots: {coronal: null}}`",
        "is a recipe without that plane). Findings named anew leave the inherited heads and weights of all others behind. Findings are",
        "those of the [catalogue](findings.md); another one is a line in `src/condyle/anatomy`. `condyle show NAME` tells what a recipe",
        "learns; the files lie in `src/condyle/recipes`. Unknown keys are errors; `condyle check recipe PATH` says every one.\n",
        "Shipped: " + ", ".join(f"`{name}`" for name in shipped_recipes())
        + "; what each was shown to do: [results](../results.md#recipes).\n",
        _keys("Every family", Recipe, list(Recipe.model_fields)),
        *_sections("", Recipe, list(Recipe.model_fields)),
        _keys("`data.slots.<name>`", Slot, list(Slot.model_fields)),
    ]
    for name, schema in FAMILIES.items():
        own = [key for key in schema.model_fields if key not in Recipe.model_fields]
        parts += [_keys(f"Family `{name}`", schema, own), *_sections(f"`{name}`: ", schema, own)]
    parts.append(_keys("`multiplane`: `search.space.<setting>`", Range, list(Range.model_fields)))
    return "\n".join(parts)


def _sections(before: str, schema: type[BaseModel], names: list[str]) -> Iterator[str]:
    for name in names:
        annotation: Any = schema.model_fields[name].annotation
        section = next((one for one in (annotation, *get_args(annotation)) if _is_section(one)), None)
        if section is not None:
            yield _keys(f"{before}`{name}`", section, list(section.model_fields))
            inner = [key for key in section.model_fields if _is_section(section.model_fields[key].annotation)]
            yield from _sections(f"{before}`{name}`: ", section, inner)


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _keys(title: str, section: Any, names: list[str]) -> str:
    about = " ".join((section.__doc__ or "").split())
    lines = [f"## {title}\n", f"{about}\n", "| key | type | default |", "|---|---|---|"]
    for name in names:
        field = section.model_fields[name]
        words = "section" if _is_section(field.annotation) else _words(field.annotation)
        default = "required" if field.is_required() else "" if words == "section" else f"`{field.get_default(call_default_factory=True)!r}`"
        limits = ", ".join(str(limit) for limit in field.metadata)
        lines.append(f"| `{name}` | {words}{f' ({limits})' if limits else ''} | {default} |".replace("|None", " or none"))
    return "\n".join(lines) + "\n"


def _words(annotation: Any) -> str:
    text = annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)
    return re.sub(r"\b(typing|condyle(\.\w+)+)\.", "", text).replace("|", "or")


def main(folder: Path) -> None:
    """Write all pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "docs" / "reference")
