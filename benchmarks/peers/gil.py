"""What people write by hand to see whether a function lets go of the GIL: the same work in one thread and in two.

If two threads that do the work side by side get through it more than 1.5 times as fast as one that does it twice, the
function is said to release the GIL, otherwise to hold it: the best of three, batches of 0.1 s. No package does this
with a verdict, so it is stated here.

    python benchmarks/peers/gil.py --loads quiet hog1 --seconds 60
"""

from __future__ import annotations

import random
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.alone import run_alone
from harness.trial import Trial
from rows.gil import cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rows.gil import Case

TOOL = "two threads against one"
BATCH = 0.1
RELEASED_FROM = 1.5
REPEATS = 3


def prepare() -> None:
    """Build and compile, before anything is timed."""
    cases()


def gain(work: Callable[[], object]) -> float:
    """How many times as fast two threads get through the work as one: 1 if they take turns, 2 if they do not."""

    def batch() -> None:
        for _ in range(calls):
            work()

    def run_in(number: int) -> float:
        threads = [threading.Thread(target=batch) for _ in range(number)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start

    calls = 1
    while (took := run_in(1)) < BATCH:
        calls = max(2 * calls, int(calls * min(1.1 * BATCH / took, 10.0)))
    alone = min(took, *(run_in(1) for _ in range(REPEATS - 1)))
    return 2.0 * alone / min(run_in(2) for _ in range(REPEATS))


def answered(case: Case, load_name: str) -> Trial:
    """Whether it says that a function lets go of the GIL; it knows no third state, so it is asked nothing else."""
    start = time.perf_counter()
    found = gain(lambda: case.function(*case.args))
    seconds = time.perf_counter() - start
    answer = "right" if (found >= RELEASED_FROM) == (case.truth == "released") else "wrong"
    detail = f"{case.truth}; {found:.2f} times as fast"
    return Trial("gil", TOOL, case.name, load_name, f"{case.truth}: released?", answer, seconds, detail)


def trials(load_name: str, *, seconds: float, seed: int) -> Iterator[Trial]:
    """Every function of the row, in shuffled order."""
    end = time.monotonic() + seconds
    rng = random.Random(seed)
    while True:
        for case in rng.sample(cases(), len(cases())):
            if time.monotonic() > end:
                return
            yield answered(case, load_name)


if __name__ == "__main__":
    run_alone(trials, __doc__)
