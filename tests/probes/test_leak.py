from __future__ import annotations

import ctypes
import gc
import itertools
import json
import tracemalloc

import pytest

from pytest_efficiency.judge.memory import judge_leak
from pytest_efficiency.measure.leaks import measure_leak
from pytest_efficiency.probes.leak import probe
from pytest_efficiency.subject.here import Here
from pytest_efficiency.subject.protocol import Call


def decision(function, *args, **options):
    return judge_leak(measure_leak(Here(function), Call(args), **options), 0)


def leaking_malloc():
    malloc = ctypes.PyDLL(None).malloc
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    return lambda: malloc(16)


def test_a_leak_of_16_bytes_in_c_is_seen():
    """The C heap hands out 24 or 32 bytes for them."""
    pytest.importorskip("psutil", reason="psutil is not installed")
    found = decision(leaking_malloc())
    assert found.outcome == "failed"
    assert 16 <= found.value <= 48


def test_a_freed_malloc_is_no_leak():
    """The same, given back."""
    libc = ctypes.PyDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    assert decision(lambda: libc.free(libc.malloc(16))).outcome == "passed"


def test_a_leak_of_one_small_object_is_seen():
    """16 bytes in a list that is kept alive, which tracemalloc confirms."""
    kept = []

    def leaks():
        kept.append(object())

    assert decision(leaks).outcome == "failed"
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(1000):
        leaks()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown > 16_000


def test_a_leak_of_arrays_is_seen():
    """So large that the C library maps memory for each."""
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    kept = []
    found = decision(lambda: kept.append(np.empty(100_000)))
    assert found.outcome == "failed"
    assert found.value == pytest.approx(800_000, rel=0.05)


def cycle():
    loop = []
    loop.append(loop)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (len, ([],)),
        (sorted, ([3, 1, 2],)),
        (lambda: [object() for _ in range(100)], ()),
        (json.dumps, ({"a": [1, 2.5, "three"]},)),
        (lambda: bytearray(1_000_000), ()),
        (cycle, ()),
    ],
    ids=["nothing", "list", "objects", "json", "large", "cycle"],
)
def test_no_leak_is_invented(function, args):
    """Memory that comes back counts for nothing, nor does an object in a cycle, which comes back late."""
    for _ in range(3):
        found = decision(function, *args)
        assert found.outcome == "passed"
        assert found.value == 0


def test_numpy_leaks_nothing():
    """Its cache of small blocks fills during the warm-up."""
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    for size in (10, 10_000, 1_000_000):
        array = np.ones(size)
        assert decision(lambda array=array: np.sqrt(array * array + 1)).outcome == "passed"


def test_a_cache_that_fills_is_no_leak():
    """It grows in the first rounds only."""
    for entries in (300, 3000):
        cache: dict[int, object] = {}
        calls = itertools.count()

        def caching(cache=cache, calls=calls, entries=entries):
            cache.setdefault(next(calls) % entries, object())

        assert decision(caching).outcome == "passed"


def test_a_leak_in_every_thousandth_call_is_seen():
    """No round of two hundred calls has one, most of the time; longer rounds have one each."""
    kept = []
    calls = itertools.count(1)

    def seldom():
        if next(calls) % 1000 == 0:
            kept.append(bytes(16_000))

    assert decision(seldom).outcome == "failed"


def test_a_list_that_grows_in_place_is_not_passed():
    """8 bytes per call, in bursts: the list gets room for more ahead of time."""
    kept = [None] * 3000
    assert decision(lambda: kept.append(None)).outcome != "passed"


def test_slow_calls_are_made_less_often():
    """The budget holds, and the evidence says what that costs."""
    calls = []

    def slow():
        calls.append(1)
        for _ in range(20_000):
            pass

    evidence = measure_leak(Here(slow), Call(), budget=0.05)
    assert len(calls) < 500
    assert evidence.rounds[0].calls < 200
    tiny = measure_leak(Here(slow), Call(), budget=1e-6)
    assert tiny.rounds[0].calls == 1
    assert "only 1 per round" in tiny.notes[0]


def test_the_collector_is_left_as_it_was():
    """On or off, and after an exception too."""
    probe(len, ([],), {}, rounds=1, calls=1)
    assert gc.isenabled()

    def fails():
        msg = "no"
        raise ValueError(msg)

    with pytest.raises(ValueError, match="no"):
        probe(fails, (), {})
    assert gc.isenabled()


def test_without_a_heap_to_ask_python_objects_are_counted(monkeypatch):
    """As with a C library other than glibc."""
    import psutil

    monkeypatch.delattr(psutil, "heap_info")
    kept = []
    evidence = measure_leak(Here(lambda: kept.append(object())), Call())
    assert judge_leak(evidence, 0).outcome == "failed"
    assert "only Python objects" in evidence.notes[0]
    assert judge_leak(measure_leak(Here(len), Call(([],))), 0).outcome == "passed"
