"""What differs from person to person beside the findings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.errors import UsageError
from condyle.simulate.knee.shapes import REFERENCE_WIDTH
from condyle.simulate.study import stream

SIDES = ("left", "right")


@dataclass(frozen=True, slots=True)
class Variation:
    """What differs from person to person; None is drawn at random from the seed.

    Parameters
    ----------
    side : 'left' or 'right'
    age : years; marrow fat, muscle fat and wear follow it
    tibial_width : mm, sets all lengths
    body_fat : mm of fat under the skin
    flexion : degrees of the femur against the tibia
    rotation : degrees by which the leg lies turned outwards
    """

    side: str | None = None
    age: float | None = None
    tibial_width: float | None = None
    body_fat: float | None = None
    flexion: float | None = None
    rotation: float | None = None

    def __post_init__(self) -> None:
        if self.side not in (None, *SIDES):
            raise UsageError("unknown-side", f"There is no side {self.side!r}.", what_to_do="Use 'left' or 'right'.")
        if self.tibial_width is not None and not 55 <= self.tibial_width <= 100:
            raise UsageError("simulated-size", f"A tibial width of {self.tibial_width:g} mm cannot be drawn.", what_to_do="Use 55 to 100.")


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Variation with every value drawn.

    Parameters
    ----------
    size : factor on all lengths of the reference knee
    weights : shares of the real knees of which this one is mixed, for femur, tibia and patella (3, 3)
    muscle : factor on the thickness of muscles
    cartilage : factor on the thickness of cartilage
    """

    side: str
    age: float
    size: float
    body_fat: float
    flexion: float
    rotation: float
    weights: NDArray[np.float64]
    muscle: float
    cartilage: float
    meniscus: float
    marrow_fat: float
    muscle_fat: float


def person(seed: int, variation: Variation) -> Person:
    rng = stream(seed, "person")
    side = str(rng.choice(SIDES))
    age, width = rng.uniform(17, 72), float(np.clip(rng.normal(75, 4.5), 64, 87))
    fat = float(np.clip(rng.gamma(5.0, 1.7), 2.5, 24))
    flexion, rotation = float(np.clip(rng.normal(3, 3), -3, 12)), rng.normal(6, 6)
    weights = rng.dirichlet((1.6, 1.6, 1.6), 3)
    muscle, cartilage, meniscus = np.clip(rng.normal(1, 0.08, 3), 0.8, (1.2, 1.08, 1.2))

    def given(value: float | None, drawn: float) -> float:
        return float(drawn if value is None else value)

    age = given(variation.age, age)
    return Person(
        side=variation.side or side,
        age=age,
        size=given(variation.tibial_width, width) / REFERENCE_WIDTH,
        body_fat=given(variation.body_fat, fat),
        flexion=given(variation.flexion, flexion),
        rotation=given(variation.rotation, rotation),
        weights=weights,
        muscle=float(muscle),
        cartilage=float(cartilage),
        meniscus=float(meniscus),
        marrow_fat=float(np.clip(0.80 + 0.0018 * (age - 20) + rng.normal(0, 0.03), 0.7, 0.93)),
        muscle_fat=float(np.clip(0.03 + 0.0022 * (age - 20) + rng.normal(0, 0.02), 0.02, 0.22)),
    )
