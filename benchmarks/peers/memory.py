"""What people watch memory with today: pytest-memray, tracemalloc, and a thread that samples.

pytest-memray has claims of its own, ``limit_memory`` and ``limit_leaks``, and is a run of pytest with them. The other
two give figures, which are held against the claim: the peak of one call after one to warm up, and for leaks how much
more there is after many calls. All three watch the process that they are in: nobody is asked about a worker.

    python benchmarks/peers/memory.py --loads quiet hog2 --seconds 60
"""

from __future__ import annotations

import gc
import importlib.util
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from harness.alone import run_alone
from harness.trial import Trial
from rows.memory import ARRAY, WITHIN, cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rows.memory import Case

BENCHMARKS = Path(__file__).resolve().parents[1]
# Calls after which a leak is looked for, and bytes of growth per call from which on it is said to be one: the smallest
# of the row is 16, and an allocator's own books grow too. Resident memory comes in pages, so it takes more calls.
CALLS = 200
CALLS_OF_PAGES = 10_000
LEAK = 5.0
SAMPLED_EVERY = 1e-3
# Claims for one run of pytest, which needs a second to start.
AT_ONCE = 6

_TEST = """
import sys
sys.path.insert(0, {benchmarks!r})
import gc
import pytest
from peers.memory import CALLS, LEAK, bound, here, warm_up

CASES = {{case.name: case for case in here()}}
MADE = {{}}
ASKED = []
for name, question in {asked!r}:
    case = CASES[name]
    MADE[name] = case.make()
    warm_up(MADE[name], case)
    limit = f"{{LEAK * CALLS if case.figure == 'leak' else bound(case, question):.0f}} B"
    mark = pytest.mark.limit_leaks if case.figure == "leak" else pytest.mark.limit_memory
    ASKED.append(pytest.param(name, marks=mark(limit)))

@pytest.mark.parametrize("name", ASKED)
def test_claim(name):
    function, args = MADE[name], CASES[name].args
    if CASES[name].figure == "peak":
        kept = function(*args)
    else:
        for _ in range(CALLS):
            function(*args)
        gc.collect()
"""
TRUE, FALSE, FIGURE, LEAKS = "here: true bound", "here: false bound", "here: within 0.05 array", "here: leaks"


def here() -> list[Case]:
    """The row's cases in the process of the test."""
    return [case for case in cases() if case.name.startswith("here")]


def prepare() -> None:
    """Build and compile, before anything is timed."""
    here()


def bound(case: Case, question: str) -> float:
    """Bytes that are claimed to be enough, as in the row."""
    return max(case.truth * ARRAY * (1.05 if question == TRUE else 0.9), WITHIN * ARRAY)


def warm_up(function: Callable[..., Any], case: Case) -> None:
    """One call, or as many as will be watched for a leak: what fills at first is full then."""
    for _ in range(CALLS if case.figure == "leak" else 1):
        function(*case.args)
    gc.collect()


def missing() -> list[str]:
    return [] if importlib.util.find_spec("pytest_memray") else ["pytest-memray"]


