"""Fair timing: interleaved rounds, and the median of per-round ratios.

Every contender runs once a round, the order is reversed every other round, and one untimed round warms up. A ratio is
reference seconds / own seconds within one round (> 1: faster than the reference); the figure is the median of these
ratios, never the ratio of two medians. Machines with other work on them move seconds by a factor of two to four, ratios far less.

Use
---
    from rounds import compare, machine, report

    print(machine("pydicom", "numpy"))
    results = compare({"pydicom loop": slow, "condyle": fast}, reference="pydicom loop", rounds=7)
    print(report(results))
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Contender = Callable[[], Any]

# Instruction sets that change what a kernel can do; a figure without them says little elsewhere.
FLAGS = ("sse4_2", "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8")


@dataclass(frozen=True, slots=True)
class Result:
    """One contender over all rounds.

    Parameters
    ----------
    seconds, cpu_seconds : one entry a round (CPU seconds of this process and its ended children)
    ratios : reference seconds / own seconds, one a round
    last : what the contender returned in the last round, for checks of equality
    """

    name: str
    reference: str
    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    ratios: tuple[float, ...]
    last: Any = None

    @property
    def ratio(self) -> float:
        """The median of the per-round ratios."""
        return statistics.median(self.ratios)

    def as_json(self) -> str:
        """One line for a machine."""
        fields = {key: value for key, value in asdict(self).items() if key != "last"}
        return json.dumps({**fields, "ratio": self.ratio})


def compare(contenders: Mapping[str, Contender], *, reference: str, rounds: int = 7, warm: int = 1) -> dict[str, Result]:
    """Time all contenders in interleaved rounds.

    Raises ``KeyError`` when ``reference`` is no contender. An exception of a contender ends the run: a peer that
    cannot do the job must be left out by name, not in silence.
    """
    if reference not in contenders:
        raise KeyError(reference)
    names = list(contenders)
    wall: dict[str, list[float]] = {name: [] for name in names}
    cpu: dict[str, list[float]] = {name: [] for name in names}
    last: dict[str, Any] = {}
    for number in range(-warm, rounds):
        for name in names if number % 2 == 0 else reversed(names):
            last.pop(name, None)  # freed before the next allocation is timed
            busy, start = _cpu(), time.perf_counter()
            last[name] = contenders[name]()
            took, worked = time.perf_counter() - start, _cpu() - busy
            if number >= 0:
                wall[name].append(took)
                cpu[name].append(worked)
    return {
        name: Result(
            name,
            reference,
            tuple(wall[name]),
            tuple(cpu[name]),
            tuple(ours / theirs for ours, theirs in zip(wall[reference], wall[name], strict=True)),
            last[name],
        )
        for name in names
    }


def report(results: Mapping[str, Result]) -> str:
    """A Markdown table: median seconds, CPU seconds, ratio with its range over the rounds."""
    reference = next(iter(results.values())).reference
    lines = [f"| | median s | CPU s | ratio to {reference} | range | rounds |", "|---|---|---|---|---|---|"]
    for one in results.values():
        lines.append(
            f"| {one.name} | {statistics.median(one.seconds):.4g} | {statistics.median(one.cpu_seconds):.4g} | **{one.ratio:.3g}** "
            f"| {min(one.ratios):.3g} to {max(one.ratios):.3g} | {len(one.ratios)} |"
        )
    return "\n".join(lines)


def machine(*packages: str) -> str:
    """One line that says what the figures below it were taken on: cores, flags, load, versions."""
    flags: set[str] = set()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        flags = next((set(line.split(":", 1)[1].split()) for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), set())
    versions = ", ".join(f"{name} {_version(name)}" for name in packages)
    return (
        f"{len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}, "
        f"flags {' '.join(flag for flag in FLAGS if flag in flags) or 'unknown'}; {versions}"
    )


def fresh(arguments: Sequence[str], *, timeout: float = 600, **environment: str) -> dict[str, Any]:
    """Run this Python afresh; the last JSON line that it printed, with the wall seconds under ``wall``.

    Bytecode is kept, as pip leaves it for every installed package: a fresh process of a user compiles nothing.

    Raises ``RuntimeError`` with the end of its error output when it fails or prints no JSON.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=timeout, env={**inherited, **environment}, check=False
    )
    wall = time.perf_counter() - start
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise RuntimeError(f"{' '.join(arguments)} failed: {(done.stderr or done.stdout)[-500:]}")
    return {**json.loads(lines[-1]), "wall": wall}


def peak_mib() -> float:
    """Peak resident memory of this process image in MiB.

    From VmHWM: ``ru_maxrss`` survives ``exec`` and would show the parent's peak.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM in /proc/self/status")


def _cpu() -> float:
    return sum(os.times()[:4])


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
