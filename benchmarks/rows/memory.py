"""Claims about memory: peaks of known size, and leaks of known size or none, here and in workers.

Every truth is by construction. Arrays of 8 MB are made so many at a time; a list has a known size; a C++ vector is
filled; ``malloc(16)`` is never freed. Each peak is asked for as a figure, which must be within 0.05 array, and claimed
on both sides: 5 % above it, which is true, and 10 % below.

    python benchmarks/rows/memory.py --loads quiet hog1 --seconds 60
"""

from __future__ import annotations

import atexit
import functools
import random
import shutil
import sys
import tempfile
import time
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from harness.alone import run_alone
from harness.trial import Answer, Trial
from harness.turns import in_turns
from rows.kernels import built_library, cpp, extension

from pytest_efficiency import Unclear, memory
from pytest_efficiency.build import available
from pytest_efficiency.subject.worker import ModuleSpec, RemoteModule
from pytest_efficiency.workers.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ARRAY = 8e6
WITHIN = 0.05
N = 1_000_000

# The same text is a module here and one in a worker, with state of its own in each.
_SOURCE = """
import ctypes, functools, itertools, json
import numpy as np

library = ctypes.PyDLL({library!r})
library.leak.restype = ctypes.c_void_p
for name in ("touch", "leak", "no_leak"):
    getattr(library, name).argtypes = [ctypes.c_int64]
for name in ("touch_in_turn", "leak_sometimes", "fill"):
    getattr(library, name).argtypes = [ctypes.c_int64, ctypes.c_int64]

def one_output(a, b, c):
    root = np.empty_like(a)
    for start in range(0, len(a), 8192):
        part = slice(start, start + 8192)
        root[part] = three_outputs(a[part], b[part], c[part])
    return root

def two_outputs(a, b, c):
    root, other = b * b, 4 * a
    other *= c
    root -= other
    np.sqrt(root, out=root)
    root -= b
    np.multiply(a, 2, out=other)
    root /= other
    return root

def three_outputs(a, b, c):
    return (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)

def nine_outputs(a, b, c):
    kept = [a + i for i in range(9)]
    return kept[0]

def none_at_all(a, b, c):
    return None

def in_place(a, b, c):
    np.sqrt(np.abs(a, out=a), out=a)

def list_of_none(n):
    return [None] * n

def list_of_floats(n):
    return [float(i) for i in range(n)]

def holds_the_gil(size):
    library.touch(size)

def in_turn(size):
    library.touch_in_turn(size, 3)

kept, table, ring, calls = [], {{}}, [None] * 100, itertools.count()

def leak_of_16_bytes():
    library.leak(16)

def leak_of_an_object():
    kept.append(object())

def leak_of_a_list(room=[]):
    room.append(None)

def leak_in_a_dict():
    table[next(calls)] = None

def leak_of_an_array():
    kept.append(np.ones(1000))

def leak_in_bursts():
    library.leak_sometimes(1600, 100)

def leak_in_rare_bursts():
    library.leak_sometimes(16_000, 1000)

def malloc_and_free():
    library.no_leak(16)

def bounded_cache():
    ring[next(calls) % 100] = object()

@functools.lru_cache(maxsize=300)
def remembered(x):
    return object()

def lru_cache():
    remembered(next(calls) % 1000)

def cache_that_fills():
    table[-1 - next(calls) % 1000] = object()

def fills_and_stops():
    library.fill(64, 500)

def dumps():
    return json.dumps({{"a": [1, 2.5, "three"]}})

def small_arrays():
    return np.sqrt(np.ones(10) * 2 + 1)

def large_arrays():
    return np.ones(100_000) * 2

def cycle():
    loop = []
    loop.append(loop)
"""

_PEAKS = {
    "one_output": 1.0,
    "two_outputs": 2.0,
    "three_outputs": 3.0,
    "nine_outputs": 9.0,
    "none_at_all": 0.0,
    "in_place": 0.0,
}
# A float takes 24 bytes, and a list that grows has room for a ninth more, at most.
_LISTS = {"list_of_none": 1.0}
_TOUCHED = {"holds_the_gil": 2.0, "in_turn": 2.0}
_LEAKS = (
    "leak_of_16_bytes",
    "leak_of_an_object",
    "leak_of_a_list",
    "leak_in_a_dict",
    "leak_of_an_array",
    "leak_in_bursts",
    "leak_in_rare_bursts",
)
_NO_LEAKS = (
    "malloc_and_free",
    "bounded_cache",
    "lru_cache",
    "cache_that_fills",
    "fills_and_stops",
    "dumps",
    "small_arrays",
    "large_arrays",
    "cycle",
)

_VECTORS = """
namespace memory_row {
    std::size_t vectors(long numbers, int how_many) {
        std::vector<std::vector<double>> all;
        for (int i = 0; i < how_many; ++i) all.emplace_back(numbers, 1.0);
        return all.back().size();
    }
    void* leaked;
    void leak() { leaked = ::operator new(16); }
    void no_leak() { leaked = ::operator new(16); ::operator delete(leaked); }
}"""


