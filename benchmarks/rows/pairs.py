"""Pairs of functions of known ratio: the reference does k times what the candidate does.

Each side is the source of a module with one function ``f(x)``, so that the same pair can be loaded here or in a worker.
The candidate is one call of some work and the reference k calls of it, so the ratio is k by construction whatever the
machine: what a loop around the work costs a reference, being called costs the candidate. `measured` is the check of
that, with long batches read on the CPU clock.

    python benchmarks/rows/pairs.py
"""

from __future__ import annotations

import functools
import statistics
import time
import types
import zlib
from collections import deque
from dataclasses import dataclass
from itertools import repeat, starmap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Work that counts to n in Python, in NumPy and in compiled code, and returns what it got.
_PYTHON = """
from itertools import repeat
def once(x):
    for _ in repeat(None, {n}):
        pass
    return x
"""
# 1,000 numbers at a time, which lie at the start of a cache line: where arrays lie moves a ratio by up to 18 %.
_NUMPY = """
from itertools import repeat
import numpy as np
room = np.ones(1_008)
numbers = room[(-room.ctypes.data % 64) // 8 :][:1_000]
multiply = np.multiply
def once(x):
    for _ in repeat(None, {n}):
        multiply(numbers, 1.0, numbers)
    return x
"""
# Shifts that depend on each other (Marsaglia's xorshift), which no compiler folds.
_NUMBA = """
from itertools import repeat
import numba
@numba.njit("int64(int64)")
def chain(x):
    state = x | 1
    for _ in range({n}):
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
    return state
def once(x):
    chain(x)
    return x
"""
_PRELOAD = {_PYTHON: (), _NUMPY: ("numpy",), _NUMBA: ("numpy", "numba")}
_CANDIDATE = "f = once\n"
_REFERENCE = """
def f(x):
    for _ in repeat(None, {k}):
        once(x)
    return x
"""


@dataclass(frozen=True)
class Pair:
    """Two functions that do the same.

    Attributes:
        name: for tables.
        ratio: how many times as long the reference takes.
        calls: how long its calls are: "short" (the reference's below 100 us), "1 ms", "10 ms", "300 ms".
        candidate, reference: sources of modules with a function ``f``.
        preload: trusted packages that both need.
        stoppable: whether a signal can end the reference half-way: a single call into C goes on to its end.
    """

    name: str
    ratio: float
    calls: str
    candidate: str
    reference: str
    preload: tuple[str, ...] = ()
    stoppable: bool = True

    def written(self, folder: Path) -> tuple[Path, Path]:
        """The files of candidate and reference, for workers."""
        files = []
        for side, source in (("candidate", self.candidate), ("reference", self.reference)):
            files.append(folder / f"{side}_{zlib.crc32(source.encode())}.py")
            files[-1].write_text(source, encoding="utf-8")
        return files[0], files[1]

    def here(self) -> tuple[Callable[[int], int], Callable[[int], int]]:
        """Candidate and reference as functions of this process."""
        return _loaded(self.candidate, "candidate"), _loaded(self.reference, "reference")


@functools.cache
def _loaded(source: str, name: str) -> Callable[[int], int]:
    module = types.ModuleType(name)
    exec(compile(source, f"<{name}>", "exec"), vars(module))
    f: Callable[[int], int] = module.__dict__["f"]
    return f


def _pair(name: str, work: str, calls: str, k: int, **size: int) -> Pair:
    once = work.format(**size)
    return Pair(f"{name}, x {k}", float(k), calls, once + _CANDIDATE, once + _REFERENCE.format(k=k), _PRELOAD[work])


