"""What people compare two functions with today: pytest-benchmark's figures, and timeit's.

Neither knows a claim: the ratio of their figures is held against it here, as somebody would in a test. One measurement
therefore answers every question, and is the time of each. Both run with their default settings, pytest-benchmark as a
run of pytest with the two functions as its benchmarks, timeit as its own command line does.

    python benchmarks/peers/speedup.py --loads quiet hog2 --seconds 60
"""

from __future__ import annotations

import importlib.util
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
import timeit
import xml.etree.ElementTree as ET
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.alone import run_alone
from harness.trial import Trial
from rows.pairs import PAIRS
from rows.speedup import QUESTIONS, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rows.pairs import Pair

# Seconds of one call of the candidate and of the reference by each tool, and those that measuring both took.
Measured = tuple[dict[str, tuple[float, float]], float]

_TEST = """
import candidate, reference
def test_candidate(benchmark):
    benchmark(candidate.f, 7)
def test_reference(benchmark):
    benchmark(reference.f, 7)
"""


__all__ = ["missing", "prepare", "trials"]


def missing() -> list[str]:
    return [] if importlib.util.find_spec("pytest_benchmark") else ["pytest-benchmark"]


def pytest_benchmark(candidate: str, reference: str) -> Measured:
    """Its minimum and its median, of the functions ``f`` in these two sources.

    Raises:
        RuntimeError: the run of pytest failed, with what it printed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "candidate.py").write_text(candidate, encoding="utf-8")
        (folder / "reference.py").write_text(reference, encoding="utf-8")
        (folder / "test_pair.py").write_text(_TEST, encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\njunit_duration_report = call\n", encoding="utf-8")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:efficiency"),
                *("--benchmark-json", "times.json", "--junitxml", "tests.xml"),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            msg = f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            raise RuntimeError(msg)
        stats = {one["name"]: one["stats"] for one in json.loads((folder / "times.json").read_text())["benchmarks"]}
        seconds = sum(float(one.get("time", 0.0)) for one in ET.parse(folder / "tests.xml").iter("testcase"))
    return {
        f"pytest-benchmark {version('pytest-benchmark')} {figure}": (
            stats["test_candidate"][figure],
            stats["test_reference"][figure],
        )
        for figure in ("min", "median")
    }, seconds


def by_timeit(candidate: Callable[[int], object], reference: Callable[[int], object]) -> Measured:
    """The best of five, each of as many calls as take 0.2 seconds."""
    start = time.perf_counter()
    best = []
    for f in (candidate, reference):
        timer = timeit.Timer("f(7)", globals={"f": f})
        number, _ = timer.autorange()
        best.append(min(timer.repeat(number=number)) / number)
    return {f"timeit of Python {platform.python_version()}": (best[0], best[1])}, time.perf_counter() - start


def answers(row: str, pair: Pair, load_name: str, found: Measured) -> Iterator[Trial]:
    """One measurement, held against every claim."""
    figures, seconds = found
    for tool, (candidate, reference) in figures.items():
        for factor in QUESTIONS:
            claim, ratio = pair.ratio / factor, reference / candidate
            answer = "right" if (ratio >= claim) == (factor > 1.0) else "wrong"
            detail = f"{ratio:.4g}x of a claimed {claim:.4g}x"
            yield Trial(row, tool, pair.name, load_name, f"{factor:g}", answer, seconds, detail, pair.calls)


def trials(load_name: str, *, seconds: float, seed: int) -> Iterator[Trial]:
    """Every pair of the row in process, in shuffled order."""
    end = time.monotonic() + seconds
    rng = random.Random(seed)
    absent = missing()
    while True:
        for pair in rng.sample(PAIRS, len(PAIRS)):
            tools: list[Callable[[], Measured]] = [lambda pair=pair: by_timeit(*pair.here())]
            if not absent:
                tools.append(lambda pair=pair: pytest_benchmark(pair.candidate, pair.reference))
            for measure in tools:
                if time.monotonic() > end:
                    return
                yield from answers("speedup here", pair, load_name, measure())


if __name__ == "__main__":
    run_alone(trials, __doc__)
