"""Words and options shared by several commands."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from condyle.errors import UsageError

FORMATS_HELP = "Comma separated exporters (see 'condyle list exporters')."
ENGINE_HELP = "Runs the package's graphs: onnxruntime (default) or openvino (extra 'openvino'; 16-bit where the processor has it)."
Given = Annotated[
    list[str] | None,
    typer.Option(
        "--given",
        metavar="NAME=VALUE",
        help="What you know of the series and its file does not say: plane, weighting, fat_suppressed, contrast, side, body_part, "
        "spacing (dz,dy,dx in mm). For NIfTI, arrays and pictures; may be repeated.",
    ),
]


def split_words(text: str) -> tuple[str, ...]:
    """'a, b,c' -> ('a', 'b', 'c'). Raises UsageError when nothing is left."""
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise UsageError("empty-list", "An option needs at least one word.", what_to_do="Give one or more words separated by commas.")
    return words


def given_traits(pairs: list[str] | None) -> dict[str, Any]:
    """Overrides of a series' role from ``--given``.

    Parameters
    ----------
    pairs : such as ['plane=sagittal', 'spacing=4.4,0.7,0.7']

    Raises
    ------
    UsageError - a name or value that does not exist
    """
    from condyle.study.geometry import PLANES
    from condyle.study.role import CONTRASTS, SIDES, WEIGHTINGS

    allowed: dict[str, tuple[str, ...]] = {
        "plane": PLANES,
        "weighting": WEIGHTINGS,
        "contrast": CONTRASTS,
        "side": SIDES,
        "fat_suppressed": ("yes", "no"),
        "body_part": (),
        "spacing": (),
    }
    found: dict[str, Any] = {}
    for pair in pairs or ():
        name, _, value = (part.strip() for part in pair.partition("="))
        if name not in allowed or not value or (allowed[name] and value not in allowed[name]):
            choices = allowed.get(name)
            raise UsageError(
                "given-unknown",
                f"{pair!r} says nothing about a series that is understood.",
                what_to_do=f"Use {name}= one of {', '.join(choices)}." if choices else f"Use NAME=VALUE with one of {', '.join(allowed)}.",
            )
        found[name] = _spacing(value) if name == "spacing" else value == "yes" if name == "fat_suppressed" else value
    return found


def _spacing(text: str) -> tuple[float, float, float]:
    try:
        dz, dy, dx = (float(part) for part in text.split(","))
    except ValueError:
        dz = dy = dx = 0.0
    if not all(0 < step < 1000 for step in (dz, dy, dx)):  # also no infinity and no NaN
        raise UsageError(
            "given-spacing",
            f"{text!r} is not a spacing.",
            what_to_do="Give three positive numbers of millimetres, between slices, rows and columns, such as spacing=4.4,0.7,0.7",
        )
    return dz, dy, dx
