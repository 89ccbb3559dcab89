"""Tissues: proton density, T1 and T2 at 1.5 and 3 tesla.

Water and fat are kept apart: a tissue here is its water; the fat in it is a fraction given where it is drawn (marrow,
muscle streaks), because fat suppression and chemical shift act on the fat alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from condyle.errors import UsageError

FIELD_STRENGTHS = (1.5, 3.0)


@dataclass(frozen=True, slots=True)
class Tissue:
    """One tissue.

    Parameters
    ----------
    density : proton density relative to water, 0 to 1, visible at the echo times of clinical imaging
    t1, t2 : ms at (1.5 T, 3 T)
    source : where the times come from; 'chosen' are values of ours inside the range of published maps, set so that the
        contrast with the neighbours is that of real pictures
    """

    density: float
    t1: tuple[float, float]
    t2: tuple[float, float]
    source: str = "chosen"

    def at(self, tesla: float) -> tuple[float, float, float]:
        """(density, T1 ms, T2 ms) at a field strength; between 1.5 and 3 T by linear interpolation."""
        if not 1.0 <= tesla <= 3.5:
            raise UsageError(
                "field-strength", f"No relaxation times at {tesla:g} T.", why="The tables hold 1.5 and 3 T.", what_to_do="Use 1.5 or 3."
            )
        weight = min(max((tesla - 1.5) / 1.5, 0.0), 1.0)
        return self.density, self.t1[0] + weight * (self.t1[1] - self.t1[0]), self.t2[0] + weight * (self.t2[1] - self.t2[0])

    def mixed(self, other: Tissue, fraction: float) -> Tissue:
        """This tissue with a fraction (0 to 1) of another, all values interpolated."""

        def between(a: float, b: float) -> float:
            return a + fraction * (b - a)

        return replace(
            self,
            density=between(self.density, other.density),
            t1=(between(self.t1[0], other.t1[0]), between(self.t1[1], other.t1[1])),
            t2=(between(self.t2[0], other.t2[0]), between(self.t2[1], other.t2[1])),
            source="chosen",
        )


_STANISZ = "Stanisz et al., Magn Reson Med 2005;54:507-512 (rounded)"
_GOLD = "Gold et al., AJR 2004;183:343-351 (rounded)"
_BAZELAIRE = "de Bazelaire et al., Radiology 2004;230:652-659 (rounded)"

TISSUES: dict[str, Tissue] = {
    # T2 of fat in a turbo spin echo train is longer than in a spin echo (J coupling is suppressed), so Gold's value, not de Bazelaire's.
    "fat": Tissue(0.90, (290, 370), (165, 140), _GOLD),
    "muscle": Tissue(0.78, (1010, 1400), (40, 36), _STANISZ),
    "marrow": Tissue(0.72, (550, 600), (50, 48), _BAZELAIRE),
    "fluid": Tissue(1.00, (3600, 4000), (900, 800)),
    "csf": Tissue(1.00, (3600, 4000), (1500, 1200)),
    "cord": Tissue(0.75, (745, 990), (76, 78), _STANISZ),
    "root": Tissue(0.72, (815, 1080), (76, 74), _STANISZ),
    "liver": Tissue(0.72, (580, 810), (44, 40), _STANISZ),
    "blood": Tissue(0.90, (1440, 1900), (200, 150), _STANISZ),
    "cartilage": Tissue(0.72, (1020, 1160), (32, 29), _STANISZ),
    # T2 of a turbo spin echo is longer than that of Stanisz's CPMG at 4 ms; Gold's values for the knee.
    "hyaline": Tissue(0.85, (1060, 1240), (44, 40), _GOLD),
    "hyaline_deep": Tissue(0.70, (950, 1100), (27, 24)),
    "hyaline_soft": Tissue(0.92, (1250, 1450), (80, 72)),
    "meniscus": Tissue(0.32, (800, 950), (15, 13)),
    "cruciate": Tissue(0.42, (850, 1000), (22, 20)),
    "synovium": Tissue(0.85, (1200, 1400), (80, 70)),
    "nucleus": Tissue(0.95, (1150, 1350), (165, 145)),
    "nucleus_degenerated": Tissue(0.74, (800, 950), (46, 44)),
    "annulus": Tissue(0.58, (800, 950), (40, 37)),
    "annulus_outer": Tissue(0.30, (700, 800), (26, 24)),
    "ligament": Tissue(0.16, (600, 700), (18, 16)),
    "oedema": Tissue(0.92, (1400, 1600), (170, 150)),
    "bowel": Tissue(0.80, (900, 1150), (75, 65)),
    "organ": Tissue(0.78, (700, 900), (58, 52)),
    "skin": Tissue(0.55, (650, 780), (32, 30)),
    # No visible protons, or protons that have left the slice between excitation and refocusing.
    "bone": Tissue(0.03, (600, 700), (12, 12)),
    "flow": Tissue(0.02, (1440, 1900), (100, 90)),
    "gas": Tissue(0.0, (1000, 1000), (50, 50)),
}
