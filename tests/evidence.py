"""The record of the long checks: ``make test-full`` writes it, ``make test`` refuses one that is older than its code.

As a pytest plug-in (``-p tests.evidence --evidence FILE``) it writes one entry a slow test: outcome, seconds, the
figures that the test recorded (``record_property``), and a hash of the source that the test vouches for.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "condyle"


def fingerprint(parts: tuple[str, ...] = ()) -> str:
    """sha256 over names and bytes of the source files below the named parts of ``src/condyle`` (all when none)."""
    roots = [SOURCE / part for part in parts] or [SOURCE]
    missing = [str(root) for root in roots if not root.exists()]
    if missing:
        raise ValueError(f"a slow mark names parts that do not exist: {missing}")
    files = {file for root in roots for file in ([root] if root.is_file() else root.rglob("*")) if file.is_file()}
    digest = hashlib.sha256()
    for file in sorted(file for file in files if "__pycache__" not in file.parts):
        digest.update(f"{file.relative_to(SOURCE).as_posix()}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def parts_of(item: pytest.Item) -> tuple[str, ...]:
    """The parts that a slow test vouches for."""
    return tuple(sorted({str(part) for mark in item.iter_markers("slow") for part in mark.args}))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--evidence", type=Path, help="JSON file that records the long checks")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--evidence"):
        config.pluginmanager.register(_Recorder(config.getoption("--evidence")))


class _Recorder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.checks: dict[str, dict[str, Any]] = {}
        self.parts: dict[str, tuple[str, ...]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.parts = {item.nodeid: parts_of(item) for item in items}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":
            return
        parts = self.parts[report.nodeid]
        self.checks[report.nodeid] = {
            "outcome": report.outcome, "seconds": round(report.duration, 1), "vouches_for": list(parts) or ["everything"],
            "fingerprint": fingerprint(parts), "commit": _commit(), "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
            "figures": dict(report.user_properties),
        }  # fmt: skip

    def pytest_sessionfinish(self) -> None:
        # A partial run (-k) renews its own entries; those of tests that are gone go too.
        old = json.loads(self.path.read_text())["checks"] if self.path.is_file() else {}
        kept = {name: entry for name, entry in old.items() if (ROOT / name.partition("::")[0]).is_file()}
        document = {
            "about": "Written by `make test-full`. Do not edit.",
            "machine": {"cores": len(os.sched_getaffinity(0)), "python": platform.python_version(), "system": platform.machine()},
            "checks": dict(sorted((kept | self.checks).items())),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(document, indent=2) + "\n")


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    return git("rev-parse", "HEAD") + ("-changed" if git("status", "--porcelain", "--", "src") else "")
