"""Fail where a test was skipped because something is not installed; called with pytest's JUnit file.

On a machine that .ci/run has prepared nothing may be missing, and a skipped test says nothing about the code.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET

MISSING = re.compile(
    r"could not import|no module named|not installed|is missing|compiler on PATH|Python\.h|pip install|apt-get install",
    re.IGNORECASE,
)


def main() -> int:
    cases = list(ET.parse(sys.argv[1]).iter("testcase"))
    if not cases:
        print(f"{sys.argv[1]}: no test ran")
        return 1
    wrong = []
    for case in cases:
        for skipped in case.iter("skipped"):
            reason = f"{skipped.get('message') or ''} {skipped.text or ''}"
            if MISSING.search(reason):
                wrong.append(f"{case.get('classname')}.{case.get('name')}: {reason.strip()[:200]}")
    for line in wrong:
        print(f"skipped because something is missing: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
