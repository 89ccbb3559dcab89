"""Fail when a test was skipped for a reason that this machine must not have.

Usage: python .ci/skips.py TESTS.xml
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree

# A skip is fine here only when its reason begins with one of these. Real data may be absent on a stranger's
# machine; system programs and the package index may not, because .ci/run installs the one and needs the other.
ALLOWED = ("real data folder absent", "no GPU")


def main(path: str) -> int:
    """Print every skip that is not allowed; 1 when there is one."""
    bad = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        for skip in case.findall("skipped"):
            reason = skip.get("message", "")
            if skip.get("type") != "pytest.xfail" and not reason.startswith(ALLOWED):
                bad.append(f"{case.get('classname')}.{case.get('name')}: {reason}")
    for line in bad:
        print(f"skipped, which is not allowed here: {line}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
