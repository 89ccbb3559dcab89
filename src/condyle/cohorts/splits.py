"""Splits: folds by patient (or by site), balanced over findings, saved with their hash.

A patient, with all studies, sides and visits, is on one side of every split. Folds depend on the set of patients, what
they have and the seed, never on the order of rows.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from condyle.cohorts.labels import Label, catalogue, told_once
from condyle.cohorts.manifest import ManifestRow
from condyle.cohorts.table import table_error
from condyle.errors import InputError, UsageError
from condyle.outputs import write_whole

SCHEMA_VERSION = 1
GROUPS = ("patient", "site")


@dataclass(frozen=True, slots=True)
class Splits:
    """A k-fold split of patients.

    Parameters
    ----------
    folds : patient_id -> fold in 0..n_folds-1
    n_folds, seed : as asked for
    group : 'patient', or 'site' when all patients of a site stay together
    stratified_by : findings that were balanced
    """

    folds: Mapping[str, int]
    n_folds: int
    seed: int
    group: str
    stratified_by: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Hash of the content; the same for the same split wherever it was made."""
        return hashlib.sha256(_canonical(_content(self))).hexdigest()

    def held_out(self, fold: int) -> frozenset[str]:
        """Patients of one fold."""
        return frozenset(patient for patient, own in self.folds.items() if own == fold)

    def training(self, fold: int) -> frozenset[str]:
        """Patients of all other folds."""
        return frozenset(self.folds) - self.held_out(fold)


def make_splits(
    rows: Iterable[ManifestRow],
    labels: Iterable[Label] = (),
    *,
    n_folds: int = 5,
    seed: int = 0,
    group: str = "patient",
    stratify: Collection[str] = (),
) -> Splits:
    """Deal the patients of a manifest into folds.

    Parameters
    ----------
    rows : manifest rows
    labels : of the findings to balance; unknown values count as nothing
    n_folds : at least 2
    seed : of the order among equals
    group : 'patient', or 'site' (every row needs a ``site_id``; the patients of a site are never parted)
    stratify : findings to balance. A group counts the sites at which a binary finding is present, and of an ordinal
        finding the levels in its upper half (Pfirrmann: 4 and 5)

    Raises
    ------
    UsageError - more folds than groups, an unknown grouping, a missing site, a finding without labels

    Source: iterative stratification, Sechidis et al., ECML PKDD 2011 (doi 10.1007/978-3-642-23808-6_10), with groups
    instead of single examples: the rarest finding first, each group to the fold that lacks it most.
    """
    listed = list(rows)
    members = _members(listed, group)
    weights = _weights(members, labels, stratify)
    dealt = deal(weights, n_folds, seed, sizes={name: len(own) for name, own in members.items()})
    folds = {patient: dealt[name] for name, own in members.items() for patient in own}
    return Splits(dict(sorted(folds.items())), n_folds, seed, group, tuple(sorted(stratify)))


def save_splits(path: Path | str, splits: Splits) -> Path:
    """Write a split as JSON with the sha256 of its content."""
    return write_whole(path, json.dumps({**_content(splits), "sha256": splits.sha256}, indent=1, sort_keys=True).encode() + b"\n")


def load_splits(path: Path | str, rows: Iterable[ManifestRow] | None = None) -> Splits:
    """Read a split and refuse it when it was altered or does not fit.

    Parameters
    ----------
    rows : when given, every patient of this manifest must have a fold

    Raises
    ------
    InputError - unreadable, not a split, of an unknown version, or its hash does not match its content
    TableError - patients of ``rows`` without a fold, or a site in two folds of a split by site
    """
    path = Path(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_no_repeats)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            "split-unreadable", "The split cannot be read.", where=path.name, why=str(error).partition("\n")[0], what_to_do="Make it again."
        ) from error
    splits = _from_json(found, path.name)
    if splits.sha256 != found.get("sha256"):
        raise InputError(
            "split-altered",
            "The split was altered after it was made.",
            where=path.name,
            why="Its sha256 does not match its content.",
            what_to_do="Restore the original file, or make a new split and train again.",
        )
    problems = list(crossing(splits, rows)) if rows is not None else []
    if problems:
        raise table_error(path, "split", problems)
    return splits


def crossing(splits: Splits, rows: Iterable[ManifestRow]) -> tuple[str, ...]:
    """How a split and a manifest contradict each other, by manifest row; empty when they fit."""
    problems = []
    sites: dict[str, tuple[int, int]] = {}
    for row in rows:
        fold = splits.folds.get(row.patient_id)
        if fold is None:
            problems.append(f"manifest row {row.row}: the patient has no fold")
        elif splits.group == "site":
            first, own = sites.setdefault(row.site_id, (row.row, fold))
            if own != fold:
                problems.append(f"manifest rows {first} and {row.row}: one site in two folds")
    return tuple(problems)


def _members(rows: Iterable[ManifestRow], group: str) -> dict[str, set[str]]:
    """group name -> its patients. Patients seen at several sites join these sites into one group."""
    if group not in GROUPS:
        raise UsageError("unknown-grouping", f"Patients cannot be grouped by {group!r}.", what_to_do=f"Use one of: {', '.join(GROUPS)}.")
    sites: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if group == "site" and not row.site_id:
            raise UsageError(
                "site-missing", "A split by site needs a site_id in every row.", where=f"row {row.row}", what_to_do="Fill in site_id."
            )
        sites[row.patient_id].add(row.site_id if group == "site" else row.patient_id)
    joined: dict[str, str] = {}

    def root(name: str) -> str:
        while joined.setdefault(name, name) != name:
            name = joined[name]
        return name

    for own in sites.values():
        first = root(min(own))
        for other in own:
            joined[root(other)] = first
    members: dict[str, set[str]] = defaultdict(set)
    for patient, own in sites.items():
        members[root(min(own))].add(patient)
    return {min(own): own for own in members.values()}


