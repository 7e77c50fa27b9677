"""How often a speedup's verdict is wrong or unclear, live, and how long it takes.

Pairs of known ratio (a loop in Python, or a chunk of NumPy work, once and k times), calls of about
1 us to 10 ms, claims at 0.5, 0.8, 1.25 and 2 times below or above the truth; first on the machine as it is, then with
one and with two busy loops of our own, which end with this script whatever happens.

    python benchmarks/speedup_live.py [--repeat 5] [--loads 0 1 2]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from itertools import repeat
from typing import TYPE_CHECKING

from pytest_efficiency.judge.speedup import SpeedupDecision, judge_looks, judge_speedup
from pytest_efficiency.measure.batches import SpeedupMeter
from pytest_efficiency.subject.here import Here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Ends by itself when its parent is gone (its standard input closes), even if that was killed.
HOG = """
import os, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(0)), daemon=True).start()
while True:
    pass
"""


@contextlib.contextmanager
def busy_loops(number: int) -> Iterator[None]:
    """So many busy processes while the block runs."""
    hogs: list[subprocess.Popen[bytes]] = []
    try:
        hogs.extend(subprocess.Popen([sys.executable, "-c", HOG], stdin=subprocess.PIPE) for _ in range(number))
        time.sleep(0.3 if number else 0.0)
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.communicate()


def python_loop(n: int, times: int) -> Callable[[], int]:
    """A loop of n rounds of about 10 ns, ``times`` times.

    Not one loop of n x times: counting beyond 256 makes Python allocate integers, and ten times the rounds take
    thirteen times as long.
    """

    def once() -> None:
        for _ in repeat(None, n):
            pass

    def loop() -> int:
        for _ in repeat(None, times):
            once()
        return 0

    return loop


def numpy_chunks(size: int, times: int) -> Callable[[], int]:
    """One multiplication in place of ``size`` numbers that fit into the cache, ``times`` times."""
    import numpy as np

    numbers = np.ones(size)

    def chunks() -> int:
        for _ in range(times):
            np.multiply(numbers, 1.0, out=numbers)
        return 0

    return chunks


def pairs() -> Iterator[tuple[str, Callable[[], int], Callable[[], int], int]]:
    """Name, candidate, reference, true ratio."""
    for n, k in ((200, 10), (2_000, 10), (2_000, 100), (100_000, 10), (1_000_000, 4)):
        yield f"Python loop of {n} against {k} x", python_loop(n, 1), python_loop(n, k), k
    for size, times, k in ((1_000, 10, 10), (8_000, 20, 10), (8_000, 2_000, 4)):
        name = f"NumPy {times} x {size} against {times * k} x"
        yield name, numpy_chunks(size, times), numpy_chunks(size, times * k), k


def decide(candidate: Callable[[], int], reference: Callable[[], int], claim: float) -> SpeedupDecision:
    """The way of an assertion, with its pauses."""
    looks = []
    while True:
        rounds = []
        for one in SpeedupMeter(Here(candidate), Here(reference), claim=claim).rounds():
            rounds.append(one)
            decision = judge_speedup(rounds, claim)
            if decision.wants != "more":
                break
        else:
            decision = judge_speedup(rounds, claim, ended=True)
        looks.append(decision)
        final = judge_looks(looks)
        if final.wants is None:
            return final
        time.sleep(final.wait)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5, help="verdicts per pair, claim and load")
    parser.add_argument("--loads", type=int, nargs="*", default=[0, 1, 2], help="numbers of busy loops")
    options = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f} before the start")
    print(
        f"{'load':5} {'true/claimed':12} {'verdicts':>8} {'wrong':>6} {'unclear':>8} {'median ms':>10} {'90 % ms':>9}"
    )
    wrong_ones = []
    for load in options.loads:
        with busy_loops(load):
            for factor in (0.5, 0.8, 1.25, 2.0):
                wrong = unclear = 0
                seconds = []
                for name, candidate, reference, ratio in pairs():
                    for _ in range(options.repeat):
                        start = time.perf_counter()
                        decision = decide(candidate, reference, ratio / factor)
                        seconds.append(time.perf_counter() - start)
                        unclear += decision.outcome == "unclear"
                        if decision.outcome == ("passed" if factor < 1.0 else "failed"):
                            wrong += 1
                            wrong_ones.append(f"{load} hogs, {factor}: {name}: {decision.value:.3g}, {decision.why}")
                ms = [1e3 * one for one in sorted(seconds)]
                middle, most = statistics.median(ms), ms[int(0.9 * (len(ms) - 1))]
                count = len(ms)
                print(
                    f"{load:<5} {factor:<12} {count:>8} {wrong:>6} {unclear:>8} {middle:>10.1f} {most:>9.1f}",
                    flush=True,
                )
    for line in wrong_ones:
        print("wrong:", line)


if __name__ == "__main__":
    main()
