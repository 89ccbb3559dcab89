"""The lumbar spine, drawn from a seed."""

from __future__ import annotations

from condyle.simulate.lumbar.draw import simulate_lumbar
from condyle.simulate.lumbar.findings import LevelFindings
from condyle.simulate.lumbar.person import Variation

__all__ = ["LevelFindings", "Variation", "simulate_lumbar"]
