"""Peaks against arrays of known size: 8 MB each, to a twentieth of one."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pytest_efficiency.judge.memory import judge_peak
from pytest_efficiency.measure import highwater
from pytest_efficiency.measure.highwater import measure_peak
from pytest_efficiency.probes.transient import probe
from pytest_efficiency.subject.here import Here
from pytest_efficiency.subject.protocol import Call
from pytest_efficiency.subject.worker import ModuleSpec, RemoteModule
from pytest_efficiency.workers.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc/PID/clear_refs")

ARRAY = 8e6
PAGES = 2000

SOURCE = """
import ctypes
import numpy as np

def one_liner(a, b, c):
    return (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)

def in_place(a, b, c):
    root, other = b * b, 4 * a
    other *= c
    root -= other
    np.sqrt(root, out=root)
    root -= b
    np.multiply(a, 2, out=other)
    root /= other
    return root

def chunked(a, b, c):
    root = np.empty_like(a)
    for start in range(0, len(a), 8192):
        part = slice(start, start + 8192)
        root[part] = one_liner(a[part], b[part], c[part])
    return root

def nothing(a, b, c):
    return None

def doubles(a):
    a *= 2

libc = ctypes.PyDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

def without_letting_go(size):
    place = libc.malloc(size)
    libc.memset(place, 1, size)
    libc.free(place)
"""

module: dict[str, object] = {}
exec(SOURCE, module)  # the same functions here and in a worker
KNOWN = [("one_liner", 3.0), ("in_place", 2.0), ("chunked", 1.0), ("nothing", 0.0)]


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(1)
    return rng.random(1_000_000), rng.random(1_000_000) + 2.0, rng.random(1_000_000)


@pytest.fixture(scope="module")
def worker(tmp_path_factory) -> Iterator[RemoteModule]:
    path = tmp_path_factory.mktemp("peak") / "peaks.py"
    path.write_text(SOURCE)
    pool = Pool()
    yield RemoteModule(pool, ModuleSpec("peaks", path, preload=("numpy",), in_place=frozenset({"doubles"})))
    pool.close()


@pytest.mark.parametrize(("name", "expected"), KNOWN)
def test_temporaries_are_counted_here(arrays, name, expected):
    """The quadratic formula as one line, in place, and in pieces that fit the cache."""
    evidence = measure_peak(Here(module[name]), Call(arrays))
    assert evidence.bytes / ARRAY == pytest.approx(expected, abs=0.05)
    assert evidence.agreed
    assert not evidence.sampled
    assert evidence.inputs == 24_000_000
    assert evidence.outputs == (0 if name == "nothing" else 8_000_000)


@pytest.mark.parametrize(("name", "expected"), KNOWN)
def test_temporaries_are_counted_in_a_worker(worker, arrays, name, expected):
    """The same figures: neither inputs nor results that cross the boundary count."""
    subject = getattr(worker, name).subject()
    evidence = measure_peak(subject, Call(arrays))
    subject.close()
    assert evidence.bytes / ARRAY == pytest.approx(expected, abs=0.05)


def test_a_claim_separates_them(arrays):
    """At most 1.5 outputs: in pieces passes, the one-liner fails."""
    assert judge_peak(measure_peak(Here(module["chunked"]), Call(arrays)), 1.5 * ARRAY).outcome == "passed"
    assert judge_peak(measure_peak(Here(module["one_liner"]), Call(arrays)), 1.5 * ARRAY).outcome == "failed"


def test_memory_that_comes_and_goes_without_the_gil_is_seen():
    """A thread that samples would not have run once in the meantime."""
    evidence = measure_peak(Here(module["without_letting_go"]), Call((50_000_000,)))
    assert evidence.bytes == pytest.approx(50e6, rel=0.01)


def test_the_caller_keeps_its_arguments_and_every_run_gets_them():
    """A sorted list needs no memory to be sorted, so a call that sorts has to get an unsorted one each time."""
    data = np.random.default_rng(1).random(500_000).tolist()
    before = list(data)
    evidence = measure_peak(Here(list.sort), Call((data,)))
    assert data == before
    # Timsort merges with half a list of pointers beside it at most, and with a quarter at least on random input.
    assert evidence.bytes > 8 * 500_000 / 5


def test_the_output_of_a_function_that_works_in_place_is_its_result(worker, arrays):
    """And not the arguments, which a worker sends back beside it."""
    subject = worker.doubles.subject()
    evidence = measure_peak(subject, Call(arrays[:1]))
    subject.close()
    assert evidence.outputs == 0
    assert evidence.inputs == 8_000_000
    assert evidence.bytes < 0.05 * ARRAY


def test_affinity_and_huge_pages_are_restored(arrays):
    """Both are changed for the measurement, also when the call fails."""
    prctl = ctypes.CDLL(None).prctl
    get_thp_disable = 42

    def settings():
        return os.sched_getaffinity(0), prctl(get_thp_disable, 0, 0, 0, 0)

    before = settings()
    inside = []

    def look():
        inside.append((len(os.sched_getaffinity(0)), prctl(get_thp_disable, 0, 0, 0, 0)))

    measure_peak(Here(look), Call())
    assert inside[0] == (len(before[0]), before[1])
    assert set(inside[1:]) == {(1, 1)}
    assert settings() == before

    def fails():
        inside.append(0)
        if len(inside) > 6:
            msg = "no"
            raise ValueError(msg)

    with pytest.raises(ValueError, match="no"):
        measure_peak(Here(fails), Call())
    assert settings() == before


def test_arguments_that_cannot_be_copied_are_used_as_they_are():
    """And the evidence says so."""
    with Path(os.devnull).open() as file:
        evidence = measure_peak(Here(lambda _: None), Call((file,)))
    assert "cannot be copied" in evidence.notes[0]


def test_without_a_mark_to_reset_the_memory_is_sampled(monkeypatch, arrays):
    """As in a container that forbids it: code that lets go of the GIL is seen, and a blind sampler is unclear."""
    monkeypatch.setattr(highwater, "_reset_mark", lambda _: False)

    def holds_three_arrays():
        kept = [np.ones(1_000_000) for _ in range(3)]
        for _ in range(200):
            np.sqrt(kept[0], out=kept[1])

    evidence = measure_peak(Here(holds_three_arrays), Call())
    assert evidence.sampled
    assert any("sampled" in note for note in evidence.notes)
    assert evidence.bytes / ARRAY == pytest.approx(3.0, abs=0.1)
    blind = measure_peak(Here(module["without_letting_go"]), Call((50_000_000,)))
    assert judge_peak(blind, 20e6).outcome == "unclear"


def test_a_peak_that_is_over_is_counted_exactly():
    """Without putting the mark right it would lack what other CPUs have not added up: up to 0.7 MB on two of them."""

    def comes_and_goes():
        probe(len, (), {}, pages=PAGES)

    evidence = measure_peak(Here(comes_and_goes), Call())
    assert evidence.bytes == pytest.approx(PAGES * mmap.PAGESIZE, abs=100_000)
