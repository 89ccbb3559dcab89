"""Likeness of series, between patients and of changed copies: what the threshold of ``condyle data audit`` was chosen from.

    python scripts/copies.py COHORT [--copies 60] [--seed 0]

Every series of the cohort is compared with all others, and ``--copies`` of them, drawn at random, with a copy of themselves after each
change. Only pairs that the audit names as candidates have a likeness; the others count as 0 ("not named").
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.audit.likeness import NEAR, Print, pairs_of, print_of
from condyle.cohorts.manifest import by_study, read_manifest
from condyle.cohorts.opening import RowOpener
from condyle.intake import load_volume
from condyle.study import Volume

Stack = NDArray[Any]
Change = Callable[[Stack, np.random.Generator], Stack]


def cropped(stack: Stack, top: float, bottom: float, left: float, right: float) -> Stack:
    """Without these shares of rows and columns."""
    rows, columns = stack.shape[1:]
    return stack[:, round(top * rows) : rows - round(bottom * rows), round(left * columns) : columns - round(right * columns)]


def padded(stack: Stack, share: float) -> Stack:
    """With black borders of this share of rows and columns on every side."""
    rows, columns = (round(share * size) for size in stack.shape[1:])
    return np.pad(stack, ((0, 0), (rows, rows), (columns, columns)))


def resampled(stack: Stack, down: float, across: float) -> Stack:
    """On another matrix."""
    return np.stack([cv2.resize(one, None, fx=across, fy=down, interpolation=cv2.INTER_LINEAR) for one in stack])


def rescaled(stack: Stack, rng: np.random.Generator) -> Stack:
    """In other values, with noise of 2 % of the brightest."""
    return 0.6 * stack + 20 + rng.normal(0, 0.02 * np.percentile(stack, 99), stack.shape).astype(np.float32)


def turned(stack: Stack, degrees: float) -> Stack:
    """About the middle of each slice."""
    rows, columns = stack.shape[1:]
    onto = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1)
    return np.stack([cv2.warpAffine(one, onto, (columns, rows)) for one in stack])


CHANGES: dict[str, Change] = {
    "other values, noise of 2 %": rescaled,
    "8 bits, brightest 3 % saturated": lambda a, _: np.clip(a * (255 / max(float(np.percentile(a, 97)), 1e-9)), 0, 255).astype(np.uint8),
    "shading by 0.6 to 1.4": lambda a, _: a * np.linspace(0.6, 1.4, a.shape[2], dtype=np.float32),
    "crop of 4 % a side": lambda a, _: cropped(a, 0.04, 0.04, 0.04, 0.04),
    "crop of 10 % a side": lambda a, _: cropped(a, 0.1, 0.1, 0.1, 0.1),
    "crop of 15 % a side": lambda a, _: cropped(a, 0.15, 0.15, 0.15, 0.15),
    "crop of 15 % above and at the left": lambda a, _: cropped(a, 0.15, 0, 0.15, 0),
    "crop of 15 % above and below": lambda a, _: cropped(a, 0.15, 0.15, 0, 0),
    "pad of 5 % a side": lambda a, _: padded(a, 0.05),
    "pad of 15 % a side": lambda a, _: padded(a, 0.15),
    "matrix 0.6 times": lambda a, _: resampled(a, 0.6, 0.6),
    "matrix 1.5 times": lambda a, _: resampled(a, 1.5, 1.5),
    "matrix 1.4 times, rows only": lambda a, _: resampled(a, 1.4, 1.0),
    "left-right flip": lambda a, _: a[:, :, ::-1],
    "upside down, slices reversed": lambda a, _: a[::-1, ::-1],
    "turned by 3 degrees": lambda a, _: turned(a, 3),
    "turned by 90 degrees": lambda a, _: np.rot90(a, axes=(1, 2)),
    "rows and columns exchanged, crop of 10 % a side": lambda a, _: cropped(np.swapaxes(a, 1, 2), 0.1, 0.1, 0.1, 0.1),
    "crop 5 to 15 %, values, noise, flip, matrix 0.8": lambda a, rng: resampled(
        rescaled(cropped(a, 0.15, 0.05, 0.1, 0.15), rng)[:, :, ::-1], 0.8, 0.8
    ),
    "pad 15 %, values, noise, flip, matrix 0.8": lambda a, rng: resampled(rescaled(padded(a, 0.15), rng)[:, :, ::-1], 0.8, 0.8),
}


def likenesses(prints: list[Print]) -> dict[tuple[int, int], float]:
    """Of every pair that the audit compares."""
    return {(one.first, one.second): one.likeness for one in pairs_of(prints, near=-1.0)}


def series_of(cohort: Path) -> Iterator[tuple[str, Volume]]:
    """(patient_id, volume) of every usable series."""
    opener = RowOpener()
    for rows in by_study(read_manifest(cohort / "manifest.csv", crossing=True)).values():
        for one in opener.open(rows).series:
            if one.used:
                yield rows[0].patient_id, load_volume(one)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--copies", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    count = sum(1 for _ in series_of(given.cohort))
    drawn = set(rng.permutation(count)[: given.copies].tolist())
    patients, prints, kept = [], [], {}
    for number, (patient, volume) in enumerate(series_of(given.cohort)):
        patients.append(patient)
        prints.append(print_of(volume))
        if number in drawn:
            kept[number] = volume
    whose = np.array(patients)
    pairs = int((whose[:, None] != whose).sum()) // 2
    apart = np.sort([value for (a, b), value in likenesses(prints).items() if whose[a] != whose[b]])
    print(f"{count} series of {len(set(patients))} patients; threshold {NEAR}\n")
    print("| pair | pairs | not named | least | median | highest |\n|---|---|---|---|---|---|")
    every = np.concatenate([np.zeros(pairs - len(apart)), np.maximum(apart, 0)])
    print(f"| two patients | {pairs} | {pairs - len(apart)} | {every.min():.2f} | {np.median(every):.2f} | {every.max():.2f} |")
    for name, change in CHANGES.items():
        found = []
        for number, volume in kept.items():
            stack = np.ascontiguousarray(change(np.asarray(volume.pixels, np.float32), rng))
            copy = print_of(replace(volume, pixels=stack, geometry=replace(volume.geometry, shape=stack.shape)))
            found.append(likenesses([prints[number], copy]).get((0, 1), 0.0))
        missing = found.count(0.0)
        print(f"| {name} | {len(found)} | {missing} | {min(found):.2f} | {np.median(found):.2f} | {max(found):.2f} |", flush=True)


if __name__ == "__main__":
    main()
