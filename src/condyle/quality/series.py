"""Which series a check looks at, and how a sentence names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from condyle.study.role import Trait
from condyle.study.series import Series, Study
from condyle.study.volume import Volume

_WORDS = {"t1": "T1", "t2": "T2", "pd": "PD", "stir": "STIR", "t2star": "T2*", "other": "other"}


def diagnostic(study: Study) -> tuple[Series, ...]:
    """The series that can be read: usable, and no localiser, map or diffusion series."""
    return tuple(one for one in study.series if one.used and one.role.weighting.value != "other")


def with_pixels(study: Study, volumes: Mapping[str, Volume]) -> Iterator[tuple[Series, Volume]]:
    """Diagnostic series whose volume is at hand."""
    for one in diagnostic(study):
        if one.series_id in volumes:
            yield one, volumes[one.series_id]


def named(one: Series) -> str:
    """A series for a sentence, by its number and role; never by its free-text description."""
    role = " ".join(str(word) for word in (_plain(one.role.plane), _WORDS.get(_plain(one.role.weighting), "")) if word)
    number = f"series {one.number}" if one.number is not None else "the series"
    return f"{number} ({role})" if role else number


def _plain(trait: Trait) -> str:
    return "" if trait.value is None else str(trait.value)
