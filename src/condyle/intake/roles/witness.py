"""How witnesses become one statement: agreement strengthens, contradiction silences."""

from __future__ import annotations

from dataclasses import dataclass

from condyle.study.role import Source, Trait

RELIABLE = 0.5
"""A statement below this confidence is not made: its value stays None, its witnesses stay listed."""


@dataclass(frozen=True, slots=True)
class Witness:
    """What one source says. ``value`` None: it was asked and cannot tell."""

    source: Source
    value: str | bool | None
    confidence: float


def settle(*witnesses: Witness) -> Trait:
    """One trait from witnesses in falling order of weight.

    The first that speaks is believed. Each further one that agrees takes away a share of the doubt;
    one that contradicts sets ``conflict`` and its confidence is taken from the statement's. What
    remains below ``RELIABLE`` is withdrawn: the value is None ("unknown"), never a guess.
    """
    heard = [witness for witness in witnesses if witness.value is not None]
    if not heard:
        return Trait()
    leading = heard[0]
    confidence, conflict = leading.confidence, False
    for other in heard[1:]:
        if other.value == leading.value:
            confidence = 1 - (1 - confidence) * (1 - 0.7 * other.confidence)
        else:
            conflict = True
            confidence -= other.confidence / 2
    value = leading.value if confidence >= RELIABLE else None
    return Trait(
        value,
        leading.source if value is not None else "none",
        round(min(max(confidence, 0.0), 0.99), 3),
        tuple((witness.source, str(witness.value)) for witness in heard),
        conflict,
    )
