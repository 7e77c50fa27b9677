"""Claims about the GIL: functions that keep it, let go of it, or let go of it for moments only.

What each does is known by construction: ``PyDLL`` and ``CDLL`` call the same C function with and without the GIL, the
compiled kernels release it or do not, and Python code never works without it. Each function is asked both questions.
One that lets go for moments does not release the GIL. Nor does it hold it, but whether anybody notices is chance where
a moment is shorter than the time that a thread needs to wake up, so of these only the first question is asked.

    python benchmarks/rows/gil.py --loads quiet hog1 --seconds 60
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import random
import re
import sys
import threading
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from harness.alone import run_alone
from harness.trial import Trial
from harness.turns import in_turns
from rows.kernels import cpp, extension, library

from pytest_efficiency import Unclear, gil
from pytest_efficiency.build import available

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Steps of about a nanosecond, so calls of 0.4 us to 10 ms.
STEPS = 300, 3_000, 30_000, 300_000, 1_000_000, 10_000_000

Truth = Literal["held", "released", "moments", "instants"]


@dataclass(frozen=True)
class Case:
    name: str
    truth: Truth
    function: Callable[..., Any]
    args: tuple[Any, ...] = ()


def python_steps(steps: int) -> int:
    total = 0
    for i in range(steps // 25):
        total += i * i
    return total


def python_moments(steps: int, times: int) -> None:
    for _ in range(times):
        python_steps(steps // times)
        time.sleep(0)


def numpy_moments(steps: int, times: int) -> None:
    """``calloc`` is called without the GIL, for well under a microsecond."""
    for _ in range(times):
        python_steps(steps // times)
        np.zeros(100)


def event(seconds: float) -> None:
    threading.Event().wait(seconds)


def chain(array: Any, times: int) -> Any:
    for _ in range(times):
        array = array * 0.5
    return array


def python_cases() -> Iterator[Case]:
    for steps in STEPS:
        yield Case(f"Python {steps} ns", "held", python_steps, (steps,))
    for steps, times in ((3_000, 1), (30_000, 1), (30_000, 3), (300_000, 1), (300_000, 10), (300_000, 30)):
        yield Case(f"Python sleep(0) {steps} ns / {times}", "moments", python_moments, (steps, times))
    for steps, times in ((1_000_000, 3), (1_000_000, 50), (10_000_000, 5), (10_000_000, 200)):
        yield Case(f"Python sleep(0) {steps} ns / {times}", "moments", python_moments, (steps, times))
    yield Case("len", "held", len, ([],))
    yield Case("sorted", "held", sorted, (random.Random(1).sample(range(20_000), 20_000),))
    yield Case("json.dumps", "held", json.dumps, ([{"a": [1, 2.5, "three"]}] * 200,))
    yield Case("re", "held", re.compile(r"(\w+)=(\d+)").findall, ("alpha=1 beta=22 " * 500,))
    for rounds in (10, 100, 1_000, 10_000):
        yield Case(f"pbkdf2 {rounds}", "released", hashlib.pbkdf2_hmac, ("sha256", b"password", b"salt", rounds))
    for size in (30_000, 300_000):
        yield Case(f"sha256 {size}", "released", lambda data: hashlib.sha256(data).digest(), (bytes(size),))
    yield Case("zlib", "released", zlib.compress, (random.Random(1).randbytes(100_000),))
    yield Case("sleep 1 ms", "released", time.sleep, (1e-3,))
    yield Case("sleep 10 ms", "released", time.sleep, (1e-2,))
    yield Case("Event.wait 5 ms", "released", event, (5e-3,))


def numpy_cases() -> Iterator[Case]:
    rng = np.random.default_rng(1)
    for size in (10_000, 100_000, 1_000_000):
        numbers = rng.random(size)
        yield Case(f"NumPy add {size}", "released", np.add, (numbers, numbers))
        yield Case(f"NumPy sqrt {size}", "released", np.sqrt, (numbers,))
    yield Case("NumPy sort 3000", "released", np.sort, (rng.random(3_000),))
    yield Case("NumPy sort 100000", "released", np.sort, (rng.random(100_000),))
    matrix = rng.random((200, 200))
    yield Case("NumPy matmul", "released", np.matmul, (matrix, matrix))
    yield Case("NumPy chain of 20 x 20000", "released", chain, (rng.random(20_000), 20))
    yield Case("NumPy chain of 50 x 100000", "released", chain, (rng.random(100_000), 50))
    yield Case("NumPy chain of 200 x 50000", "released", chain, (rng.random(50_000), 200))
    # Below 500 elements it does not let go of the GIL, and with Python objects it cannot.
    yield Case("NumPy add 100", "held", np.add, (np.ones(100), np.ones(100)))
    objects = np.arange(1_000).astype(object)
    yield Case("NumPy sum of objects", "held", objects.sum)
    yield Case("NumPy tolist", "held", rng.random(100_000).tolist)
    for steps, times in ((300_000, 10), (10_000_000, 100)):
        yield Case(f"NumPy zeros {steps} ns / {times}", "instants", numpy_moments, (steps, times))


def numba_cases() -> Iterator[Case]:
    import numba

    # Shifts that depend on each other (Marsaglia's xorshift), which no compiler folds.
    def spin(steps: int) -> int:
        x = 1
        for _ in range(steps // 2):
            x ^= (x << 13) & 0xFFFFFFFF
            x ^= x >> 17
            x ^= (x << 5) & 0xFFFFFFFF
        return x

    for nogil, truth in ((True, "released"), (False, "held")):
        compiled = numba.njit(nogil=nogil)(spin)
        compiled(1)
        for steps in STEPS:
            yield Case(f"Numba {truth} {steps} ns", truth, compiled, (steps,))


def ctypes_cases() -> Iterator[Case]:
    for loader, truth in ((ctypes.PyDLL, "held"), (ctypes.CDLL, "released")):
        for steps in STEPS:
            yield Case(f"ctypes {truth} {steps} ns", truth, library(loader).spin, (steps,))
    for microseconds in (500, 5_000):
        yield Case(f"ctypes held usleep {microseconds}", "held", ctypes.PyDLL(None).usleep, (microseconds,))
        yield Case(f"ctypes released usleep {microseconds}", "released", ctypes.CDLL(None).usleep, (microseconds,))


def extension_cases(name: str, backend: str) -> Iterator[Case]:
    module = extension(name, backend)
    for steps in STEPS:
        yield Case(f"{backend} held {steps} ns", "held", module.held, (steps,))
        yield Case(f"{backend} released {steps} ns", "released", module.released, (steps,))
    for steps, times in ((300_000, 10), (1_000_000, 3), (10_000_000, 1_000)):
        yield Case(f"{backend} moments {steps} ns / {times}", "instants", module.moments, (steps, times))
    for steps, times in ((300_000, 30), (1_000_000, 20), (10_000_000, 500)):
        yield Case(f"{backend} pieces {steps} ns / {times}", "released", module.pieces, (steps, times))


def cppyy_cases() -> Iterator[Case]:
    source = """
    namespace gil_row {
        unsigned long SPIN(long steps) {
            unsigned long x = 1;
            for (long i = 0; i < steps / 2; ++i) { x ^= x << 13; x ^= x >> 7; x ^= x << 17; }
            return x;
        }
    }"""
    for truth in ("held", "released"):
        function = getattr(cpp(source.replace("SPIN", truth)).gil_row, truth)
        function.__release_gil__ = truth == "released"
        for steps in STEPS:
            yield Case(f"cppyy {truth} {steps} ns", truth, function, (steps,))


@functools.cache
def cases() -> tuple[Case, ...]:
    """All of them that this machine can build or import."""
    found = [*python_cases(), *numpy_cases()]
    for backend, make in (
        ("numba", numba_cases),
        ("ctypes", ctypes_cases),
        ("cython", functools.partial(extension_cases, "kernels_cython", "cython")),
        ("pybind11", functools.partial(extension_cases, "kernels_pybind", "pybind11")),
        ("cppyy", cppyy_cases),
    ):
        if available(backend) is None:
            found += make()
    for case in found:
        case.function(*case.args)
    return tuple(found)


def asked(case: Case, question: str, load_name: str) -> Trial:
    """One claim, as a test would make it."""
    start = time.perf_counter()
    claim = gil(case.function, *case.args)
    try:
        verdict = claim.released if question == "released" else claim.held
        answer = "right" if bool(verdict) == (case.truth == question) else "wrong"
    except Unclear as error:
        verdict, answer = error.verdict, "unclear"
    seconds = time.perf_counter() - start
    why = f"{case.truth}; {verdict.message}; {verdict.data['why']}"
    return Trial("gil", "pytest-efficiency", case.name, load_name, f"{case.truth}: {question}?", answer, seconds, why)


def trials(load_name: str, *, seconds: float, seed: int) -> Iterator[Trial]:
    """Both questions about every function, in shuffled order, until the time is used."""
    questions = [(case, question) for case in cases() for question in ("released", "held")]
    questions = [(case, question) for case, question in questions if (case.truth, question) != ("instants", "held")]
    for case, question in in_turns(questions, seconds=seconds, rng=random.Random(f"{seed} {load_name}")):
        yield asked(case, question, load_name)


if __name__ == "__main__":
    run_alone(trials, __doc__)
