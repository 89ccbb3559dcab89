"""Sagittal lumbar protocols. Times as in real headers of the three vendors (series table of the SPIDER release)."""

from __future__ import annotations

from condyle.simulate.signal import Sequence
from condyle.simulate.study import Protocol

SERIES = ("t1_sag", "t2_sag", "stir_sag", "t2_space_sag")


def protocols(series: tuple[str, ...], tesla: float, matrix: int, field_of_view: float, slices: int) -> tuple[Protocol, ...]:
    """The protocols of the named series (of ``SERIES``), all on one grid except the 3D one."""
    t1 = Sequence("tse", 620, 10, echo_train=3, flip=150) if tesla < 2 else Sequence("tse", 720, 11, echo_train=4, flip=140)
    t2 = Sequence("tse", 3600, 105, echo_train=17, flip=150, refill=0.3)
    stir = Sequence("ir", 4200, 60, ti=165 if tesla < 2 else 220, echo_train=13, flip=150)
    space = Sequence("tse", 1100, 124, echo_train=60, echo_spacing=4.0, flip=150, refill=0.85)
    known = {
        "t1_sag": Protocol("t1_sag", "t1", t1, matrix, field_of_view, 4.0, 4.4, slices),
        "t2_sag": Protocol("t2_sag", "t2", t2, matrix, field_of_view, 4.0, 4.4, slices),
        "stir_sag": Protocol("stir_sag", "stir", stir, matrix, field_of_view, 4.0, 4.4, slices),
        "t2_space_sag": Protocol("t2_space_sag", "t2", space, 512, 270.0, 0.9, 0.9, 48, True),
    }
    return tuple(known[name] for name in series)
