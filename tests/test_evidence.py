"""The record of the long checks is complete and not older than the code it vouches for."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.evidence import ROOT, fingerprint

RECORD = ROOT / "docs" / "evidence" / "full.json"
RENEW = "run `make test-full` and commit docs/evidence/full.json"


def slow_tests() -> set[str]:
    """The ids of all long checks, collected in a process of their own from the files that speak of them."""
    files = [str(file.relative_to(ROOT)) for file in sorted((ROOT / "tests").rglob("test_*.py")) if "slow" in file.read_text("utf-8")]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "slow", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 5), done.stdout + done.stderr
    return {line.strip() for line in done.stdout.splitlines() if "::" in line and line.startswith("tests/")}


def test_every_long_check_is_recorded_and_passed() -> None:
    record = json.loads(RECORD.read_text())["checks"]
    assert slow_tests() == set(record), f"the record and the long checks differ: {RENEW}"
    failed = [name for name, entry in record.items() if entry["outcome"] != "passed"]
    assert not failed, f"recorded as not passed: {failed}"


def test_no_record_is_older_than_the_code_it_vouches_for() -> None:
    record = json.loads(RECORD.read_text())["checks"]
    stale = []
    for name, entry in record.items():
        parts = tuple(part for part in entry["vouches_for"] if part != "everything")
        if fingerprint(parts) != entry["fingerprint"]:
            stale.append(f"{name} (vouches for {', '.join(entry['vouches_for'])})")
    assert not stale, f"the code has changed since: {stale}; {RENEW}"
