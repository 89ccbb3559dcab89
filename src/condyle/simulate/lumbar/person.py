"""What differs from person to person beside the findings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from condyle.errors import UsageError
from condyle.simulate.study import stream


@dataclass(frozen=True, slots=True)
class Variation:
    """What differs from person to person beside the findings; None is drawn at random from the seed.

    Parameters
    ----------
    age : years; sets marrow fat, muscle fat and, unless findings are given, degeneration
    lumbar_count : 4, 5 or 6 lumbar vertebrae. The levels keep counting from the sacrum; truth notes the anatomical names
    sacral_slope : degrees of the S1 end plate against horizontal
    lordosis : degrees from the S1 end plate to the upper end plate of L1
    size : factor on all lengths
    scoliosis : degrees of lateral curve (positive convex to the left)
    body_fat : mm of fat under the skin of the back at L3
    canal : factor on the width of the dural sac
    sacrum_cut : the lower edge of the picture cuts S1
    high_stack : the stack starts at about T8 and ends within L5 to S1
    transition : '' none, 'sacralised' (L5 tapers like the sacrum, its lower disc is a remnant), 'lumbarised' (S1 is square and has
        a whole disc below it). Levels keep their names: L5-S1 stays the disc between L5 and S1
    stack_lean, stack_turn : degrees by which the stack is tilted against the spine, seen from the front and seen from above
    """

    age: float | None = None
    lumbar_count: int = 5
    sacral_slope: float | None = None
    lordosis: float | None = None
    size: float | None = None
    scoliosis: float | None = None
    body_fat: float | None = None
    canal: float | None = None
    sacrum_cut: bool = False
    high_stack: bool = False
    transition: str = ""
    stack_lean: float = 0.0
    stack_turn: float = 0.0

    def __post_init__(self) -> None:
        if self.transition not in ("", "sacralised", "lumbarised"):
            raise UsageError("unknown-transition", f"There is no simulated transition {self.transition!r}.",
                             what_to_do="Use 'sacralised' or 'lumbarised'.")


@dataclass(frozen=True, slots=True)
class Person:
    """Variation with every value drawn."""

    age: float
    lumbar_count: int
    sacral_slope: float
    lordosis: float
    size: float
    scoliosis: float
    body_fat: float
    canal: float
    marrow_fat: float
    muscle_fat: float
    transition: str = ""


def person(seed: int, variation: Variation) -> Person:
    rng = stream(seed, "person")
    age = rng.uniform(20, 80)
    slope, size = float(np.clip(rng.normal(42, 6), 28, 56)), rng.normal(1, 0.055)
    slope = slope if variation.sacral_slope is None else variation.sacral_slope
    lordosis = slope + rng.normal(12, 4)  # the lordosis follows the slope: the trunk stands above the pelvis
    scoliosis, fat, canal = rng.normal(0, 3.0), rng.gamma(4.0, 5.0), rng.normal(1, 0.1)
    age = age if variation.age is None else variation.age
    marrow, muscle = rng.normal(0, 0.06), rng.normal(0, 0.08)

    def given(value: float | None, drawn: float) -> float:
        return float(drawn if value is None else value)

    return Person(
        age=float(age),
        lumbar_count=variation.lumbar_count,
        sacral_slope=float(slope),
        lordosis=given(variation.lordosis, np.clip(lordosis, 28, 75)),
        size=given(variation.size, np.clip(size, 0.86, 1.14)),
        scoliosis=given(variation.scoliosis, scoliosis),
        body_fat=given(variation.body_fat, np.clip(fat, 8, 55)),
        canal=given(variation.canal, np.clip(canal, 0.75, 1.25)),
        marrow_fat=float(np.clip(0.36 + 0.0042 * (age - 20) + marrow, 0.24, 0.72)),
        muscle_fat=float(np.clip(0.06 + 0.0045 * (age - 20) + muscle, 0.04, 0.45)),
        transition=variation.transition,
    )
