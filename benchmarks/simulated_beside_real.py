"""A sheet of real mid-sagittal pictures (SPIDER, CC-BY 4.0) and simulated ones, in turn: T1 above, T2 below.

    CONDYLE_DATA=... python benchmarks/simulated_beside_real.py docs/images/simulated_vs_real.png

Real pictures are the first eight patients with both, simulated ones eight seeds in a row: neither is picked.
"""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from condyle.simulate import simulate_lumbar

SIDE, COUNT, FIRST_SEED = 210, 8, 200


def real(folder: Path) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    with (folder / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "midsagittal" and row["weighting"] in ("T1", "T2")]
    by_patient: dict[str, dict[str, str]] = {}
    for row in rows:
        by_patient.setdefault(row["patient"], {})[row["weighting"]] = row["path"]
    both = [paths for paths in by_patient.values() if len(paths) == 2][:COUNT]
    # T1 and T2 pictures cover a square field, whatever their pixels say.
    return [(_small(cv2.imread(str(folder / one["T1"]), 0)), _small(cv2.imread(str(folder / one["T2"]), 0))) for one in both]


def simulated() -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + COUNT):
        volumes = simulate_lumbar(seed, slices=1).volumes
        found.append((_small(_window(volumes["t1_sag"].pixels[0])), _small(_window(volumes["t2_sag"].pixels[0]))))
    return found


def _window(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Clipped as the real pictures are: fat under the skin saturates."""
    return np.asarray(np.clip(picture / np.quantile(picture, 0.94) * 255, 0, 255), np.uint8)


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    folder = Path(os.environ.get("CONDYLE_DATA", "../shared/data")) / "spider"
    rows = []
    for name, pairs in (("real (SPIDER)", real(folder)), ("simulated", simulated())):
        for n, weighting in enumerate(("T1", "T2")):
            row = np.hstack([pair[n] for pair in pairs])
            rows.append(cv2.putText(row, f"{name}, {weighting}", (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1, cv2.LINE_AA))
    cv2.imwrite(sys.argv[1], np.vstack([rows[0], rows[2], rows[1], rows[3]]), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
