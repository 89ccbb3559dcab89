"""Measure how far two readings of an unchanged spine lie apart, and write the limits that `condyle read --prior` uses.

Usage: python scripts/repeatability.py PACKAGE [--spines 24] [--volume NIFTI ...] [-o src/condyle/report/repeatability.json]

Three sources of difference, each with the spine itself unchanged:
  scans      the same simulated spine scanned again: twice the noise; another vendor, field strength and matrix; a stack
             turned by 3 and tilted by 2 degrees with another number of slices
  slices     the slice beside the middle one (simulated spines, and real volumes where given), read alone, against the middle one
A finding's limit is the largest of the sources' 95th percentiles of the absolute difference. Entries of other packages in
the file are kept, this package's is replaced.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from condyle.errors import CondyleError
from condyle.intake import load_volume, open_study
from condyle.readers import load_package
from condyle.report.repeatability import place_on_scale
from condyle.simulate import Faults, SimulatedStudy, Variation, simulate_lumbar, write_dicom
from condyle.study import Reading

SLICES = 15
Differences = dict[str, list[tuple[str, float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package")
    parser.add_argument("--spines", type=int, default=24)
    parser.add_argument("--volume", type=Path, action="append", default=[], help="a real volume whose neighbouring slices are read, too")
    parser.add_argument("-o", "--out", type=Path, default=Path("src/condyle/report/repeatability.json"))
    args = parser.parse_args()
    reader = load_package(args.package)
    sources: dict[str, Differences] = {"scans": {}, "slices": {}}
    for seed in range(5000, 5000 + args.spines):
        for name, first, second in simulated_pairs(reader, seed):
            collect(sources[name], first, second)
        print(f"spine {seed - 4999} of {args.spines}", flush=True)
        write(args, reader, sources, seed - 4999, 0)  # what was measured so far outlives an interruption
    for path in args.volume:
        for first, second in volume_pairs(reader, path):
            collect(sources["slices"], first, second)
    entry = write(args, reader, sources, args.spines, len(args.volume))
    for name, one in entry["limits"].items():
        print(f"{name:20s} {one['limit']:.2f} {one['unit']}  ({one['pairs']} pairs; {one['by_source']})")


def write(args: argparse.Namespace, reader, sources: dict[str, Differences], spines: int, volumes: int) -> dict[str, Any]:
    """Puts this package's entry into the file, with the command that would give it."""
    command = f"python scripts/repeatability.py {args.package} --spines {spines}" + " --volume NIFTI" * volumes
    entry: dict[str, Any] = {
        "name": reader.info.name, "version": reader.info.version, "sha256": reader.info.sha256, "command": command,
        "source": (
            f"Limits: 95 of 100 differences between two readings of one unchanged spine. {spines} simulated spines scanned again "
            "with other noise, vendor, field strength, matrix and position; and neighbouring slices"
            + (f", of {volumes} real volume(s) too" if volumes else "")
        ),
        "limits": limits(sources),
    }  # fmt: skip
    known = json.loads(args.out.read_text())["packages"] if args.out.exists() else []
    kept = [one for one in known if (one["name"], one["version"]) != (entry["name"], entry["version"])]
    args.out.write_text(json.dumps({"packages": [*kept, entry]}, indent=1) + "\n")
    return entry


def simulated_pairs(reader, seed: int) -> Iterator[tuple[str, Reading, Reading]]:
    """(source, reading, reading of the same spine again)."""
    common = {"tesla": 1.5, "matrix": 384, "slices": SLICES, "vendor": "siemens"}
    first = simulate_lumbar(seed, **common)
    again = {
        "noise": simulate_lumbar(seed, **common, faults=Faults(noise=2.0, motion=0.1)),
        "scanner": simulate_lumbar(seed, vendor="philips", tesla=3.0, matrix=448, slices=SLICES),
        "position": simulate_lumbar(seed, **{**common, "slices": SLICES + 2}, variation=Variation(stack_turn=3.0, stack_lean=2.0)),
    }
    base = read(reader, first)
    if base is None:
        return
    for study in again.values():
        if (second := read(reader, study)) is not None:
            yield "scans", base, second
    middle = read(reader, only(first, SLICES // 2))
    for k in (SLICES // 2 - 1, SLICES // 2 + 1):
        beside = read(reader, only(first, k))
        if middle is not None and beside is not None:
            yield "slices", middle, beside


def only(study: SimulatedStudy, k: int) -> SimulatedStudy:
    """The study with one slice a series."""
    left_out = tuple(one for one in range(SLICES) if one != k)
    return replace(study, series={name: replace(one, missing=left_out) for name, one in study.series.items()})


def read(reader, study: SimulatedStudy) -> Reading | None:
    """None when the study cannot be read; a spine that is not found has no difference."""
    with tempfile.TemporaryDirectory() as folder:
        write_dicom(study, Path(folder) / "dicom")
        try:
            return reader.read(open_study(folder))
        except CondyleError as error:
            print(f"  seed {study.seed}: {error.what}", flush=True)
            return None


def volume_pairs(reader, path: Path) -> Iterator[tuple[Reading, Reading]]:
    """Neighbouring slices around the middle of a real volume, each written as a volume of one slice."""
    import nibabel

    image = nibabel.load(path)
    volume = load_volume(open_study(path).series[0])
    axis = int(np.argmax(np.abs(image.affine[0, :3])))  # the one that runs from right to left
    count, step = image.shape[axis], max(1, round(2.0 / volume.geometry.spacing[0]))
    readings = []
    with tempfile.TemporaryDirectory() as folder:
        for k in range(count // 2 - 2 * step, count // 2 + 2 * step + 1, step):
            slab = image.slicer[tuple(slice(k, k + 1) if n == axis else slice(None) for n in range(3))]
            nibabel.save(slab, Path(folder) / f"{k}.nii.gz")
            try:
                readings.append(reader.read(open_study(Path(folder) / f"{k}.nii.gz")))
            except CondyleError as error:
                print(f"  slice {k}: {error.what}", flush=True)
    yield from pairwise(readings)


def collect(differences: Differences, first: Reading, second: Reading) -> None:
    """Adds the differences of all findings that both readings give at a level."""
    if "numbering_uncertain" in (*first.flags, *second.flags):
        return
    before = {(one.finding, one.site): place_on_scale(one) for one in first.findings}
    for one in second.findings:
        there, now = before.get((one.finding, one.site)), place_on_scale(one)
        if there is not None and now is not None:
            differences.setdefault(one.finding, []).append((now[1], now[0] - there[0]))


def limits(sources: dict[str, Differences]) -> dict[str, dict[str, object]]:
    """By finding: unit, limit, pairs, and the 95th percentile of each source."""
    found = {}
    for name in sorted({name for one in sources.values() for name in one}):
        by_source = {
            source: (round(float(np.percentile(np.abs([d for _, d in one[name]]), 95, method="higher")), 3), len(one[name]))
            for source, one in sources.items() if name in one
        }  # fmt: skip
        unit = next(unit for one in sources.values() for unit, _ in one.get(name, []))
        found[name] = {
            "unit": unit, "limit": max(limit for limit, _ in by_source.values()), "pairs": sum(n for _, n in by_source.values()),
            "by_source": {source: {"limit": limit, "pairs": n} for source, (limit, n) in by_source.items()},
        }  # fmt: skip
    return found


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
