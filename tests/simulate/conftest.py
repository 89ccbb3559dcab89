"""Small simulated studies: the anatomy in full, fewer pixels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from condyle.simulate import LevelFindings, SimulatedStudy, Variation, simulate_lumbar

STILL = Variation(age=35, scoliosis=0.0, body_fat=20)
"""A person whose spine lies in one plane, so that the middle slice shows all of it."""


@cache
def _small(words: tuple[str, ...], seed: int, matrix: int, slices: int) -> SimulatedStudy:
    return simulate_lumbar(seed, findings=words or None, variation=STILL, matrix=matrix, slices=slices, vendor="siemens", tesla=1.5)


@pytest.fixture(scope="session")
def small() -> Callable[..., SimulatedStudy]:
    """small('normal', seed=3) -> a study of 3 slices of 256 x 256, drawn once a session."""

    def make(*words: str, seed: int = 3, matrix: int = 256, slices: int = 3) -> SimulatedStudy:
        return _small(words, seed, matrix, slices)

    return make


def planted(**levels: dict[str, Any]) -> dict[str, LevelFindings]:
    """planted(L4_L5={'pfirrmann': 5}) -> findings by level."""
    return {level.replace("_", "-"): LevelFindings(**values) for level, values in levels.items()}
