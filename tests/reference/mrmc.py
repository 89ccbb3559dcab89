"""Reader studies of the reference folders, and the comparison of our numbers with the other program's."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from typing import Any

from condyle.evaluate.mrmc import Contrast, Reads, gather
from tests.reference.reading import folder as place

RELATIVE, ABSOLUTE_P = 1e-6, 1e-7  # the tolerances of every SOURCE.txt of these folders


def reads(
    folder: str, *, arm: str = "treatment", score: str = "rating", keep: Callable[[dict[str, str]], bool] = lambda row: True
) -> Reads:
    """The ratings of a folder."""
    with (place(folder) / "ratings.csv").open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if keep(row)]  # ids as text: case 1.1 is not case 1.10
    text = {name: [row[name] for row in rows] for name in (arm, "reader", "case")}
    truth, values = ([float(row[name]) for row in rows] for name in ("truth", score))
    return gather(arm=text[arm], reader=text["reader"], case=text["case"], truth=truth, score=values)


def agree(ours: float, theirs: float | None, what: str, *, p: bool = False) -> None:
    """Assert that two numbers agree within the folder's tolerance; None is a number the other program does not give."""
    if theirs is None:
        return
    if math.isinf(theirs):
        assert math.isinf(ours), what
    elif p:
        assert abs(ours - theirs) <= ABSOLUTE_P, f"{what}: {ours} is not {theirs}"
    else:
        assert math.isclose(ours, theirs, rel_tol=RELATIVE, abs_tol=1e-14), f"{what}: {ours} is not {theirs}"


def contrast_agrees(ours: Contrast, theirs: Mapping[str, Any], names: Mapping[str, str], what: str) -> None:
    """Compare the fields of a contrast; ``names`` maps their column to our field."""
    compared = 0
    for column, field in names.items():
        if column in theirs and not (field == "df" and math.isinf(ours.df)):
            agree(getattr(ours, field), theirs[column], f"{what} {ours.name} {column}", p=field == "p")
            compared += 1
    assert compared >= 3, what
