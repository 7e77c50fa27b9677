"""The whole course against every reference solution: how long, and what came out, quiet and beside a busy loop.

Targets: everything passed and nothing unclear on a quiet machine, in 60 s or less once built on 2 cores; beside one
busy loop nothing failed and at least 98 % passed, while every near miss still fails in its own column.

    python benchmarks/course.py [--runs 1] [--short]

``--short`` leaves the near misses out. The busy loop is started and ended here.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """Endless loops beside what is measured."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def graded(*arguments: str) -> tuple[list[dict[str, str]], float]:
    """The tests of one run of pytest, and its seconds of wall time."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "pytest", *arguments, "--efficiency-json", str(out), "-q", "-p", "no:cacheprovider"],
            cwd=ROOT,
            check=False,
            stdout=subprocess.DEVNULL,
        )
        return json.loads(out.read_text())["tests"], time.perf_counter() - start


def near_misses() -> tuple[int, list[str]]:
    """How many there are, and a line for each that did not fail in its own column alone."""
    wrong = []
    descriptions = sorted((ROOT / "solutions").glob("*/*/near_misses/*/near_miss.toml"))
    for description in descriptions:
        folder = description.parent
        exercise = ROOT / "exercises" / folder.relative_to(ROOT / "solutions").parents[1]
        tests, _ = graded(str(exercise), "--submission", str(folder))
        fails = tomllib.loads(description.read_text())["fails"]
        failed = {test["kind"] for test in tests if test["state"] == "failed"}
        others = {test["state"] for test in tests if test["kind"] != fails}
        if failed != {fails} or not others <= {"passed", "waiting"}:
            name = f"{folder.parents[1].name}/{folder.name}"
            wrong.append(f"{name}: failed in {failed or 'none'}, expected {fails}; other columns {others}")
    return len(descriptions), wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1, help="of each load")
    parser.add_argument("--short", action="store_true", help="without the near misses")
    options = parser.parse_args()
    graded("exercises", "--solution", "all", "-k", "refuses")  # builds what must be built
    for loops in (0, 1):
        with busy(loops):
            for _ in range(options.runs):
                tests, seconds = graded("exercises", "--solution", "all")
                states = Counter(test["state"] for test in tests)
                said = ", ".join(f"{count} {state}" for state, count in states.most_common())
                print(f"{loops} busy loops: {said} in {seconds:.1f} s ({states['passed'] / len(tests):.1%} passed)")
                for test in tests:
                    if test["state"] != "passed":
                        first = test["message"].partition("\n")[0]
                        print(f"    {test['state']}: {test['id']}: {first}")
            if not options.short:
                count, wrong = near_misses()
                print(
                    f"{loops} busy loops: {count - len(wrong)} of {count} near misses failed in their own column alone"
                )
                for line in wrong:
                    print(f"    {line}")


if __name__ == "__main__":
    main()