# The names give the candidate's call and the ratio.
PAIRS = (
    _pair("Python 2 us", _PYTHON, "short", 4, n=450),
    _pair("Python 1 us", _PYTHON, "short", 10, n=220),
    _pair("Python 1 us", _PYTHON, "short", 50, n=220),
    _pair("Python 4 us", _PYTHON, "short", 2, n=950),
    _pair("Python 8 us", _PYTHON, "short", 10, n=1_950),
    _pair("NumPy 1 us", _NUMPY, "short", 50, n=2),
    _pair("NumPy 3 us", _NUMPY, "short", 10, n=6),
    _pair("NumPy 10 us", _NUMPY, "short", 4, n=20),
    _pair("Numba 2 us", _NUMBA, "short", 10, n=1_000),
    _pair("Numba 20 us", _NUMBA, "short", 2, n=10_000),
    _pair("Python 20 us", _PYTHON, "1 ms", 100, n=4_800),
    _pair("Numba 50 us", _NUMBA, "1 ms", 50, n=25_000),
    _pair("NumPy 200 us", _NUMPY, "1 ms", 4, n=400),
    _pair("Python 1 ms", _PYTHON, "10 ms", 10, n=250_000),
    _pair("Python 0.1 ms", _PYTHON, "10 ms", 100, n=25_000),
    _pair("NumPy 2.5 ms", _NUMPY, "10 ms", 4, n=5_000),
    _pair("Numba 5 ms", _NUMBA, "10 ms", 2, n=2_500_000),
    _pair("Python 75 ms", _PYTHON, "300 ms", 4, n=18_800_000),
    _pair("Python 3 ms", _PYTHON, "300 ms", 100, n=750_000),
    _pair("NumPy 30 ms", _NUMPY, "300 ms", 10, n=60_000),
    _pair("Numba 150 ms", _NUMBA, "300 ms", 2, n=75_000_000),
)


def slow() -> Iterator[Pair]:
    """Candidates of 10 ms with references of 3 s."""
    yield _pair("Python 10 ms", _PYTHON, "3 s", 300, n=2_500_000)
    yield _pair("NumPy 10 ms", _NUMPY, "3 s", 300, n=20_000)
    once = _PYTHON.format(n=2_500_000)
    # Some 3 s, by the length of the key that is derived in one call.
    reference = "import hashlib\ndef f(x):\n    hashlib.pbkdf2_hmac('sha256', b'', b'', 6_000_000)\n    return x\n"
    yield Pair("Python 10 ms, C 3 s", 300.0, "3 s", once + _CANDIDATE, reference, stoppable=False)


def _batch(f: Callable[[int], Any], calls: int) -> float:
    start = time.thread_time()
    deque(starmap(f, repeat((1,), calls)), 0)
    return time.thread_time() - start


def measured(pair: Pair, *, rounds: int = 9, batch: float = 0.02) -> float:
    """The ratio by another way than the package's: long batches in turn, medians, no claim and no judge."""
    candidate, reference = pair.here()
    n = {}
    for f in (candidate, reference):
        calls = 1
        while (took := _batch(f, calls)) < batch / 2.0:
            calls = max(2 * calls, int(calls * min(batch / max(took, 1e-9), 10.0)))
        n[f] = calls
    ratios = []
    for _ in range(rounds):
        one, other, again = (_batch(f, n[f]) / n[f] for f in (candidate, reference, candidate))
        ratios.append(other / ((one + again) / 2.0))
    return statistics.median(ratios)


def checked() -> Iterator[tuple[Pair, float]]:
    """All pairs beside what `measured` says."""
    for pair in PAIRS:
        yield pair, measured(pair)


if __name__ == "__main__":
    print(f"{'pair':24} {'calls':8} {'candidate us':>12} {'nominal':>8} {'measured':>9} {'off %':>6}")
    for pair, found in checked():
        candidate, _ = pair.here()
        n = 1 if pair.calls == "300 ms" else 20
        us = 1e6 * min(_batch(candidate, n) / n for _ in range(5))
        off = 100.0 * (found / pair.ratio - 1.0)
        print(f"{pair.name:24} {pair.calls:8} {us:12.2f} {pair.ratio:8g} {found:9.3f} {off:6.1f}", flush=True)
