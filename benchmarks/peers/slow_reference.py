"""What pytest-benchmark and timeit need for the pair whose reference takes 3 s: each runs it five times and more.

One answer takes tens of seconds, so there is one of each tool, on the pair in Python.

    python benchmarks/peers/slow_reference.py --seconds 40
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.alone import run_alone
from harness.trial import Trial
from peers.speedup import by_timeit, missing, pytest_benchmark
from rows.pairs import slow
from rows.slow_reference import CLAIM, ROW

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["missing", "trials"]


def trials(load_name: str, *, seconds: float, seed: int) -> Iterator[Trial]:
    """Each tool once, as far as the time goes."""
    end = time.monotonic() + seconds
    pair = next(one for one in slow() if one.stoppable)
    tools = [lambda: by_timeit(*pair.here())]
    if not missing():
        tools.append(lambda: pytest_benchmark(pair.candidate, pair.reference))
    random.Random(seed).shuffle(tools)
    for measure in tools:
        if time.monotonic() > end:
            return
        figures, took = measure()
        for tool, (candidate, reference) in figures.items():
            ratio = reference / candidate
            answer = "right" if ratio >= CLAIM else "wrong"
            detail = f"{ratio:.4g}x of a claimed {CLAIM:g}x"
            yield Trial(ROW, tool, f"{pair.name}, here", load_name, "true claim", answer, took, detail)


if __name__ == "__main__":
    run_alone(trials, __doc__)
