"""The catalogue's own types: a joint, its findings, their scales and codes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """An ordinal scale: its steps from mildest to worst, each with a sentence, and its source.

    ``marked_from`` is the step from which documents list a grade among the abnormal findings.
    """

    name: str
    steps: tuple[int, ...]
    meanings: tuple[str, ...]
    source: str
    marked_from: int | None = None


@dataclass(frozen=True, slots=True)
class FindingEntry:
    """Something a reader can say about a site of a joint.

    Parameters
    ----------
    name : str - identifier used in every file
    title : str - words for people
    kind : 'binary', 'ordinal' or 'measurement'
    needs : weightings without which it is not assessed; every inner tuple is a set of alternatives
        (``(('t1',), ('t2', 't2space'))`` reads: T1 and (T2 or T2 SPACE))
    scale : Scale or None
    unit : str - for measurements
    explanation : str - what the word means, one sentence
    source : str
    """

    name: str
    title: str
    kind: str
    needs: tuple[tuple[str, ...], ...] = ()
    scale: Scale | None = None
    unit: str = ""
    explanation: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Joint:
    """A joint or region: its sites and findings."""

    name: str
    title: str
    levels: tuple[str, ...]
    sides: tuple[str, ...]
    compartments: tuple[str, ...]
    findings: tuple[FindingEntry, ...]
    not_covered: tuple[str, ...] = ()

    def finding(self, name: str) -> FindingEntry:
        """The entry of one finding. Raises KeyError for an unknown name."""
        for entry in self.findings:
            if entry.name == name:
                return entry
        raise KeyError(f"{self.name} has no finding {name!r}")
