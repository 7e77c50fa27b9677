"""Fail where a run of the exercises left a declared solution out, or decided too little; called with the result file.

A backend that is missing is deselected, and a claim that the machine was too busy for is unclear: both leave pytest's
exit status alone, and on a machine that .ci/run has prepared neither may hide what it did not see.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections import Counter
from pathlib import Path

MOST_UNCLEAR = 0.1


def main() -> int:
    tests = json.loads(Path(sys.argv[1]).read_text())["tests"]
    seen = {(test["exercise"], test["backend"]) for test in tests}
    states = Counter(test["state"] for test in tests)
    wrong = []
    for path in sorted(Path("exercises").glob("*/*/exercise.toml")):
        said = tomllib.loads(path.read_text())
        wrong += [f"{said['id']}: {one} was not run" for one in said["backends"] if (said["id"], one) not in seen]
    if states["unclear"] > MOST_UNCLEAR * len(tests):
        wrong.append(f"{states['unclear']} of {len(tests)} tests are unclear")
    print(f"{len(tests)} tests of solutions: {', '.join(f'{count} {state}' for state, count in states.most_common())}")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
