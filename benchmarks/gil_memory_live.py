"""How often claims about the GIL and about memory come out wrong or unclear, live, quiet and under load.

    python benchmarks/gil_memory_live.py [--repeats 10] [--loads 0 1 2]

Every case is code whose truth is known without measuring: ``PyDLL`` keeps the GIL and ``CDLL`` lets go of it; arrays
have known sizes; ``malloc(16)`` is never freed. Load is busy loops that this script starts and ends. A wrong verdict is
one that contradicts the truth; an unclear one would be asked again by a test, after 0.3, 1 and 3 s. Code that lets go
for moments is not released; whether a moment is seen, or it reads held, is chance, so either is right.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_efficiency.judge.gil import judge_gil
from pytest_efficiency.judge.memory import judge_leak, judge_peak
from pytest_efficiency.measure.highwater import measure_peak
from pytest_efficiency.measure.leaks import measure_leak
from pytest_efficiency.measure.ticker import probe_gil
from pytest_efficiency.subject.here import Here
from pytest_efficiency.subject.protocol import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

N = 1_000_000
ARRAY = 8.0 * N

Case = tuple[str, "Callable[[], str]", str]


def spin(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def moments(seconds: float) -> None:
    for _ in range(5):
        spin(seconds / 5)
        time.sleep(0)


def gil_cases() -> Iterator[Case]:
    def case(name: str, truth: str, function: Callable[..., Any], *args: Any) -> Case:
        return name, lambda: judge_gil(probe_gil(Here(function), Call(args))).state, truth

    numbers = np.random.default_rng(1).random(N)
    for milliseconds in (0.2, 1, 5):
        microseconds = int(milliseconds * 1000)
        yield case(f"PyDLL.usleep {milliseconds} ms", "held", ctypes.PyDLL(None).usleep, microseconds)
        yield case(f"CDLL.usleep {milliseconds} ms", "released", ctypes.CDLL(None).usleep, microseconds)
        yield case(f"Python {milliseconds} ms", "held", spin, milliseconds / 1000)
    for milliseconds in (2, 10):
        yield case(f"moments {milliseconds} ms", "moments or held", moments, milliseconds / 1000)
    for rounds in (500, 5_000, 50_000):
        yield case(f"pbkdf2 {rounds}", "released", hashlib.pbkdf2_hmac, "sha256", b"password", b"salt", rounds)
    yield case("len", "held", len, [])
    yield case("sorted", "held", sorted, list(range(100_000)))
    yield case("np.sort", "released", np.sort, numbers[:100_000])
    yield case("np.add", "released", np.add, numbers, numbers)
    with contextlib.suppress(ImportError):
        import numba

        def loop(n: int) -> float:
            total = 0.0
            for i in range(n):
                total += (i * i) % 7
            return total

        for amount in (100_000, 1_000_000):
            yield case(f"numba nogil {amount}", "released", numba.njit(nogil=True)(loop), amount)
            yield case(f"numba {amount}", "held", numba.njit(loop), amount)


def one_liner(a: Any, b: Any, c: Any) -> Any:
    return (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)


def in_place(a: Any, b: Any, c: Any) -> Any:
    root, other = b * b, 4 * a
    other *= c
    root -= other
    np.sqrt(root, out=root)
    root -= b
    np.multiply(a, 2, out=other)
    root /= other
    return root


def chunked(a: Any, b: Any, c: Any) -> Any:
    root = np.empty_like(a)
    for start in range(0, len(a), 8192):
        part = slice(start, start + 8192)
        root[part] = one_liner(a[part], b[part], c[part])
    return root


PEAKS: list[tuple[str, float]] = []


def memory_cases() -> Iterator[Case]:
    rng = np.random.default_rng(1)
    arrays = Call((rng.random(N), rng.random(N) + 2, rng.random(N)))

    def peak(function: Callable[..., Any], arrays_at_peak: float, factor: float) -> Case:
        def verdict() -> str:
            evidence = measure_peak(Here(function), arrays)
            PEAKS.append((function.__name__, evidence.bytes / ARRAY - arrays_at_peak))
            return judge_peak(evidence, arrays_at_peak * factor * ARRAY).outcome or ""

        truth = "passed" if factor >= 1 else "failed"
        return f"{function.__name__} <= {arrays_at_peak * factor:.2f} arrays", verdict, truth

    for function, expected in ((one_liner, 3.0), (in_place, 2.0), (chunked, 1.0)):
        yield peak(function, expected, 1.2)
        yield peak(function, expected, 0.8)

    libc = ctypes.PyDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    kept: list[object] = []

    def leak(name: str, function: Callable[..., Any], truth: str, *args: Any) -> Case:
        return f"leak: {name}", lambda: judge_leak(measure_leak(Here(function), Call(args)), 0).outcome or "", truth

    yield leak("malloc(16)", lambda: libc.malloc(16), "failed")
    yield leak("malloc, free", lambda: libc.free(libc.malloc(16)), "passed")
    yield leak("an object kept", lambda: kept.append(object()), "failed")
    yield leak("an object freed", lambda: [object()], "passed")
    yield leak("json", json.dumps, "passed", {"a": [1, 2.5, "three"]})
    yield leak("arrays", one_liner, "passed", *(each[:1000] for each in arrays.args))


@contextlib.contextmanager
def load(processes: int) -> Iterator[None]:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--loads", type=int, nargs="*", default=[0, 1, 2])
    options = parser.parse_args()
    print("claims   busy loops  load verdicts  wrong  unclear  median s  max s")
    for busy in options.loads:
        for claims, cases in (("GIL", list(gil_cases())), ("memory", list(memory_cases()))):
            wrong, unclear, seconds = [], [], []
            with load(busy):
                for _ in range(options.repeats):
                    for name, verdict, truth in cases:
                        start = time.perf_counter()
                        found = verdict()
                        seconds.append(time.perf_counter() - start)
                        if found == "unclear":
                            unclear.append(name)
                        elif found not in truth.split(" or "):
                            wrong.append(f"{name}: {found}")
                average = os.getloadavg()[0]
            print(
                f"{claims:8} {busy:>10} {average:>5.1f} {len(seconds):>8} {len(wrong):>6} {len(unclear):>8} "
                f"{statistics.median(seconds):>9.2f} {max(seconds):>6.2f}",
                *wrong,
                *(f"unclear: {name}" for name in unclear),
                flush=True,
            )
    for function in dict.fromkeys(name for name, _ in PEAKS):
        errors = sorted(error for name, error in PEAKS if name == function)
        middle = statistics.median(errors)
        print(
            f"peak of {function}: off by {errors[0]:+.3f} to {errors[-1]:+.3f} of an 8 MB array, median {middle:+.3f}"
        )


if __name__ == "__main__":
    main()
