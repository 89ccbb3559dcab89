"""``python -m benchmarks [NAME ...]``: every benchmark in turn, or those named, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("intake", "prepare", "memory", "reading", "reading_planes", "training", "bias_field", "evaluation")


def main() -> int:
    asked = sys.argv[1:] or [name for name in NAMES if (HERE / f"{name}.py").is_file()]
    failed = []
    for name in asked:
        if name not in NAMES:
            print(f"There is no benchmark {name!r}: {', '.join(NAMES)}", file=sys.stderr)
            return 2
        print(f"\n# {name}\n", flush=True)
        if subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
