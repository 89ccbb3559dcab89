"""The knee, drawn from a seed."""

from __future__ import annotations

from condyle.simulate.knee.findings import Planted
from condyle.simulate.knee.person import Variation as KneeVariation
from condyle.simulate.knee.scan import simulate_knee

__all__ = ["KneeVariation", "Planted", "simulate_knee"]
