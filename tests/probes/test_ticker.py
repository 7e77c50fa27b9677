"""Ground truth without a compiler: ``PyDLL`` keeps the GIL during a C call, ``CDLL`` lets go of it."""

from __future__ import annotations

import ctypes
import gc
import hashlib
import sys
import threading
import time

import pytest

from pytest_efficiency.judge.gil import judge_gil
from pytest_efficiency.measure.ticker import probe_gil
from pytest_efficiency.probes import gilstate
from pytest_efficiency.probes.ticker import probe
from pytest_efficiency.subject.here import Here
from pytest_efficiency.subject.protocol import Call

pytestmark = pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="this interpreter runs without a GIL"
)


def state(function, *args):
    """What it does with the GIL; unclear is asked again, as a claim does."""
    for _ in range(5):
        decision = judge_gil(probe_gil(Here(function), Call(args)))
        if decision.state != "unclear":
            break
    return decision.state


def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def lets_go_for_moments(seconds):
    for _ in range(10):
        spin(seconds / 10)
        time.sleep(0)


def sleeps_for_nothing():
    end = time.perf_counter() + 2e-3
    while time.perf_counter() < end:
        time.sleep(0)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (ctypes.PyDLL(None).usleep, (2000,)),
        (spin, (2e-3,)),
        (spin, (0.0,)),
        (sorted, (list(range(100_000)),)),
        (len, ([],)),
    ],
    ids=["PyDLL.usleep", "2 ms of Python", "1 us of Python", "C without release", "50 ns"],
)
def test_what_holds_the_gil_never_ticks(function, args):
    """Short or long, Python or C, asleep or at work."""
    assert state(function, *args) == "held"


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (ctypes.CDLL(None).usleep, (2000,)),
        (time.sleep, (0.01,)),
        (hashlib.pbkdf2_hmac, ("sha256", b"password", b"salt", 10_000)),
        (hashlib.pbkdf2_hmac, ("sha256", b"password", b"salt", 100)),
        (threading.Event().wait, (2e-3,)),
    ],
    ids=["CDLL.usleep", "sleep", "2 ms in C", "20 us in C", "waiting"],
)
def test_what_releases_the_gil_is_seen(function, args):
    """At work, asleep, and waiting for a lock of its own."""
    assert state(function, *args) == "released"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the CPU clock of another thread")
@pytest.mark.parametrize(
    ("function", "args"),
    [
        (lets_go_for_moments, (1e-4,)),
        (lets_go_for_moments, (2e-3,)),
        (lets_go_for_moments, (1e-2,)),
        (sleeps_for_nothing, ()),
    ],
    ids=["0.1 ms", "2 ms", "10 ms", "nothing but moments"],
)
def test_letting_go_for_moments_is_no_release(function, args):
    """The ticker slips in as often as it likes, but Python code does not go on without the GIL."""
    assert state(function, *args) in {"moments", "held"}


def test_numba_releases_only_if_asked_to():
    """The same loop, the same machine code, with and without ``nogil=True``."""
    numba = pytest.importorskip("numba", reason="numba is not installed")

    def loop(n):
        total = 0.0
        for i in range(n):
            total += (i * i) % 7
        return total

    assert state(numba.njit(nogil=True)(loop), 1_000_000) == "released"
    assert state(numba.njit(loop), 1_000_000) == "held"


def test_numpy_releases():
    """Large arrays are added without the GIL."""
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    array = np.ones(1_000_000)
    assert state(np.sort, np.random.default_rng(1).random(100_000)) == "released"
    assert state(np.add, array, array) == "released"
    pieces = np.ones(4_000_000)
    assert state(lambda: [pieces.sum() for _ in range(5)]) == "released"


def test_chains_of_short_pieces_are_told_by_the_time_that_they_do_without_the_gil():
    """Each piece takes a few microseconds, and what counts is how much Python there is between two of them."""
    block = bytes(8000)

    def hashes():
        for _ in range(200):
            hashlib.sha256(block).digest()

    def hashes_seldom():
        for _ in range(200):
            hashlib.sha256(block).digest()
            spin(60e-6)

    assert state(hashes) == "released"
    assert state(hashes_seldom) == "moments"


def test_the_interpreter_is_left_as_it_was():
    """Switch interval, garbage collector and threads, also after an exception."""
    before = sys.getswitchinterval(), gc.isenabled(), threading.active_count()
    probe(len, ([],), {})
    assert (sys.getswitchinterval(), gc.isenabled(), threading.active_count()) == before

    calls = []

    def fails():
        calls.append(1)
        if len(calls) > 100:
            msg = "enough"
            raise ValueError(msg)

    with pytest.raises(ValueError, match="enough"):
        probe(fails, (), {})
    assert (sys.getswitchinterval(), gc.isenabled(), threading.active_count()) == before


@pytest.mark.parametrize("restored", [True, False])
def test_changing_the_switch_interval_is_noticed(restored):
    """A short interval makes the ticker ask for the GIL, which every Python loop then hands over."""
    before = sys.getswitchinterval()

    def cheats():
        sys.setswitchinterval(1e-6)
        spin(3e-3)
        if restored:
            time.sleep(0)
            sys.setswitchinterval(100.0)

    assert state(cheats) == "tampered"
    assert sys.getswitchinterval() == before


def test_keywords_and_options_arrive():
    """The probe calls as the caller would, and its answer is plain data."""
    seen = []

    def function(a, *, b):
        seen.append((a, b))

    answer = probe(function, (1,), {"b": 2}, batches=1, batch_seconds=1e-3)
    assert set(seen) == {(1, 2)}
    assert answer["gil"] is True
    assert {type(value) for batch in answer["batches"] for value in batch.values()} <= {int, float}


def test_a_free_threaded_interpreter_is_not_probed(monkeypatch):
    """There is no GIL to let go of: the claim makes the one call that coverage sees, and the probe none."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    answer = probe(pytest.fail, ("called",), {})
    assert answer["gil"] is False
    assert answer["batches"] == []
    calls = []
    assert judge_gil(probe_gil(Here(calls.append), Call(("called",)))).state == "void"
    assert calls == ["called"]


def test_a_gil_that_the_code_switched_back_on_fails_here_and_in_a_worker(monkeypatch):
    """What counts is whether there was one before the code was loaded; a worker's answer says so as well."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    gilstate.remember()
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: True)
    try:
        here = probe_gil(Here(spin), Call((1e-4,)))
    finally:
        gilstate.remember()

    class InWorker(Here):
        home = "worker"

        def probe(self, probe, call, **options):
            return {**super().probe(probe, call, **options), "gil_before": False}

    there = probe_gil(InWorker(spin), Call((1e-4,)))
    for evidence in (here, there):
        assert judge_gil(evidence).outcome == "failed"
        assert "switched back on" in judge_gil(evidence).why
    assert "switched back on" not in judge_gil(probe_gil(Here(spin), Call((1e-4,)))).why