@dataclass(frozen=True)
class Case:
    """``truth``: the arrays of 8 MB at the peak, or whether every call leaks; ``make`` makes the function anew."""

    name: str
    figure: Literal["peak", "leak"]
    truth: float
    make: Callable[[], Any]
    args: tuple[Any, ...] = ()


def _fresh(source: str, name: str) -> Any:
    module = types.ModuleType("memory_row")
    exec(compile(source, "<memory row>", "exec"), vars(module))
    return vars(module)[name]


def _of(place: str, make: Callable[[str], Callable[[], Any]]) -> Iterator[Case]:
    rng = np.random.default_rng(1)
    arrays = rng.random(N), rng.random(N) + 2.0, rng.random(N)
    for name, truth in _PEAKS.items():
        yield Case(f"{place}: {name}", "peak", truth, make(name), arrays)
    for name, truth in _LISTS.items():
        yield Case(f"{place}: {name}", "peak", truth, make(name), (N,))
    for name, truth in _TOUCHED.items():
        yield Case(f"{place}: {name}", "peak", truth, make(name), (int(truth * ARRAY),))
    for name in _LEAKS:
        yield Case(f"{place}: {name}", "leak", True, make(name))
    for name in _NO_LEAKS:
        yield Case(f"{place}: {name}", "leak", False, make(name))


def _compiled(place: str, module: Any) -> Iterator[Case]:
    for how_many in (1, 3):
        yield Case(
            f"{place}: {how_many} vectors",
            "peak",
            how_many,
            functools.partial(getattr, module, "vectors"),
            (N, how_many),
        )
    for name in ("leak", "no_leak", *(["leak_reference"] if "pybind11" in place else [])):
        yield Case(f"{place}: {name}", "leak", name != "no_leak", functools.partial(getattr, module, name))


@functools.cache
def cases() -> tuple[Case, ...]:
    """All of them that this machine can build or import."""
    if available("c") is not None:
        return ()
    source = _SOURCE.format(library=str(built_library()))
    folder = Path(tempfile.mkdtemp(prefix="memory-row-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "known.py").write_text(source)
    pool = Pool()
    worker = RemoteModule(pool, ModuleSpec("known", folder / "known.py", preload=("numpy",)))
    found = [
        *_of("here", lambda name: functools.partial(_fresh, source, name)),
        *_of("worker", lambda name: functools.partial(getattr, worker, name)),
    ]
    if available("pybind11") is None:
        module = extension("kernels_pybind", "pybind11")
        found += _compiled("here, pybind11", module)
        found.append(Case("here, pybind11: remember", "leak", False, lambda: module.remember, (300,)))
        path = Path(module.__file__ or "")
        spec = ModuleSpec("kernels_pybind", path, kind="extension", preload=("numpy",))
        found += _compiled("worker, pybind11", RemoteModule(pool, spec))
    if available("cppyy") is None:
        found += _compiled("here, cppyy", cpp(_VECTORS).memory_row)
    return tuple(found)


def questions(case: Case) -> tuple[str, ...]:
    """What is asked about a case. A list that grows takes 8 bytes a call, all others that leak 16 or more."""
    if case.figure == "leak":
        return ("leaks", "leaks 8 B") if case.truth and "of_a_list" not in case.name else ("leaks",)
    return ("within 0.05 array", "true bound", *(["false bound"] if case.truth else []))


def asked(case: Case, question: str, load_name: str) -> Trial:
    """One claim, as a test would make it."""
    function = case.make()
    start = time.perf_counter()
    claim = memory(function, *case.args)
    answer: Answer
    try:
        if question == "within 0.05 array":
            off = claim.peak.bytes / ARRAY - case.truth
            answer, why = ("right" if abs(off) <= WITHIN else "wrong"), f"off by {off:+.3f} array"
        else:
            if case.figure == "leak":
                verdict = claim.leaked <= ("0 B" if question == "leaks" else "8 B")
                right = bool(verdict) != bool(case.truth)
            else:
                times = 1.05 if question == "true bound" else 0.9
                verdict = claim.peak <= max(case.truth * ARRAY * times, WITHIN * ARRAY)
                right = bool(verdict) == (question == "true bound")
            answer, why = ("right" if right else "wrong"), f"{verdict.message}; {verdict.data['why']}"
    except Unclear as error:
        answer, why = "unclear", f"{error.verdict.message}; {error.verdict.data['why']}"
    seconds = time.perf_counter() - start
    place = "worker" if case.name.startswith("worker") else "here"
    return Trial("memory", "pytest-efficiency", case.name, load_name, f"{place}: {question}", answer, seconds, why)


def trials(load_name: str, *, seconds: float, seed: int) -> Iterator[Trial]:
    """Every question about every case, in shuffled order, until the time is used."""
    every = [(case, question) for case in cases() for question in questions(case)]
    for case, question in in_turns(every, seconds=seconds, rng=random.Random(f"{seed} {load_name}")):
        yield asked(case, question, load_name)


if __name__ == "__main__":
    run_alone(trials, __doc__)