def peak_of_samples(function: Callable[..., Any], args: Sequence[Any]) -> float:
    """Bytes of resident memory that a thread sees at most while the call runs, beyond those before it.

    Free heap is given back first. Otherwise the call uses what lies there, and the figure is 0.
    """
    psutil.heap_trim()
    process, most, over = psutil.Process(), 0, threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        nonlocal most
        while not over.wait(SAMPLED_EVERY):
            most = max(most, process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        kept = function(*args)
        most = max(most, process.memory_info().rss)
        del kept
    finally:
        over.set()
        thread.join()
    return float(most - before)


def growth_of_pages(function: Callable[..., Any], args: Sequence[Any]) -> float:
    """Bytes of resident memory per call that many calls leave behind, from a heap without free room."""
    psutil.heap_trim()
    process, calls, end = psutil.Process(), 0, time.monotonic() + 0.5
    before = process.memory_info().rss
    while calls < CALLS_OF_PAGES and time.monotonic() < end:
        function(*args)
        calls += 1
    gc.collect()
    return (process.memory_info().rss - before) / calls


def peak_of_traces(function: Callable[..., Any], args: Sequence[Any]) -> float:
    """tracemalloc's peak."""
    tracemalloc.start()
    try:
        kept = function(*args)
        _, peak = tracemalloc.get_traced_memory()
        del kept
    finally:
        tracemalloc.stop()
    return float(peak)


def growth_of_traces(function: Callable[..., Any], args: Sequence[Any]) -> float:
    """Bytes per call of what tracemalloc still knows after many of them."""
    tracemalloc.start()
    try:
        for _ in range(CALLS):
            function(*args)
        gc.collect()
        current, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return current / CALLS


@dataclass(frozen=True)
class Figures:
    """A tool that gives figures: bytes of a peak, and bytes of growth per call."""

    name: str
    peak: Callable[[Callable[..., Any], Sequence[Any]], float]
    growth: Callable[[Callable[..., Any], Sequence[Any]], float]

    def asked(self, case: Case, load_name: str) -> Iterator[Trial]:
        """One measurement answers every question about a case."""
        function = case.make()
        warm_up(function, case)
        start = time.perf_counter()
        found = (self.growth if case.figure == "leak" else self.peak)(function, case.args)
        seconds = time.perf_counter() - start
        if case.figure == "leak":
            answers = {LEAKS: (found > LEAK) == bool(case.truth)}
        else:
            answers = {
                FIGURE: abs(found / ARRAY - case.truth) <= WITHIN,
                TRUE: found <= bound(case, TRUE),
                **({FALSE: found > bound(case, FALSE)} if case.truth else {}),
            }
        for question, right in answers.items():
            yield trial(self.name, case, load_name, question, right=right, seconds=seconds, detail=f"{found:.5g} bytes")


def ask_memray(chosen: Sequence[Case], load_name: str) -> Iterator[Trial]:
    """pytest-memray's own claims about these cases, in one run of pytest.

    Raises:
        RuntimeError: the run ended otherwise than with passed and failed tests, with what it printed.
    """
    peaks = (TRUE, FALSE)
    asked = [
        (case, question)
        for case in chosen
        for question in ((LEAKS,) if case.figure == "leak" else peaks if case.truth else peaks[:1])
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        named = [(case.name, question) for case, question in asked]
        (folder / "test_claims.py").write_text(_TEST.format(benchmarks=str(BENCHMARKS), asked=named), encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\njunit_duration_report = call\n", encoding="utf-8")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:efficiency"),
                *("--junitxml", "tests.xml"),
            ],
            cwd=folder,
            env={**os.environ, "TMPDIR": name},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 1):
            msg = f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            raise RuntimeError(msg)
        results = list(ET.parse(folder / "tests.xml").iter("testcase"))
    for (case, question), result in zip(asked, results, strict=True):
        failure = result.find("failure")
        holds = failure is None
        right = holds == (question == TRUE) if case.figure == "peak" else holds != bool(case.truth)
        detail = "it holds" if failure is None else str(failure.get("message"))[:200]
        seconds = float(result.get("time", 0.0))
        tool = f"pytest-memray {version('pytest-memray')}"
        yield trial(tool, case, load_name, question, right=right, seconds=seconds, detail=detail)


def trial(tool: str, case: Case, load_name: str, question: str, *, right: bool, seconds: float, detail: str) -> Trial:
    return Trial("memory", tool, case.name, load_name, question, "right" if right else "wrong", seconds, detail)


def trials(load_name: str, *, seconds: float, seed: int) -> Iterator[Trial]:
    """All tools on a few cases, then on the next, in shuffled order."""
    end = time.monotonic() + seconds
    rng = random.Random(seed)
    figures = (
        Figures(f"tracemalloc of Python {platform.python_version()}", peak_of_traces, growth_of_traces),
        Figures("a thread that samples", peak_of_samples, growth_of_pages),
    )
    absent = missing()
    while True:
        order = rng.sample(here(), len(here()))
        for first in range(0, len(order), AT_ONCE):
            chosen = order[first : first + AT_ONCE]
            turns: list[Callable[[], Iterator[Trial]]] = [
                partial(tool.asked, case, load_name) for case in chosen for tool in figures
            ]
            if not absent:
                turns.append(partial(ask_memray, chosen, load_name))
            rng.shuffle(turns)
            for turn in turns:
                if time.monotonic() > end:
                    return
                yield from turn()


if __name__ == "__main__":
    run_alone(trials, __doc__)