def _weights(members: Mapping[str, set[str]], labels: Iterable[Label], stratify: Collection[str]) -> dict[str, Counter[str]]:
    """group -> finding -> at how many sites it is present."""
    home = {patient: name for name, own in members.items() for patient in own}
    entries = catalogue()
    weights: dict[str, Counter[str]] = {name: Counter() for name in members}
    known: Counter[str] = Counter()
    for label in told_once(labels):
        if label.finding in stratify and isinstance(label.value, float) and label.patient_id in home:
            scale = entries[label.finding].scale if label.finding in entries else None
            worst = scale.steps[(len(scale.steps) + 1) // 2] if scale else 1
            known[label.finding] += 1
            weights[home[label.patient_id]][label.finding] += int(label.value >= worst)
    missing = sorted(set(stratify) - set(known))
    if missing:
        raise UsageError(
            "stratify-unlabelled", f"Folds cannot be balanced over {', '.join(missing)}.", why="No study has a known value of it.",
            what_to_do="Leave it out, or add labels.",
        )  # fmt: skip
    return weights


def deal(
    holdings: Mapping[str, Mapping[str, int]], n_folds: int, seed: int, *, sizes: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Deal groups into folds so that everything they hold is shared out evenly, the rarest first.

    Parameters
    ----------
    holdings : group -> what it holds and how often, such as findings present. A group is a patient, or all patients of a site
    seed : of the order in which equal choices are made
    sizes : group -> its patients; 1 each when not given, and then fold sizes differ by one at most

    Returns
    -------
    group -> fold. Depends on the set of groups, what they hold and the seed, never on the order of the mapping.

    Raises
    ------
    UsageError - fewer than two folds, or more folds than groups

    Source: iterative stratification, Sechidis et al., ECML PKDD 2011, algorithm 1, with fold sizes capped.
    """
    if not 2 <= n_folds <= len(holdings):
        raise UsageError(
            "folds-impossible",
            f"{len(holdings)} groups cannot be dealt into {n_folds} folds.",
            what_to_do="Use at least two folds and at most one fold per group.",
        )
    names = sorted(holdings)
    order = {name: rank for rank, name in enumerate(np.random.default_rng(seed).permutation(names).tolist())}
    size = {name: 1 if sizes is None else sizes[name] for name in names}
    total = sum(size.values())
    room = [total // n_folds + (fold < total % n_folds) for fold in range(n_folds)]
    every = sorted({thing for own in holdings.values() for thing, count in own.items() if count})
    lacking = {thing: [sum(own.get(thing, 0) for own in holdings.values()) / n_folds] * n_folds for thing in every}
    waiting = set(names)
    dealt: dict[str, int] = {}

    def place(name: str, rarest: str) -> None:
        own = {thing: count for thing, count in holdings[name].items() if count}
        open_folds = [fold for fold in range(n_folds) if room[fold] > 0]

        def need(fold: int) -> tuple[float, float, int, int]:
            return (lacking[rarest][fold] if rarest else 0.0, sum(lacking[thing][fold] for thing in sorted(own)), room[fold], -fold)

        fold = dealt[name] = max(open_folds, key=need)
        room[fold] -= size[name]
        waiting.discard(name)
        for thing, count in own.items():
            lacking[thing][fold] -= count

    while waiting:
        left = {thing: [name for name in waiting if holdings[name].get(thing)] for thing in every}
        # Who holds nothing that is still to be shared out comes last and evens out the sizes.
        rarest = min((thing for thing in every if left[thing]), key=lambda thing: (len(left[thing]), thing), default="")
        held = {name: holdings[name].get(rarest, 0) if rarest else size[name] for name in (left[rarest] if rarest else waiting)}
        for name in sorted(held, key=lambda name: (-held[name], order[name])):
            place(name, rarest)
    return dealt


def _content(splits: Splits) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "group": splits.group,
        "n_folds": splits.n_folds,
        "seed": splits.seed,
        "stratified_by": list(splits.stratified_by),
        "folds": dict(splits.folds),
    }


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _from_json(found: Any, name: str) -> Splits:
    """A Splits from parsed JSON, every field checked."""
    folds = found.get("folds") if isinstance(found, dict) else None
    whole = (
        isinstance(folds, dict)
        and all(type(found.get(key)) is int for key in ("n_folds", "seed", "schema_version"))
        and found.get("group") in GROUPS
        and isinstance(found.get("stratified_by"), list)
        and all(type(fold) is int and 0 <= fold < found["n_folds"] for fold in folds.values())
    )
    if not whole or folds is None or found["schema_version"] != SCHEMA_VERSION:
        raise InputError("split-invalid", "This is no split that this version can read.", where=name, what_to_do="Make the split again.")
    return Splits(folds, found["n_folds"], found["seed"], found["group"], tuple(map(str, found["stratified_by"])))


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that appears twice: a patient in two folds would otherwise be silently put into the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice, such as a patient in two folds")
    return found
